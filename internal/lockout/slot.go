package lockout

import (
	"context"
	"sync"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// slots let no more attempts of a subject through at once, in this process, than it
// has: the others wait here, and not at the database, until it is known whether
// there is anything left for them.
type slots struct {
	mu   sync.Mutex
	held map[idp.UUID]*slot
}

type slot struct {
	free  chan struct{}
	users int
}

// take waits for one of n slots. release may be called more than once.
func (s *slots) take(ctx context.Context, of idp.UUID, n int) (release func(), err error) {
	s.mu.Lock()
	if s.held == nil {
		s.held = map[idp.UUID]*slot{}
	}
	own := s.held[of]
	if own == nil {
		own = &slot{free: make(chan struct{}, n)}
		s.held[of] = own
	}
	own.users++
	s.mu.Unlock()
	leave := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if own.users--; own.users == 0 {
			delete(s.held, of)
		}
	}
	select {
	case own.free <- struct{}{}:
		return sync.OnceFunc(func() { <-own.free; leave() }), nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
