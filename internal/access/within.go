package access

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The acts of this file are those of everybody's changes in a transaction of the
// caller's.

// SaveIn makes a role, or changes one (r.ID) to what r says. isNew, because a new
// one may have its ID already. Errors: those of Create and Change.
func (s *Service) SaveIn(ctx context.Context, tx idp.Repos, actor idp.Actor, r idp.Role, isNew bool) (*idp.Role, error) {
	draft := Draft{Name: r.Name, Description: r.Description, Spec: r.Spec}.role()
	if isNew {
		draft.ID = r.ID
		if err := s.judge(draft); err != nil {
			return nil, err
		}
		return draft, s.create(ctx, tx, actor, draft)
	}
	row, err := tx.Roles.Hold(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return row, s.change(ctx, tx, actor, row, Patch{Name: &draft.Name, Description: &draft.Description, Spec: &draft.Spec})
}

// DeleteIn deletes a role; whoever had it has it no longer. Errors: those of
// Delete.
func (s *Service) DeleteIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.RoleID) error {
	row, err := tx.Roles.Hold(ctx, id)
	if err != nil {
		return err
	}
	now, err := s.permitted(ctx, tx, actor, idp.VerbDelete)
	if err != nil {
		return err
	}
	if err := s.mayAlter(now, row); err != nil {
		return err
	}
	if err := tx.Roles.Delete(ctx, id); err != nil {
		return err
	}
	return tx.Events.Append(ctx, idp.ModelDeletedEvent(app, now, nil, roleFacts(row)))
}
