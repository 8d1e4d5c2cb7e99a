package blueprint

import (
	"context"
	"errors"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// ApplyNamed implements Instances: the blueprint is applied as a part of another
// one, also when it is what was applied before. One that is switched off is let
// be.
func (l *Library) ApplyNamed(ctx context.Context, tx idp.Repos, actor idp.Actor, identifiers map[string]any) error {
	b, err := named(ctx, tx, identifiers)
	if err != nil {
		return err
	}
	if b, err = tx.Blueprints.Hold(ctx, b.ID); err != nil || !b.Enabled {
		return err
	}
	at, err := l.clock(ctx)
	if err != nil {
		return err
	}
	_, err = l.applyIn(ctx, tx, actor, b, attempt{asked: true}, at)
	return err
}

// SaveIn implements Instances: a blueprint is kept, or changed (b.ID), as a part
// of another one, and applied when it is enabled. isNew, because a new one may
// have its ID already.
func (l *Library) SaveIn(ctx context.Context, tx idp.Repos, actor idp.Actor, b idp.Blueprint, isNew bool) (*idp.Blueprint, error) {
	if err := l.check(actor, idp.VerbUpdate); err != nil {
		return nil, err
	}
	var held *idp.Blueprint
	if !isNew {
		var err error
		if held, err = tx.Blueprints.Hold(ctx, b.ID); err != nil {
			return nil, err
		}
	}
	if err := l.judge(held, &b); err != nil {
		return nil, err
	}
	if held != nil {
		if err := l.alter(ctx, tx, actor, held, &b); err != nil {
			return nil, err
		}
	} else {
		held = &idp.Blueprint{ID: b.ID, Name: b.Name, Path: b.Path, Content: b.Content, Context: b.Context, Enabled: b.Enabled}
		if err := l.add(ctx, tx, actor, held); err != nil {
			return nil, err
		}
	}
	at, err := l.clock(ctx)
	if err != nil {
		return nil, err
	}
	_, err = l.applyIn(ctx, tx, actor, held, attempt{}, at)
	return held, err
}

// RemoveIn implements Instances: a blueprint is forgotten as a part of another
// one; what it made stays.
func (l *Library) RemoveIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.BlueprintID) error {
	b, err := tx.Blueprints.Hold(ctx, id)
	if err != nil {
		return fmt.Errorf("deleting blueprint %s: %w", id, err)
	}
	if err := tellInstance(ctx, tx, idp.ActionModelDeleted, actor, b, nil); err != nil {
		return err
	}
	return errors.Join(tx.Settings.Delete(ctx, discovered), tx.Blueprints.Delete(ctx, id))
}
