package session

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The reasons of logout events.
const (
	ReasonSignedOut       = "Signed out"
	ReasonByOwner         = "Ended by its owner"
	ReasonByAdministrator = "Ended by an administrator"
	ReasonOthersEnded     = "All other sessions ended"
	ReasonAllEnded        = "All sessions ended"
)

const maxReason = 255 // characters

// End ends one session, with a logout event that names the reason ("" =
// ReasonSignedOut for the session that the actor is using, else ReasonByOwner or
// ReasonByAdministrator). A session that has ended already stays as it is, without
// an event. Errors:
// CodeNotFound for one that the actor may not end, CodeInvalid for an over-long
// or malformed reason.
func (s *Service) End(ctx context.Context, actor idp.Actor, id idp.SessionID, reason string) error {
	_, err := s.endOne(ctx, actor, id, reason)
	return err
}

// EndLive is End for whoever names a session that is in use: one that has ended already
// is CodeNotFound.
func (s *Service) EndLive(ctx context.Context, actor idp.Actor, id idp.SessionID) error {
	live, err := s.endOne(ctx, actor, id, "")
	if err == nil && !live {
		return idp.NotFound("session")
	}
	return err
}

// endOne says whether the session was one to be ended.
func (s *Service) endOne(ctx context.Context, actor idp.Actor, id idp.SessionID, reason string) (live bool, err error) {
	switch {
	case !utf8.ValidString(reason) || strings.ContainsRune(reason, 0):
		return false, idp.Invalid("reason", "Not a valid string.")
	case utf8.RuneCountInString(reason) > maxReason:
		return false, idp.Invalid("reason", "Ensure this field has no more than %d characters.", maxReason)
	}
	var done func() // of the herald; nil = none was sent yet
	defer func() {
		if done != nil {
			done()
		}
	}()
	herald := func() {
		if done == nil {
			done = s.heralds.Post(0, idp.LockTarget{{Kind: idp.LockSession, Value: id.String()}})
		}
	}
	if s.access.Check(actor, idp.VerbDelete, idp.Object{Resource: idp.ResourceSession}) == nil {
		herald() // whose it is need not be known
	}
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		live = true
		if actor.Session != nil && actor.Session.ID == id {
			return s.signOut(ctx, tx, actor, reason)
		}
		old, err := s.visible(ctx, tx, actor, idp.VerbDelete, id)
		if err != nil || !old.Live {
			live = false
			return err
		}
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		if err := s.access.Check(now, idp.VerbDelete, idp.Of(idp.ResourceSession, old.UserID)); err != nil {
			return err
		}
		herald()
		return end(ctx, tx, now, old, cmp.Or(reason, usual(now, old)))
	})
	if err != nil {
		return false, fmt.Errorf("ending session %s: %w", id, err)
	}
	return live, nil
}

// signOut ends the session that the actor is using, which takes no right.
func (s *Service) signOut(ctx context.Context, tx idp.Repos, actor idp.Actor, reason string) error {
	old, err := tx.Sessions.Get(ctx, actor.Session.ID)
	if err != nil || !old.Live {
		return err
	}
	now, err := actor.Renew(ctx, tx, s.access)
	if err != nil {
		return err
	}
	return end(ctx, tx, now, old, cmp.Or(reason, ReasonSignedOut))
}

// usual is why somebody ends a session who says no other reason.
func usual(actor idp.Actor, s *idp.Session) string {
	switch {
	case actor.Session != nil && actor.Session.ID == s.ID:
		return ReasonSignedOut
	case actor.Is(s.UserID):
		return ReasonByOwner
	}
	return ReasonByAdministrator
}

// end makes a session's row a tombstone and writes the event, unless it had
// ended before.
func end(ctx context.Context, tx idp.Repos, actor idp.Actor, old *idp.Session, reason string) error {
	if !old.Live {
		return nil
	}
	ended, err := tx.Sessions.End(ctx, old.ID, reason)
	if err != nil || !ended {
		return err
	}
	u, err := tx.Users.Get(ctx, old.UserID)
	if err != nil {
		return err
	}
	return tx.Events.Append(ctx, idp.LogoutEvent(app, actor, u, map[string]any{
		"logout_reason": reason, "session": old.ID.String(), "sessions": 1}))
}

// EndOthers ends every session of the user but the one the actor is using, if it
// is theirs, and every sign-in under way. It returns how many sessions ended,
// counted to idp.CountLimit + 1. Errors: CodeForbidden, CodeNotFound.
func (s *Service) EndOthers(ctx context.Context, actor idp.Actor, user idp.UserID) (int, error) {
	return s.endMany(ctx, actor, user, keptBy(actor, user), ReasonOthersEnded)
}

// EndAll ends every session of the user and every sign-in under way, the actor's
// own included. It returns how many sessions ended, counted to idp.CountLimit + 1.
// Errors: CodeForbidden, CodeNotFound.
func (s *Service) EndAll(ctx context.Context, actor idp.Actor, user idp.UserID) (int, error) {
	return s.endMany(ctx, actor, user, nil, ReasonAllEnded)
}

// endMany raises the user's session generation, which ends whatever was minted
// or is about to be minted under the former one, and carries the kept session
// over. Rows are swept by a job.
func (s *Service) endMany(ctx context.Context, actor idp.Actor, user idp.UserID, keep *idp.SessionID, reason string) (int, error) {
	if err := s.access.Check(actor, idp.VerbDelete, idp.Of(idp.ResourceSession, user)); err != nil {
		return 0, err
	}
	defer s.heralds.Post(user, nil)()
	ended := 0
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		u, err := tx.Users.Hold(ctx, user)
		if err != nil {
			return err
		}
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		if err := s.access.Check(now, idp.VerbDelete, idp.Of(idp.ResourceSession, user)); err != nil {
			return err
		}
		ended, err = endAllIn(ctx, tx, now, u, keep, reason)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("ending sessions of user %d: %w", user, err)
	}
	return ended, nil
}

// endAllIn is endMany for whoever holds the user and has judged the actor.
func endAllIn(ctx context.Context, tx idp.Repos, actor idp.Actor, u *idp.User, keep *idp.SessionID, reason string) (int, error) {
	former := u.SessionGeneration
	u.EndSessions(reason)
	if err := tx.Users.Update(ctx, u); err != nil {
		return 0, err
	}
	if err := tx.Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobSweep, User: u.ID}); err != nil {
		return 0, err
	}
	if keep != nil {
		if _, err := tx.Sessions.Carry(ctx, *keep, former); err != nil {
			return 0, err
		}
	}
	ended, err := tx.Holder.Sessions(ctx, u.ID, former)
	if err != nil {
		return 0, err
	}
	return ended, idp.TellEnded(ctx, tx, app, actor, u, ended)
}
