package feed

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Await makes what was committed here under this number take effect: it returns
// when this server and every other one at work has applied it. From the moment it
// is called, State is not Fresh before this server has.
//
// It waits no longer than the lease: a server that has not said by then that it
// is that far has either stopped, or does not trust what it holds any more. What
// it could not wait for it logs; the act itself is done.
func (f *Feed) Await(ctx context.Context, seq int64) {
	for {
		promised := f.promised.Load()
		if promised >= seq || f.promised.CompareAndSwap(promised, seq) {
			break
		}
	}
	f.nudge()
	limit, cancel := context.WithTimeout(ctx, f.lease)
	defer cancel()
	began := time.Now()
	err := f.wait(limit, func() bool { return f.seen.Load() >= seq && f.others(seq) == 0 })
	if f.awaited != nil && ctx.Err() == nil {
		f.awaited(time.Since(began), err == nil)
	}
	if err != nil && ctx.Err() == nil {
		f.log.WarnContext(ctx, "not every server has confirmed a change", "change", seq, "applied", f.applied.Load(),
			"others", f.others(seq), "waited", time.Since(began))
	}
}

// elsewhereEvery is how often Elsewhere looks whether the servers have come so far.
const elsewhereEvery = 2 * time.Millisecond

// Elsewhere is Await for a program that changes something and serves nobody, such as a
// command on the server's own machine: it returns when every server at work has applied
// what was committed under this number. behind counts those that have not. It waits no
// longer than the lease, for the same reason; the error says why it could not wait.
func Elsewhere(ctx context.Context, seq int64, lease time.Duration, behind func(ctx context.Context, seq int64, lease time.Duration) (int, error)) error {
	limit, cancel := context.WithTimeout(ctx, lease)
	defer cancel()
	tick := time.NewTicker(elsewhereEvery)
	defer tick.Stop()
	for {
		n, err := behind(limit, seq, lease)
		if err == nil && n == 0 {
			return nil
		}
		select {
		case <-limit.Done():
			return errors.Join(err, fmt.Errorf("not every server has confirmed change %d: %d are behind", seq, n))
		case <-tick.C:
		}
	}
}

// others counts the other servers at work that are not known to be that far.
// Once this server has read that far, the list is one that was read after the act.
func (f *Feed) others(seq int64) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, applied := range f.peers {
		if applied < seq {
			n++
		}
	}
	return n
}
