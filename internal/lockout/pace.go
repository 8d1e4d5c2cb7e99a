package lockout

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// paces are how long the last attempts of a kind took that were compared. What is
// refused without comparing takes as long as one of them, so that nobody can tell
// the two apart by a watch, also while the server is busy. Those that passed count too:
// after a lockout there may be no others for long, and those before it were made in a
// crowd.
type paces struct {
	mu   sync.Mutex
	last [32]time.Duration
	n    int
}

// pace is the one of the attempt's kind.
func (t *try) pace() *paces {
	if t.a.SecondFactor {
		return &t.s.codes
	}
	return &t.s.paces
}

// usual is how long an attempt takes of which nothing is known yet.
const usual = 40 * time.Millisecond

func (p *paces) note(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last[p.n%len(p.last)] = d
	p.n++
}

// one of them, at random.
func (p *paces) pick() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(p.n, len(p.last))
	if n == 0 {
		return usual
	}
	return p.last[rand.IntN(n)]
}

// wait waits until an attempt that began then has taken as long as others do.
func (p *paces) wait(ctx context.Context, began time.Time) error {
	return pause(ctx, p.pick()-time.Since(began))
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
