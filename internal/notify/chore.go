package notify

import (
	"context"
	"fmt"
	"time"
)

// How long what is over is kept.
const (
	keepDeliveries    = 30 * 24 * time.Hour
	keepNotifications = 90 * 24 * time.Hour
	// sweepSize is how many rows one statement deletes.
	sweepSize = 1000
)

// Sweep deletes deliveries that ended a month ago, what people were told three months
// ago, and the jobs of events that nobody is told of.
func (s *Service) Sweep(ctx context.Context) error {
	repos := s.Store.Repos()
	for _, part := range []func() (int, error){
		func() (int, error) { return repos.Deliveries.Purge(ctx, keepDeliveries, sweepSize) },
		func() (int, error) { return repos.Notifications.Purge(ctx, keepNotifications, sweepSize) },
		func() (int, error) { return repos.Deliveries.PurgeJobs(ctx, sweepSize) },
	} {
		for {
			n, err := part()
			if err != nil {
				return fmt.Errorf("deleting what was told long ago: %w", err)
			}
			if n < sweepSize {
				break
			}
		}
	}
	return nil
}
