package configure

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// rows is where a noun is stored.
type rows[T any] interface {
	Hold(ctx context.Context, id idp.ID[T]) (*T, error)
	Create(ctx context.Context, row *T) error
	Update(ctx context.Context, row *T) error
	Delete(ctx context.Context, id idp.ID[T]) error
}

// noun is what the core knows of one kind of object.
type noun[T any] struct {
	what     string // for errors
	resource idp.Resource
	rows     func(idp.Repos) rows[T]
	id       func(*T) *idp.ID[T]
	model    func(*T) string // app.model of the contract
	name     func(context.Context, idp.Repos, *T) (string, error)
	fields   func(*T) map[string]any // by their names on the wire
	// judge completes and validates a row; was is nil when it is new.
	judge func(ctx context.Context, tx idp.Repos, was, row *T) error
	// room changes other rows so that this one may be written; nil = nothing.
	room func(ctx context.Context, tx idp.Repos, actor idp.Actor, was, row *T) error
	// leave takes the row out of others that name it, before it is deleted;
	// nil = the database does.
	leave func(ctx context.Context, tx idp.Repos, actor idp.Actor, row *T) error
}

// settle judges a row and makes room for it. was is a *T or nil.
func settle[T any](ctx context.Context, tx idp.Repos, n noun[T], actor idp.Actor, was any, row *T) error {
	before, _ := was.(*T)
	if err := n.judge(ctx, tx, before, row); err != nil || n.room == nil {
		return err
	}
	return n.room(ctx, tx, actor, before, row)
}

// release takes a row out of others that name it.
func release[T any](ctx context.Context, tx idp.Repos, n noun[T], actor idp.Actor, row *T) error {
	if n.leave == nil {
		return nil
	}
	return n.leave(ctx, tx, actor, row)
}

// permitted judges the actor as they are now; the rows concerned are held.
func (s *Service) permitted(ctx context.Context, tx idp.Repos, actor idp.Actor, verb idp.Verb, r idp.Resource) (idp.Actor, error) {
	now, err := actor.Renew(ctx, tx, s.d.Access)
	if err != nil {
		return now, err
	}
	return now, s.d.Access.Check(now, verb, idp.Object{Resource: r})
}

func create[T any](ctx context.Context, s *Service, n noun[T], actor idp.Actor, draft T) (*T, error) {
	if err := s.d.Access.Check(actor, idp.VerbCreate, idp.Object{Resource: n.resource}); err != nil {
		return nil, err
	}
	var made *T
	err := s.d.Store.InTx(ctx, func(tx idp.Repos) error {
		now, err := s.permitted(ctx, tx, actor, idp.VerbCreate, n.resource)
		if err != nil {
			return err
		}
		row := draft
		if err := settle(ctx, tx, n, now, nil, &row); err != nil {
			return err
		}
		if err := n.rows(tx).Create(ctx, &row); err != nil {
			return err
		}
		made = &row
		return tell(ctx, tx, n, idp.ActionModelCreated, now, &row, nil)
	})
	if err != nil {
		return nil, fmt.Errorf("creating a %s: %w", n.what, err)
	}
	return made, nil
}

// update changes a row as it is now. mutate may run again. When it changes
// nothing, nothing is written.
func update[T any](ctx context.Context, s *Service, n noun[T], actor idp.Actor, id idp.ID[T], mutate func(*T) error) (*T, error) {
	if err := s.d.Access.Check(actor, idp.VerbUpdate, idp.Object{Resource: n.resource}); err != nil {
		return nil, err
	}
	var changed *T
	err := s.d.Store.InTx(ctx, func(tx idp.Repos) error {
		row, err := n.rows(tx).Hold(ctx, id)
		if err != nil {
			return err
		}
		now, err := s.permitted(ctx, tx, actor, idp.VerbUpdate, n.resource)
		if err != nil {
			return err
		}
		changed = row
		return alter(ctx, tx, n, now, row, mutate)
	})
	if err != nil {
		return nil, fmt.Errorf("changing %s %s: %w", n.what, id, err)
	}
	return changed, nil
}

// alter changes a row that is held, with its event.
func alter[T any](ctx context.Context, tx idp.Repos, n noun[T], actor idp.Actor, row *T, mutate func(*T) error) error {
	was, id, before := *row, *n.id(row), printed(n.fields(row))
	if err := mutate(row); err != nil {
		return err
	}
	*n.id(row) = id
	if err := settle(ctx, tx, n, actor, &was, row); err != nil {
		return err
	}
	return keep(ctx, tx, n, actor, before, row)
}

// keep writes what differs from before, with the event of it.
func keep[T any](ctx context.Context, tx idp.Repos, n noun[T], actor idp.Actor, before map[string][]byte, row *T) error {
	names := differing(before, printed(n.fields(row)))
	if len(names) == 0 {
		return nil
	}
	if err := n.rows(tx).Update(ctx, row); err != nil {
		return err
	}
	return tell(ctx, tx, n, idp.ActionModelUpdated, actor, row, names)
}

func remove[T any](ctx context.Context, s *Service, n noun[T], actor idp.Actor, id idp.ID[T]) error {
	if err := s.d.Access.Check(actor, idp.VerbDelete, idp.Object{Resource: n.resource}); err != nil {
		return err
	}
	err := s.d.Store.InTx(ctx, func(tx idp.Repos) error {
		row, err := n.rows(tx).Hold(ctx, id)
		if err != nil {
			return err
		}
		now, err := s.permitted(ctx, tx, actor, idp.VerbDelete, n.resource)
		if err != nil {
			return err
		}
		if err := tell(ctx, tx, n, idp.ActionModelDeleted, now, row, nil); err != nil {
			return err
		}
		if err := release(ctx, tx, n, now, row); err != nil {
			return err
		}
		return n.rows(tx).Delete(ctx, id)
	})
	if err != nil {
		return fmt.Errorf("deleting %s %s: %w", n.what, id, err)
	}
	return nil
}

// tell writes the event of a change; changed are the names of the fields.
func tell[T any](ctx context.Context, tx idp.Repos, n noun[T], action idp.Action, actor idp.Actor, row *T, changed []string) error {
	name, err := n.name(ctx, tx, row)
	if err != nil {
		return err
	}
	label, model, _ := strings.Cut(n.model(row), ".")
	facts := map[string]any{"model": map[string]any{"app": label, "model_name": model, "pk": n.id(row).String(), "name": name}}
	if changed != nil {
		facts["changed"] = changed
	}
	return tx.Events.Append(ctx, action.Event(app, actor, nil, facts))
}

// printed fixes the values of fields as they are at this moment.
func printed(fields map[string]any) map[string][]byte {
	out := make(map[string][]byte, len(fields))
	for name, value := range fields {
		raw, err := json.Marshal(value)
		if err != nil {
			raw = fmt.Appendf(nil, "%#v", value) // judge refuses what is no JSON
		}
		out[name] = raw
	}
	return out
}

// differing lists the fields that are not the same, by name.
func differing(before, after map[string][]byte) []string {
	var names []string
	for name, value := range after {
		if old, ok := before[name]; !ok || !bytes.Equal(old, value) {
			names = append(names, name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
