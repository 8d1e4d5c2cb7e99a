package lockout

import (
	"context"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Out reports, from memory, whether strangers who try the account are locked out, and
// until when. It reads nothing, so every row of a list may ask.
func (s *Service) Out(u *idp.User) (until time.Time, is bool) { return s.view.Locked(u.UUID) }

// Limits are those in force.
func (s *Service) Limits() Limits { return s.view.Limits() }

// Lasts is how long a lockout lasts that follows so many in a row.
func (l Limits) Lasts(before int) time.Duration { return l.lasts(before) }

// Standings are how attempts at an account went in the present window: those of
// everybody first, then those of browsers it is known in. Errors: CodeForbidden.
func (s *Service) Standings(ctx context.Context, actor idp.Actor, u *idp.User) ([]idp.Standing, error) {
	if err := s.access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceLockout}); err != nil {
		return nil, err
	}
	found, err := s.store.Repos().Lockouts.Standings(ctx, u.ID)
	if err != nil {
		return nil, fmt.Errorf("reading how attempts at user %d went: %w", u.ID, err)
	}
	since := s.view.now().Add(-s.view.Limits().Window)
	var out []idp.Standing
	for _, st := range found {
		var counts []idp.Guess
		for _, g := range st.Guesses {
			if g.At.After(since) {
				counts = append(counts, g)
			}
		}
		st.Guesses = counts
		if st.Subject == u.UUID {
			out = append([]idp.Standing{st}, out...)
		} else if len(counts) > 0 {
			out = append(out, st)
		}
	}
	return out, nil
}

// Judge reads values as Set does, by key: those that are not named keep their
// default. faults say by key what is wrong.
func Judge(values map[string]string) (l Limits, faults idp.Faults) {
	l = DefaultLimits()
	for _, k := range Settings() {
		value, named := values[k.Key]
		if !named {
			continue
		}
		n, problem := k.read(value)
		if problem != "" {
			faults.Add(k.Key, "%s", problem)
			continue
		}
		k.apply(&l, n)
	}
	return l, faults
}
