package session

import (
	"context"
	"sync"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	// loadAtOnce is how many sessions are read in one statement.
	loadAtOnce = 128
	// gather is how long the next statement waits for more to ask, when several
	// did before.
	gather = 150 * time.Microsecond
	// loadPatience bounds one statement.
	loadPatience = 5 * time.Second
)

// loader reads sessions with their users, one statement at a time. Who asks while
// one runs is answered by the next, together with all who asked meanwhile: after
// a start, when nothing is in memory, a statement for each would cost the most.
type loader struct {
	store   idp.Store
	mu      sync.Mutex
	waiting []loading
	running bool
}

type loading struct {
	digest digest
	answer chan loaded // holds one
}

type loaded struct {
	session *idp.Session
	user    *idp.User
	err     error
}

// load reads one session after it was called. The error is CodeNotFound when
// there is none.
func (l *loader) load(ctx context.Context, d digest) (*idp.Session, *idp.User, error) {
	own := loading{d, make(chan loaded, 1)}
	l.mu.Lock()
	l.waiting = append(l.waiting, own)
	if !l.running {
		l.running = true
		go l.run()
	}
	l.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, nil, &idp.Error{Code: idp.CodeUnavailable, Message: "The database does not answer.", Err: ctx.Err()}
	case got := <-own.answer:
		return got.session, got.user, got.err
	}
}

// run answers until nobody waits.
func (l *loader) run() {
	for former := 0; ; {
		if former > 1 {
			time.Sleep(gather)
		}
		l.mu.Lock()
		some := l.waiting[:min(len(l.waiting), loadAtOnce)]
		l.waiting = l.waiting[len(some):]
		if len(some) == 0 {
			l.running, l.waiting = false, nil
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		l.read(some)
		former = len(some)
	}
}

func (l *loader) read(some []loading) {
	ctx, cancel := context.WithTimeout(context.Background(), loadPatience)
	defer cancel()
	if len(some) == 1 { // the statement for one is the cheaper one
		s, u, err := l.store.Repos().Sessions.Visit(ctx, some[0].digest[:])
		some[0].answer <- loaded{s, u, err}
		return
	}
	digests := make([][]byte, len(some))
	for i := range some {
		digests[i] = some[i].digest[:]
	}
	found, err := l.store.Repos().Visits.Find(ctx, digests)
	byDigest := make(map[digest]*idp.Visit, len(found))
	for i := range found {
		byDigest[digest(found[i].Session.Digest)] = &found[i]
	}
	for _, w := range some {
		switch v := byDigest[w.digest]; {
		case err != nil:
			w.answer <- loaded{err: err}
		case v == nil:
			w.answer <- loaded{err: idp.NotFound("session")}
		default: // two who asked for the same get their own: they may change it
			s, u := v.Session, v.User
			w.answer <- loaded{session: &s, user: &u}
		}
	}
}
