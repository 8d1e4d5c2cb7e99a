package metric

import (
	"context"
	"regexp"
	"slices"
	"sync"
)

// most is how many series a family may have. What comes after them counts as Other.
const most = 200

// Other stands for every value of a label that there is no more room for.
const Other = "other"

// Registry holds what is counted, by name.
type Registry struct {
	mu       sync.Mutex
	families []family
	failures *Counter
}

// family is a metric with all its series.
type family interface {
	name() string
	write(ctx context.Context, w *writer) error
}

// New returns a registry that counts nothing but what it could not read.
func New() *Registry {
	r := &Registry{}
	r.failures = r.Counter("portcullis_metric_failures_total",
		"Readings of a metric that failed, by the metric: its series are missing from those answers.", "metric")
	return r
}

// head is what Prometheus is told of a family before its series.
type head struct {
	title, kind, help string
	labels            []string
}

func (h head) name() string { return h.title }

var (
	title = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	label = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// add panics on a name that is no name or taken: what is counted is part of the code.
func (r *Registry) add(f family, h head) {
	if !title.MatchString(h.title) || h.help == "" || slices.ContainsFunc(h.labels, func(l string) bool { return !label.MatchString(l) }) {
		panic("metric: " + h.title + " is no good name, has a label that is none, or says nothing of itself")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.ContainsFunc(r.families, func(o family) bool { return o.name() == h.title }) {
		panic("metric: " + h.title + " is counted twice")
	}
	r.families = append(r.families, f)
}

// Sample is one value as it is now.
type Sample struct {
	Labels []string // values, in the order of the names
	Value  float64
}

// One is the value of a metric without labels.
func One[N int | int32 | int64 | uint64 | float64](value N) []Sample {
	return []Sample{{Value: float64(value)}}
}

// Reading tells the values of a metric when it is asked for them. It ends with
// its context; after an error the metric is left out of the answer.
type Reading func(ctx context.Context) ([]Sample, error)

// Gauge has a value read whenever somebody asks. Names begin with portcullis_ and
// end with their unit; help is a plain sentence.
func (r *Registry) Gauge(name, help string, labels []string, read Reading) {
	h := head{name, "gauge", help, labels}
	r.add(&reading{head: h, read: read}, h)
}

// Total is a Gauge of something that only grows while the process runs.
func (r *Registry) Total(name, help string, labels []string, read Reading) {
	h := head{name, "counter", help, labels}
	r.add(&reading{head: h, read: read}, h)
}

type reading struct {
	head
	read Reading
}

func (f *reading) write(ctx context.Context, w *writer) error {
	samples, err := f.read(ctx)
	if err != nil {
		return err
	}
	w.head(f.head)
	for _, s := range samples[:min(len(samples), most)] {
		w.sample(f.title, f.labels, s.Labels, s.Value)
	}
	return nil
}

// Text is everything in Prometheus' text format, version 0.0.4. What cannot be
// read is left out, and counted.
func (r *Registry) Text(ctx context.Context) []byte {
	r.mu.Lock()
	all := slices.Clone(r.families)
	r.mu.Unlock()
	slices.SortFunc(all, func(a, b family) int {
		if a.name() < b.name() {
			return -1
		}
		return 1
	})
	w := &writer{}
	for _, f := range all {
		if err := f.write(ctx, w); err != nil {
			r.failures.Add(1, f.name())
		}
	}
	return w.text
}
