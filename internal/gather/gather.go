// Package gather answers questions that are asked of the database at the same time
// with one statement.
//
// It must not know what is asked.
package gather

import (
	"context"
	"sync"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	// atOnce is how many questions one statement answers at most.
	atOnce = 128
	// pause is how long the next statement waits for more to ask, when several
	// did before.
	pause = 150 * time.Microsecond
	// patience bounds one statement.
	patience = 5 * time.Second
)

// Reader asks one statement at a time. Who asks while one runs is answered by the
// next, together with all who asked meanwhile: an answer is never older than its
// question. However many ask, the database has one statement of this reader to do,
// and time left for those who change something.
type Reader[K comparable, V any] struct {
	// One answers a single question; the error is CodeNotFound when there is nothing.
	One func(ctx context.Context, key K) (V, error)
	// Many answers several, each key once, and leaves out those there is nothing for.
	Many func(ctx context.Context, keys []K) (map[K]V, error)
	// Noun is what there is nothing of then.
	Noun string

	mu      sync.Mutex
	waiting []question[K, V]
	running bool
}

type question[K comparable, V any] struct {
	ctx    context.Context
	key    K
	answer chan answer[V] // holds one
}

type answer[V any] struct {
	found V
	err   error
}

// Read answers with what was there after it was called. Two who ask the same get a
// copy each, but not of what is behind its pointers. The error is CodeNotFound when
// there is nothing, CodeUnavailable when ctx ends first.
func (r *Reader[K, V]) Read(ctx context.Context, key K) (V, error) {
	own := question[K, V]{ctx, key, make(chan answer[V], 1)}
	r.mu.Lock()
	r.waiting = append(r.waiting, own)
	if !r.running {
		r.running = true
		go r.run()
	}
	r.mu.Unlock()
	select {
	case <-ctx.Done():
		var none V
		return none, &idp.Error{Code: idp.CodeUnavailable, Message: "The database does not answer.", Err: ctx.Err()}
	case got := <-own.answer:
		return got.found, got.err
	}
}

// run answers until nobody waits.
func (r *Reader[K, V]) run() {
	for former := 0; ; {
		if former > 1 {
			time.Sleep(pause)
		}
		r.mu.Lock()
		some := r.waiting[:min(len(r.waiting), atOnce)]
		r.waiting = r.waiting[len(some):]
		if len(some) == 0 {
			r.running, r.waiting = false, nil
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		r.answer(some)
		former = len(some)
	}
}

func (r *Reader[K, V]) answer(some []question[K, V]) {
	// Who asked may give up; the others still want to know.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(some[0].ctx), patience)
	defer cancel()
	if len(some) == 1 { // the statement for one is the cheaper one
		found, err := r.One(ctx, some[0].key)
		some[0].answer <- answer[V]{found, err}
		return
	}
	keys := make([]K, 0, len(some))
	seen := make(map[K]bool, len(some))
	for _, q := range some {
		if !seen[q.key] {
			seen[q.key] = true
			keys = append(keys, q.key)
		}
	}
	all, err := r.Many(ctx, keys)
	for _, q := range some {
		found, ok := all[q.key]
		switch {
		case err != nil:
			q.answer <- answer[V]{err: err}
		case !ok:
			q.answer <- answer[V]{err: idp.NotFound(r.Noun)}
		default:
			q.answer <- answer[V]{found: found}
		}
	}
}

// By keeps what was found by what it was asked for.
func By[K comparable, V any](found []V, key func(*V) K) map[K]V {
	out := make(map[K]V, len(found))
	for i := range found {
		out[key(&found[i])] = found[i]
	}
	return out
}
