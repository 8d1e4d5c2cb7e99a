package journey

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	adminPassword = "correct horse battery staple"
	adminToken    = "journey-token-of-the-first-administrator"
)

// binary builds the server once for all journeys, with the race detector when
// the tests have it.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "portcullis-journey-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "portcullis")
	args := []string{"build", "-o", path}
	if raceEnabled {
		args = append(args, "-race")
	}
	c := exec.Command("go", append(args, "github.com/portcullis-idp/portcullis/cmd/portcullis")...)
	if out, err := c.CombinedOutput(); err != nil {
		_ = os.RemoveAll(dir)
		return "", fmt.Errorf("building the server: %w\n%s", err, out)
	}
	return path, nil
})

// server is one running binary.
type server struct {
	URL    string
	cmd    *exec.Cmd
	output *lines
	ended  chan struct{}
	result error // once it has ended
}

// lines keeps what the server prints.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func (l *lines) add(s string) {
	l.mu.Lock()
	l.text.WriteString(s + "\n")
	close(l.more)
	l.more = make(chan struct{})
	l.mu.Unlock()
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait returns the first line that contains want.
func (l *lines) wait(ctx context.Context, want string) (string, error) {
	for {
		l.mu.Lock()
		text, more := l.text.String(), l.more
		l.mu.Unlock()
		for _, line := range strings.Split(text, "\n") {
			if strings.Contains(line, want) {
				return line, nil
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			return "", fmt.Errorf("waiting for %q: %w; the server said:\n%s", want, ctx.Err(), text)
		}
	}
}

// start runs `portcullis serve` with the environment given and waits until it is
// ready. It is stopped with SIGTERM when the test ends, and must then end well.
func start(t *testing.T, args []string, env ...string) *server {
	t.Helper()
	s := spawn(t, args, env...)
	t.Cleanup(func() {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.ended:
			require.NoError(t, s.result, "the server did not end well:\n%s", s.output)
		case <-time.After(time.Minute):
			_ = s.cmd.Process.Kill()
			t.Errorf("the server did not stop within a minute:\n%s", s.output)
		}
		if t.Failed() {
			t.Logf("the server said:\n%s", s.output)
		}
	})
	s.ready(t)
	return s
}

// spawn runs it, and leaves waiting and stopping to the caller.
func spawn(t *testing.T, args []string, env ...string) *server {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	address := freeAddress(t)
	s := &server{URL: "http://" + address, output: &lines{more: make(chan struct{})}, ended: make(chan struct{})}
	s.cmd = exec.Command(path, append([]string{"serve"}, args...)...)
	s.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "PORTCULLIS_LISTEN=" + address}, env...)
	read, write, err := os.Pipe()
	require.NoError(t, err)
	s.cmd.Stdout, s.cmd.Stderr = write, write
	require.NoError(t, s.cmd.Start())
	write.Close()
	go func() {
		scanner := bufio.NewScanner(read)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			s.output.add(scanner.Text())
		}
		read.Close()
	}()
	go func() { s.result = s.cmd.Wait(); close(s.ended) }()
	return s
}

func (s *server) ready(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if answer, err := http.Get(s.URL + "/-/health/ready/"); err == nil {
			answer.Body.Close()
			if answer.StatusCode < 300 {
				return
			}
		}
		select {
		case <-s.ended:
			t.Fatalf("the server ended:\n%s", s.output)
		case <-time.After(20 * time.Millisecond): // polling another process: there is no signal to wait for
		}
	}
	t.Fatalf("the server was not ready in time:\n%s", s.output)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}
