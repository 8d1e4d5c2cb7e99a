package session

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

const (
	app = "session"

	maxUserAgent  = 1_000 // bytes kept
	maxAuthMethod = 100
)

// The reasons of logout events that Start writes.
const (
	ReasonReplaced = "Another account signed in in this browser"
	ReasonRenewed  = "The same account signed in again in this browser"
)

// What somebody is told who has to renew something first.
const (
	MustRenewPassword = "This account was restored: a new password has to be set before anybody is signed in to it. Ask your administrator for a link if you are not asked for one here."
	MustRenewFactor   = "This account was restored: a new second factor has to be set up before anybody is signed in to it. Ask your administrator if you are not asked for one here."
)

// Start begins a session and returns it with the cookie's value, which is always
// a new one and is kept nowhere. It is called when a flow has established who
// somebody is; it asks no permission, but the door rule once more with the row
// shared, so that no sign-in passes a lockdown. The error is CodeRefused when the
// account may not act, or everything of it was ended since b.Generation was
// read; CodeForbidden while something has to be renewed first; CodeInvalid for a negative
// lifetime.
func (s *Service) Start(ctx context.Context, actor idp.Actor, b Begin) (*idp.Session, string, error) {
	if b.Lifetime < 0 {
		return nil, "", idp.Invalid("session_duration", "Ensure this value is greater than or equal to 0.")
	}
	if b.IdleTimeout < 0 {
		return nil, "", idp.Invalid("idle_timeout", "Ensure this value is greater than or equal to 0.")
	}
	now, err := s.store.Now(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("asking for the time: %w", err)
	}
	cookie := secret.Token()
	var started *idp.Session
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		u, err := tx.Users.Share(ctx, b.User)
		if idp.Is(err, idp.CodeNotFound) {
			return idp.Refuse(idp.DoorSignIn, idp.RefusedUnknown)
		}
		if err != nil {
			return err
		}
		factor, err := factorOf(ctx, tx, b)
		if err != nil {
			return err
		}
		proof := idp.Credential{Family: idp.FamilySession, Generation: b.Generation, Device: b.Met, Factor: b.Factor}
		if err := s.access.Admit(ctx, idp.DoorSignIn, u, proof); err != nil {
			return err
		}
		if err := renewed(u); err != nil {
			return err
		}
		if b.Link != nil {
			if err := idp.RedeemLink(ctx, tx, s.access, u, *b.Link); err != nil {
				return err
			}
		}
		if err := replace(ctx, tx, actor, b.Replace, u); err != nil {
			return err
		}
		// Whoever was signed in before has no part in the rest.
		actor := actor
		actor.User = nil
		if b.EndOthers {
			if err := endOthers(ctx, tx, actor, u); err != nil {
				return err
			}
		}
		started = begun(b, u, now)
		started.Digest = secret.DigestOf(cookie).Bytes()
		facts := map[string]any{"auth_method": started.AuthMethod, "session": started.ID.String()}
		if b.Device != nil {
			if err := remember(ctx, tx, *b.Device, started); err != nil {
				return err
			}
			facts["known_device"] = b.Device.Known
			if factor != nil && b.FactorProved && started.DeviceID != nil {
				if err := tx.Factors.Prove(ctx, factor.ID, secret.DigestOf(b.Device.Value).Bytes(), u.SessionGeneration); err != nil {
					return err
				}
			}
		}
		if factor != nil {
			facts["device"] = map[string]any{"pk": factor.ID.String(), "name": factor.Name, "type": string(factor.Kind)}
		}
		if err := tx.Sessions.Create(ctx, started); err != nil {
			return err
		}
		if err := tx.Users.TouchLogin(ctx, u.ID); err != nil {
			return err
		}
		if err := tx.Events.Append(ctx, idp.LoginEvent(app, actor, u, facts)); err != nil {
			return err
		}
		if err := tellUnchecked(ctx, tx, actor, s.atlas.State().Missing(b.Binding.Needs()), now); err != nil {
			return err
		}
		return tx.Reputations.Adjust(ctx, u.Username, actor.ClientIP(), idp.ReputationSignedIn)
	})
	if err != nil {
		return nil, "", fmt.Errorf("starting a session of user %d: %w", b.User, err)
	}
	return started, cookie, nil
}

// renewed refuses an account that was restored until its owner has renewed what had to
// be: whichever flow it is that would sign them in.
func renewed(u *idp.User) error {
	switch {
	case u.RenewPassword:
		return idp.Forbidden("%s", MustRenewPassword)
	case u.RenewFactor:
		return idp.Forbidden("%s", MustRenewFactor)
	}
	return nil
}

// factorOf reads the second factor that a session begins with, nil for none. One that is
// gone, or somebody else's, lets nobody in.
func factorOf(ctx context.Context, tx idp.Repos, b Begin) (*idp.Factor, error) {
	if b.Factor == nil {
		return nil, nil
	}
	f, err := tx.Factors.Get(ctx, *b.Factor)
	if idp.Is(err, idp.CodeNotFound) || err == nil && f.UserID != b.User {
		return nil, idp.Refuse(idp.DoorSignIn, idp.RefusedUnknown)
	}
	return f, err
}

// begun is the row of a session that u begins at that time.
func begun(b Begin, u *idp.User, now time.Time) *idp.Session {
	closes := b.Lifetime == 0
	if closes {
		b.Lifetime = BrowserLifetime
	}
	return &idp.Session{
		ID: idp.NewID[idp.Session](), UserID: u.ID, Username: u.Username, Generation: u.SessionGeneration,
		AuthMethod: clean(b.AuthMethod, maxAuthMethod), CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(b.Lifetime),
		IP: b.IP, UserAgent: clean(b.UserAgent, maxUserAgent), IdleTimeout: b.IdleTimeout, Binding: b.Binding, UntilClosed: closes, FactorID: b.Factor,
	}
}

// endOthers ends what sessions u has, whose row tx shares, before one more
// begins. The browsers stay known: nobody is suspected of anything.
func endOthers(ctx context.Context, tx idp.Repos, actor idp.Actor, u *idp.User) error {
	held, err := tx.Holder.Sessions(ctx, u.ID, u.SessionGeneration)
	if err != nil {
		return err
	}
	former := u.SessionGeneration
	u.EndSessions(ReasonOthersEnded)
	if err := tx.Users.Update(ctx, u); err != nil {
		return err
	}
	if err := tx.KnownDevices.Carry(ctx, u.ID, former); err != nil {
		return err
	}
	if err := tx.Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobSweep, User: u.ID}); err != nil {
		return err
	}
	return idp.TellEnded(ctx, tx, app, actor, u, held)
}

// replace ends the session this browser had: the next person's sign-in must not
// leave the first one's alive, nor the same person's pile up.
func replace(ctx context.Context, tx idp.Repos, actor idp.Actor, former *idp.SessionID, u *idp.User) error {
	if former == nil {
		return nil
	}
	old, err := tx.Sessions.Get(ctx, *former)
	if idp.Is(err, idp.CodeNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	reason := ReasonReplaced
	if old.UserID == u.ID {
		reason = ReasonRenewed
	}
	return end(ctx, tx, actor, old, reason)
}

// clean makes text of strangers fit to be stored.
func clean(s string, max int) string {
	if len(s) > max {
		s = s[:max]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
}
