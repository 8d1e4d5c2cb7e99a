package trace

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options are what Open needs.
type Options struct {
	Endpoint string            // base URL of the collector
	Headers  map[string]string // sent with each batch
	Version  string            // of the product
	Share    float64           // of the requests that are followed, 0 to 1
	Log      *slog.Logger
}

// Tracer makes spans and sends them in the background. Nothing is sent before there
// is a span.
type Tracer struct {
	share float64
	queue *queue
}

// Open begins to follow.
func Open(o Options) *Tracer { return &Tracer{share: o.Share, queue: newQueue(newExporter(o))} }

// Close sends what is still to be sent. Spans that end later are lost.
func (t *Tracer) Close() { t.queue.close() }

// The kinds of spans, by OTLP's numbers.
const (
	kindServer = 2
	kindClient = 3
)

// work is a span under way.
type work struct {
	trace, id, parent string // in hexadecimal; parent "" = none
	began             time.Time
	facts             []pair
	kind              int
	over              atomic.Bool
	once              sync.Once
}

type workKey struct{}

func within(ctx context.Context) *work {
	w, _ := ctx.Value(workKey{}).(*work)
	return w
}

// end hands the span over, once.
func (t *Tracer) end(w *work, name string, failed bool) {
	w.once.Do(func() {
		w.over.Store(true)
		s := span{TraceID: w.trace, SpanID: w.id, ParentID: w.parent, Flags: 1, Name: name, Kind: w.kind,
			Start: nanos(w.began), End: nanos(w.began.Add(time.Since(w.began))), Attributes: w.facts}
		if failed {
			s.Status.Code = statusError
		}
		t.queue.add(s)
	})
}

// Request begins the span of a request. What the header traceparent names is its
// parent; what that says of sampling does not count: a stranger's word decides
// neither that a request is followed nor that it is not.
func (t *Tracer) Request(ctx context.Context, header http.Header) (context.Context, func(method, route string, status int)) {
	if t.share < 1 && mathrand.Float64() >= t.share {
		return ctx, func(string, string, int) {}
	}
	w := &work{id: identifier(8), kind: kindServer, began: time.Now()}
	if w.trace, w.parent = parentOf(header); w.trace == "" {
		w.trace = identifier(16)
	}
	return context.WithValue(ctx, workKey{}, w), func(method, route string, status int) {
		w.facts = []pair{text("http.request.method", method), text("http.route", route),
			{"http.response.status_code", map[string]any{"intValue": strconv.Itoa(status)}}}
		t.end(w, method+" "+route, status >= http.StatusInternalServerError)
	}
}

// Follows reports whether the context is within a span that is under way.
func (t *Tracer) Follows(ctx context.Context) bool {
	w := within(ctx)
	return w != nil && !w.over.Load()
}

// Within is ctx, with the span of other as its own.
func (t *Tracer) Within(ctx, other context.Context) context.Context {
	return context.WithValue(ctx, workKey{}, within(other))
}

// Work begins a span within that of the context, which there must be. facts are
// pairs of a name and a value, failure is a code.
func (t *Tracer) Work(ctx context.Context, name string, facts ...string) (context.Context, func(failure string)) {
	whole := within(ctx)
	w := &work{trace: whole.trace, id: identifier(8), parent: whole.id, kind: kindClient, began: time.Now()}
	for i := 0; i+1 < len(facts); i += 2 {
		if facts[i+1] != "" {
			w.facts = append(w.facts, text(facts[i], facts[i+1]))
		}
	}
	return context.WithValue(ctx, workKey{}, w), func(failure string) {
		if failure != "" {
			w.facts = append(w.facts, text("error.type", failure))
		}
		t.end(w, name, failure != "")
	}
}

func identifier(bytes int) string {
	id := make([]byte, bytes)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

// parentOf reads the header traceparent (W3C Trace Context, section 3.2); "" where
// there is none or it is not as it should be.
func parentOf(header http.Header) (trace, span string) {
	given := header.Values("Traceparent")
	if len(given) != 1 {
		return "", ""
	}
	parts := strings.Split(given[0], "-")
	if len(parts) < 4 || !hexadecimal(parts[0], 2) || parts[0] == "ff" || parts[0] == "00" && len(parts) != 4 ||
		!hexadecimal(parts[1], 32) || !hexadecimal(parts[2], 16) || !hexadecimal(parts[3], 2) ||
		strings.Trim(parts[1], "0") == "" || strings.Trim(parts[2], "0") == "" {
		return "", ""
	}
	return parts[1], parts[2]
}

func hexadecimal(s string, length int) bool {
	return len(s) == length && strings.Trim(s, "0123456789abcdef") == ""
}
