package session_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// A form that is sent twice, or by two people at once, ends what there is once
// and tells of it once.
func TestEndingAtOnceTellsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	actor, _ := w.start(mia)
	other, _ := w.start(mia)
	var g errgroup.Group
	for range 8 {
		g.Go(func() error { return w.sessions.End(w.ctx, actor, other.Session.ID, "") })
	}
	require.NoError(t, g.Wait())
	require.Len(t, w.events(idp.ActionLogout), 1)

	for range 3 {
		w.start(mia)
	}
	var ended atomic.Int64
	for range 8 {
		g.Go(func() error {
			n, err := w.sessions.EndAll(w.ctx, idp.SystemActor(), mia.ID)
			ended.Add(int64(n))
			return err
		})
	}
	require.NoError(t, g.Wait())
	require.EqualValues(t, 4, ended.Load())
	events := w.events(idp.ActionLogout)
	require.Len(t, events, 2)
	require.Equal(t, 4.0, events[1].Context["sessions"])
}
