package secret

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const burst = 64 // concurrent sign-ins

// TestBurstStaysWithinMemory holds the bound on resident memory: processors ×
// 19 MiB + 20 MB over idle.
func TestBurstStaysWithinMemory(t *testing.T) { // not parallel: it measures the process
	if raceEnabled {
		t.Skip("the race detector multiplies memory")
	}
	h := New()
	encoded, err := h.Hash(t.Context(), "correct horse")
	require.NoError(t, err)

	debug.FreeOSMemory()
	idle := memory(t, "VmRSS")
	resetPeak(t)
	var wg sync.WaitGroup
	for range burst {
		wg.Go(func() {
			result, err := h.Verify(t.Context(), encoded, "correct horse")
			if err != nil || !result.OK {
				t.Errorf("verifying: %v %v", result, err)
			}
		})
	}
	wg.Wait()
	over := memory(t, "VmHWM") - idle
	bound := runtime.GOMAXPROCS(0)*19<<20 + 20_000_000
	t.Logf("%d at once: %.1f MB over idle, bound %.1f MB", burst, float64(over)/1e6, float64(bound)/1e6)
	require.LessOrEqual(t, over, bound)
}

func BenchmarkHash(b *testing.B) {
	h := New()
	for b.Loop() {
		if _, err := h.Hash(b.Context(), "correct horse"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBurst is one sign-in's share of a burst, with the collections.
func BenchmarkBurst(b *testing.B) {
	h := New()
	encoded, err := h.Hash(b.Context(), "correct horse")
	require.NoError(b, err)
	b.SetParallelism(burst / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := h.Verify(b.Context(), encoded, "correct horse"); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkToken(b *testing.B) {
	for b.Loop() {
		Token()
	}
}

func resetPeak(t *testing.T) {
	t.Helper()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Skip("this system does not tell the peak of resident memory")
	}
}

// memory reads a figure of this process in bytes.
func memory(t *testing.T, name string) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("this system does not tell resident memory")
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			n, err := strconv.Atoi(strings.Fields(value)[0])
			require.NoError(t, err)
			return n << 10
		}
	}
	t.Skip("this system does not tell " + name)
	return 0
}
