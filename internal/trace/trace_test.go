package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// collector answers with one status after the other, the last one again and again,
// and keeps what it took.
type collector struct {
	mu       sync.Mutex
	statuses []int
	asked    int
	taken    []span
	gate     chan struct{} // closed when it begins to answer; nil = it does
}

func (c *collector) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.gate != nil {
		<-c.gate
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	status := c.statuses[min(c.asked, len(c.statuses))-1]
	var got traces
	if body, err := io.ReadAll(r.Body); err != nil || json.Unmarshal(body, &got) != nil {
		status = http.StatusBadRequest
	}
	if status == http.StatusOK {
		c.taken = append(c.taken, got.ResourceSpans[0].ScopeSpans[0].Spans...)
	}
	w := httptest.NewRecorder()
	w.WriteHeader(status)
	return w.Result(), nil
}

// following is a tracer whose spans go to the collector.
func following(c *collector, share float64, log io.Writer) *Tracer {
	o := Options{Endpoint: "http://collector", Share: share, Version: "1", Log: slog.New(slog.NewTextHandler(log, nil))}
	e := newExporter(o)
	e.client.Transport = c
	return &Tracer{share: share, queue: newQueue(e)}
}

func TestWhatACollectorDoesNotTakeIsTriedAgainAndThenLost(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		statuses []int
		asked    int
		lost     bool
	}{
		"taken":             {[]int{200}, 1, false},
		"taken later":       {[]int{503, 429, 200}, 3, false},
		"never":             {[]int{503}, 3, true},
		"not what it wants": {[]int{400}, 1, true},
		"elsewhere":         {[]int{302}, 1, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				to := &collector{statuses: c.statuses}
				e := newExporter(Options{Endpoint: "http://collector", Log: slog.New(slog.NewTextHandler(&log, nil))})
				e.client.Transport = to
				e.export(t.Context(), []span{{Name: "x"}})
				require.Equal(t, c.asked, to.asked)
				require.Equal(t, c.lost, strings.Contains(log.String(), "are lost"), log.String())
				if !c.lost {
					return
				}
				e.export(t.Context(), []span{{Name: "x"}})
				require.Equal(t, 1, strings.Count(log.String(), "are lost"), "said once")
				to.statuses = []int{200}
				e.export(t.Context(), []span{{Name: "x"}})
				require.Contains(t, log.String(), "are sent again")
			})
		})
	}
}

// A collector that hangs holds nobody up, and takes no more memory than there is room.
func TestSpansThatThereIsNoRoomForAreLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		to := &collector{statuses: []int{200}, gate: make(chan struct{})}
		tr := following(to, 1, &log)
		for range batch {
			tr.queue.add(span{})
		}
		synctest.Wait() // a batch is under way
		for range room + 7 {
			tr.queue.add(span{})
		}
		close(to.gate)
		tr.Close()
		require.Len(t, to.taken, batch+room)
		require.Contains(t, log.String(), "spans=7")
	})
}

func TestSpansAreSentAfterAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to := &collector{statuses: []int{200}}
		tr := following(to, 1, io.Discard)
		ctx, end := tr.Request(t.Context(), http.Header{})
		_, done := tr.Work(ctx, "SELECT users", "db.operation.name", "SELECT", "none", "")
		done("23505")
		done("again")
		end("GET", "/", 500)
		time.Sleep(interval) // by the clock of the bubble
		synctest.Wait()
		to.mu.Lock()
		require.Len(t, to.taken, 2)
		inner, outer := to.taken[0], to.taken[1]
		to.mu.Unlock()
		require.Equal(t, []string{outer.TraceID, outer.SpanID}, []string{inner.TraceID, inner.ParentID})
		require.Equal(t, []pair{text("db.operation.name", "SELECT"), text("error.type", "23505")}, inner.Attributes)
		require.Equal(t, []int{kindClient, statusError, kindServer, statusError}, []int{inner.Kind, inner.Status.Code, outer.Kind, outer.Status.Code})
		require.Equal(t, "GET /", outer.Name)
		tr.Close()
	})
}

func TestOnlyAShareIsFollowed(t *testing.T) {
	t.Parallel()
	tr := following(&collector{statuses: []int{200}}, 0, io.Discard)
	defer tr.Close()
	ctx, end := tr.Request(t.Context(), http.Header{"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}})
	require.False(t, tr.Follows(ctx), "whatever the request says")
	end("GET", "/", 200)
	require.Empty(t, tr.queue.waiting)
}

func TestNothingIsFollowedOutsideOfARequest(t *testing.T) {
	t.Parallel()
	tr := following(&collector{statuses: []int{200}}, 1, io.Discard)
	defer tr.Close()
	require.False(t, tr.Follows(t.Context()))
	ctx, end := tr.Request(t.Context(), http.Header{})
	require.True(t, tr.Follows(ctx))
	require.True(t, tr.Follows(tr.Within(context.Background(), ctx)))
	end("GET", "/", 200)
	require.False(t, tr.Follows(ctx), "it is over")
}

func TestTraceparent(t *testing.T) {
	t.Parallel()
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for given, good := range map[string]bool{
		"00-" + trace + "-" + parent + "-00":                   true,
		"00-" + trace + "-" + parent + "-01":                   true,
		"cc-" + trace + "-" + parent + "-01-what-comes-later":  true,
		"00-" + trace + "-" + parent + "-01-more":              false,
		"ff-" + trace + "-" + parent + "-01":                   false,
		"00-" + strings.ToUpper(trace) + "-" + parent + "-01":  false,
		"00-" + strings.Repeat("0", 32) + "-" + parent + "-01": false,
		"00-" + trace + "-" + strings.Repeat("0", 16) + "-01":  false,
		"00-" + trace[1:] + "-" + parent + "-01":               false,
		"00-" + trace + "-" + parent:                           false,
		"00-" + trace[:31] + "\"-" + parent + "-01":            false,
		"": false,
	} {
		gotTrace, gotParent := parentOf(http.Header{"Traceparent": {given}})
		if good {
			require.Equal(t, []string{trace, parent}, []string{gotTrace, gotParent}, given)
		} else {
			require.Empty(t, gotTrace+gotParent, given)
		}
	}
	one := "00-" + trace + "-" + parent + "-00"
	got, _ := parentOf(http.Header{"Traceparent": {one, one}})
	require.Empty(t, got, "two of them")
}
