package idp

import (
	"context"
	"errors"
	"net/netip"
)

// Gate is the one way through a door: MayAct, and then the locks in force. Every
// place that honours a credential or issues one asks it.
type Gate interface {
	// Admit returns nil, or an *Error with CodeRefused whose Reason says why. The
	// locks are judged by what u, c and the context's Client say of the
	// interaction.
	Admit(ctx context.Context, door Door, u *User, c Credential) error
	// Settled returns true when no act under way is about to refuse whom Admit let in.
	// Otherwise it waits until that is over, a second at most, and returns false: what
	// was found out is to be found out again (see Steady). The error is CodeUnavailable
	// when ctx ends first. It must not be asked in a transaction, which the act may be
	// waiting for.
	Settled(ctx context.Context, u *User, c Credential) (bool, error)
}

// Steady finds out who comes with a credential, and judges them, again whenever an act
// that concerns them was under way meanwhile: who is about to be contained is not let in
// for the milliseconds that takes. Doors of requests use it, outside of transactions.
func Steady(ctx context.Context, gate Gate, judge func() (*User, Credential, error)) error {
	for {
		u, c, err := judge()
		if err != nil {
			return err
		}
		if settled, err := gate.Settled(ctx, u, c); settled || err != nil {
			return err
		}
	}
}

// Unlocked is a Gate that knows of no locks.
type Unlocked struct{}

// Admit implements Gate.
func (Unlocked) Admit(_ context.Context, door Door, u *User, c Credential) error {
	return MayAct(door, u, c)
}

// Settled implements Gate.
func (Unlocked) Settled(context.Context, *User, Credential) (bool, error) { return true, nil }

// Locked reports whether err says that a lock refused, or that strictness did for
// want of knowing. Its message is for whoever is refused.
func Locked(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == CodeRefused && (e.Reason == RefusedLocked || e.Reason == RefusedStale)
}

type clientKey struct{}

// WithClient notes the address that an interaction comes from, for the locks.
func WithClient(ctx context.Context, address netip.Addr) context.Context {
	return context.WithValue(ctx, clientKey{}, address)
}

// ClientOf is the address noted by WithClient; the zero Addr without one.
func ClientOf(ctx context.Context) netip.Addr {
	address, _ := ctx.Value(clientKey{}).(netip.Addr)
	return address
}
