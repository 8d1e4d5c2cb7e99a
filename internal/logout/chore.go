package logout

import (
	"context"
	"fmt"
	"time"
)

const (
	// keep is how long it is known what applications were told.
	keep = 90 * 24 * time.Hour
	// sweepSize is how many rows one statement deletes.
	sweepSize = 1000
)

// Sweep deletes notices that ended three months ago.
func (s *Service) Sweep(ctx context.Context) error {
	for {
		n, err := s.Store.Repos().LogoutNotices.Purge(ctx, keep, sweepSize)
		if err != nil {
			return fmt.Errorf("deleting what applications were told long ago: %w", err)
		}
		if n < sweepSize {
			return nil
		}
	}
}
