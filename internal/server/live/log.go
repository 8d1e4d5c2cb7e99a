package live

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Source is where events are read, and who tells of new ones.
type Source interface {
	// Tail returns what was committed since the mark; see idp.Events.
	Tail(ctx context.Context, mark idp.EventMark) ([]idp.Event, idp.EventMark, error)
	// Watch says whether Log.Wake is to be called when events are committed.
	Watch(ctx context.Context, on bool) error
}

const (
	// pause is the least time between two readings: what is committed meanwhile
	// is read together.
	pause = 200 * time.Millisecond
	// net is how long nobody may have called Wake before the log is read anyway.
	net = 2 * time.Second
	// readPatience bounds one reading.
	readPatience = 5 * time.Second
	// recent is how many events are remembered for readers who come back.
	recent = 256
	// backlog is how many readings a subscriber may lie behind.
	backlog = 64
)

// Log follows the audit log while somebody subscribes to it; otherwise it does
// nothing. Events come in the order of their commits, each once.
type Log struct {
	source Source
	log    *slog.Logger
	wake   chan struct{}

	watching sync.Mutex // Watch is called by one at a time, with how things are by then

	mu     sync.Mutex
	run    *run // nil = nobody subscribes
	closed bool
	done   sync.WaitGroup
}

// run is the time from the first subscriber to the last.
type run struct {
	stop        context.CancelFunc
	ready       chan struct{} // closed when the place to read on from is known
	subscribers map[*Subscription]struct{}
	ring        []*idp.Event // the last ones, oldest first
}

// Subscription hears of events from the moment it was made.
type Subscription struct {
	log *Log
	run *run
	c   chan []*idp.Event
	// Missed are the events after the one that was named, if that is remembered.
	Missed []*idp.Event
	Known  bool // it is
}

// NewLog returns a Log.
func NewLog(source Source, log *slog.Logger) *Log {
	return &Log{source: source, log: log, wake: make(chan struct{}, 1)}
}

// Wake says that events were committed. It never blocks, and does nothing where
// nobody subscribes.
func (l *Log) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Subscribe returns when nothing that is committed from now on can be missed.
// after is the last event that the subscriber knows; zero = none. CodeUnavailable
// means that the log cannot be read. Close the Subscription.
func (l *Log) Subscribe(ctx context.Context, after idp.EventID) (*Subscription, error) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, &idp.Error{Code: idp.CodeBusy, Message: messages[reasonShutdown], RetryAfter: retryAfter}
	}
	if l.run == nil {
		l.begin()
	}
	s := &Subscription{log: l, run: l.run, c: make(chan []*idp.Event, backlog)}
	for i, e := range s.run.ring {
		if e.ID == after {
			s.Known, s.Missed = true, append(s.Missed, s.run.ring[i+1:]...)
		}
	}
	s.run.subscribers[s] = struct{}{}
	l.mu.Unlock()

	limit, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	select {
	case <-s.run.ready:
		return s, nil
	case <-limit.Done():
		s.Close()
		return nil, &idp.Error{Code: idp.CodeUnavailable, Message: "The audit log cannot be read at the moment.", RetryAfter: retryAfter,
			Err: limit.Err()}
	}
}

// C carries the events of each reading. It is closed for a subscriber who is too
// slow.
func (s *Subscription) C() <-chan []*idp.Event { return s.c }

// Close ends the subscription. The last one out ends the reading.
func (s *Subscription) Close() {
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(s.run.subscribers, s)
	if len(s.run.subscribers) == 0 && l.run == s.run {
		l.run.stop()
		l.run = nil
	}
}

// Close ends the reading for good.
func (l *Log) Close() {
	l.mu.Lock()
	l.closed = true
	if l.run != nil {
		l.run.stop()
	}
	l.mu.Unlock()
	l.done.Wait()
}

// begin is called with the lock held.
func (l *Log) begin() {
	ctx, stop := context.WithCancel(context.Background())
	r := &run{stop: stop, ready: make(chan struct{}), subscribers: map[*Subscription]struct{}{}}
	l.run = r
	l.done.Go(func() {
		l.follow(ctx, r)
		ctx, cancel := context.WithTimeout(context.Background(), readPatience)
		defer cancel()
		l.watch(ctx)
	})
}

// watch tells the source whether anybody subscribes.
func (l *Log) watch(ctx context.Context) {
	l.watching.Lock()
	defer l.watching.Unlock()
	l.mu.Lock()
	on := l.run != nil && !l.closed
	l.mu.Unlock()
	if err := l.source.Watch(ctx, on); err != nil && ctx.Err() == nil {
		l.log.DebugContext(ctx, "asking to be told of events", "error", err) // the log is read now and then in any case
	}
}

// follow reads until ctx ends.
func (l *Log) follow(ctx context.Context, r *run) {
	var mark idp.EventMark
	timer := time.NewTimer(net)
	defer timer.Stop()
	for lost := false; ; {
		began := time.Now()
		next, err := l.read(ctx, r, mark)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !lost:
			l.log.WarnContext(ctx, "the audit log cannot be followed", "error", err)
		case err == nil:
			mark = next
		}
		if lost = err != nil; !lost && mark.More() {
			continue
		}
		timer.Reset(net)
		wake := l.wake
		if lost {
			wake = nil
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
			timer.Reset(pause - time.Since(began))
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
		case <-timer.C:
		}
	}
}

func (l *Log) read(ctx context.Context, r *run, mark idp.EventMark) (idp.EventMark, error) {
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	if !mark.More() {
		l.watch(ctx) // before reading: what comes after it is told of
	}
	events, next, err := l.source.Tail(ctx, mark)
	if err != nil {
		return mark, err
	}
	l.deliver(r, events)
	return next, nil
}

func (l *Log) deliver(r *run, events []idp.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-r.ready:
	default:
		close(r.ready)
	}
	if len(events) == 0 {
		return
	}
	some := make([]*idp.Event, len(events))
	for i := range events {
		some[i] = &events[i]
	}
	if r.ring = append(r.ring, some...); len(r.ring) > recent {
		r.ring = append([]*idp.Event(nil), r.ring[len(r.ring)-recent:]...)
	}
	for s := range r.subscribers {
		select {
		case s.c <- some:
		default:
			close(s.c)
			delete(r.subscribers, s)
		}
	}
}
