package lock

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestRefusalsAreCountedByLock(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{})
	alice, bob := lockOn("user", "alice"), lockOn("user", "bob")
	d.put(alice, bob)
	for range 1000 {
		require.Error(t, d.Check(of("user", "alice"), false))
	}
	require.Error(t, d.Check(of("user", "bob"), false))
	require.NoError(t, d.Check(of("user", "carol"), false))
	require.Error(t, Door{d.View, true}.Check(of("user", "alice"), false), "refused, and not counted")
	require.NoError(t, Door{d.View, true}.Check(of("user", "carol"), false))
	counts := func(now time.Time, limit int) map[string]int {
		out := map[string]int{}
		for _, r := range d.tally.due(now, limit, false) {
			out[r.text] += r.count
		}
		return out
	}
	now := time.Now()
	require.Equal(t, map[string]int{alice.Text(): 1000, bob.Text(): 1}, counts(now, 10), "the first time at once")
	for range 7 {
		require.Error(t, d.Check(of("user", "alice"), false))
	}
	require.Empty(t, counts(now.Add(tellEvery-1), 10), "then once a minute")
	require.Equal(t, map[string]int{alice.Text(): 7}, counts(now.Add(tellEvery), 10))
	require.Empty(t, counts(now.Add(2*tellEvery), 10))
	require.Empty(t, d.tally.counts, "nobody knocks any more")

	d.clock.age.Store(never)
	require.Error(t, d.Check(of("user", "carol"), true))
	require.Equal(t, map[string]int{idp.StaleRefusal().Message: 1}, counts(now.Add(3*tellEvery), 10))
}

func TestTheTallyIsBounded(t *testing.T) {
	t.Parallel()
	var y tally
	now := time.Now()
	for i := range tallyLimit + 500 {
		y.note(lockOn("user", fmt.Sprint("u", i)), now)
	}
	require.Len(t, y.counts, tallyLimit+1)
	told := 0
	for len(y.due(now, tellAtOnce, false)) == tellAtOnce {
		told += tellAtOnce
		require.LessOrEqual(t, told, tallyLimit+1)
	}
	require.Equal(t, tallyLimit, told, "a few at a time, all in the end")
}

func TestWhatCannotBeToldIsToldLater(t *testing.T) {
	t.Parallel()
	var y tally
	now := time.Now()
	l := lockOn("user", "alice")
	y.note(l, now)
	some := y.due(now, 10, false)
	y.note(l, now.Add(time.Second))
	y.restore(some)
	some = y.due(now.Add(tellEvery), 10, false)
	require.Len(t, some, 1)
	require.Equal(t, 2, some[0].count)
	require.Equal(t, now, some[0].since)
	y.note(l, now)
	require.Len(t, y.due(now, 10, true), 1, "the last time whether or not it is time")
}
