package testkit_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// clientVariable turns this test binary into one that only uses the cluster.
const clientVariable = "PORTCULLIS_TESTKIT_CLIENT"

func TestMain(m *testing.M) {
	if os.Getenv(clientVariable) != "" {
		os.Exit(beClient())
	}
	os.Exit(m.Run())
}

// beClient joins the cluster, makes a database as a test would, says where, and
// lives until its input ends.
func beClient() int {
	cluster, err := testkit.StartCluster(context.Background())
	if err != nil {
		fmt.Println(err)
		return 1
	}
	conn, err := pgx.Connect(context.Background(), cluster.URL)
	if err == nil {
		_, err = conn.Exec(context.Background(), fmt.Sprintf("CREATE DATABASE portcullis_test_%d_1", os.Getpid()))
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(cluster.URL)
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := cluster.Stop(); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

type client struct {
	cmd *exec.Cmd
	in  io.Closer
	url string
}

func startClient(t *testing.T, dir string) *client {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), clientVariable+"=1", testkit.DirVariable+"="+dir)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, _ := bufio.NewReader(out).ReadString('\n')
	require.True(t, strings.HasPrefix(line, "postgres://"), line)
	return &client{cmd: cmd, in: in, url: strings.TrimSpace(line)}
}

// The server goes with the last test binary, also when that one was killed,
// and so do the databases it could not drop.
func TestClusterOutlivesNobody(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "pckit") // not t.TempDir: PostgreSQL's user has to enter
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o711))
	gone := func() bool {
		_, err := os.Stat(filepath.Join(dir, "postgres", "pgdata", "postmaster.pid"))
		return os.IsNotExist(err)
	}
	t.Cleanup(func() {
		require.Eventually(t, gone, 30*time.Second, 5*time.Millisecond)
		require.NoError(t, os.RemoveAll(dir))
	})
	killed := startClient(t, dir)
	orderly := startClient(t, dir)
	require.Equal(t, killed.url, orderly.url, "two clusters")
	conn, err := pgx.Connect(t.Context(), orderly.url)
	require.NoError(t, err)
	databases := func() (n int) {
		require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_database WHERE datname LIKE 'portcullis\_test\_%'`).Scan(&n))
		return n
	}
	require.Equal(t, 2, databases())

	require.NoError(t, killed.cmd.Process.Signal(syscall.SIGKILL))
	_ = killed.cmd.Wait()
	require.Eventually(t, func() bool { return databases() == 1 }, 30*time.Second, 5*time.Millisecond)
	require.NoError(t, conn.Close(t.Context()))

	require.False(t, gone())
	require.NoError(t, orderly.in.Close())
	require.NoError(t, orderly.cmd.Wait())
	require.True(t, gone(), "Stop returned before the server had stopped")

	last := startClient(t, dir)
	require.NoError(t, last.cmd.Process.Signal(syscall.SIGKILL))
	_ = last.cmd.Wait()
	require.Eventually(t, gone, 30*time.Second, 5*time.Millisecond)
}

func TestClusterDirectoryOfAStranger(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a directory that is somebody else's")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chown(dir, 54321, 54321))
	t.Setenv(testkit.DirVariable, dir)
	_, err := testkit.StartCluster(t.Context())
	require.ErrorContains(t, err, "is not a directory of this user")
}
