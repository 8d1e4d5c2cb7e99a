package lockdown

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// LastAdministrator is why an act is refused that would leave nobody who can
// administer the installation.
const LastAdministrator = "This is the last account that can administer this installation."

// CloseIn applies the switches to u, which tx must hold, saves it and returns
// what ended, counted as idp.CountLimit says. It is the one place where an account is closed. Sessions and
// tokens end by raising u's generations; a job sweeps their rows. No browser
// stays known to the account, whichever the switches are. Fields of u
// that the caller changed are saved with it; u.SessionsEnded, when set, is why the
// sessions end. Closing the last administrator is CodeInvalid.
//
// It judges nobody's permission and writes no event: the caller does, in tx.
func (s *Service) CloseIn(ctx context.Context, tx idp.Repos, u *idp.User, sw idp.Switches) (idp.Holdings, error) {
	ended := idp.Holdings{Tokens: map[idp.TokenIntent]int{}}
	if sw == (idp.Switches{}) {
		return ended, nil
	}
	if err := keepAdministrator(ctx, tx, u, sw); err != nil {
		return ended, err
	}
	held, err := tx.Holder.Ending(ctx, u.ID)
	if err != nil {
		return ended, fmt.Errorf("counting what user %d holds: %w", u.ID, err)
	}
	// Whoever took the account over must not come back as somebody known. The
	// browsers are known under the session generation; only where that stays
	// there are rows to write.
	if sw.DeleteSessions {
		u.EndSessions(cmp.Or(u.SessionsEnded, idp.EndedByDeactivation))
	} else if _, err := tx.KnownDevices.ForgetAll(ctx, u.ID); err != nil {
		return ended, fmt.Errorf("forgetting the devices of user %d: %w", u.ID, err)
	}
	if sw.RevokeTokens {
		u.TokenGeneration++
	}
	ended = Ending(held, sw)
	ended.AtLeast = ended.Over()
	if sw.SetUnusablePassword {
		u.Password = secret.Unusable()
	}
	if sw.DeactivateUser {
		u.IsActive = false
	}
	if err := tx.Users.Update(ctx, u); err != nil {
		return ended, fmt.Errorf("closing user %d: %w", u.ID, err)
	}
	if sw.DeleteSessions || sw.RevokeTokens {
		if err := tx.Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobSweep, User: u.ID}); err != nil {
			return ended, fmt.Errorf("ordering the sweep of user %d: %w", u.ID, err)
		}
	}
	return ended, nil
}

// Ending is what the switches end of what an account holds. What was granted in a session
// ends with it, unless it was granted for when nobody is there.
func Ending(held idp.Holdings, sw idp.Switches) idp.Holdings {
	ended := idp.Holdings{Tokens: map[idp.TokenIntent]int{}}
	if sw.DeleteSessions {
		ended.Sessions, ended.Grants, ended.Applications = held.Sessions, held.SessionGrants, held.SessionApplications
	}
	if sw.RevokeTokens {
		ended.Grants, ended.Applications = held.Grants, held.Applications
		ended.Consents, ended.Invitations = held.Consents, held.Invitations
		for intent, n := range held.Tokens {
			ended.Tokens[intent] = n
		}
	}
	return ended
}

// Telling are the applications that are told when the switches end what they end.
func Telling(held []idp.HeldApplication, sw idp.Switches) []idp.HeldApplication {
	switch {
	case sw.RevokeTokens:
		return held
	case sw.DeleteSessions:
		return slices.DeleteFunc(slices.Clone(held), func(h idp.HeldApplication) bool { return !h.SignedIn })
	}
	return nil
}

// keepAdministrator refuses to shut the last administrator out. Whoever can
// foresee it calls HoldAdministrators before holding the row, so that two such
// acts wait for one another instead of dead-locking.
func keepAdministrator(ctx context.Context, tx idp.Repos, u *idp.User, sw idp.Switches) error {
	if !shutsOut(u, sw) {
		return nil
	}
	remaining, err := tx.Users.HoldAdministrators(ctx, u.ID)
	if err != nil {
		return fmt.Errorf("counting administrators beside user %d: %w", u.ID, err)
	}
	if remaining == 0 {
		return idp.Invalid("", LastAdministrator)
	}
	return nil
}

// shutsOut reports whether the switches keep an administrator from signing in.
func shutsOut(u *idp.User, sw idp.Switches) bool {
	return u.IsSuperuser && u.IsActive && (sw.DeactivateUser || sw.SetUnusablePassword)
}

// hold holds a user's row. expect is what is known of the user so far: an
// administrator about to be shut out is queued behind other such acts first.
func hold(ctx context.Context, tx idp.Repos, expect *idp.User, sw idp.Switches) (*idp.User, error) {
	if shutsOut(expect, sw) {
		if _, err := tx.Users.HoldAdministrators(ctx, expect.ID); err != nil {
			return nil, fmt.Errorf("holding administrators: %w", err)
		}
	}
	return tx.Users.Hold(ctx, expect.ID)
}
