package live

import (
	"context"
	"sync"
	"time"

	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Options tune a Hub. The zero value is good.
type Options struct {
	// Strict says whether to end streams while what is held in memory may be out of date; nil = never.
	Strict func() bool
	// Barred says, from memory, whether a lock refuses the actor now; nil = never.
	// Streams of whom it names ask their door, so it need not be exact.
	Barred func(actor idp.Actor) bool
	// Doubt says whether the locks may be out of date for whom they are judged
	// strictly; nil = never. Every stream asks its door when it begins to.
	Doubt func() bool
	// Cut hears of each stream that a lock has ended; nil = nobody does.
	Cut func(ctx context.Context, actor idp.Actor, l *idp.Lock)
	// PerCredential and Total bound how many are open; 0 = 8 and 512.
	PerCredential, Total int
	// Tick is how often a stream looks at the clock; 0 = 500 ms.
	Tick time.Duration
	// Heartbeat is how long a stream is silent at most; 0 = 20 s.
	Heartbeat time.Duration
	// Patience is how long one write may take; 0 = 10 s.
	Patience time.Duration
}

func (o Options) filled() Options {
	set := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	set(&o.Tick, 500*time.Millisecond)
	set(&o.Heartbeat, 20*time.Second)
	set(&o.Patience, 10*time.Second)
	if o.PerCredential <= 0 {
		o.PerCredential = 8
	}
	if o.Total <= 0 {
		o.Total = 512
	}
	return o
}

// Freshness says whether what is held in memory may be relied on; see feed.Feed.
type Freshness interface {
	State() feed.State
	Now() time.Time
}

// retryAfter is when to come again after there were too many streams.
const retryAfter = 10 * time.Second

// StaleMessage is what a stream ends with, and what refuses a new one, while a
// strict server does not know what has been locked.
const StaleMessage = "preventive lock-out due to local lock view becoming unreliable"

// Hub holds the open streams. It is a feed.Subscriber.
type Hub struct {
	o     Options
	fresh Freshness

	mu      sync.Mutex
	streams map[*Stream]struct{}
	held    map[string]int // credential → streams
	closed  bool
	closing chan struct{}
}

var _ feed.Subscriber = (*Hub)(nil)

// NewHub returns a Hub. Call Follow before it is asked anything.
func NewHub(o Options) *Hub {
	return &Hub{o: o.filled(), streams: map[*Stream]struct{}{}, held: map[string]int{}, closing: make(chan struct{})}
}

// Follow says whose word on freshness counts.
func (h *Hub) Follow(f Freshness) { h.fresh = f }

// Check asks the door anew that a stream came through, and whether the account
// may see what the stream tells. CodeRefused and CodeForbidden end the stream.
type Check func(ctx context.Context) (idp.Actor, error)

// Open registers a stream of the actor, who has a session or a token. Close it
// in any case. Errors: CodeRateLimited for too many with one credential, CodeBusy
// for too many on this server, or one that is about to stop; CodeUnavailable in
// strict mode while nothing is known for certain.
func (h *Hub) Open(actor idp.Actor, check Check) (*Stream, error) {
	s := &Stream{hub: h, check: check, wake: make(chan struct{}, 1)}
	s.actor.Store(&actor)
	s.credential, s.user, s.due = h.terms(actor)
	if s.credential == "" {
		return nil, &idp.Error{Code: idp.CodeUnsigned, Message: "Authentication credentials were not provided."}
	}
	if h.stale() {
		return nil, &idp.Error{Code: idp.CodeUnavailable, Message: StaleMessage, RetryAfter: retryAfter}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, &idp.Error{Code: idp.CodeBusy, Message: messages[reasonShutdown], RetryAfter: retryAfter}
	case h.held[s.credential] >= h.o.PerCredential:
		return nil, &idp.Error{Code: idp.CodeRateLimited, RetryAfter: retryAfter,
			Message: "Too many streams are open with this session or token. Close one first."}
	case len(h.streams) >= h.o.Total:
		return nil, &idp.Error{Code: idp.CodeBusy, Message: "Too many streams are open on this server.", RetryAfter: retryAfter}
	}
	h.streams[s] = struct{}{}
	h.held[s.credential]++
	return s, nil
}

func (h *Hub) leave(s *Stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, open := h.streams[s]; !open {
		return
	}
	delete(h.streams, s)
	if h.held[s.credential]--; h.held[s.credential] == 0 {
		delete(h.held, s.credential)
	}
}

// terms returns what a stream is registered by, and when the credential's time
// is up as far as is known; zero = never.
func (h *Hub) terms(a idp.Actor) (credential, user string, due time.Time) {
	switch {
	case a.User == nil:
	case a.Token != nil:
		credential = tokenPrefix + a.Token.ID.String()
		if a.Token.Expiring && a.Token.ExpiresAt != nil {
			due = *a.Token.ExpiresAt
		}
	case a.Grant != nil:
		credential, due = grantPrefix+a.Grant.Grant.ID.String(), a.Grant.Token.ExpiresAt
	case a.Session != nil:
		credential, due = string(idp.ChangeSession)+a.Session.ID.String(), a.Session.ExpiresAt
		if idle := a.Session.IdleTimeout; idle > 0 && a.Session.LastSeenAt.Add(idle).Before(due) {
			due = a.Session.LastSeenAt.Add(idle)
		}
		for _, e := range a.Session.Elevations { // without it, the stream may tell too much
			if e.ExpiresAt.Before(due) {
				due = e.ExpiresAt
			}
		}
	}
	if a.User != nil {
		user = string(idp.ChangeUser) + a.User.ID.String()
	}
	return credential, user, due
}

// These keep tokens and grants apart from what the change feed names.
const (
	tokenPrefix = "token "
	grantPrefix = "grant "
)

func (h *Hub) stale() bool { return h.o.Strict != nil && h.o.Strict() && h.fresh.State() == feed.Stale }

// Apply implements feed.Subscriber: streams of what is named ask again, each by
// itself.
func (h *Hub) Apply(changes []idp.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.streams) == 0 {
		return
	}
	named, all, locked := map[string]bool{}, false, false
	for _, c := range changes {
		named[string(c.Kind)+c.Subject] = true
		all = all || c.Subject == ""
		locked = locked || c.Kind == idp.ChangeLock && c.Lock != nil
	}
	for s := range h.streams {
		if all || named[s.credential] || named[s.user] || locked && h.barred(s) {
			s.ask()
		}
	}
}

// barred looks at who opened the stream, as far as that was known when its door
// was asked last: what has changed since was named, and asked for.
func (h *Hub) barred(s *Stream) bool { return h.o.Barred != nil && h.o.Barred(*s.actor.Load()) }

func (h *Hub) doubtful() bool { return h.o.Doubt != nil && h.o.Doubt() }

// Reset implements feed.Subscriber: nothing is known for certain, so all ask
// again.
func (h *Hub) Reset(context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.streams {
		s.ask()
	}
	return nil
}

// Close ends every stream, and refuses new ones: the server stops.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.closing)
	}
}

// Len is how many streams are open.
func (h *Hub) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.streams)
}
