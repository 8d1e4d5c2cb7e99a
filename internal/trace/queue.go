package trace

import (
	"context"
	"sync"
	"time"
)

// How spans wait to be sent: a batch is sent when it is full, or after a while. What
// there is no room for, because the collector does not keep up, is lost.
const (
	room     = 4096
	batch    = 512
	interval = 5 * time.Second
	closing  = 5 * time.Second // how long the last ones may take
)

// queue holds spans until they are sent.
type queue struct {
	to      *exporter
	mu      sync.Mutex
	waiting []span
	dropped int
	full    chan struct{} // a batch is
	stop    chan struct{}
	done    chan struct{}
	over    sync.Once
}

func newQueue(to *exporter) *queue {
	q := &queue{to: to, full: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go q.run()
	return q
}

// add never waits.
func (q *queue) add(s span) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= room {
		q.dropped++
		return
	}
	if q.waiting = append(q.waiting, s); len(q.waiting) >= batch {
		select {
		case q.full <- struct{}{}:
		default:
		}
	}
}

// take returns the next batch, and how many were lost before it.
func (q *queue) take() (some []span, lost int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), batch)
	some, q.waiting = q.waiting[:n:n], q.waiting[n:]
	lost, q.dropped = q.dropped, 0
	return some, lost
}

func (q *queue) run() {
	defer close(q.done)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-q.stop:
			ctx, cancel := context.WithTimeout(context.Background(), closing)
			defer cancel()
			q.send(ctx)
			return
		case <-q.full:
		case <-tick.C:
		}
		q.send(context.Background())
	}
}

// send sends all that waits.
func (q *queue) send(ctx context.Context) {
	for ctx.Err() == nil {
		some, lost := q.take()
		if lost > 0 {
			q.to.log.WarnContext(ctx, "the collector does not keep up: spans are lost", "spans", lost)
		}
		if len(some) == 0 {
			return
		}
		q.to.export(ctx, some)
	}
}

func (q *queue) close() {
	q.over.Do(func() { close(q.stop) })
	<-q.done
	q.to.client.CloseIdleConnections()
}
