package secret

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// steady is a collector that notes what it is told.
type steady struct {
	operators  bool // the settings are theirs
	scan, all  uint64
	limit      uint64 // 0 = the usual pace
	bounds     int
	collected  int
	released   int
	collection func()
}

func (s *steady) own() bool              { return !s.operators }
func (s *steady) collect()               { s.collected++ }
func (s *steady) held() (uint64, uint64) { return s.all, s.scan }
func (s *steady) bound(limit uint64)     { s.limit = limit; s.bounds++ }
func (s *steady) free()                  { s.limit = 0 }
func (s *steady) release()               { s.released++ }
func (s *steady) watch(fn func())        { s.collection = fn }

// alarm is a timer that rings when the test says so.
type alarm struct {
	after time.Duration
	ring  func()
	set   bool
}

func (a *alarm) later(d time.Duration, fn func()) func() bool {
	a.after, a.ring, a.set = d, fn, true
	return func() bool { was := a.set; a.set = false; return was }
}

func paced() (*Pace, *steady, *alarm) {
	gc, quiet := &steady{all: 10 << 20, scan: 2 << 20}, &alarm{}
	return newPace(gc, quiet.later, 2), gc, quiet
}

func TestPaceBoundsABurst(t *testing.T) {
	t.Parallel()
	p, gc, quiet := paced()
	p.enter()
	require.EqualValues(t, (10+2*19)<<20+paceSlack, gc.limit)
	require.Equal(t, 1, gc.collected, "what is garbage does not count as held")
	p.enter()
	p.leave()
	require.False(t, quiet.set, "another one runs")
	p.leave()
	require.True(t, quiet.set)
	require.Equal(t, paceQuiet, quiet.after)

	p.enter()
	require.False(t, quiet.set, "it is not quiet yet")
	require.Equal(t, 1, gc.bounds)
	quiet.ring() // too late to be stopped
	require.NotZero(t, gc.limit)
	p.leave()
	early := quiet.ring
	early()
	require.Zero(t, gc.limit, "the usual pace")
	require.Equal(t, 1, gc.released)

	p.enter()
	require.Equal(t, 2, gc.bounds, "another burst")
	require.Equal(t, 1, gc.collected, "nothing hashed unnoticed since")
	p.leave()
	early()
	require.NotZero(t, gc.limit, "the alarm of the burst before")
	quiet.ring()
	require.Zero(t, gc.limit)
	require.Equal(t, 2, gc.released)
}

func TestPaceGivesUpWhereItDoesHarm(t *testing.T) {
	t.Parallel()
	p, gc, quiet := paced()
	p.enter()
	p.leave()
	p.enter() // one more collection for one more hash
	for range paceExcess + 1 {
		require.NotZero(t, gc.limit)
		gc.collection()
	}
	require.NotZero(t, gc.limit)
	gc.collection()
	require.Zero(t, gc.limit, "more collections than hashes")
	gc.collection()
	p.leave()
	require.False(t, quiet.set)

	gc.all = 25 << 20
	p.enter()
	require.EqualValues(t, (25+2*19)<<20+paceSlack, gc.limit, "from what is held now")
	require.Equal(t, 2, gc.collected)
}

func TestPaceDoesNotBeginAmidOtherHashes(t *testing.T) {
	t.Parallel()
	p, gc, _ := paced()
	gc.operators = true
	p.enter()
	gc.operators = false
	p.enter()
	require.Zero(t, gc.limit, "the first one's buffer would count as held")
	p.leave()
	p.leave()
	p.enter()
	require.NotZero(t, gc.limit)
}

func TestPaceKeepsOut(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*steady){
		"of the operator's settings": func(gc *steady) { gc.operators = true },
		"of large heaps":             func(gc *steady) { gc.scan = smallHeap + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, gc, quiet := paced()
			change(gc)
			p.enter()
			p.leave()
			p.Stop()
			require.Zero(t, gc.bounds+gc.collected+gc.released)
			require.False(t, quiet.set)
		})
	}
}

func TestPaceStops(t *testing.T) {
	t.Parallel()
	p, gc, quiet := paced()
	p.enter()
	p.Stop()
	require.Zero(t, gc.limit)
	p.leave()
	p.enter()
	p.leave()
	require.Zero(t, gc.limit, "for good")
	require.False(t, quiet.set)
}

// TestPaceOfThisProcess changes the settings of the process that runs the tests.
func TestPaceOfThisProcess(t *testing.T) { // not parallel: others would hash meanwhile
	if !(process{}).own() {
		t.Skip("GOGC or GOMEMLIMIT is set")
	}
	var quiet alarm
	var mu sync.Mutex // of the alarm
	p := newPace(process{}, func(d time.Duration, fn func()) func() bool {
		mu.Lock()
		defer mu.Unlock()
		return quiet.later(d, fn)
	}, uint64(runtime.GOMAXPROCS(0)))
	h := New()
	h.Follow(p)
	encoded, err := h.Hash(t.Context(), "correct horse")
	require.NoError(t, err)
	require.False(t, process{}.own(), "a limit")

	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got, err := h.Verify(t.Context(), encoded, "correct horse"); err != nil || !got.OK {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
	group.Wait()
	quiet.ring()
	require.True(t, process{}.own(), "the usual pace")

	p.enter()
	require.False(t, process{}.own())
	p.Stop()
	require.True(t, process{}.own())

	heard := make(chan struct{})
	process{}.watch(func() { close(heard) })
	runtime.GC()
	<-heard
}
