package lockout

import (
	"context"
	"time"
)

// sweepSize is how many rows one statement touches.
const sweepSize = 1000

// Sweep closes lockouts that are over, forgets attempts that count no more, and
// deletes lockouts that ended longer ago than retention; 0 keeps them.
func (s *Service) Sweep(ctx context.Context, retention time.Duration) error {
	repos := s.store.Repos().Lockouts
	l := s.view.Limits()
	untouched := max(l.Window, l.Duration) + claimLife
	for _, part := range []func() (int, error){
		func() (int, error) { return repos.Close(ctx, sweepSize) },
		func() (int, error) { return repos.Forget(ctx, untouched, sweepSize) },
		func() (int, error) {
			if retention <= 0 {
				return 0, nil
			}
			return repos.Purge(ctx, retention, sweepSize)
		},
	} {
		for {
			n, err := part()
			if err != nil {
				return err
			}
			if n < sweepSize {
				break
			}
		}
	}
	return nil
}

// Run writes down every second how many attempts lockouts have refused, until the
// context ends.
func (s *Service) Run(ctx context.Context, report func(error)) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := s.view.Tell(ctx); err != nil && ctx.Err() == nil {
				report(err)
			}
		case <-ctx.Done():
			return
		}
	}
}
