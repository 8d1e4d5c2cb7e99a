package metric

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// series are what is counted apart, by the values of the labels.
type series[T any] struct {
	head
	fresh func() *T
	mu    sync.Mutex
	all   map[string]*line[T]
}

type line[T any] struct {
	values []string
	count  *T
}

// at is the series of those values. The last one that there is room for is that of
// Other in the place of every value.
func (s *series[T]) at(values []string) *T {
	if len(values) != len(s.labels) {
		panic("metric: " + s.title + " has other labels")
	}
	key := strings.Join(values, "\xff")
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.all[key]; ok {
		return l.count
	}
	if len(s.all) >= most-1 && len(values) > 0 {
		values = slices.Repeat([]string{Other}, len(values))
		key = strings.Join(values, "\xff")
		if l, ok := s.all[key]; ok {
			return l.count
		}
	}
	l := &line[T]{slices.Clone(values), s.fresh()}
	s.all[key] = l
	return l.count
}

// sorted are the series in the order of their values.
func (s *series[T]) sorted() []*line[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*line[T], 0, len(s.all))
	for _, l := range s.all {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b *line[T]) int { return slices.Compare(a.values, b.values) })
	return out
}

// Counter counts what happens, since the process began.
type Counter struct{ series[atomic.Uint64] }

// Counter makes one. Name and help are those of Gauge; the name ends with _total.
// Without labels it is there from the beginning, with 0.
func (r *Registry) Counter(name, help string, labels ...string) *Counter {
	c := &Counter{series[atomic.Uint64]{head: head{name, "counter", help, labels},
		fresh: func() *atomic.Uint64 { return &atomic.Uint64{} }, all: map[string]*line[atomic.Uint64]{}}}
	r.add(c, c.head)
	if len(labels) == 0 {
		c.at(nil)
	}
	return c
}

// Add counts n more for these values of the labels; 0 makes them known.
func (c *Counter) Add(n uint64, values ...string) { c.at(values).Add(n) }

func (c *Counter) write(_ context.Context, w *writer) error {
	w.head(c.head)
	for _, l := range c.sorted() {
		w.sample(c.title, c.labels, l.values, float64(l.count.Load()))
	}
	return nil
}

// spread is how durations spread over bounds, in seconds.
type spread struct {
	bounds []float64
	counts []atomic.Uint64 // one more than bounds
	nanos  atomic.Int64
}

func newSpread(bounds []float64) *spread {
	return &spread{bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
}

func (s *spread) note(took time.Duration) {
	seconds, i := took.Seconds(), 0
	for i < len(s.bounds) && seconds > s.bounds[i] {
		i++
	}
	s.counts[i].Add(1)
	s.nanos.Add(int64(took))
}

// Histogram counts how long things took.
type Histogram struct{ series[spread] }

// Histogram makes one with bounds in seconds, in ascending order. Name and help are
// those of Gauge; the name ends with _seconds.
func (r *Registry) Histogram(name, help string, bounds []float64, labels ...string) *Histogram {
	h := &Histogram{series[spread]{head: head{name, "histogram", help, labels},
		fresh: func() *spread { return newSpread(bounds) }, all: map[string]*line[spread]{}}}
	r.add(h, h.head)
	if len(labels) == 0 {
		h.at(nil)
	}
	return h
}

// Note counts one that took so long.
func (h *Histogram) Note(took time.Duration, values ...string) { h.at(values).note(took) }

func (h *Histogram) write(_ context.Context, w *writer) error {
	w.head(h.head)
	for _, l := range h.sorted() {
		w.spread(h.head, l.values, l.count)
	}
	return nil
}
