package lockwatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/lockwatch"
)

// server speaks the watch as Portcullis does, on a test's word.
type server struct {
	*testing.T
	*httptest.Server
	watcher *lockwatch.Watcher

	mu      sync.Mutex
	refuse  int // the status of every answer; 0 = none
	streams chan *stream
}

// stream is one connection.
type stream struct {
	*testing.T
	lines chan string
	ended chan struct{}
	close context.CancelFunc
}

func fake(t *testing.T, change ...func(*lockwatch.Config)) *server {
	t.Helper()
	s := &server{T: t, streams: make(chan *stream, 100)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Server.Close)
	c := lockwatch.Config{URL: s.URL + "/", Token: "key", MaxStaleness: time.Minute, MaxBackoff: time.Millisecond}
	for _, f := range change {
		f(&c)
	}
	var err error
	s.watcher, err = lockwatch.New(c)
	require.NoError(t, err)
	return s
}

// run follows the server, and returns the first connection.
func (s *server) run() *stream {
	s.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.watcher.Run(ctx) }()
	s.Cleanup(func() { stop(); require.ErrorIs(s, <-done, context.Canceled) })
	return s.connection()
}

// connection waits for the next one.
func (s *server) connection() *stream {
	s.Helper()
	select {
	case c := <-s.streams:
		return c
	case <-time.After(time.Minute):
		require.Fail(s, "nobody connects")
		return nil
	}
}

func (s *server) refusing(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = status
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	status := s.refuse
	s.mu.Unlock()
	if status != 0 || r.Header.Get("Authorization") != "Bearer key" {
		w.WriteHeader(max(status, http.StatusForbidden))
		return
	}
	if r.URL.Path != "/api/v3/locks/watch/" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	c := &stream{T: s.T, lines: make(chan string), ended: make(chan struct{}), close: cancel}
	defer close(c.ended)
	w.WriteHeader(http.StatusOK)
	s.streams <- c
	_ = http.NewResponseController(w).Flush()
	for {
		select {
		case <-ctx.Done():
			return
		case line := <-c.lines:
			_, _ = w.Write([]byte(line))
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func (c *stream) send(name string, v any) {
	c.Helper()
	data, err := json.Marshal(v)
	require.NoError(c, err)
	select {
	case c.lines <- fmt.Sprintf("event: %s\ndata: %s\n\n", name, data):
	case <-c.ended:
		require.Fail(c, "the connection is gone")
	}
}

type object = map[string]any

func (c *stream) put(l lockwatch.Lock) { c.Helper(); c.send("put", l) }
func (c *stream) remove(name string)   { c.Helper(); c.send("remove", object{"name": name}) }

// sync says that the view was whole that long ago.
func (c *stream) sync(age time.Duration, mode lockwatch.Mode) {
	c.Helper()
	c.send("sync", object{"age_ms": age.Milliseconds(), "now": time.Now().UTC(), "mode": mode})
}

// all tells the full set.
func (c *stream) all(locks ...lockwatch.Lock) {
	c.Helper()
	c.send("reset", object{"count": len(locks)})
	for _, l := range locks {
		c.put(l)
	}
	c.sync(0, lockwatch.BestEffort)
}

// drop breaks the connection.
func (c *stream) drop() {
	c.close()
	<-c.ended
}

// locked is a lock in force; pairs make the target.
func locked(name string, pairs ...string) lockwatch.Lock {
	target, text := map[string]string{}, "lock targeting"
	for i := 0; i+1 < len(pairs); i += 2 {
		target[pairs[i]] = pairs[i+1]
		text += fmt.Sprintf(" %s:%q", pairs[i], pairs[i+1])
	}
	return lockwatch.Lock{Name: name, Target: target, CreatedAt: time.Now(), Text: text + " is in force"}
}

// becomes waits until the check says so: nil = allowed.
func (s *server) becomes(want error, mode lockwatch.Mode, keys ...lockwatch.Key) {
	s.Helper()
	require.EventuallyWithT(s, func(c *assertion) {
		err := s.watcher.Check(mode, keys...)
		if want == nil {
			require.NoError(c, err)
		} else {
			require.EqualError(c, err, want.Error())
		}
	}, time.Minute, time.Millisecond)
}

// next waits for an event.
func next(t *testing.T, s *lockwatch.Subscription) lockwatch.Event {
	t.Helper()
	select {
	case e := <-s.Events():
		return e
	case <-time.After(time.Minute):
		require.Fail(t, "no event")
		return lockwatch.Event{}
	}
}

var errStale = errors.New("preventive lock-out due to local lock view becoming unreliable")
