package account

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Enrollment is an account that a flow makes for whoever goes through it.
type Enrollment struct {
	NewUser
	// Invitation is what let them in, to be used up; nil = none was needed.
	Invitation *idp.InvitationID
	// Flow is the flow, for the invitation and for the record.
	Flow *idp.Flow
}

// Enroll makes an account on behalf of a flow. It asks no permission: whoever
// configured the flow has given it. Account, memberships, the use of the
// invitation and the events are one transaction: of two who use an invitation
// for one account, one gets theirs. The password is hashed before it begins.
//
// Errors: CodeInvalid on the field concerned; CodeRefused when the invitation,
// or the credential of an actor who is signed in, may not act any more; CodeBusy
// while too many passwords are being hashed.
func (s *Service) Enroll(ctx context.Context, actor idp.Actor, e Enrollment) (*idp.User, error) {
	draft, err := s.draw(ctx, e.NewUser)
	if err != nil {
		return nil, err
	}
	var made *idp.User
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		var invited *idp.Invitation
		if e.Invitation != nil {
			if invited, err = idp.RedeemInvitation(ctx, tx, s.access, *e.Invitation, e.Flow.ID); err != nil {
				return err
			}
		}
		u := *draft
		if err := tx.Users.Create(ctx, &u); err != nil {
			return err
		}
		if groups := unique(e.Groups); len(groups) > 0 {
			if err := setGroups(ctx, tx, u.ID, groups); err != nil {
				return err
			}
		}
		if made, err = tx.Users.Get(ctx, u.ID); err != nil {
			return err
		}
		facts := userFacts(made)
		facts["created"], facts["flow"] = true, e.Flow.Slug
		if err := tx.Events.Append(ctx, idp.UserWriteEvent(app, now, made, facts)); err != nil || invited == nil {
			return err
		}
		used := map[string]any{"model": invited.Facts(), "flow": e.Flow.Slug, "used_up": invited.SingleUse}
		return tx.Events.Append(ctx, idp.InvitationUsedEvent(app, now, made, used))
	})
	if err != nil {
		return nil, fmt.Errorf("making an account in flow %s: %w", e.Flow.Slug, err)
	}
	return made, nil
}

// Leave deletes an account on behalf of a flow that has established who it is
// about: everything it holds ends first. It asks no permission but the door
// rule, with the row held; generation is the user's session generation when the
// flow established it. Errors: CodeRefused; CodeNotFound; CodeInvalid for the
// last administrator.
func (s *Service) Leave(ctx context.Context, actor idp.Actor, id idp.UserID, generation int64) error {
	err := s.remove(ctx, id, func(tx idp.Repos, u *idp.User) (idp.Actor, error) {
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return now, err
		}
		proof := idp.Credential{Family: idp.FamilySession, Generation: generation}
		return now, s.access.Admit(ctx, idp.DoorPasswordSet, u, proof)
	})
	if err != nil {
		return fmt.Errorf("deleting user %d in a flow: %w", id, err)
	}
	return nil
}
