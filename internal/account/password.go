package account

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// SetPassword sets a new password, of the actor's own account or, with the right
// to change users, of another. It ends every other session of the account, every
// sign-in under way, and the recovery links. A flow that goes on to sign in
// must read the user's session generation again afterwards.
//
// Errors: CodeForbidden; CodeNotFound; CodeInvalid on password; CodeRefused when
// the account changes its own password but may not act; CodeBusy while too many
// passwords are being hashed.
func (s *Service) SetPassword(ctx context.Context, actor idp.Actor, id idp.UserID, password string) error {
	on := idp.Of(idp.ResourceUser, id)
	if err := s.access.Check(actor, idp.VerbUpdate, on); err != nil {
		return err
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
		}
		if now.Is(id) {
			if err := s.access.Admit(ctx, idp.DoorPasswordSet, u, idp.Credential{}); err != nil {
				return err
			}
		}
		u.Password, u.PasswordChangedAt = encoded, &clock
		ended, err := endOthers(ctx, tx, now, u, nil)
		if err != nil {
			return err
		}
		if unlocked > 0 {
			ended["lockouts"] = unlocked
		}
		return tx.Events.Append(ctx, idp.NewEvent(idp.ActionPasswordSet, app, now, u, map[string]any{"ended": ended}))
	})
	if err != nil {
		return fmt.Errorf("setting the password of user %d: %w", id, err)
	}
	return nil
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

// Authenticate reports whether the password is the user's and the user may act. It
// is the only caller of the verifier, and asks the guard first: what is not claimed
// is not compared. by.User is as it was read in this request; nil stands for nobody
// and costs the same time. Every false but those of a lockout is a login_failed event
// that names the reason; strangers must not learn it.
//
// A hash from elsewhere is replaced after success. It may take another time to
// verify than ours, which tells an imported account from an unknown one until
// its first sign-in; nothing but replacing it can hide that.
//
// The error is CodeBusy while too many passwords are being hashed, CodeRateLimited
// for addresses that try too many accounts, CodeInvalid with a text for the owner in
// a browser that is known, or what kept the answer from being known: callers treat
// it as a refusal.
func (s *Service) Authenticate(ctx context.Context, actor idp.Actor, by idp.Attempt) (bool, error) {
	user, met := by.User, by.User
	var locked error
	rehash := false
	if user != nil {
		by.Against = user.Password
	}
	by.Failed = func(reason idp.Refusal) idp.Failure { return failed(actor, met, reason) }
	passed, err := s.guard.Try(ctx, actor, by, func(ctx context.Context) (idp.Refusal, error) {
		if user == nil {
			return idp.RefusedUnknown, s.hasher.VerifyAbsent(ctx, by.Secret)
		}
		result, err := s.hasher.Verify(ctx, user.Password, by.Secret)
		if err != nil {
			return "", fmt.Errorf("verifying the password of user %d: %w", user.ID, err)
		}
		if !result.OK {
			return idp.RefusedPassword, nil
		}
		// Hashing takes long enough for a lockdown to pass.
		now, err := s.store.Repos().Users.Get(ctx, user.ID)
		if idp.Is(err, idp.CodeNotFound) {
			met = nil
			return idp.RefusedUnknown, nil
		}
		if err != nil {
			return "", err
		}
		rehash = result.Rehash
		if err := s.passwordRefusal(ctx, now, user); err != nil {
			if idp.Locked(err) {
				locked = err // who gave the right password may know why it does not count
			}
			return refusalOf(err), nil
		}
		return "", nil
	})
	if err != nil || !passed {
		if err == nil {
			err = locked
		}
		return false, err
	}
	if rehash {
		s.upgrade(ctx, user, by.Secret)
	}
	return true, nil
}

// passwordRefusal says why a matching password does not count.
func (s *Service) passwordRefusal(ctx context.Context, now, read *idp.User) error {
	proof := idp.Credential{Family: idp.FamilySession, Generation: read.SessionGeneration}
	if err := s.access.Admit(ctx, idp.DoorPassword, now, proof); err != nil {
		return err
	}
	// A concurrent upgrade of the same password changes the hash too; a new
	// password raises the generation.
	if !now.HasUsablePassword() {
		return idp.Refuse(idp.DoorPassword, idp.RefusedPassword)
	}
	return nil
}

// failed is what an attempt to sign in leaves behind that did not succeed. What was
// typed is not kept: people type passwords into the wrong field.
func failed(actor idp.Actor, u *idp.User, reason idp.Refusal) idp.Failure {
	actor.User = nil // whoever is signed in in this browser has no part in it
	facts, identifier := map[string]any{"reason": string(reason)}, ""
	if u != nil {
		facts["username"], identifier = u.Username, u.Username
	}
	return idp.Failure{Event: idp.NewEvent(idp.ActionLoginFailed, app, actor, u, facts), Identifier: identifier}
}

// upgrade replaces a foreign or outdated hash. It is a kindness that may fail:
// the next sign-in tries again.
func (s *Service) upgrade(ctx context.Context, u *idp.User, password string) {
	encoded, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return
	}
	_ = s.store.Repos().Users.UpgradePassword(ctx, u.ID, u.Password, encoded)
}
