package lockwatch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds and defaults of Config.
const (
	DefaultMaxStaleness = 5 * time.Minute
	MinStaleness        = time.Second
	DefaultBackoff      = 10 * time.Second
)

// Config says which server to follow and how.
type Config struct {
	// URL is the server's address, such as https://id.example.org.
	URL string
	// Token is an API token of an account that may list locks. It goes to that
	// server and nowhere else: redirects are not followed.
	Token string
	// Client makes the requests; nil = one of the package's own. Its Timeout does
	// not count for the stream.
	Client *http.Client
	// MaxStaleness is how old the view may be in Strict mode; 0 =
	// DefaultMaxStaleness, and MinStaleness at least.
	MaxStaleness time.Duration
	// MaxBackoff is how long it waits between attempts to connect at most; 0 =
	// DefaultBackoff. The first waits are shorter, and all are of random length.
	MaxBackoff time.Duration
	// Report hears of every connection that could not be made or broke; nil =
	// nobody does. It must be quick.
	Report func(error)
}

// Watcher is a program's view of the locks. Its methods may be called from
// several goroutines.
type Watcher struct {
	c     Config
	base  string
	http  *http.Client
	beat  time.Duration
	began time.Time

	mu      sync.RWMutex
	view    *view
	mode    Mode          // of the installation
	fresh   time.Time     // as of when the view was whole; zero = never yet
	clock   time.Duration // the server's time minus began's
	moved   chan struct{} // closed when anything above has changed
	hearers map[*Subscription]struct{}
}

// New returns a Watcher that holds nothing yet. Start Run in a goroutine.
func New(c Config) (*Watcher, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("lockwatch: %q is no address of a server, such as https://id.example.org", c.URL)
	}
	if strings.TrimSpace(c.Token) == "" {
		return nil, errors.New("lockwatch: there is no token")
	}
	if c.MaxStaleness <= 0 {
		c.MaxStaleness = DefaultMaxStaleness
	}
	c.MaxStaleness = max(c.MaxStaleness, MinStaleness)
	if c.MaxBackoff <= 0 {
		c.MaxBackoff = DefaultBackoff
	}
	if c.Report == nil {
		c.Report = func(error) {}
	}
	client := http.Client{}
	if c.Client != nil {
		client = *c.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Timeout = 0
	return &Watcher{c: c, base: strings.TrimSuffix(u.String(), "/"), http: &client,
		beat:  min(2*time.Second, max(100*time.Millisecond, c.MaxStaleness/5)),
		began: time.Now(), view: newView(), mode: BestEffort, moved: make(chan struct{}), hearers: map[*Subscription]struct{}{}}, nil
}

// Check returns nil when an interaction with these keys is allowed, else a
// *Refusal: for the lock in force that all keys of are among them, or, in Strict
// mode, because the view is stale. Keys without a value do not count; what carries
// no key is matched by no lock. mode is the program's or a role's own; the
// installation's counts beside it.
func (w *Watcher) Check(mode Mode, keys ...Key) error {
	keys = carried(keys)
	w.mu.RLock()
	defer w.mu.RUnlock()
	if (mode == Strict || w.mode == Strict) && w.age() > w.c.MaxStaleness {
		return &Refusal{}
	}
	now := w.now()
	if h := w.view.find(keys, func(h *held) bool { return !h.over(now) }); h != nil {
		l := h.Lock
		return &Refusal{Lock: &l}
	}
	return nil
}

// Guard waits until an interaction with these keys is not allowed any more, and
// returns the *Refusal; or the error of ctx when that ends before. It is for
// whatever lasts: a session, a connection.
func (w *Watcher) Guard(ctx context.Context, mode Mode, keys ...Key) error {
	for {
		w.mu.RLock()
		moved, left := w.moved, w.c.MaxStaleness-w.age()
		w.mu.RUnlock()
		if err := w.Check(mode, keys...); err != nil {
			return err
		}
		timer := time.NewTimer(max(left, 0) + time.Millisecond)
		if left < 0 { // stale, and it does not matter
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-moved:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// Age is how old the view is: how long ago it was certain to hold every lock.
// Before the first time it is longer than anybody waits.
func (w *Watcher) Age() time.Duration {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.age()
}

func (w *Watcher) age() time.Duration {
	if w.fresh.IsZero() {
		return 1<<63 - 1
	}
	return time.Since(w.fresh)
}

// Stale reports whether the lease has run out, or never began.
func (w *Watcher) Stale() bool { return w.Age() > w.c.MaxStaleness }

// Mode is that of the installation, as far as is known.
func (w *Watcher) Mode() Mode {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.mode
}

// Locks returns the locks in force, in the order of their names.
func (w *Watcher) Locks() []Lock {
	w.mu.RLock()
	defer w.mu.RUnlock()
	now := w.now()
	out := make([]Lock, 0, len(w.view.byName))
	for _, name := range slices.Sorted(maps.Keys(w.view.byName)) {
		if h := w.view.byName[name]; !h.over(now) {
			out = append(out, h.Lock)
		}
	}
	return out
}

// Synced waits until the view is whole for the first time, or ctx ends.
func (w *Watcher) Synced(ctx context.Context) error {
	for {
		w.mu.RLock()
		moved, known := w.moved, !w.fresh.IsZero()
		w.mu.RUnlock()
		if known {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		}
	}
}

// now is the time that expiry is judged by: the server's, as far as is known.
func (w *Watcher) now() time.Time { return w.began.Add(time.Since(w.began) + w.clock) }

// changed wakes whoever waits; w.mu is held.
func (w *Watcher) changed() {
	close(w.moved)
	w.moved = make(chan struct{})
}
