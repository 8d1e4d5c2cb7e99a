package lockout

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// ActionCodes is the context.action_id of events about somebody who tries too many codes.
const ActionCodes = "codes_refused"

// bound is how many codes may fail within a window by one account, or from one address.
type bound struct {
	on   idp.Standing
	most int
}

// TryCode bounds how often whoever is signed in may guess at codes that others were
// shown (RFC 8628, section 5.1): as many within a window as attempts at a password, and
// from one address as many as accounts may fail there. An attempt is claimed before
// verify compares, by the database's clock. A right code gives back its own attempt and
// no other: everybody can come by right ones. The error is CodeRateLimited for one too
// many, of which nothing is compared; that of verify; or what kept the answer from being
// known.
func (s *Service) TryCode(ctx context.Context, actor idp.Actor, verify func(ctx context.Context) (right bool, err error)) (right bool, err error) {
	if actor.User == nil {
		return false, idp.Forbidden("Sign in first.")
	}
	id, limits := rand.Int64N(1<<62)+1, s.view.Limits()
	bounds := s.bounds(actor, limits)
	over, err := s.claimCode(ctx, bounds, id, limits.Window)
	if err != nil {
		return false, fmt.Errorf("claiming an attempt at a code: %w", err)
	}
	if over > 0 {
		return false, &idp.Error{Code: idp.CodeRateLimited, RetryAfter: over, Message: "Too many wrong codes. Try again in " + Remaining(over) + "."}
	}
	right, err = verify(ctx)
	finish := context.WithoutCancel(ctx) // what began with a claim
	if err != nil || right {
		s.giveBack(finish, bounds, id)
		return right, err
	}
	return false, s.failCode(finish, actor, bounds, id)
}

// bounds are those of an account, and of its address where that is known and counts.
func (s *Service) bounds(actor idp.Actor, l Limits) []bound {
	named := func(what, value string) idp.Standing {
		return idp.Standing{Subject: idp.UUID(s.keys.Digest("lockout codes of "+what, []byte(value))[:16])}
	}
	out := []bound{{named("account", actor.User.UUID.String()), l.MaxAttempts}}
	if place := network(actor.ClientIP()); place.IsValid() && l.AddressAccounts > 0 {
		out = append(out, bound{named("address", place.String()), max(l.MaxAttempts, l.AddressAccounts)})
	}
	return out
}

// claimCode claims an attempt, or says how long it is too many for.
func (s *Service) claimCode(ctx context.Context, bounds []bound, id int64, window time.Duration) (over time.Duration, err error) {
	return over, s.at.do(ctx, &op{on: standingsOf(bounds), apply: func(held map[idp.UUID]*idp.Standing, now time.Time) effect {
		over = 0
		for _, b := range bounds {
			st := held[b.on.Subject]
			st.Guesses = slices.DeleteFunc(st.Guesses, func(g idp.Guess) bool { return !g.At.After(now.Add(-window)) })
			if n := len(st.Guesses); n >= b.most {
				over = max(over, time.Second, st.Guesses[n-b.most].At.Add(window).Sub(now))
			}
		}
		if over > 0 {
			return effect{}
		}
		for _, b := range bounds {
			held[b.on.Subject].Guesses = append(held[b.on.Subject].Guesses, idp.Guess{ID: id, At: now})
		}
		return effect{}
	}})
}

// failCode notes that a claimed attempt failed, and says so in the log when it was the
// last one.
func (s *Service) failCode(ctx context.Context, actor idp.Actor, bounds []bound, id int64) error {
	return s.at.do(ctx, &op{on: standingsOf(bounds), apply: func(held map[idp.UUID]*idp.Standing, _ time.Time) (e effect) {
		for _, b := range bounds {
			st := held[b.on.Subject]
			at := slices.IndexFunc(st.Guesses, func(g idp.Guess) bool { return g.ID == id })
			if at < 0 {
				continue
			}
			st.Guesses[at].Failed = true
			failed := 0
			for _, g := range st.Guesses {
				if g.Failed {
					failed++
				}
			}
			if failed == b.most && e.event == nil {
				e.event = idp.SuspiciousEvent(app, actor, actor.User, map[string]any{"action_id": ActionCodes, "attempts": b.most,
					"network": network(actor.ClientIP()).String()})
			}
		}
		return e
	}})
}

// giveBack gives a claimed attempt back. When that does not succeed, it counts.
func (s *Service) giveBack(ctx context.Context, bounds []bound, id int64) {
	_ = s.at.do(ctx, &op{on: standingsOf(bounds), apply: func(held map[idp.UUID]*idp.Standing, _ time.Time) effect {
		for _, b := range bounds {
			withdraw(held[b.on.Subject], id)
		}
		return effect{}
	}})
}

func standingsOf(bounds []bound) []idp.Standing {
	out := make([]idp.Standing, 0, len(bounds))
	for _, b := range bounds {
		out = append(out, b.on)
	}
	return out
}
