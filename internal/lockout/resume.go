package lockout

import (
	"context"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// ActionUndone is what context.action_id of the event says when an unlock was taken
// back.
const ActionUndone = "unlock_undone"

// Resume takes an unlock back: what ended with that lockout is locked out again,
// until the end it would have had. The past is not rewritten: the lockouts that go on
// are new ones, and the old ones stay what they were, unlocked. Nobody is locked out
// for longer than guessing had led to.
//
// What is left out: lockouts whose time is over, whoever is locked out again
// already, and accounts that have a new password since, for what was guessed at is
// worthless then. Errors: CodeForbidden, CodeNotFound; CodeConflict when nothing is
// left, or it was no unlock that ended it.
func (s *Service) Resume(ctx context.Context, actor idp.Actor, id idp.LockoutID) (again []idp.Lockout, err error) {
	if err := s.mayUnlock(actor); err != nil {
		return nil, err
	}
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		if err := s.mayUnlock(now); err != nil {
			return err
		}
		again, err = s.resume(ctx, tx, now, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("taking back the unlock of lockout %s: %w", id, err)
	}
	return again, nil
}

func (s *Service) resume(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.LockoutID) ([]idp.Lockout, error) {
	first, err := tx.Lockouts.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if first.EndReason != idp.LockoutUnlocked {
		return nil, idp.Conflict("That lockout was not unlocked by anybody.")
	}
	ended, err := tx.Lockouts.Find(ctx, idp.LockoutFilter{EndedWith: &id, Uncounted: true, Paging: idp.Paging{Limit: 2 * MaxUnlock}})
	if err != nil {
		return nil, err
	}
	subjects := make([]idp.Standing, len(ended.Items))
	for i := range ended.Items {
		subjects[i] = idp.Standing{Subject: ended.Items[i].Subject, UserID: ended.Items[i].UserID}
	}
	held, at, err := tx.Lockouts.Hold(ctx, subjects, true)
	if err != nil {
		return nil, err
	}
	var again []idp.Lockout
	var was []idp.LockoutID
	var changed []*idp.Standing
	for i := range ended.Items {
		l := ended.Items[i]
		standing := held[l.Subject]
		if standing == nil || inForce(standing, at) || !l.LockedUntil.After(at) {
			continue
		}
		if fits, err := stillFits(ctx, tx, &l); err != nil {
			return nil, err
		} else if !fits {
			continue
		}
		goOn(standing, l.LockedUntil, at)
		was = append(was, l.ID)
		again = append(again, idp.Lockout{Subject: l.Subject, Identifier: l.Identifier, UserID: l.UserID, DeviceID: l.DeviceID, LockedAt: at,
			LockedUntil: l.LockedUntil, Reason: l.Reason, TriggerIP: l.TriggerIP, Attempts: l.Attempts})
		changed = append(changed, standing)
	}
	if len(again) == 0 {
		return nil, idp.Conflict("There is nothing to take back: the time is over, the password is new, or the lockout is in force again.")
	}
	if err := tx.Lockouts.Begin(ctx, again); err != nil {
		return nil, err
	}
	if err := tx.Lockouts.Save(ctx, changed); err != nil {
		return nil, err
	}
	return again, tellUndone(ctx, tx, actor, again, was)
}

// goOn locks the subject out until a time that was set before. Attempts since the
// unlock are used up, as those that led there were.
func goOn(s *idp.Standing, until, now time.Time) {
	s.LockedUntil, s.LockedAt, s.Guesses = &until, &now, nil
	s.Lockouts = max(s.Lockouts, 1)
}

// stillFits reports whether what was guessed at is still what would be guessed at.
func stillFits(ctx context.Context, tx idp.Repos, l *idp.Lockout) (bool, error) {
	if l.UserID == nil {
		return nicknamed.MatchString(l.Identifier), nil // else the account is gone
	}
	u, err := tx.Users.Get(ctx, *l.UserID)
	if err != nil {
		return false, err
	}
	return u.PasswordChangedAt == nil || l.EndedAt == nil || !u.PasswordChangedAt.After(*l.EndedAt), nil
}

func tellUndone(ctx context.Context, tx idp.Repos, actor idp.Actor, again []idp.Lockout, was []idp.LockoutID) error {
	for i := range again {
		var u *idp.User
		if id := again[i].UserID; id != nil {
			var err error
			if u, err = tx.Users.Get(ctx, *id); err != nil {
				return err
			}
		}
		context := facts(ActionUndone, &again[i])
		context["undone"] = was[i].String()
		if actor.User != nil {
			context["admin_identity_id"] = actor.User.UUID.String()
		}
		if err := tx.Events.Append(ctx, idp.ModelUpdatedEvent(app, actor, u, context)); err != nil {
			return err
		}
	}
	return nil
}
