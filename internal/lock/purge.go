package lock

import (
	"context"
	"fmt"
	"time"
)

// purgeBatch is how many locks one statement forgets, so that none takes long.
const purgeBatch = 1000

// Purge forgets locks whose end is that long ago, a few at a time. Locks in force
// stay, however old they are; what happened to the others stays in the audit log.
func (s *Service) Purge(ctx context.Context, age time.Duration) error {
	for {
		n, err := s.store.Repos().Locks.Purge(ctx, age, purgeBatch)
		if err != nil {
			return fmt.Errorf("purging locks of the past: %w", err)
		}
		if n < purgeBatch {
			return nil
		}
	}
}
