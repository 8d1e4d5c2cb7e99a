package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// stale leaves a data directory as after a crash, with pid in both lock files.
func stale(t *testing.T, dir string, pid int) *cluster {
	t.Helper()
	places, err := makeRoot(dir)
	require.NoError(t, err)
	who, err := chooseAccount(places.pgdata(), accounts...)
	require.NoError(t, err)
	c := &cluster{layout: places, account: who}
	text := fmt.Sprintf("%d\n%s\n1700000000\n5432\n%s\n\n  5432001         0\nready   \n", pid, c.pgdata(), c.socket)
	for _, path := range []string{c.pidFile(), c.socketLock()} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(t, who.own(path))
	}
	require.NoError(t, c.loadSecret(false))
	return c
}

// bystander is a process of PostgreSQL's user that is not PostgreSQL.
func bystander(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	who, err := chooseAccount("/nowhere", accounts...)
	require.NoError(t, err)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = who.attributes()
	cmd.Dir = dir
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func TestPoint9PidOfAnotherProgram(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	other := bystander(t, "/", "sleep", "600")
	stale(t, dir, other.Process.Pid)
	server := open(t, dir)
	require.NotEqual(t, other.Process.Pid, pid(t, server))
	require.False(t, dead(other.Process.Pid), "a stranger was killed")
}

// PostgreSQL alone would refuse: the rule is needed, and so is the second file.
func TestPoint9EitherFileAloneWouldStopPostgres(t *testing.T) {
	t.Parallel()
	for name, removed := range map[string]func(*cluster) string{"pid file": (*cluster).socketLock, "socket lock": (*cluster).pidFile} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := madeDir(t)
			c := stale(t, dir, bystander(t, "/", "sleep", "600").Process.Pid)
			require.NoError(t, os.Remove(removed(c)))
			var err error
			c.install, err = search{Candidates: candidates(), Account: c.account}.find(t.Context(), "")
			require.NoError(t, err)
			_, err = c.bringUp(t.Context())
			require.ErrorContains(t, err, "already exists")
			open(t, dir)
		})
	}
}

func TestPoint9PidOfAZombie(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	ended := bystander(t, "/", "true") // not waited for until the test ends
	ends(t, ended.Process.Pid)
	require.Equal(t, zombie, inspect(ended.Process.Pid, dir))
	stale(t, dir, ended.Process.Pid)
	open(t, dir)
}

// A dead pid is no reason to remove the file: by it PostgreSQL finds backends
// that outlived their postmaster.
func TestPoint9DeadPidKeepsTheFile(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	ended := bystander(t, "/", "true")
	require.NoError(t, ended.Wait())
	c := stale(t, dir, ended.Process.Pid)
	running, err := c.settle(t.Context())
	require.NoError(t, err)
	require.Zero(t, running)
	for _, path := range []string{c.pidFile(), c.socketLock()} {
		_, err = os.Stat(path)
		require.NoError(t, err, "%s was removed", path)
	}
	open(t, dir)
}

// A backend outlives its postmaster: it is ended before a new one starts.
func TestPoint9OrphanedBackend(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only /proc tells where a process works")
	}
	dir := madeDir(t)
	u := startPeer(t, dir)
	server := open(t, dir)
	conn := connect(t, server)
	do(t, conn, `CREATE TABLE kept AS SELECT 1 AS n`)
	orphan, err := strconv.Atoi(ask(t, conn, `SELECT pg_backend_pid()::text`))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(orphan, syscall.SIGSTOP)) // so that it cannot notice
	server.stop(errStopped)
	server.watching.Wait()
	server.users.release()
	u.kill(t)
	require.NoError(t, syscall.Kill(u.postmaster, syscall.SIGKILL))
	ends(t, u.postmaster)
	require.Equal(t, ours, inspect(orphan, server.cluster.pgdata()))

	fresh := open(t, dir)
	require.True(t, dead(orphan), "two generations work in one cluster")
	require.Equal(t, "1", ask(t, connect(t, fresh), `SELECT n::text FROM kept`))
}

// Somebody's shell may stand in the directory.
func TestPoint9OtherProgramsInTheDirectoryAreLeftAlone(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	shell := bystander(t, filepath.Join(dir, "postgres", "pgdata"), "sleep", "600")
	stale(t, dir, shell.Process.Pid)
	open(t, dir)
	require.False(t, dead(shell.Process.Pid))
}

// A database on its way down is waited for, then started again.
func TestPoint9WaitsForOneThatStops(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	u := startPeer(t, dir)
	server := open(t, dir)
	conn := connect(t, server)
	server.stop(errStopped)
	server.watching.Wait()
	server.users.release()
	u.kill(t)
	require.NoError(t, syscall.Kill(u.postmaster, syscall.SIGTERM)) // waits for its clients, refuses new ones
	require.Eventually(t, func() bool {
		state, _ := server.cluster.probe(t.Context(), databaseName)
		return state == busy
	}, eventually, tick)
	type result struct {
		server *Server
		err    error
	}
	started := make(chan result, 1)
	go func() {
		s, err := Start(t.Context(), Config{DataDir: dir, Settings: quick})
		started <- result{s, err}
	}()
	require.NoError(t, conn.Close(t.Context()))
	fresh := <-started
	require.NoError(t, fresh.err)
	t.Cleanup(func() { stop(t, fresh.server) })
	require.NotEqual(t, u.postmaster, pid(t, fresh.server))
	require.Equal(t, "1", ask(t, connect(t, fresh.server), `SELECT '1'`))
}

func TestPoint9RecordedPid(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "postmaster.pid")
	require.Zero(t, recordedPid(path))
	for text, want := range map[string]int{"": 0, "12\n/x\n": 12, "-7\n": 7, "x\n": 0, " 9 ": 9} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.Equal(t, want, recordedPid(path), "%q", text)
	}
}
