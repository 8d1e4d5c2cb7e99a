package secret

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// paceQuiet is how long after the last hash the collector's usual pace and
	// idle memory come back.
	paceQuiet = 5 * time.Second
	// paceSlack is what everything but hashes may grow by before a collection, in
	// bytes.
	paceSlack = 12 << 20
	// paceExcess is how many more collections than hashes there may be: beyond it
	// the limit is too narrow for what else goes on.
	paceExcess = 4
)

// Pace spaces out collections while passwords are hashed. On the heap of a server
// that does little else the buffer of every hash is more than the heap may grow
// by, so each one costs a whole collection. Meanwhile the process is bounded by an
// amount instead: what it holds, a buffer for each processor, and a little for the
// requests. The hashers collect their own dead buffers.
//
// It changes the settings of the whole process, so only a server's own process
// makes one. Where the operator set GOGC or GOMEMLIMIT, or the heap is so large
// that buffers do not matter, nothing changes. A limit under which the process
// collects more often than it hashes is given up at once.
type Pace struct {
	gc      collector
	later   func(time.Duration, func()) (stop func() bool)
	buffers uint64 // bytes for all hashes that run at the same time

	mu        sync.Mutex
	on, ended bool
	clean     bool // the last collection did not take a buffer for what is held
	running   int
	spare     int // collections until the limit is given up
	quiet     func() bool
	bursts    uint64
}

// collector is the runtime's, but for tests.
type collector interface {
	// own is whether the settings are the runtime's own.
	own() bool
	// collect collects once.
	collect()
	// held are bytes that count against a limit and stay after a collection, and
	// those of them that a collection has to look at.
	held() (all, scannable uint64)
	// bound sets a limit in bytes in place of the usual pace, free undoes it.
	bound(limit uint64)
	free()
	// release gives everything unused back to the system.
	release()
	// watch calls back once, after the next collection.
	watch(func())
}

// NewPace returns a Pace for a Hasher of this process; see Hasher.Follow. Stop
// it in the end.
func NewPace() *Pace {
	return newPace(process{}, func(d time.Duration, fn func()) func() bool { return time.AfterFunc(d, fn).Stop },
		uint64(runtime.GOMAXPROCS(0)))
}

func newPace(gc collector, later func(time.Duration, func()) func() bool, slots uint64) *Pace {
	return &Pace{gc: gc, later: later, buffers: slots * ourMemory << 10}
}

// enter is called before a hash's buffer is made.
func (p *Pace) enter() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running++
	if p.quiet != nil {
		p.quiet()
		p.quiet = nil
	}
	if p.ended {
		return
	}
	if p.on {
		p.spare++
		return
	}
	p.begin()
}

// begin sets the limit, while no other hash's buffer is mistaken for what is held.
func (p *Pace) begin() {
	if p.running > 1 || !p.gc.own() {
		return
	}
	if _, scannable := p.gc.held(); scannable > smallHeap {
		return
	}
	if !p.clean {
		p.gc.collect()
		p.clean = true
	}
	all, _ := p.gc.held()
	p.on, p.spare = true, paceExcess
	p.bursts++
	p.gc.bound(all + p.buffers + paceSlack)
	p.follow(p.bursts)
}

// leave is called when the buffer is garbage.
func (p *Pace) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	if p.on && p.running == 0 {
		burst := p.bursts
		p.quiet = p.later(paceQuiet, func() { p.calm(burst) })
	}
}

// calm ends a burst after which nobody hashed.
func (p *Pace) calm(burst uint64) {
	p.mu.Lock()
	over := p.on && p.bursts == burst && p.running == 0
	if over {
		p.restore()
	}
	p.mu.Unlock()
	if over {
		p.gc.release() // not under the lock: it takes as long as a collection
	}
}

// follow counts the collections of a burst.
func (p *Pace) follow(burst uint64) {
	p.gc.watch(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.on || p.bursts != burst {
			return
		}
		if p.spare--; p.spare < 0 {
			p.restore()
			p.clean = false
			return
		}
		p.follow(burst)
	})
}

func (p *Pace) restore() {
	if p.on {
		p.on = false
		p.gc.free()
	}
}

// Stop brings the usual pace back, for good.
func (p *Pace) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.restore()
	if p.quiet != nil {
		p.quiet()
	}
}

// process is the collector of this process.
type process struct{}

const usualPace = 100 // GOGC where nobody says otherwise

func (process) own() bool {
	pace := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/gomemlimit:bytes"}}
	metrics.Read(pace)
	return amount(pace[0]) == usualPace && amount(pace[1]) == math.MaxInt64
}

func (process) held() (all, scannable uint64) {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/heap:bytes"}}
	metrics.Read(s)
	// Objects count as far as the last collection found them alive.
	return amount(s[0]) - amount(s[1]) - amount(s[2]) - amount(s[3]) + amount(s[4]), amount(s[5])
}

func (process) collect() { runtime.GC() }

func (process) bound(limit uint64) {
	debug.SetMemoryLimit(int64(min(limit, math.MaxInt64)))
	debug.SetGCPercent(-1)
}

func (process) free() {
	debug.SetGCPercent(usualPace)
	debug.SetMemoryLimit(math.MaxInt64)
}

func (process) release() { debug.FreeOSMemory() }

func (process) watch(fn func()) {
	sentinel := new([4]*byte) // with pointers and of some size, so that it is an object of its own
	runtime.AddCleanup(sentinel, func(fn func()) { fn() }, fn)
}

func amount(s metrics.Sample) uint64 {
	if s.Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s.Value.Uint64()
}
