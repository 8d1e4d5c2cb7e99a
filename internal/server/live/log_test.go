package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// book is a Source that a test writes.
type book struct {
	mu      sync.Mutex
	events  []idp.Event
	broken  error
	reads   int
	watched []bool
}

func (b *book) write(names ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range names {
		b.events = append(b.events, idp.Event{ID: idp.NewID[idp.Event](), App: n, Action: idp.ActionLogin})
	}
}

// Tail keeps the number of the event to go on with in the mark, and tells two at a
// time.
func (b *book) Tail(_ context.Context, m idp.EventMark) ([]idp.Event, idp.EventMark, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	if b.broken != nil {
		return nil, m, b.broken
	}
	at := len(b.events)
	if m.Since != "" {
		_, _ = fmt.Sscan(m.Since, &at)
	}
	some := b.events[at:min(at+2, len(b.events))]
	next := idp.EventMark{Since: fmt.Sprint(at + len(some))}
	if at+len(some) < len(b.events) {
		next.Until = "more"
	}
	return append([]idp.Event(nil), some...), next, nil
}

func (b *book) Watch(_ context.Context, on bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.watched); n == 0 || b.watched[n-1] != on {
		b.watched = append(b.watched, on)
	}
	return nil
}

func (b *book) breaks(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = err
}

func newLog(t *testing.T) (*Log, *book) {
	b := &book{}
	l := NewLog(b, slog.New(slog.DiscardHandler))
	t.Cleanup(l.Close)
	return l, b
}

// hears waits for these events, in this order.
func hears(t *testing.T, s *Subscription, names ...string) {
	t.Helper()
	for len(names) > 0 {
		events, open := <-s.C()
		require.True(t, open)
		for _, e := range events {
			require.Equal(t, names[0], e.App)
			names = names[1:]
		}
	}
}

func subscribe(t *testing.T, l *Log, after idp.EventID) *Subscription {
	t.Helper()
	s, err := l.Subscribe(t.Context(), after)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func TestLogTellsEverybodyEverythingOnce(t *testing.T) {
	t.Parallel()
	l, b := newLog(t)
	b.write("before")
	first := subscribe(t, l, idp.EventID{})
	b.write("one", "two", "three", "four", "five")
	l.Wake()
	hears(t, first, "one", "two", "three", "four", "five")

	second := subscribe(t, l, b.events[3].ID)
	require.True(t, second.Known)
	require.Len(t, second.Missed, 2)
	require.Equal(t, []string{"four", "five"}, []string{second.Missed[0].App, second.Missed[1].App})
	third := subscribe(t, l, b.events[0].ID)
	require.False(t, third.Known, "it was told before anybody listened")
	b.write("six")
	l.Wake()
	for _, s := range []*Subscription{first, second, third} {
		hears(t, s, "six")
	}
}

// When nobody wakes it, because the connection that hears of events broke, it
// reads all the same.
func TestLogReadsWithoutBeingWoken(t *testing.T) {
	t.Parallel()
	l, b := newLog(t)
	s := subscribe(t, l, idp.EventID{})
	b.write("one")
	hears(t, s, "one")
}

func TestLogReadsWhileSomebodySubscribes(t *testing.T) {
	t.Parallel()
	l, b := newLog(t)
	l.Wake()
	require.Zero(t, b.reads)
	first, second := subscribe(t, l, idp.EventID{}), subscribe(t, l, idp.EventID{})
	first.Close()
	b.write("one")
	l.Wake()
	hears(t, second, "one")
	second.Close()
	second.Close()
	l.done.Wait()
	b.write("two", "three")
	l.Wake()
	require.Equal(t, []bool{true, false}, b.watched)

	again := subscribe(t, l, idp.EventID{})
	b.write("four")
	l.Wake()
	hears(t, again, "four")
	again.Close()
	l.done.Wait()
	require.Equal(t, []bool{true, false, true, false}, b.watched)
}

func TestLogGoesOnAfterAFault(t *testing.T) {
	t.Parallel()
	l, b := newLog(t)
	s := subscribe(t, l, idp.EventID{})
	b.breaks(errors.New("gone"))
	b.write("one")
	l.Wake()
	require.Eventually(t, func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.reads > 1 }, time.Minute, time.Millisecond)
	b.breaks(nil)
	hears(t, s, "one")
}

func TestLogThatCannotBeReadRefuses(t *testing.T) {
	t.Parallel()
	l, b := newLog(t)
	b.breaks(errors.New("gone"))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := l.Subscribe(ctx, idp.EventID{})
	require.Equal(t, idp.CodeUnavailable, idp.CodeOf(err))
	l.Close()
	_, err = l.Subscribe(t.Context(), idp.EventID{})
	require.Equal(t, idp.CodeBusy, idp.CodeOf(err))
}

func TestLogDropsWhoFallsBehind(t *testing.T) {
	t.Parallel()
	l, b := newLog(t)
	slow, quick := subscribe(t, l, idp.EventID{}), subscribe(t, l, idp.EventID{})
	names := make([]string, 2*(backlog+1))
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	go func() { b.write(names...); l.Wake() }()
	hears(t, quick, names...)
	b.write("last")
	l.Wake()
	hears(t, quick, "last")
	n := 0
	for events := range slow.C() {
		n += len(events)
	}
	require.Equal(t, 2*backlog, n, "what it was told before is whole")
}

func TestMatches(t *testing.T) {
	t.Parallel()
	e := &idp.Event{Action: idp.ActionUserWrite, ClientIP: netip.MustParseAddr("192.0.2.7"), Context: map[string]any{"action_id": "account_lockdown"},
		User: map[string]any{"pk": 7.0, "username": "ada", "authenticated_as": map[string]any{"pk": 8.0, "username": "boss"}}}
	user := func(id idp.UserID) *idp.UserID { return &id }
	text := func(s string) *string { return &s }
	for name, c := range map[string]struct {
		filter idp.EventFilter
		want   bool
	}{
		"nothing asked":     {idp.EventFilter{}, true},
		"action":            {idp.EventFilter{Actions: []idp.Action{idp.ActionLogin, idp.ActionUserWrite}}, true},
		"another action":    {idp.EventFilter{Actions: []idp.Action{idp.ActionLogin}}, false},
		"user":              {idp.EventFilter{UserID: user(7)}, true},
		"actor":             {idp.EventFilter{UserID: user(8)}, true},
		"another user":      {idp.EventFilter{UserID: user(9)}, false},
		"username":          {idp.EventFilter{Username: text("ada")}, true},
		"another username":  {idp.EventFilter{Username: text("boss")}, false},
		"address":           {idp.EventFilter{ClientIP: text("192.0.2.7")}, true},
		"another address":   {idp.EventFilter{ClientIP: text("192.0.2.8")}, false},
		"action id":         {idp.EventFilter{ActionID: text("account_lockdown")}, true},
		"another action id": {idp.EventFilter{ActionID: text("account_restore")}, false},
		"one of two wrong":  {idp.EventFilter{ActionID: text("account_lockdown"), UserID: user(9)}, false},
	} {
		require.Equal(t, c.want, matches(c.filter, e), name)
	}
	require.False(t, matches(idp.EventFilter{UserID: user(0)}, &idp.Event{}))
}
