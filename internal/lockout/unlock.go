package lockout

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
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
	if err := s.searching(ctx, &f); err != nil {
		return idp.Page[idp.Lockout]{}, err
	}
	return s.store.Repos().Lockouts.Find(ctx, f)
}

// searching brings what is searched for into its one spelling.
func (s *Service) searching(ctx context.Context, f *idp.LockoutFilter) error {
	if f.Search = Canonical(f.Search); f.Search == "" {
		return nil
	}
	u, err := s.store.Repos().Users.FindByLogin(ctx, f.Search, []string{"username", "email"})
	if u != nil {
		f.SearchUser = &u.ID
	}
	return err
}

// counted is how many lockouts are counted while somebody waits. Beyond that the
// number is one that was counted a moment ago.
const (
	counted   = 10_000
	recounted = 5 * time.Second
)

// totals is the number of all lockouts in force, where they are many.
type totals struct {
	mu sync.Mutex
	n  int
	at time.Time
}

// Total counts the lockouts in force. Where they are more than 10,000, the number
// may be five seconds old. Errors: CodeForbidden.
func (s *Service) Total(ctx context.Context, actor idp.Actor) (int, error) {
	n, err := s.Count(ctx, actor, idp.LockoutFilter{}, counted)
	if err != nil || n < counted {
		return n, err
	}
	s.total.mu.Lock()
	defer s.total.mu.Unlock()
	if time.Since(s.total.at) > recounted {
		if s.total.n, err = s.store.Repos().Lockouts.Count(ctx, idp.LockoutFilter{}, math.MaxInt32); err != nil {
			return 0, err
		}
		s.total.at = time.Now()
	}
	return s.total.n, nil
}

// Count counts the lockouts in force that match, no further than most. Errors:
// CodeForbidden.
func (s *Service) Count(ctx context.Context, actor idp.Actor, f idp.LockoutFilter, most int) (int, error) {
	if err := s.access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceLockout, Owner: f.UserID}); err != nil {
		return 0, err
	}
	if err := s.searching(ctx, &f); err != nil {
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
	what := idp.Unlocking{Reason: idp.LockoutUnlocked}
	var err error
	if what.UserID, what.Subjects, err = s.Who(ctx, identifier); err != nil {
		return nil, err
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
		return tellUnlocked(ctx, tx, now, what.UserID, ended)
	})
	if err != nil {
		return nil, fmt.Errorf("unlocking: %w", err)
	}
	return ended, nil
}

// Who finds whose lockouts an identifier names: an account's, or those of a name
// that nobody has.
func (s *Service) Who(ctx context.Context, identifier string) (*idp.UserID, []idp.UUID, error) {
	u, err := s.store.Repos().Users.FindByLogin(ctx, strings.TrimSpace(identifier), []string{"username", "email"})
	if err != nil || u != nil {
		if u == nil {
			return nil, nil, err
		}
		return &u.ID, nil, err
	}
	return nil, []idp.UUID{s.called(identifier)}, nil
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
func tellUnlocked(ctx context.Context, tx idp.Repos, actor idp.Actor, of *idp.UserID, ended []idp.Lockout) error {
	var u *idp.User
	if of != nil {
		var err error
		if u, err = tx.Users.Get(ctx, *of); err != nil && !idp.Is(err, idp.CodeNotFound) {
			return err
		}
	}
	for i := range ended {
		context := facts(ActionUnlocked, &ended[i])
		context["previous_locked_until"] = ended[i].LockedUntil.UTC().Format(time.RFC3339Nano)
		if actor.User != nil {
			context["admin_identity_id"] = actor.User.UUID.String()
		}
		if err := tx.Events.Append(ctx, idp.ModelUpdatedEvent(app, actor, u, context)); err != nil {
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
	ended, err := tx.Lockouts.Unlock(ctx, idp.Unlocking{UserID: &id, Reason: idp.LockoutPassword, Passwords: true})
	return len(ended), err
}
