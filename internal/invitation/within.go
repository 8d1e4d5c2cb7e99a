package invitation

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// SaveIn makes an invitation of row.CreatedBy, or changes one to what row says,
// with the rules and events of Create and Update, in a transaction of the
// caller's, who has made sure with Actor.Renew that the actor may act. Errors:
// those of Create and Update; CodeInvalid on created_by.
func (s *Service) SaveIn(ctx context.Context, tx idp.Repos, actor idp.Actor, row idp.Invitation, isNew bool) (*idp.Invitation, error) {
	verb, action := idp.VerbUpdate, idp.ActionModelUpdated
	if isNew {
		verb, action = idp.VerbCreate, idp.ActionModelCreated
	}
	if err := s.access.Check(actor, verb, administer); err != nil {
		return nil, err
	}
	row.Name = strings.TrimSpace(row.Name)
	due := isNew
	if isNew {
		creator, err := tx.Users.Share(ctx, row.CreatedBy)
		if idp.Is(err, idp.CodeNotFound) {
			return nil, idp.Invalid("created_by", "Invalid pk \"%d\" - object does not exist.", row.CreatedBy)
		}
		if err != nil {
			return nil, err
		}
		if err := s.access.Admit(ctx, idp.DoorInvitation, creator, idp.Credential{}); err != nil {
			return nil, err
		}
		row.Generation = creator.TokenGeneration
		if row.ID.IsZero() {
			row.ID = idp.InvitationID(uuid.New()) // not an ordered identifier: it is a secret
		}
	} else {
		held, err := tx.Invitations.Hold(ctx, row.ID)
		if err != nil {
			return nil, err
		}
		if held.CreatedBy != row.CreatedBy {
			return nil, idp.Invalid("created_by", "Whose invitation it is cannot be changed.")
		}
		due = !sameTime(held.ExpiresAt, row.ExpiresAt)
	}
	if err := s.judge(ctx, tx, &row, due); err != nil {
		return nil, err
	}
	write := tx.Invitations.Update
	if isNew {
		write = tx.Invitations.Create
	}
	if err := write(ctx, &row); err != nil {
		return nil, err
	}
	return &row, tell(ctx, tx, actor, action, &row)
}

// WithdrawIn deletes an invitation as Delete does, in a transaction of the
// caller's. Errors: CodeForbidden, CodeNotFound.
func (s *Service) WithdrawIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.InvitationID) error {
	if err := s.access.Check(actor, idp.VerbDelete, administer); err != nil {
		return err
	}
	row, err := tx.Invitations.Hold(ctx, id)
	if err != nil {
		return err
	}
	if err := tx.Invitations.Delete(ctx, id); err != nil {
		return err
	}
	return tell(ctx, tx, actor, idp.ActionModelDeleted, row)
}
