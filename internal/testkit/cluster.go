package testkit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/portcullis-idp/portcullis/internal/embedded"
)

const (
	// URLVariable names an already running PostgreSQL to make databases in; its
	// user must be allowed to create databases and roles.
	URLVariable = "PORTCULLIS_TEST_DATABASE_URL"
	// DirVariable moves the shared cluster; tests run as root need a directory
	// that the user postgres can enter.
	DirVariable = "PORTCULLIS_TEST_DIR"
	// guardVariable turns this program into the guard of a cluster.
	guardVariable = "PORTCULLIS_TESTKIT_GUARD"
)

// settings trade every promise about a crash for speed.
var settings = map[string]string{
	"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
	"wal_level": "minimal", "max_wal_senders": "0",
	"max_connections": "400", "shared_buffers": "128MB",
	"cluster_name": "portcullis-test", "log_min_messages": "error", "log_min_error_statement": "error",
}

// Cluster is one program's share in the test database server.
type Cluster struct {
	// URL reaches the server's "portcullis" database as a superuser.
	URL   string
	guard *exec.Cmd
	alive io.Closer
}

// init lets a test binary be started once more as the guard of its cluster: a
// process that outlives it and cleans up, whether the tests ended well, ran
// into a timeout or were killed. Nothing in the test binary could do that.
func init() {
	if dir := os.Getenv(guardVariable); dir != "" {
		os.Exit(guard(dir))
	}
}

// guard joins the cluster, prints its URL and leaves when its parent is gone
// (the parent holds the other end of stdin and never writes).
func guard(dir string) int {
	parent := os.Getppid()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	server, err := start(ctx, dir)
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	fmt.Println(server.URL())
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent, whatever the error
	ctx, cancel = context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	swept := sweep(ctx, server.URL(), parent)
	if err := errors.Join(swept, server.Stop(ctx)); err != nil {
		fmt.Fprintln(os.Stderr, "leaving the test database:", err)
		return 1
	}
	return 0
}

// start joins the cluster in dir. Without fsync a machine that went down hard
// may have spoilt it; then it is made anew.
func start(ctx context.Context, dir string) (*embedded.Server, error) {
	cfg := embedded.Config{DataDir: dir, BinDir: os.Getenv("PORTCULLIS_POSTGRES_BIN"), Settings: settings}
	server, err := embedded.Start(ctx, cfg)
	if err == nil || ctx.Err() != nil {
		return server, err
	}
	if gone := os.RemoveAll(filepath.Join(dir, "postgres")); gone != nil {
		return nil, errors.Join(err, gone)
	}
	return embedded.Start(ctx, cfg)
}

// StartCluster joins the shared test database server, starting it if need be.
func StartCluster(ctx context.Context) (*Cluster, error) {
	dir, err := clusterDir()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), guardVariable+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a Ctrl-C is for the tests
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the test database's guard: %w", err)
	}
	c := &Cluster{guard: cmd, alive: stdin}
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(stdout).ReadString('\n') // an empty line is reported below
		line <- strings.TrimSpace(text)
	}()
	select {
	case c.URL = <-line:
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("waiting for the test database: %w", context.Cause(ctx)), c.Stop())
	}
	if !strings.HasPrefix(c.URL, "postgres://") {
		_ = c.Stop() // its own error says less than the line
		return nil, fmt.Errorf("starting the test database in %s: %s", dir, strings.TrimPrefix(c.URL, "error: "))
	}
	return c, nil
}

// Stop leaves the server; the last one to leave stops it. It returns when that
// is done. A program that just ends is noticed all the same.
func (c *Cluster) Stop() error {
	_ = c.alive.Close()
	if err := c.guard.Wait(); err != nil {
		return fmt.Errorf("the test database's guard: %w", err)
	}
	return nil
}

// inMemory is a file system in memory that Linux has; room is how many bytes of it
// the test server takes at most, with what the tests of all packages copy.
const (
	inMemory = "/dev/shm"
	room     = 4 << 30
)

// roomy is the directory for temporary files, or the one in memory where there is
// room: a database is copied there in a fifth of the time.
func roomy() string {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(inMemory, &fs); err != nil || fs.Bavail*uint64(fs.Bsize) < room {
		return os.TempDir()
	}
	return inMemory
}

// clusterDir is one directory per user, kept between runs like a build cache:
// a stopped cluster with its migrated template starts in a tenth of a second.
func clusterDir() (string, error) {
	dir := os.Getenv(DirVariable)
	if dir == "" {
		dir = filepath.Join(roomy(), fmt.Sprintf("portcullis-test-%d", os.Geteuid()))
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return "", fmt.Errorf("making the test database's directory: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("the test database's directory: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(stat.Uid) != os.Geteuid() {
		return "", fmt.Errorf("%s is not a directory of this user; set %s to one", dir, DirVariable)
	}
	return dir, nil
}
