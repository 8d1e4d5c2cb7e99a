package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

const (
	fewLocks  = 10
	manyLocks = 1_000_000

	// Checks are timed in rounds of a fraction of a millisecond, few and many in turns:
	// the machine's speed doubles and halves within a second, and hardly within a pair.
	checkRounds   = 3001
	checksInRound = 6400
)

// locks measures the view of the locks by itself (bar 3).
func locks(_ context.Context, r *report) error {
	few, err := newView(fewLocks)
	if err != nil {
		return err
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	many, err := newView(manyLocks)
	if err != nil {
		return err
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	r.figure("memory of 1,000,000 locks in the view", "%.0f MB", float64(after.HeapAlloc-before.HeapAlloc)/1e6)

	keys := interactions()
	var ratio, large []float64
	for range checkRounds {
		small, err := perCheck(few, keys)
		if err != nil {
			return err
		}
		big, err := perCheck(many, keys)
		if err != nil {
			return err
		}
		ratio, large = append(ratio, big/small), append(large, big)
	}
	r.bar("time of a check of 8 targets, 1,000,000 locks", median(large), 100, "ns")
	r.bar("the same, times its time among 10", median(ratio), 1.5, "")
	allocations := testing.AllocsPerRun(checksInRound, func() { err = errors.Join(err, many.Check(keys[0], false), few.Check(keys[0], false)) })
	if err != nil {
		return err
	}
	r.bar("allocations of a check that finds nothing", allocations, 0, "")

	made := 0
	add := testing.Benchmark(func(b *testing.B) {
		changes := make([]idp.Change, b.N)
		for i := range changes {
			made++
			changes[i] = changeOf(lockOf(manyLocks + made))
		}
		b.ResetTimer()
		for i := range changes {
			many.Apply(changes[i : i+1])
		}
	})
	r.bar("adding one lock to 1,000,000", perOp(add)/1000, 20, "µs")
	generation := testing.Benchmark(func(b *testing.B) {
		last := many.Generation()
		for range b.N {
			if many.Generation() != last {
				b.Fatal("it changed")
			}
		}
	})
	r.bar("seeing that nothing has changed", perOp(generation), 2, "ns")
	return nil
}

// perCheck returns how long a check takes, in nanoseconds.
func perCheck(v *lock.View, keys [][]idp.LockKey) (float64, error) {
	began := time.Now()
	for i := range checksInRound {
		if err := v.Check(keys[i%len(keys)], false); err != nil {
			return 0, fmt.Errorf("nobody of these is locked: %w", err)
		}
	}
	return float64(time.Since(began).Nanoseconds()) / checksInRound, nil
}

func perOp(b testing.BenchmarkResult) float64 { return float64(b.T.Nanoseconds()) / float64(b.N) }

// lockOf is the lock of a number: most are on users, as in life.
func lockOf(i int) *idp.Lock {
	l := &idp.Lock{ID: idp.NewID[idp.Lock](), CreatedAt: time.Now(), CreatedBy: "bench", Message: "Suspicious activity.", InForce: true}
	switch i % 10 {
	case 0:
		l.Target = idp.LockTarget{{Kind: idp.LockSession, Value: idp.NewID[idp.Session]().String()}}
	case 1:
		l.Target = idp.LockTarget{{Kind: idp.LockRole, Value: fmt.Sprint("role-", i)}, {Kind: idp.LockLogin, Value: "root"}}
	case 2:
		l.Target = idp.LockTarget{{Kind: idp.LockDevice, Value: idp.NewID[idp.KnownDevice]().String()}}
	default:
		l.Target = idp.LockTarget{{Kind: idp.LockUser, Value: fmt.Sprint("user-", i)}}
	}
	return l
}

func changeOf(l *idp.Lock) idp.Change {
	return idp.Change{Kind: idp.ChangeLock, Subject: l.ID.String(), Lock: l}
}

// interactions are a few that come again and again: 8 targets each.
func interactions() [][]idp.LockKey {
	out := make([][]idp.LockKey, 32)
	for i := range out {
		out[i] = []idp.LockKey{{Kind: idp.LockUser, Value: fmt.Sprint("somebody-", i)}, {Kind: idp.LockRole, Value: "staff"},
			{Kind: idp.LockRole, Value: fmt.Sprint("team-", i)}, {Kind: idp.LockGroup, Value: "everybody"}, {Kind: idp.LockGroup, Value: fmt.Sprint("floor-", i)},
			{Kind: idp.LockSession, Value: idp.NewID[idp.Session]().String()}, {Kind: idp.LockDevice, Value: idp.NewID[idp.KnownDevice]().String()},
			{Kind: idp.LockToken, Value: fmt.Sprint("token-", i)}}
	}
	return out
}

func newView(n int) (*lock.View, error) {
	v := lock.NewView(store{n: n}, lock.Options{})
	v.Follow(fresh{})
	return v, v.Reset(context.Background())
}

// store holds that many locks.
type store struct {
	idp.Store
	n int
}

func (s store) Repos() idp.Repos { return idp.Repos{Locks: stored{n: s.n}, Settings: unset{}} }

type stored struct {
	idp.Locks
	n int
}

func (s stored) Load(_ context.Context, each func(*idp.Lock)) error {
	for i := range s.n {
		each(lockOf(i))
	}
	return nil
}

type unset struct{ idp.Settings }

func (unset) Get(context.Context, string) (json.RawMessage, error) { return nil, nil }

type fresh struct{}

func (fresh) Age() time.Duration { return 0 }
func (fresh) Now() time.Time     { return time.Now() }
