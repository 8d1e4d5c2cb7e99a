package embedded

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

func TestPoint6ManyStartAtOnceAndTheLastStopsIt(t *testing.T) {
	t.Parallel()
	dir := emptyDir(t) // all of them also find no cluster
	servers := make([]*Server, 5)
	var group errgroup.Group
	for i := range servers {
		group.Go(func() (err error) {
			servers[i], err = Start(t.Context(), Config{DataDir: dir, Settings: quick})
			return err
		})
	}
	require.NoError(t, group.Wait())
	postmaster := pid(t, servers[0])
	conn := connect(t, servers[0])
	for _, server := range servers[:4] {
		require.Equal(t, postmaster, pid(t, server))
		stop(t, server)
		require.Equal(t, "1", ask(t, conn, `SELECT '1'`), "somebody still uses it")
	}
	stop(t, servers[4])
	left(t, servers[0], postmaster)
	require.Empty(t, processesOf(servers[0].cluster.pgdata()))
	stop(t, servers[4]) // twice is once
}

func TestPoint6OtherProcesses(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	first := startPeer(t, dir)
	second := startPeer(t, dir)
	require.Equal(t, first.postmaster, second.postmaster)
	first.leave(t) // it started it, yet another stays
	server := open(t, dir)
	require.Equal(t, second.postmaster, pid(t, server))
	second.leave(t)
	require.Equal(t, "1", ask(t, connect(t, server), `SELECT '1'`))
	stop(t, server)
	left(t, server, second.postmaster)
}

// Starting while the last one stops gives a new database, never a dying one.
func TestPoint6StartWhileStopping(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	for range 3 {
		old := open(t, dir)
		stopped := make(chan error, 1)
		go func() { stopped <- old.Stop(context.Background()) }()
		fresh := open(t, dir)
		require.NoError(t, <-stopped)
		require.Equal(t, "1", ask(t, connect(t, fresh), `SELECT '1'`))
		stop(t, fresh)
	}
}

func TestPoint6WaitingForAnotherStartEndsWithTheContext(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	held, err := tryLock(dir+"/postgres.lock", 2)
	require.NoError(t, err)
	defer held.release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Start(ctx, Config{DataDir: dir})
	require.ErrorIs(t, err, context.Canceled)
}
