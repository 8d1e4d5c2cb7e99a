package idp

import (
	"context"
	"sync"
)

// Rides are small writes of a request that may wait for its next transaction and
// be part of it, so that they need none of their own.
type Rides struct {
	mu   sync.Mutex
	list []*Ride
}

// Ride is one of them.
type Ride struct {
	do   func(ctx context.Context, tx Repos) error
	done bool
}

type ridesKey struct{}

// WithRides returns a context whose transactions take rides. Whoever makes it
// calls Store.Arrive at the end.
func WithRides(ctx context.Context) context.Context {
	if _, has := ctx.Value(ridesKey{}).(*Rides); has {
		return ctx
	}
	return context.WithValue(ctx, ridesKey{}, &Rides{})
}

// RidesOf returns the rides of a context; nil = it takes none.
func RidesOf(ctx context.Context) *Rides {
	r, _ := ctx.Value(ridesKey{}).(*Rides)
	return r
}

// Add has do called in the next transaction. It may be called more than once, as
// any part of a transaction.
func (r *Rides) Add(do func(ctx context.Context, tx Repos) error) *Ride {
	r.mu.Lock()
	defer r.mu.Unlock()
	ride := &Ride{do: do}
	r.list = append(r.list, ride)
	return ride
}

// Cancel takes a ride out that has not been done. It reports whether it was.
func (r *Rides) Cancel(ride *Ride) (done bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, other := range r.list {
		if other == ride {
			r.list = append(r.list[:i], r.list[i+1:]...)
			break
		}
	}
	return ride.done
}

// Waiting returns the rides that were not done yet.
func (r *Rides) Waiting() []*Ride {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*Ride(nil), r.list...)
}

// Do does it in a transaction.
func (r *Ride) Do(ctx context.Context, tx Repos) error { return r.do(ctx, tx) }

// Done marks rides as done: their transaction is committed.
func (r *Rides) Done(rides []*Ride) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ride := range rides {
		ride.done = true
		for i, other := range r.list {
			if other == ride {
				r.list = append(r.list[:i], r.list[i+1:]...)
				break
			}
		}
	}
}
