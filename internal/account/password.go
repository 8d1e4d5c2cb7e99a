package account

import (
	"context"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// SetPassword sets a new password, of the actor's own account or, with the right
// to change users, of another. It ends every other session of the account, every
// sign-in under way, and the recovery links. A flow that goes on to sign in
// must read the user's session generation again afterwards.
//
// Errors: CodeForbidden; CodeNotFound; CodeInvalid on password; CodeRefused when
// the account changes its own password but may not act; CodeBusy while too many
// passwords are being hashed; CodeStepUp for another's (idp.Access.Fresh).
func (s *Service) SetPassword(ctx context.Context, actor idp.Actor, id idp.UserID, password string) error {
	on := idp.Of(idp.ResourceUser, id)
	if err := s.access.Check(actor, idp.VerbUpdate, on); err != nil {
		return err
	}
	if !actor.Is(id) {
		if err := s.access.Fresh(actor); err != nil {
			return err
		}
	}
	var faults idp.Faults
	checkPassword(&faults, "password", password)
	if err := faults.Err(); err != nil {
		return err
	}
	clock, err := s.store.Now(ctx)
	if err != nil {
		return fmt.Errorf("asking for the time: %w", err)
	}
	encoded, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		return s.SetPasswordIn(ctx, tx, actor, id, encoded, clock)
	})
	if err != nil {
		return fmt.Errorf("setting the password of user %d: %w", id, err)
	}
	return nil
}

// SetPasswordIn is SetPassword in a transaction of the caller's, which does not hold
// the user yet, with a password that CheckPassword has judged and HashPassword hashed;
// then is when.
func (s *Service) SetPasswordIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.UserID, encoded string, then time.Time) error {
	on := idp.Of(idp.ResourceUser, id)
	unlocked, err := s.guard.Renewed(ctx, tx, id)
	if err != nil {
		return err
	}
	u, err := tx.Users.Hold(ctx, id)
	if err != nil {
		return err
	}
	now, err := s.permitted(ctx, tx, actor, idp.VerbUpdate, on)
	if err != nil {
		return err
	}
	if u.IsAnonymous() {
		return idp.Invalid("", anonymousFixed)
	}
	if !now.Is(id) {
		if err := s.access.Covers(now, idp.RightsOf(u)); err != nil {
			return err
		}
		if err := s.access.Fresh(now); err != nil {
			return err
		}
	}
	if now.Is(id) {
		if err := s.access.Admit(ctx, idp.DoorPasswordSet, u, idp.Credential{}); err != nil {
			return err
		}
	}
	u.Password, u.PasswordChangedAt = encoded, &then
	ended, err := endOthers(ctx, tx, now, u, nil)
	if err != nil {
		return err
	}
	if unlocked > 0 {
		ended["lockouts"] = unlocked
	}
	return tx.Events.Append(ctx, idp.PasswordSetEvent(app, now, u, map[string]any{"ended": ended}))
}

// endOthers saves the held user with a raised session generation, which ends
// every session and every sign-in under way, carries the actor's own session
// over, and revokes recovery links: all but the one that this is done by, which
// goes on if it is reusable. by is nil for none.
func endOthers(ctx context.Context, tx idp.Repos, actor idp.Actor, u *idp.User, by *idp.TokenID) (map[string]any, error) {
	held, err := tx.Holder.Holdings(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	former := u.SessionGeneration
	u.EndSessions(idp.EndedByPassword)
	if err := tx.Users.Update(ctx, u); err != nil {
		return nil, err
	}
	sessions := held.Sessions
	if actor.Is(u.ID) && actor.Session != nil {
		carried, err := tx.Sessions.Carry(ctx, actor.Session.ID, former)
		if err != nil {
			return nil, err
		}
		if carried {
			sessions--
		}
	}
	links, err := tx.Tokens.RevokeIntent(ctx, u.ID, idp.IntentRecovery, by)
	if err != nil {
		return nil, err
	}
	if by != nil {
		if err := tx.Links.Follow(ctx, *by, former, u.SessionGeneration); err != nil {
			return nil, err
		}
	}
	if err := tx.Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobSweep, User: u.ID}); err != nil {
		return nil, err
	}
	if err := idp.TellEnded(ctx, tx, app, actor, u, sessions); err != nil {
		return nil, err
	}
	return map[string]any{"sessions": sessions, "recovery_links": links}, nil
}
