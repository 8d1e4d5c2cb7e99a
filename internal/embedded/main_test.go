package embedded

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

const (
	// roleVariable turns the test binary into a helper process; dirVariable is
	// the directory it works in.
	roleVariable = "PORTCULLIS_EMBEDDED_ROLE"
	dirVariable  = "PORTCULLIS_EMBEDDED_DIR"
)

// eventually and tick bound a wait for something another process does.
const (
	eventually = 20 * time.Second
	tick       = 5 * time.Millisecond
)

// base holds every directory of this run. It is not t.TempDir: nobody but its
// owner can enter that, and PostgreSQL runs as another user here.
var base string

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "user":
		os.Exit(beUser(os.Getenv(dirVariable)))
	case "reaper":
		os.Exit(beReaper(os.Getenv(dirVariable)))
	}
	os.Exit(run(m))
}

// run surrounds the tests with a reaper: a process that outlives this one,
// however it ends, and ends and removes whatever is left under base.
func run(m *testing.M) int {
	var err error
	if base, err = os.MkdirTemp("", "pcdb"); err != nil {
		panic(err)
	}
	if err := os.Chmod(base, 0o711); err != nil {
		panic(err)
	}
	reaper := helper("reaper", base)
	alive, err := reaper.StdinPipe()
	if err != nil {
		panic(err)
	}
	if err := reaper.Start(); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = alive.Close()
	if err := reaper.Wait(); err != nil {
		fmt.Fprintln(os.Stderr, "cleaning up:", err)
		return max(code, 1)
	}
	return code
}

func helper(role, dir string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, dirVariable+"="+dir)
	cmd.Dir = base
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// beReaper waits for the end of its input, then kills every process that works
// below dir and removes dir.
func beReaper(dir string) int {
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = os.Chdir("/")
	for range 500 {
		found := false
		links, _ := filepath.Glob("/proc/[0-9]*/cwd")
		for _, link := range links {
			cwd, err := os.Readlink(link)
			if err != nil || (cwd != dir && !strings.HasPrefix(cwd, dir+"/")) {
				continue
			}
			if pid, err := strconv.Atoi(strings.Split(link, "/")[2]); err == nil && pid != os.Getpid() {
				_ = syscall.Kill(pid, syscall.SIGKILL)
				found = true
			}
		}
		if !found {
			break
		}
		pause(context.Background(), tick)
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// beUser is another process on the same data directory: it starts or joins the
// database, says which, and leaves at the end of its input.
func beUser(dir string) int {
	server, err := Start(context.Background(), Config{DataDir: dir, Settings: quick})
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	fmt.Println("up", recordedPid(server.cluster.pidFile()))
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := server.Stop(context.Background()); err != nil {
		fmt.Println("error:", err)
		return 1
	}
	return 0
}

// peer is a running helper process.
type peer struct {
	cmd        *exec.Cmd
	in         io.WriteCloser
	postmaster int
}

// startPeer runs another process on dir and waits until it is up.
func startPeer(t *testing.T, dir string) *peer {
	t.Helper()
	u, line := launchPeer(t, helper("user", dir))
	text := <-line
	var err error
	pid, ok := strings.CutPrefix(text, "up ")
	require.True(t, ok, text)
	u.postmaster, err = strconv.Atoi(pid)
	require.NoError(t, err)
	return u
}

func launchPeer(t *testing.T, cmd *exec.Cmd) (*peer, <-chan string) {
	t.Helper()
	u := &peer{cmd: cmd}
	var err error
	u.in, err = cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(out).ReadString('\n')
		line <- strings.TrimSpace(text)
	}()
	return u, line
}

// leave ends the helper the orderly way.
func (u *peer) leave(t *testing.T) {
	t.Helper()
	require.NoError(t, u.in.Close())
	require.NoError(t, u.cmd.Wait())
}

// kill ends it with SIGKILL.
func (u *peer) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, u.cmd.Process.Kill())
	_ = u.cmd.Wait()
}

// quick spares the tests the waits for a disk that nothing here depends on,
// except where a crash is the point.
var quick = map[string]string{"shared_buffers": "16MB"}

// pattern is a cluster made once and copied: making one takes a second.
var pattern = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(base, "pattern")
	server, err := Start(context.Background(), Config{DataDir: dir, Settings: quick})
	if err != nil {
		return "", err
	}
	return dir, server.Stop(context.Background())
})

// emptyDir is a data directory's name that can be entered by all.
func emptyDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(base, "t")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o711))
	t.Cleanup(func() {
		_ = (&cluster{layout: layout{root: dir}}).endOrphans(context.Background())
		_ = os.RemoveAll(dir)
	})
	return filepath.Join(dir, "data")
}

// madeDir is a data directory that holds a stopped cluster.
func madeDir(t *testing.T) string {
	t.Helper()
	from, err := pattern()
	require.NoError(t, err)
	dir := emptyDir(t)
	out, err := exec.Command("cp", "-a", from, dir).CombinedOutput()
	require.NoError(t, err, string(out))
	return dir
}

// open starts the database in dir; it is stopped when the test ends.
func open(t *testing.T, dir string) *Server {
	t.Helper()
	server, err := Start(t.Context(), Config{DataDir: dir, Settings: quick})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	return server
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	require.NoError(t, s.Stop(context.Background()))
}

func connect(t *testing.T, s *Server) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// ask returns one value as text.
func ask(t *testing.T, conn *pgx.Conn, sql string, args ...any) string {
	t.Helper()
	var text string
	require.NoError(t, conn.QueryRow(t.Context(), sql, args...).Scan(&text), sql)
	return text
}

func do(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	_, err := conn.Exec(t.Context(), sql, args...)
	require.NoError(t, err, sql)
}

// pid is the running postmaster's.
func pid(t *testing.T, s *Server) int {
	t.Helper()
	found := recordedPid(s.cluster.pidFile())
	require.NotZero(t, found)
	return found
}

// ends waits until a process is gone or waits to be collected.
func ends(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool { return dead(pid) }, 20*time.Second, 5*time.Millisecond, "process %d lives", pid)
}

// left waits until a process is none of the cluster any more; its number may be somebody
// else's by then.
func left(t *testing.T, s *Server, pid int) {
	t.Helper()
	require.Eventually(t, func() bool { return inspect(pid, s.cluster.pgdata()) != ours }, 20*time.Second, 5*time.Millisecond, "process %d still works in the cluster", pid)
}

func dead(pid int) bool {
	state := inspect(pid, base)
	return state == gone || state == zombie
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root has to hand PostgreSQL to another user")
	}
}

// mustExec runs one statement in another database of the cluster.
func (s *Server) mustExec(t *testing.T, database, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.cluster.url(database))
	require.NoError(t, err)
	do(t, conn, sql)
	require.NoError(t, conn.Close(t.Context()))
}
