package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"sort"
	"strings"
	"time"
)

// report prints figures as they come and remembers which bars were missed.
type report struct {
	missed []string
	idle   float64 // bytes an idle server holds, once measured
}

func (r *report) heading(s string) { fmt.Printf("\n%s\n", s) }

// machine says what the figures were measured on: they mean nothing without.
func (r *report) machine() {
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Printf("%s/%s, %d cores, %s, load %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), load)
}

// figure prints a value without a bar.
func (r *report) figure(what, format string, args ...any) {
	fmt.Printf("  %-58s %s\n", what, fmt.Sprintf(format, args...))
}

// bar prints a value with its bar. An unsteady figure is not measured: a noisy
// pass would say nothing.
func (r *report) bar(what string, value, bar float64, unit string) {
	verdict := "ok"
	if value > bar {
		verdict = "MISSED"
		r.missed = append(r.missed, what)
	}
	fmt.Printf("  %-58s %.2f %s (bar %.2f): %s\n", what, value, unit, bar, verdict)
}

// least prints a value that must not be below its bar.
func (r *report) least(what string, value, bar float64, unit string) {
	verdict := "ok"
	if value < bar {
		verdict = "MISSED"
		r.missed = append(r.missed, what)
	}
	fmt.Printf("  %-58s %.4g %s (bar %.4g): %s\n", what, value, unit, bar, verdict)
}

func (r *report) end() error {
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Printf("\nload at the end: %s", load)
	if len(r.missed) > 0 {
		fmt.Printf("missed: %s\n", strings.Join(r.missed, "; "))
	}
	return nil
}

// sample is a set of durations.
type sample []time.Duration

func (s sample) at(percent int) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := append(sample(nil), s...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}

// String shows the median and the spread.
func (s sample) String() string {
	return fmt.Sprintf("%s (p90 %s, n=%d)", s.at(50).Round(10*time.Microsecond), s.at(90).Round(10*time.Microsecond), len(s))
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
