package lockout

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// model is what the rule is to come to, written as a list of all that ever
// happened: one attempt after the other, nothing thrown away.
type model struct {
	limits  Limits
	failed  []time.Time // since the last success or lockout
	until   time.Time
	inARow  int
	lastHad time.Time
}

// attempt says whether an attempt at that time is let through, and takes note of
// how it goes; wait is how long a lockout lasts that began with it, 0 = none.
func (m *model) attempt(at time.Time, right bool) (let bool, wait time.Duration) {
	if at.Before(m.until) {
		return false, 0
	}
	if right {
		m.failed, m.inARow, m.lastHad = nil, 0, time.Time{}
		return true, 0
	}
	m.failed = append(m.failed, at)
	n := 0
	for _, f := range m.failed {
		if f.After(at.Add(-m.limits.Window)) {
			n++
		}
	}
	if n < m.limits.MaxAttempts {
		return true, 0
	}
	if m.lastHad.IsZero() || at.Sub(m.lastHad) > 24*time.Hour {
		m.inARow = 0
	}
	wait = m.limits.Duration
	if m.limits.Growing {
		for range m.inARow {
			if wait *= 2; wait > m.limits.Longest {
				wait = max(m.limits.Longest, m.limits.Duration)
				break
			}
		}
	}
	m.failed, m.until, m.lastHad = nil, at.Add(wait), at
	m.inARow++
	return true, wait
}

func (m *model) unlock() { m.failed, m.until, m.inARow, m.lastHad = nil, time.Time{}, 0, time.Time{} }

// Property 3: the window slides exactly, attempts during a lockout do not extend
// it, and after it the full number is back.
func TestProperty3TheRuleIsTheModelsOnRandomTraces(t *testing.T) {
	t.Parallel()
	const traces = 100_000
	for seed := range uint64(traces) {
		r := rand.New(rand.NewPCG(seed, 3))
		l := Limits{MaxAttempts: 1 + r.IntN(6), Window: time.Duration(60+r.IntN(600)) * time.Second,
			Duration: time.Duration(60+r.IntN(900)) * time.Second, Growing: r.IntN(2) == 0, Longest: time.Hour}
		m := &model{limits: l}
		s := &idp.Standing{}
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for id := int64(1); id <= int64(4+r.IntN(24)); id++ {
			// Steps that fall on the window's edge and on the lockout's end are frequent.
			switch r.IntN(8) {
			case 0:
				now = now.Add(l.Window)
			case 1:
				if s.LockedUntil != nil && s.LockedUntil.After(now) {
					now = s.LockedUntil.Add(time.Duration(r.IntN(2)) * time.Nanosecond)
				}
			default:
				now = now.Add(time.Duration(r.IntN(int(l.Window / 3))))
			}
			if r.IntN(30) == 0 {
				m.unlock()
				*s = idp.Standing{}
			}
			right := r.IntN(6) == 0
			let, wait := m.attempt(now, right)
			o, began := claim(s, idp.Guess{ID: id}, l, now)
			require.Falsef(t, began, "trace %d: a claim began a lockout", seed)
			require.Equalf(t, let, o == granted, "trace %d, attempt %d: model %v, rule %v", seed, id, let, o)
			if o != granted {
				continue
			}
			if right {
				succeed(s, id)
				continue
			}
			require.Equalf(t, wait > 0, fail(s, id, nil, l, now), "trace %d, attempt %d", seed, id)
			if wait > 0 {
				require.Equalf(t, wait, s.LockedUntil.Sub(now), "trace %d, attempt %d", seed, id)
			}
		}
	}
}

func at(second int) time.Time {
	return time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC)
}

func TestNoMoreAttemptsAreUnderWayThanAreAllowed(t *testing.T) {
	t.Parallel()
	l := DefaultLimits()
	s := &idp.Standing{}
	for id := range int64(5) {
		o, _ := claim(s, idp.Guess{ID: id + 1}, l, at(0))
		require.Equal(t, granted, o)
	}
	o, began := claim(s, idp.Guess{ID: 6}, l, at(1))
	require.Equal(t, full, o)
	require.False(t, began, "it is not known yet how they end")
	succeed(s, 3)
	require.Len(t, s.Guesses, 4, "the others are still under way")
	for _, id := range []int64{1, 2, 4, 5} {
		require.False(t, fail(s, id, nil, l, at(2)))
	}
	o, _ = claim(s, idp.Guess{ID: 7}, l, at(3))
	require.Equal(t, granted, o)
	require.True(t, fail(s, 7, nil, l, at(4)), "the fifth failed one")
}

func TestAttemptsThatNobodyFinishedCountAsFailed(t *testing.T) {
	t.Parallel()
	l := DefaultLimits()
	s := &idp.Standing{}
	for id := range int64(5) {
		_, _ = claim(s, idp.Guess{ID: id + 1}, l, at(0))
	}
	o, began := claim(s, idp.Guess{ID: 6}, l, at(0).Add(claimLife))
	require.Equal(t, full, o)
	require.False(t, began)
	now := at(0).Add(claimLife + time.Nanosecond)
	o, began = claim(s, idp.Guess{ID: 7}, l, now)
	require.Equal(t, locked, o)
	require.True(t, began)
	require.Equal(t, now.Add(l.Duration), *s.LockedUntil)
	require.False(t, fail(s, 1, nil, l, now), "whoever comes back late changes nothing")
}

func TestTheSameWrongSecretCountsOnce(t *testing.T) {
	t.Parallel()
	l := DefaultLimits()
	s := &idp.Standing{}
	try := func(id int64, print string, second int) outcome {
		o, _ := claim(s, idp.Guess{ID: id, Print: []byte(print)}, l, at(second))
		if o == granted {
			fail(s, id, []byte(print), l, at(second))
		}
		return o
	}
	require.Equal(t, granted, try(1, "a", 0))
	require.Equal(t, repeated, try(2, "a", 1))
	require.Equal(t, granted, try(3, "b", 2))
	require.Equal(t, granted, try(4, "c", 3))
	require.Equal(t, repeated, try(5, "a", 4), "the last three are known")
	require.Equal(t, granted, try(6, "d", 5))
	require.Equal(t, granted, try(7, "a", 6), "and no fourth one")
	require.NotNil(t, s.LockedUntil)
	require.Empty(t, s.Guesses)

	s = &idp.Standing{}
	require.Equal(t, granted, try(1, "a", 0))
	require.Equal(t, granted, try(2, "a", int(l.Window/time.Second)), "forgotten with the window")
	o, _ := claim(s, idp.Guess{ID: 3, Print: []byte("x")}, l, at(601))
	require.Equal(t, granted, o)
	o, _ = claim(s, idp.Guess{ID: 4, Print: []byte("x")}, l, at(601))
	require.Equal(t, granted, o, "nobody knows yet that it is wrong")
}

func TestLockoutsInARowGrowUpToTheLongest(t *testing.T) {
	t.Parallel()
	l := Limits{MaxAttempts: 1, Window: time.Minute, Duration: 10 * time.Minute, Growing: true, Longest: time.Hour}
	s, now := &idp.Standing{}, at(0)
	for i, minutes := range []int{10, 20, 40, 60, 60} {
		_, _ = claim(s, idp.Guess{ID: 1}, l, now)
		require.True(t, fail(s, 1, nil, l, now))
		require.Equal(t, time.Duration(minutes)*time.Minute, s.LockedUntil.Sub(now), "lockout %d", i+1)
		now = *s.LockedUntil
	}
	now = now.Add(25 * time.Hour)
	_, _ = claim(s, idp.Guess{ID: 1}, l, now)
	fail(s, 1, nil, l, now)
	require.Equal(t, 10*time.Minute, s.LockedUntil.Sub(now), "after a day it begins anew")
	require.Equal(t, 5*time.Hour, Limits{Duration: 5 * time.Hour, Growing: true, Longest: time.Hour}.lasts(2), "never shorter than the first")
}
