package lock

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestAWatchTellsWhatHappens(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{})
	first, second := lockOn("user", "a"), lockOn("login", "root")
	d.put(first)
	w := d.Watch()
	<-w.Resets()
	all := w.All()
	require.Len(t, all, 1, "first every lock in force")
	require.Equal(t, first.ID, all[0].ID)
	require.Empty(t, w.Changes())

	d.put(second)
	require.Equal(t, second.ID, (<-w.Changes()).Put.ID)
	second.Message = "Tomorrow."
	d.put(second)
	require.Equal(t, "Tomorrow.", (<-w.Changes()).Put.Message)
	d.lift(first.ID)
	require.Equal(t, first.ID, *(<-w.Changes()).Removed)
	d.lift(first.ID)
	require.Empty(t, w.Changes(), "what was gone already")

	d.shelf.all[second.ID] = second
	require.NoError(t, d.Reset(t.Context()))
	<-w.Resets()
	require.Len(t, w.All(), 1, "all locks are told anew after the feed was lost")

	w.Close()
	w.Close()
	d.put(first)
	require.Empty(t, w.Changes())
	require.Empty(t, w.Resets())
}

// Who does not keep up begins anew, and misses nothing by it.
func TestASlowWatcherBeginsAnew(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{})
	w, quick := d.Watch(), d.Watch()
	defer w.Close()
	defer quick.Close()
	<-w.Resets()
	w.All()
	want := map[idp.LockID]bool{}
	seen := naive{}
	for i := range watchRoom + 200 {
		l := lockOn("user", fmt.Sprint("u", i))
		d.put(l)
		want[l.ID] = true
		seen.follow(quick)
	}
	require.Len(t, seen, len(want), "others are not slowed")
	<-w.Resets()
	got := map[idp.LockID]bool{}
	for _, l := range w.All() {
		got[l.ID] = true
	}
	require.Equal(t, want, got)
	require.Empty(t, w.Changes(), "what All includes is not told again")
	l := lockOn("user", "last")
	d.put(l)
	require.Equal(t, l.ID, (<-w.Changes()).Put.ID)
	require.Empty(t, w.Resets())
}
