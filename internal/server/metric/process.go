package metric

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"time"
)

// runtimeMetrics are read from Go's runtime, by the names that dashboards know.
var runtimeMetrics = []struct {
	name, kind, help, source string
}{
	{"go_goroutines", "gauge", "Goroutines that there are.", "/sched/goroutines:goroutines"},
	{"go_memory_heap_objects_bytes", "gauge", "Memory that objects take, those not collected yet included.", "/memory/classes/heap/objects:bytes"},
	{"go_memory_total_bytes", "gauge", "Memory that the Go runtime has mapped.", "/memory/classes/total:bytes"},
	{"go_memory_allocated_bytes_total", "counter", "Memory that was ever allocated on the heap.", "/gc/heap/allocs:bytes"},
	{"go_gc_cycles_total", "counter", "Collections of garbage that were completed.", "/gc/cycles/total:gc-cycles"},
	{"go_gc_cpu_seconds_total", "counter", "Estimated processor time spent on collecting garbage.", "/cpu/classes/gc/total:cpu-seconds"},
}

// Process adds what is known of the process and of Go's runtime, and what is
// running: the version of the product.
func (r *Registry) Process(version string) {
	began := float64(time.Now().UnixMilli()) / 1000
	r.Gauge("portcullis_build_info", "1, with the version that is running and Go's.", []string{"version", "go_version"},
		func(context.Context) ([]Sample, error) {
			return []Sample{{Labels: []string{version, runtime.Version()}, Value: 1}}, nil
		})
	r.Gauge("process_start_time_seconds", "When the process began, in seconds since 1970.", nil,
		func(context.Context) ([]Sample, error) { return One(began), nil })
	for _, m := range runtimeMetrics {
		h := head{m.name, m.kind, m.help, nil}
		r.add(&reading{head: h, read: func(context.Context) ([]Sample, error) { return runtimeSample(m.source), nil }}, h)
	}
	if _, err := os.Stat("/proc/self/statm"); err == nil {
		r.Gauge("process_resident_memory_bytes", "Memory that the process holds.", nil,
			func(context.Context) ([]Sample, error) { return resident() })
	}
}

func runtimeSample(source string) []Sample {
	s := []metrics.Sample{{Name: source}}
	metrics.Read(s)
	switch s[0].Value.Kind() {
	case metrics.KindUint64:
		return One(s[0].Value.Uint64())
	case metrics.KindFloat64:
		return One(s[0].Value.Float64())
	}
	return nil // this version of Go does not know it
}

// resident reads what Linux says of the process.
func resident() ([]Sample, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return nil, err
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return nil, nil
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	return One(pages * uint64(os.Getpagesize())), err
}
