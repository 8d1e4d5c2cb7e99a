package lockout

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// MaxUnlock is how many lockouts one act may name.
const MaxUnlock = 500

// UnlockAll ends, in one transaction, every lockout in force of whoever one of these
// lockouts is about: an account's in all browsers, or that of a name that nobody has.
// It returns what it ended; what had ended before is not among it. Errors:
// CodeForbidden; CodeInvalid for more than MaxUnlock; CodeNotFound with NoLockout
// when none was in force.
func (s *Service) UnlockAll(ctx context.Context, actor idp.Actor, ids []idp.LockoutID) ([]idp.Lockout, error) {
	if err := s.mayUnlock(actor); err != nil {
		return nil, err
	}
	if len(ids) > MaxUnlock {
		return nil, idp.Invalid(idp.NonField, "Unlock %d at most at once: these are %d.", MaxUnlock, len(ids))
	}
	what, err := s.about(ctx, ids)
	if err != nil {
		return nil, err
	}
	var ended []idp.Lockout
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		if err := s.mayUnlock(now); err != nil {
			return err
		}
		what.By = nameOf(now)
		if ended, err = tx.Lockouts.Unlock(ctx, what); err != nil {
			return err
		}
		if len(ended) == 0 {
			return &idp.Error{Code: idp.CodeNotFound, Message: NoLockout}
		}
		for i := range ended {
			if err := tellUnlocked(ctx, tx, now, ended[i].UserID, ended[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("unlocking %d at once: %w", len(ids), err)
	}
	return ended, nil
}

// about finds out whom lockouts are about.
func (s *Service) about(ctx context.Context, ids []idp.LockoutID) (idp.Unlocking, error) {
	what := idp.Unlocking{Reason: idp.LockoutUnlocked, UserIDs: []idp.UserID{}, Subjects: []idp.UUID{}}
	if len(ids) == 0 {
		return what, nil
	}
	found, err := s.store.Repos().Lockouts.Find(ctx, idp.LockoutFilter{IDs: ids, Uncounted: true, Paging: idp.Paging{Limit: len(ids)}})
	for i := range found.Items {
		l := &found.Items[i]
		if l.UserID != nil {
			what.UserIDs = append(what.UserIDs, *l.UserID)
		} else {
			what.Subjects = append(what.Subjects, l.Subject)
		}
	}
	return what, err
}

func (s *Service) mayUnlock(actor idp.Actor) error {
	return s.access.Check(actor, idp.VerbUpdate, idp.Object{Resource: idp.ResourceLockout})
}
