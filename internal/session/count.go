package session

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// countPatience is how long an act waits for a count beside its transaction:
// where all connections are taken, it counts for itself.
const countPatience = 50 * time.Millisecond

// counting is a count of sessions that goes on beside a transaction.
type counting struct {
	user       idp.UserID
	generation int64
	stop       context.CancelFunc
	answer     chan answer // holds one
}

type answer struct {
	n   int
	err error
}

// count begins to count the sessions of a user whose row is held: none begins
// meanwhile, and none is ended by a generation before the holder commits, so that
// what another connection counts is what the holder ends. Counting is what takes
// the longer the more there are.
func (s *Service) count(ctx context.Context, user idp.UserID, generation int64) *counting {
	c := &counting{user: user, generation: generation, answer: make(chan answer, 1)}
	ctx, c.stop = context.WithCancel(ctx)
	go func() {
		n, err := s.store.Repos().Holder.Sessions(ctx, user, generation)
		c.answer <- answer{n, err}
	}()
	return c
}

// of returns the count, if need be by the transaction itself. Call it before the
// transaction changes sessions.
func (c *counting) of(ctx context.Context, tx idp.Repos) (int, error) {
	late := time.NewTimer(countPatience)
	defer late.Stop()
	select {
	case got := <-c.answer:
		if got.err == nil {
			return got.n, nil
		}
	case <-late.C:
		c.stop()
	}
	return tx.Holder.Sessions(ctx, c.user, c.generation)
}
