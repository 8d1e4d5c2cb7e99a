package lockout

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// NoLockout is what unlocking somebody says who is not locked out.
const NoLockout = "No active lockout found"

// Get returns one lockout. Errors: CodeForbidden, CodeNotFound.
func (s *Service) Get(ctx context.Context, actor idp.Actor, id idp.LockoutID) (*idp.Lockout, error) {
	if err := s.access.Check(actor, idp.VerbRead, idp.Object{Resource: idp.ResourceLockout}); err != nil {
		return nil, err
	}
	return s.store.Repos().Lockouts.Get(ctx, id)
}

// Find lists lockouts, newest first unless asked otherwise. Errors: CodeForbidden;
// CodeInvalid for an ordering there is not.
func (s *Service) Find(ctx context.Context, actor idp.Actor, f idp.LockoutFilter) (idp.Page[idp.Lockout], error) {
	if err := s.access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceLockout, Owner: f.UserID}); err != nil {
		return idp.Page[idp.Lockout]{}, err
	}
	return s.store.Repos().Lockouts.Find(ctx, f)
}

// Count counts the lockouts in force that match, no further than most. Errors:
// CodeForbidden.
func (s *Service) Count(ctx context.Context, actor idp.Actor, f idp.LockoutFilter, most int) (int, error) {
	if err := s.access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceLockout, Owner: f.UserID}); err != nil {
		return 0, err
	}
	return s.store.Repos().Lockouts.Count(ctx, f, most)
}

// Unlock ends every lockout in force of whoever has the identifier: a username, an
// e-mail address, a name that nobody has, or what a list calls one. The full number
// of attempts is back, on every server before it returns. Errors: CodeForbidden;
// CodeNotFound with NoLockout when there is none, for all but one of several who do
// it at once.
func (s *Service) Unlock(ctx context.Context, actor idp.Actor, identifier string) ([]idp.Lockout, error) {
	if err := s.access.Check(actor, idp.VerbUpdate, idp.Object{Resource: idp.ResourceLockout}); err != nil {
		return nil, err
	}
	u, err := s.store.Repos().Users.FindByLogin(ctx, identifier, []string{"username", "email"})
	if err != nil {
		return nil, err
	}
	what := idp.Unlocking{Reason: idp.LockoutUnlocked}
	if u != nil {
		what.UserID = &u.ID
	} else {
		what.Subjects = []idp.UUID{s.called(identifier)}
	}
	var ended []idp.Lockout
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		if err := s.access.Check(now, idp.VerbUpdate, idp.Object{Resource: idp.ResourceLockout}); err != nil {
			return err
		}
		what.By = nameOf(now)
		if ended, err = tx.Lockouts.Unlock(ctx, what); err != nil {
			return err
		}
		if len(ended) == 0 {
			return &idp.Error{Code: idp.CodeNotFound, Message: NoLockout}
		}
		return tellUnlocked(ctx, tx, now, u, ended)
	})
	if err != nil {
		return nil, fmt.Errorf("unlocking: %w", err)
	}
	return ended, nil
}

// nicknamed matches what names are called that nobody has.
var nicknamed = regexp.MustCompile(`^unknown-([0-9a-f]{4})$`)

// called is the subject of a name that nobody has.
func (s *Service) called(identifier string) idp.UUID {
	name := Canonical(identifier)
	if m := nicknamed.FindStringSubmatch(name); m != nil {
		if n, err := strconv.ParseUint(m[1], 16, 16); err == nil {
			return s.bucket(uint16(n))
		}
	}
	id, _ := s.nobody(name)
	return id
}

// tellUnlocked writes the one event of an unlock.
func tellUnlocked(ctx context.Context, tx idp.Repos, actor idp.Actor, u *idp.User, ended []idp.Lockout) error {
	for i := range ended {
		context := facts(ActionUnlocked, &ended[i])
		context["previous_locked_until"] = ended[i].LockedUntil.UTC().Format(time.RFC3339Nano)
		if actor.User != nil {
			context["admin_identity_id"] = actor.User.UUID.String()
		}
		if err := tx.Events.Append(ctx, idp.NewEvent(idp.ActionModelUpdated, app, actor, u, context)); err != nil {
			return err
		}
	}
	return nil
}

func nameOf(actor idp.Actor) string {
	if actor.User == nil {
		return idp.SystemName
	}
	return actor.User.Username
}

// Renewed implements idp.Guard.
func (s *Service) Renewed(ctx context.Context, tx idp.Repos, id idp.UserID) (int, error) {
	ended, err := tx.Lockouts.Unlock(ctx, idp.Unlocking{UserID: &id, Reason: idp.LockoutPassword})
	return len(ended), err
}
