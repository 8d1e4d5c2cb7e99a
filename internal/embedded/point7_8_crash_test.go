package embedded

import (
	"context"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestPoint7ServerKilled(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	u := startPeer(t, dir)
	u.kill(t)
	begun := time.Now()
	server := open(t, dir)
	t.Logf("attached in %v", time.Since(begun))
	require.Equal(t, u.postmaster, pid(t, server), "it was not attached to")
	require.Equal(t, "1", ask(t, connect(t, server), `SELECT '1'`))
	stop(t, server)
	ends(t, u.postmaster) // the killed one no longer counts as a user
}

// The database dies under a working server: the server starts it again and
// every acknowledged row is there.
func TestPoint8PostmasterKilled(t *testing.T) {
	t.Parallel()
	server := open(t, madeDir(t))
	conn := connect(t, server)
	do(t, conn, `CREATE TABLE kept (n int)`)
	acknowledged := make(chan int, 1)
	writing := make(chan struct{})
	go func() {
		n := 0
		for ; ; n++ {
			if _, err := conn.Exec(context.Background(), `INSERT INTO kept VALUES ($1)`, n); err != nil {
				break
			}
			if n == 20 {
				close(writing)
			}
		}
		acknowledged <- n
	}()
	<-writing
	old := pid(t, server)
	require.NoError(t, syscall.Kill(old, syscall.SIGKILL))
	written := <-acknowledged
	var again *pgx.Conn
	require.Eventually(t, func() bool {
		var err error
		again, err = pgx.Connect(t.Context(), server.URL())
		return err == nil
	}, 30*time.Second, 10*time.Millisecond, "nobody started it again")
	t.Cleanup(func() { _ = again.Close(context.Background()) })
	require.NotEqual(t, old, pid(t, server))
	require.Equal(t, strconv.Itoa(written), ask(t, again, `SELECT count(*)::text FROM kept WHERE n < $1`, written))
}

// Both die; the next start replays the log.
func TestPoint8BothKilled(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	u := startPeer(t, dir)
	server := open(t, dir)
	do(t, connect(t, server), `CREATE TABLE kept AS SELECT generate_series(1, 500) AS n`)
	server.stop(errStopped) // this process is to play dead, not to revive it
	server.watching.Wait()
	u.kill(t)
	require.NoError(t, syscall.Kill(u.postmaster, syscall.SIGKILL))
	server.users.release()
	fresh := open(t, dir)
	require.Equal(t, "500", ask(t, connect(t, fresh), `SELECT count(*)::text FROM kept`))
}

// Of several servers that see it die, one starts it and all go on with it.
func TestPoint8SharedPostmasterKilled(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	one, two := open(t, dir), open(t, dir)
	for range 2 {
		old := pid(t, one)
		require.NoError(t, syscall.Kill(old, syscall.SIGKILL))
		require.Eventually(t, func() bool {
			a, b := one.current(), two.current()
			return a.pid != old && a.pid == b.pid && inspect(a.pid, one.cluster.pgdata()) == ours
		}, 30*time.Second, 10*time.Millisecond)
	}
	require.Equal(t, "1", ask(t, connect(t, two), `SELECT '1'`))
	last := pid(t, two)
	stop(t, one)
	require.False(t, dead(last))
	stop(t, two)
	ends(t, last)
}
