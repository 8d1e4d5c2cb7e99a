package metric

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// mostRoutes is how many kinds of requests are told apart: more than there are
// routes, methods and classes of answers in use.
const mostRoutes = 3000

// requestBounds are in seconds. A page takes milliseconds, a sign-in a password's hash.
var requestBounds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10}

// requestLabels are the labels of requests.
var requestLabels = []string{"route", "method", "status"}

// Requests counts requests by route, method and class of the answer. It is asked
// for each one, so a kind that was seen before costs one look into a map that
// nobody writes to.
type Requests struct {
	mu    sync.Mutex // of writing
	kinds atomic.Pointer[map[kind]*spread]
}

type kind struct{ route, method, status string }

func (k kind) values() []string { return []string{k.route, k.method, k.status} }

// Requests makes the two metrics of requests.
func (r *Registry) Requests() *Requests {
	q := &Requests{}
	q.kinds.Store(&map[kind]*spread{})
	count := head{"portcullis_http_requests_total", "counter",
		"Requests that were answered, by the pattern of their route, their method and the class of the answer's status.", requestLabels}
	took := head{"portcullis_http_request_duration_seconds", "histogram",
		"How long requests took until their answer was written, streams until they ended.", requestLabels}
	r.add(requestFamily{count, q, func(w *writer, k kind, s *spread) {
		total := uint64(0)
		for i := range s.counts {
			total += s.counts[i].Load()
		}
		w.sample(count.title, count.labels, k.values(), float64(total))
	}}, count)
	r.add(requestFamily{took, q, func(w *writer, k kind, s *spread) { w.spread(took, k.values(), s) }}, took)
	return q
}

// Request counts one. route is the pattern as it was registered, never a path.
func (q *Requests) Request(route, method string, status int, took time.Duration) {
	k := kind{route, plainMethod(method), class(status)}
	s, ok := (*q.kinds.Load())[k]
	if !ok {
		s = q.learn(k)
	}
	s.note(took)
}

// learn adds a kind.
func (q *Requests) learn(k kind) *spread {
	q.mu.Lock()
	defer q.mu.Unlock()
	old := *q.kinds.Load()
	if len(old) >= mostRoutes-1 {
		k.route, k.method = Other, Other
	}
	if s, ok := old[k]; ok {
		return s
	}
	next := make(map[kind]*spread, len(old)+1)
	for k, s := range old {
		next[k] = s
	}
	s := newSpread(requestBounds)
	next[k] = s
	q.kinds.Store(&next)
	return s
}

func plainMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return Other
}

func class(status int) string {
	switch status / 100 {
	case 1:
		return "1xx"
	case 2:
		return "2xx"
	case 3:
		return "3xx"
	case 4:
		return "4xx"
	}
	return "5xx"
}

type requestFamily struct {
	head
	from *Requests
	each func(w *writer, k kind, s *spread)
}

func (f requestFamily) write(_ context.Context, w *writer) error {
	kinds := *f.from.kinds.Load()
	order := make([]kind, 0, len(kinds))
	for k := range kinds {
		order = append(order, k)
	}
	slices.SortFunc(order, func(a, b kind) int {
		return cmp.Or(cmp.Compare(a.route, b.route), cmp.Compare(a.method, b.method), cmp.Compare(a.status, b.status))
	})
	w.head(f.head)
	for _, k := range order {
		f.each(w, k, kinds[k])
	}
	return nil
}
