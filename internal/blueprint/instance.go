package blueprint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// LibraryDeps are what a Library needs.
type LibraryDeps struct {
	Store  idp.Store
	Access idp.Access
	Prints *Service
	// Shipped are the files that come with the product, and since when; nil =
	// none.
	Shipped   fs.FS
	ShippedAt time.Time
	// Directory is where the operator keeps more; its files stand before shipped
	// ones of the same path. "" = none.
	Directory string
}

// Library keeps blueprints applied: files of the shipped and of the configured
// directory, and text of their own. Only those who may do everything may use it,
// because a document can make anything.
type Library struct{ d LibraryDeps }

// NewLibrary returns a Library.
func NewLibrary(d LibraryDeps) *Library { return &Library{d} }

// model is what events call a kept blueprint.
const instanceModel = "authentik_blueprints.blueprintinstance"

// libraryLock is held by whoever applies: replicas take turns.
const libraryLock = "blueprints"

// check asks for the right to do this to blueprints. What is kept is applied again
// by the server itself, which may do everything: to keep it takes a superuser.
func (l *Library) check(actor idp.Actor, verb idp.Verb) error {
	err := l.d.Access.Check(actor, verb, idp.Object{Resource: idp.ResourceBlueprint})
	if err != nil || verb == idp.VerbList || verb == idp.VerbRead {
		return err
	}
	return l.d.Access.Covers(actor, idp.Rights{Superuser: true})
}

// permitted judges the actor as they are now.
func (l *Library) permitted(ctx context.Context, tx idp.Repos, actor idp.Actor, verb idp.Verb) (idp.Actor, error) {
	now, err := actor.Renew(ctx, tx, l.d.Access)
	if err != nil {
		return now, err
	}
	return now, l.check(now, verb)
}

// Find lists blueprints. Errors: CodeForbidden; CodeInvalid on ordering.
func (l *Library) Find(ctx context.Context, actor idp.Actor, f idp.BlueprintFilter) (idp.Page[idp.Blueprint], error) {
	if err := l.check(actor, idp.VerbList); err != nil {
		return idp.Page[idp.Blueprint]{}, err
	}
	return l.d.Store.Repos().Blueprints.Find(ctx, f)
}

// Get returns a blueprint. Errors: CodeForbidden; CodeNotFound.
func (l *Library) Get(ctx context.Context, actor idp.Actor, id idp.BlueprintID) (*idp.Blueprint, error) {
	if err := l.check(actor, idp.VerbRead); err != nil {
		return nil, err
	}
	return l.d.Store.Repos().Blueprints.Get(ctx, id)
}

// Create keeps a blueprint and, when it is enabled, applies it. A file that
// cannot be applied is kept with the reason; content must be right. Errors:
// CodeForbidden; CodeInvalid on the field concerned, with Problems for content.
func (l *Library) Create(ctx context.Context, actor idp.Actor, draft idp.Blueprint) (*idp.Blueprint, error) {
	if err := l.check(actor, idp.VerbCreate); err != nil {
		return nil, err
	}
	b := idp.Blueprint{Name: draft.Name, Path: draft.Path, Content: draft.Content, Context: draft.Context, Enabled: draft.Enabled}
	if err := l.judgeWhole(ctx, actor, nil, &b); err != nil {
		return nil, fmt.Errorf("creating a blueprint: %w", err)
	}
	fresh := b
	err := l.d.Store.InTx(ctx, func(tx idp.Repos) error {
		now, err := l.permitted(ctx, tx, actor, idp.VerbCreate)
		if err != nil {
			return err
		}
		b = fresh
		return l.add(ctx, tx, now, &b)
	})
	if err != nil {
		return nil, fmt.Errorf("creating a blueprint: %w", err)
	}
	return l.afterSaving(ctx, actor, &b)
}

// add stores a new blueprint with its event.
func (l *Library) add(ctx context.Context, tx idp.Repos, actor idp.Actor, b *idp.Blueprint) error {
	if err := tx.Blueprints.Create(ctx, b); err != nil {
		return err
	}
	return errors.Join(tx.Settings.Delete(ctx, discovered), tellInstance(ctx, tx, idp.ActionModelCreated, actor, b, nil))
}

// Update changes a blueprint as it is now: its name, path, content, context and
// whether it is enabled. When it is enabled and says something else than what
// was applied, it is applied. Errors: those of Create; CodeNotFound; CodeConflict
// when somebody else was faster; what mutate returns.
func (l *Library) Update(ctx context.Context, actor idp.Actor, id idp.BlueprintID, mutate func(*idp.Blueprint) error) (*idp.Blueprint, error) {
	if err := l.check(actor, idp.VerbUpdate); err != nil {
		return nil, err
	}
	// The content is judged before the transaction, for that takes one of its own.
	was, err := l.d.Store.Repos().Blueprints.Get(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("changing blueprint %s: %w", id, err)
	}
	wanted := *was
	if err := mutate(&wanted); err != nil {
		return nil, fmt.Errorf("changing blueprint %s: %w", id, err)
	}
	if err := l.judgeWhole(ctx, actor, was, &wanted); err != nil {
		return nil, fmt.Errorf("changing blueprint %s: %w", id, err)
	}
	var changed *idp.Blueprint
	err = l.d.Store.InTx(ctx, func(tx idp.Repos) error {
		b, err := tx.Blueprints.Hold(ctx, id)
		if err != nil {
			return err
		}
		now, err := l.permitted(ctx, tx, actor, idp.VerbUpdate)
		if err != nil {
			return err
		}
		if !slices.Equal(said(b), said(was)) {
			return idp.Conflict("Somebody changed this blueprint meanwhile. Look at it before you save again.")
		}
		changed = b
		return l.alter(ctx, tx, now, b, &wanted)
	})
	if err != nil {
		return nil, fmt.Errorf("changing blueprint %s: %w", id, err)
	}
	return l.afterSaving(ctx, actor, changed)
}

// alter writes what differs.
func (l *Library) alter(ctx context.Context, tx idp.Repos, actor idp.Actor, b, wanted *idp.Blueprint) error {
	var changed []string
	for i, now := range said(wanted) {
		if said(b)[i] != now {
			changed = append(changed, saidFields[i])
		}
	}
	if len(changed) == 0 {
		return nil
	}
	b.Name, b.Path, b.Content, b.Context, b.Enabled = wanted.Name, wanted.Path, wanted.Content, wanted.Context, wanted.Enabled
	if slices.ContainsFunc(changed, func(field string) bool { return field == "path" || field == "content" || field == "context" }) {
		b.Status, b.AppliedHash, b.TriedHash, b.Problems, b.Shipped = idp.BlueprintUnknown, "", "", nil, false
	}
	if err := tx.Blueprints.Update(ctx, b); err != nil {
		return err
	}
	return errors.Join(tx.Settings.Delete(ctx, discovered), tellInstance(ctx, tx, idp.ActionModelUpdated, actor, b, map[string]any{"changed": changed}))
}

// afterSaving applies what was just saved. A fault of ours must not hide that it
// was saved: the next check of the files tries again.
func (l *Library) afterSaving(ctx context.Context, actor idp.Actor, b *idp.Blueprint) (*idp.Blueprint, error) {
	if !b.Enabled {
		return b, nil
	}
	out, err := l.applyOne(ctx, actor, b.ID, attempt{})
	if err != nil && ctx.Err() == nil && ofDatabase(ctx, err) {
		return b, nil //nolint:nilerr // it is saved and says that it is not applied
	}
	if err != nil {
		return nil, fmt.Errorf("applying blueprint %s after saving it: %w", b.ID, err)
	}
	return out.blueprint, nil
}

// Delete forgets a blueprint; what it made stays. While its file is there, the
// next check of the files keeps it again. Errors: CodeForbidden; CodeNotFound.
func (l *Library) Delete(ctx context.Context, actor idp.Actor, id idp.BlueprintID) error {
	if err := l.check(actor, idp.VerbDelete); err != nil {
		return err
	}
	return l.d.Store.InTx(ctx, func(tx idp.Repos) error {
		now, err := l.permitted(ctx, tx, actor, idp.VerbDelete)
		if err != nil {
			return err
		}
		return l.RemoveIn(ctx, tx, now, id)
	})
}

// tellInstance writes the event of a change to a kept blueprint.
func tellInstance(ctx context.Context, tx idp.Repos, action idp.Action, actor idp.Actor, b *idp.Blueprint, more map[string]any) error {
	facts := map[string]any{"model": map[string]any{"app": "authentik_blueprints", "model_name": "blueprintinstance",
		"pk": b.ID.String(), "name": b.Name}}
	for key, value := range more {
		facts[key] = value
	}
	return tx.Events.Append(ctx, action.Event("blueprint", actor, nil, facts))
}
