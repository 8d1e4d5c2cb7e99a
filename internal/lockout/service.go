package lockout

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// app is who speaks in events.
const app = "portcullis.lockout"

// What context.action_id of events about lockouts says.
const (
	ActionLocked   = "account_locked"
	ActionUnlocked = "account_unlocked"
	ActionCrowded  = "address_refused" // an address tries too many accounts
)

// Told orders a mail to the owner of an account that is locked out, in the
// transaction that the lockout begins in. It says what came of it, for the event.
type Told func(ctx context.Context, tx idp.Repos, u *idp.User, l *idp.Lockout) (outcome string, err error)

// Deps are what a Service needs.
type Deps struct {
	Store  idp.Store
	Access idp.Access
	View   *View
	Keys   Digester
	Told   Told // nil = owners are not told
}

// Service counts attempts, and lists and lifts lockouts.
type Service struct {
	store  idp.Store
	access idp.Access
	view   *View
	keys   Digester
	told   Told
	at     committer
	paces  paces // of passwords
	codes  paces // of second factors, which take another time
	total  totals
	slots  slots
}

var _ idp.Guard = (*Service)(nil)

// New returns a Service.
func New(d Deps) *Service {
	return &Service{store: d.Store, access: d.Access, view: d.View, keys: d.Keys, told: d.Told, at: committer{store: d.Store}}
}

// try is one attempt under way.
type try struct {
	s      *Service
	actor  idp.Actor
	a      idp.Attempt
	sub    subject
	place  *idp.Standing // of the address; nil = it does not count
	limits Limits
	print  []byte
	id     int64
}

// Try implements idp.Guard.
func (s *Service) Try(ctx context.Context, actor idp.Actor, a idp.Attempt, verify func(ctx context.Context) (idp.Refusal, error)) (bool, error) {
	began := time.Now()
	sub, err := s.subject(ctx, actor, a)
	if err != nil {
		return false, err
	}
	t := &try{s: s, actor: actor, a: a, sub: sub, limits: s.view.Limits(), id: rand.Int64N(1<<62) + 1, print: s.print(sub, a)}
	t.actor.User = nil // whoever is signed in in this browser has no part in it
	if place, ok := s.place(actor.ClientIP()); ok && !sub.own {
		t.place = &place
	}
	c, release, err := t.admit(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	if c.outcome != granted {
		release() // whoever waits need not wait for what only keeps the time
	}
	switch c.outcome {
	case locked:
		return false, t.refused(ctx, began, c.until)
	case full:
		return false, &idp.Error{Code: idp.CodeBusy, RetryAfter: time.Second, Message: "Too many sign-ins at once. Try again in a moment."}
	case crowded:
		return false, &idp.Error{Code: idp.CodeRateLimited, RetryAfter: c.wait,
			Message: "Too many sign-ins have failed from your network. Try again later, or from a browser that you have signed in with before."}
	case repeated:
		if err := t.again(ctx); err != nil {
			return false, err
		}
		return false, t.pace().wait(ctx, began)
	}
	if err := pause(ctx, c.wait); err != nil {
		t.withdraw(ctx)
		return false, err
	}
	reason, err := verify(ctx)
	if err != nil {
		t.withdraw(ctx)
		return false, err
	}
	right := reason == ""
	if right {
		err = t.passed(ctx)
	} else {
		err = t.failed(ctx, reason)
	}
	if err != nil {
		return right, err
	}
	if !right || !a.AppPasswords { // the right one of those is found without a hash
		t.pace().note(time.Since(began) - c.wait)
	}
	return right, nil
}

// How an attempt waits for others of its subject, on other servers, to end.
const (
	fullPause = 10 * time.Millisecond
	fullTries = 200
)

// admit claims the attempt. It waits while as many are under way as are allowed:
// when they fail, this one is refused, and when one succeeds, it has its turn.
func (t *try) admit(ctx context.Context) (c claimed, release func(), err error) {
	release, err = t.s.slots.take(ctx, t.sub.id, t.limits.MaxAttempts)
	if err != nil {
		return c, nil, err
	}
	for n := 0; ; n++ {
		if until, is := t.s.view.Locked(t.sub.id); is {
			return claimed{outcome: locked, until: until}, release, nil
		}
		if c, err = t.claim(ctx); err != nil {
			release()
			return c, nil, fmt.Errorf("claiming an attempt: %w", err)
		}
		if c.outcome != full || n == fullTries {
			return c, release, nil
		}
		if err := pause(ctx, fullPause/2+rand.N(fullPause)); err != nil {
			release()
			return c, nil, err
		}
	}
}

// claimed is what came of a claim.
type claimed struct {
	outcome outcome
	until   time.Time     // with locked
	wait    time.Duration // before comparing; with crowded, before the next attempt
}

func (t *try) claim(ctx context.Context) (c claimed, err error) {
	o := &op{on: t.standings()}
	o.apply = func(held map[idp.UUID]*idp.Standing, now time.Time) (e effect) {
		mine := held[t.sub.id]
		c = claimed{}
		wait, refused := crowd(t.address(held), t.sub.account, t.limits, now)
		if refused > 0 && !inForce(mine, now) {
			c = claimed{outcome: crowded, wait: refused}
			return e
		}
		var began bool
		c.wait = wait
		if c.outcome, began = claim(mine, idp.Guess{ID: t.id, Print: t.print, IP: t.actor.ClientIP()}, t.limits, now); began {
			e = t.lockout(mine, now)
		}
		if mine.LockedUntil != nil {
			c.until = *mine.LockedUntil
		}
		return e
	}
	return c, t.s.at.do(ctx, o)
}

// failed writes down that the attempt failed. What began with a claim is finished,
// whether or not the client is still there.
func (t *try) failed(ctx context.Context, reason idp.Refusal) error {
	if reason != idp.RefusedPassword && reason != idp.RefusedUnknown {
		t.print = nil // the right one does not become a wrong one by what stands in its way
	}
	return t.s.at.do(context.WithoutCancel(ctx), &op{on: t.standings(), apply: func(held map[idp.UUID]*idp.Standing, now time.Time) (e effect) {
		mine := held[t.sub.id]
		if fail(mine, t.id, t.print, t.limits, now) {
			e = t.lockout(mine, now)
		}
		e.failed = t.failure(reason)
		if failedThere(t.address(held), t.sub.account, t.limits, now) {
			e.event = idp.SuspiciousEvent(app, t.actor, nil, map[string]any{"action_id": ActionCrowded,
				"network": network(t.actor.ClientIP()).String(), "accounts": t.limits.AddressAccounts})
		}
		return e
	}})
}

// again writes down that somebody tried a secret that is known to be wrong.
func (t *try) again(ctx context.Context) error {
	return t.s.at.do(context.WithoutCancel(ctx), &op{on: []idp.Standing{t.sub.standing()}, apply: func(map[idp.UUID]*idp.Standing, time.Time) effect {
		return effect{failed: t.failure(idp.RefusedPassword)}
	}})
}

// failure is what else an attempt that failed is to leave behind; nil = nothing.
func (t *try) failure(reason idp.Refusal) *idp.Failure {
	if t.a.Failed == nil {
		return nil
	}
	f := t.a.Failed(reason)
	return &f
}

// passed gives the attempt back, with the next transaction of the request where
// there is one.
func (t *try) passed(ctx context.Context) error {
	back := func(ctx context.Context, tx idp.Repos) error {
		held, _, err := tx.Lockouts.Hold(ctx, t.standings(), true)
		if err != nil {
			return err
		}
		succeed(held[t.sub.id], t.id)
		changed := []*idp.Standing{held[t.sub.id]}
		if p := t.address(held); p != nil {
			provedThere(p, t.sub.account)
			changed = append(changed, p)
		}
		return tx.Lockouts.Save(ctx, changed)
	}
	if rides := idp.RidesOf(ctx); rides != nil {
		rides.Add(back)
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	if err := t.s.store.InTx(ctx, func(tx idp.Repos) error { return back(ctx, tx) }); err != nil {
		return fmt.Errorf("giving an attempt back: %w", err)
	}
	return nil
}

// withdraw gives an attempt back of which nothing was compared. When that does not
// succeed, it counts as failed.
func (t *try) withdraw(ctx context.Context) {
	_ = t.s.at.do(context.WithoutCancel(ctx), &op{on: []idp.Standing{t.sub.standing()}, apply: func(held map[idp.UUID]*idp.Standing, _ time.Time) effect {
		withdraw(held[t.sub.id], t.id)
		return effect{}
	}})
}

// refused answers an attempt during a lockout: nothing is compared and nothing
// counted, but how many there were.
func (t *try) refused(ctx context.Context, began, until time.Time) error {
	t.s.view.refused(t.sub.id)
	if err := t.pace().wait(ctx, began); err != nil {
		return err
	}
	if !t.sub.own {
		return nil
	}
	e := idp.Invalid("password", "Too many failed attempts. Try again in %s.", Remaining(until.Sub(t.s.view.now())))
	e.Reason = idp.RefusedLockout
	return e
}

func (t *try) standings() []idp.Standing {
	if t.place == nil {
		return []idp.Standing{t.sub.standing()}
	}
	return []idp.Standing{t.sub.standing(), *t.place}
}

func (t *try) address(held map[idp.UUID]*idp.Standing) *idp.Standing {
	if t.place == nil {
		return nil
	}
	return held[t.place.Subject]
}

// lockout is the row and the event of a lockout that has just begun.
func (t *try) lockout(s *idp.Standing, now time.Time) effect {
	l := &idp.Lockout{Subject: t.sub.id, Identifier: t.sub.identifier, UserID: t.sub.user, DeviceID: t.sub.device, LockedAt: now,
		LockedUntil: *s.LockedUntil, Reason: idp.LockoutBruteForce, TriggerIP: t.actor.ClientIP(), Attempts: t.limits.MaxAttempts}
	return effect{lockout: l, told: func(ctx context.Context, tx idp.Repos, l *idp.Lockout) (*idp.Event, error) {
		said := facts(ActionLocked, l)
		if t.a.User != nil && t.s.told != nil && t.limits.MailOwner {
			outcome, err := t.s.told(ctx, tx, t.a.User, l)
			if err != nil {
				return nil, err
			}
			said["owner_mail"] = outcome
		}
		return idp.SuspiciousEvent(app, t.actor, t.a.User, said), nil
	}}
}

// print is what a wrong secret is known by for as long as it is compared with the
// same.
func (s *Service) print(sub subject, a idp.Attempt) []byte {
	if a.Secret == "" {
		return nil
	}
	value := append(sub.account[:], a.Against...)
	value = append(append(value, 0), a.Secret...)
	return s.keys.Digest("lockout print", value)[:12]
}

// facts are what events about a lockout say.
func facts(action string, l *idp.Lockout) map[string]any {
	details := map[string]any{"reason": l.Reason, "lock_reason": l.Reason, "locked_until": l.LockedUntil.UTC().Format(time.RFC3339Nano)}
	if l.TriggerIP.IsValid() {
		details["ip"] = l.TriggerIP.Unmap().String()
	}
	return map[string]any{"action_id": action, "lockout": l.ID.String(), "identifier": cut(l.Identifier), "attempts": l.Attempts, "details": details}
}

// cut bounds what an event quotes.
func cut(s string) string {
	const most = 500
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}

// Remaining says how long to wait, for people.
func Remaining(d time.Duration) string {
	minutes := int((d + time.Minute - 1) / time.Minute)
	switch {
	case minutes <= 1:
		return "1 minute"
	case minutes < 120:
		return fmt.Sprintf("%d minutes", minutes)
	}
	return fmt.Sprintf("%d hours", (minutes+59)/60)
}
