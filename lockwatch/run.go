package lockwatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// firstBackoff is how long it waits after the first failure at most.
const firstBackoff = 250 * time.Millisecond

// Run follows the server until ctx ends, whose error it returns. Call it once.
func (w *Watcher) Run(ctx context.Context) error {
	wait := firstBackoff
	for {
		synced, after, err := w.follow(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		w.c.Report(fmt.Errorf("lockwatch: following %s: %w", w.base, err))
		if synced {
			wait = firstBackoff
		}
		// Programs that lost a server together come back one by one.
		pause := wait/2 + rand.N(wait/2+1)
		if after > 0 {
			pause = min(after, w.c.MaxBackoff) + rand.N(wait)
		}
		wait = min(2*wait, w.c.MaxBackoff)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// follow reads one stream to its end. synced says whether the view was whole in
// between; after is how long the server asks to wait.
func (w *Watcher) follow(ctx context.Context) (synced bool, after time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A server that is silent for several heartbeats is gone.
	patience := 4*w.beat + time.Second
	watchdog := time.AfterFunc(patience, func() { cancel(errors.New("the server is silent")) })
	defer watchdog.Stop()
	r, err := w.request(ctx, http.MethodGet, "/api/v3/locks/watch/?heartbeat="+w.beat.String(), nil)
	if err != nil {
		return false, 0, err
	}
	r.Header.Set("Accept", "text/event-stream")
	answer, err := w.http.Do(r)
	if err != nil {
		return false, 0, cause(ctx, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
		return false, time.Duration(min(max(seconds, 0), 3600)) * time.Second, refusal(answer)
	}
	f := follower{w: w}
	err = read(answer.Body, func(name string, data []byte) error {
		watchdog.Reset(patience)
		return f.hear(name, data)
	})
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return f.synced, 0, cause(ctx, err)
}

// cause says why a context was ended, where it was.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return why
	}
	return err
}

func (w *Watcher) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, w.base+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+w.c.Token)
	return r, nil
}

// follower applies the messages of one stream.
type follower struct {
	w      *Watcher
	next   *view // the full set while it is told; nil = it has been
	synced bool
	// ahead is the least difference seen between the time here and the server's:
	// what comes later than that was under way.
	ahead *time.Duration
}

// hear applies one message. Unknown ones say nothing that this version needs.
func (f *follower) hear(name string, data []byte) error {
	switch name {
	case "reset":
		f.next = newView()
	case "put":
		var l Lock
		if err := json.Unmarshal(data, &l); err != nil || l.Name == "" {
			return errors.New("the server tells a lock that is not understood")
		}
		f.put(hold(l))
	case "remove":
		var l Lock
		if err := json.Unmarshal(data, &l); err != nil || l.Name == "" {
			return errors.New("the server tells the end of a lock that is not understood")
		}
		f.remove(l.Name)
	case "sync":
		var s moment
		if err := json.Unmarshal(data, &s); err != nil || s.Now.IsZero() {
			return errors.New("the server tells a time that is not understood")
		}
		return f.sync(s)
	case "end":
		var why struct{ Reason, Message string }
		_ = json.Unmarshal(data, &why)
		return fmt.Errorf("the server ended the stream (%s): %s", why.Reason, why.Message)
	}
	return nil
}

// moment is as of when the server has told everything.
type moment struct {
	Age  int64     `json:"age_ms"`
	Now  time.Time `json:"now"`
	Mode Mode      `json:"mode"`
}

func (f *follower) put(h *held) {
	if f.next != nil {
		f.next.put(h)
		return
	}
	w := f.w
	w.mu.Lock()
	defer w.mu.Unlock()
	w.view.put(h)
	for s := range w.hearers {
		s.tell(h, true)
	}
	w.changed()
}

func (f *follower) remove(name string) {
	if f.next != nil {
		f.next.remove(name)
		return
	}
	w := f.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.view.remove(name); h != nil {
		for s := range w.hearers {
			s.tell(h, false)
		}
		w.changed()
	}
}

// sync takes note that everything up to a moment was told. What lay in between,
// here or on the way, counts as age.
func (f *follower) sync(s moment) error {
	w := f.w
	here := time.Now()
	ahead := here.Sub(w.began) - s.Now.Sub(w.began)
	if f.ahead == nil || ahead < *f.ahead {
		f.ahead = &ahead
	}
	delay := ahead - *f.ahead
	if delay > w.c.MaxStaleness { // or a clock was set back: begin anew
		return errors.New("the server's messages come too late")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = -*f.ahead
	w.fresh = here.Add(-delay - time.Duration(max(s.Age, 0))*time.Millisecond)
	w.mode = BestEffort
	if s.Mode != BestEffort { // also one that this version does not know
		w.mode = Strict
	}
	if f.next != nil {
		old := w.view
		w.view, f.next = f.next, nil
		f.synced = true
		for h := range w.hearers {
			for name, gone := range old.byName {
				if w.view.byName[name] == nil {
					h.tell(gone, false)
				}
			}
			for _, lock := range w.view.byName {
				h.tell(lock, true)
			}
		}
	}
	w.changed()
	return nil
}
