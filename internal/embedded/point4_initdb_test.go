package embedded

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPoint4NewCluster(t *testing.T) {
	t.Parallel()
	dir := emptyDir(t)
	leftover := filepath.Join(dir, "postgres", "pgdata.new", "base")
	require.NoError(t, os.MkdirAll(leftover, 0o755)) // an earlier try was cut off
	server := open(t, dir)
	conn := connect(t, server)
	for setting, want := range map[string]string{
		"server_encoding": "UTF8", "data_checksums": "on", "TimeZone": "UTC", "fsync": "on", "full_page_writes": "on",
		"synchronous_commit": "on", "max_connections": "100", "data_directory_mode": "0700",
	} {
		require.Equal(t, want, ask(t, conn, `SELECT current_setting($1)`, setting), setting)
	}
	require.Equal(t, "C C", ask(t, conn, `SELECT datcollate || ' ' || datctype FROM pg_database WHERE datname = current_database()`))
	require.Equal(t, "portcullis portcullis", ask(t, conn, `SELECT datname || ' ' || datdba::regrole FROM pg_database WHERE datname = current_database()`))
	entries, err := os.ReadDir(filepath.Join(dir, "postgres"))
	require.NoError(t, err)
	for _, entry := range entries {
		require.Contains(t, []string{"pgdata", "run"}, entry.Name(), "something was left behind")
	}
}

// Whoever is stopped while making the cluster leaves none, and nobody running.
func TestPoint4StoppedWhileMaking(t *testing.T) {
	t.Parallel()
	dir := emptyDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := Start(ctx, Config{DataDir: dir})
		failed <- err
	}()
	fresh := filepath.Join(dir, "postgres", "pgdata.new", "PG_VERSION")
	require.Eventually(t, func() bool { _, err := os.Stat(fresh); return err == nil }, 20*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	_, err := os.Stat(filepath.Join(dir, "postgres", "pgdata"))
	require.ErrorIs(t, err, os.ErrNotExist)
	open(t, dir)
}

// A killed process' initdb goes on for a while; the next start waits for it
// instead of clearing its directory away under it.
func TestPoint4KilledWhileMaking(t *testing.T) {
	t.Parallel()
	dir := emptyDir(t)
	u, _ := launchPeer(t, helper("user", dir))
	fresh := filepath.Join(dir, "postgres", "pgdata.new", "PG_VERSION")
	require.Eventually(t, func() bool { _, err := os.Stat(fresh); return err == nil }, 20*time.Second, time.Millisecond)
	u.kill(t)
	_, err := tryLock(filepath.Join(dir, "postgres.lock"), 2)
	require.ErrorIs(t, err, errLocked, "initdb does not hold the lock")
	require.Equal(t, "1", ask(t, connect(t, open(t, dir)), `SELECT '1'`))
}

// A start killed after making the cluster and before making the database.
func TestPoint4MissingDatabaseIsMade(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	server := open(t, dir)
	conn := connect(t, server)
	require.NoError(t, conn.Close(t.Context()))
	server.mustExec(t, "postgres", `DROP DATABASE portcullis`)
	stop(t, server)
	require.Equal(t, "portcullis", ask(t, connect(t, open(t, dir)), `SELECT current_database()`))
}

func TestPoint4PasswordFileMissing(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	path := filepath.Join(dir, "postgres.password")
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	_, err = Start(t.Context(), Config{DataDir: dir})
	require.ErrorContains(t, err, "postgres.password is missing")
	require.NoError(t, os.WriteFile(path, []byte("wrong\n"), 0o600))
	_, err = Start(t.Context(), Config{DataDir: dir, Settings: quick})
	require.ErrorContains(t, err, "does not accept the password in "+path)
	require.Empty(t, processesOf(filepath.Join(dir, "postgres", "pgdata")), "a failed start leaves nothing running")
	require.NoError(t, os.WriteFile(path, kept, 0o600))
	open(t, dir)
}

// What PostgreSQL itself refuses is said in its own words.
func TestPoint4ServerThatDoesNotStart(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Config{DataDir: madeDir(t), Settings: map[string]string{"shared_buffers": "none"}})
	require.ErrorContains(t, err, "the database server did not start")
	require.ErrorContains(t, err, `invalid value for parameter "shared_buffers"`)
}
