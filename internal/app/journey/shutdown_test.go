package journey

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// A server that is told to stop says first that it is not ready, and finishes
// the request it has begun.
func TestShutdownFinishesRequests(t *testing.T) {
	t.Parallel()
	s := &site{start(t, nil, "PORTCULLIS_DATABASE_URL="+testkit.Database(t), "PORTCULLIS_BOOTSTRAP_PASSWORD="+adminPassword,
		"PORTCULLIS_SHUTDOWN_DELAY=1s")}
	address := strings.TrimPrefix(s.URL, "http://")
	dial := func() net.Conn {
		c, err := net.Dial("tcp", address)
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
		return c
	}
	get := func(path string) int {
		answer, err := http.Get(s.URL + path)
		if err != nil {
			return 0
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	// A request under way: the server waits for the rest of its body.
	const body = "uid_field=admin"
	slow := dial()
	_, err := fmt.Fprintf(slow, "POST %s HTTP/1.1\r\nHost: %s\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n", signInPage, address, len(body))
	require.NoError(t, err)
	reader := bufio.NewReader(slow)
	going, err := reader.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, going, "100 Continue", "the handler reads the body now")

	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool { return get("/-/health/ready/") == http.StatusServiceUnavailable }, patience, 5*time.Millisecond)
	require.Equal(t, http.StatusOK, get("/-/health/live/"))
	require.Equal(t, http.StatusOK, get(signInPage), "until load balancers have turned away, everything is answered")
	require.Eventually(t, func() bool { return get("/-/health/live/") == 0 }, patience, 5*time.Millisecond)
	select {
	case <-s.ended:
		t.Fatal("the server did not wait for the request")
	default:
	}
	_, err = slow.Write([]byte(body))
	require.NoError(t, err)
	_, err = reader.ReadString('\n') // the empty line after 100 Continue
	require.NoError(t, err)
	answer, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSeeOther, answer.StatusCode)
	<-s.ended
	require.Zero(t, s.cmd.ProcessState.ExitCode())
}

// A supervisor that signals the process and its group sends two signals at once.
// The server still ends in order and leaves no database running.
func TestTwoSignalsAtOnceStopTheDatabaseToo(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "portcullis-signals-") // not t.TempDir: PostgreSQL's user has to enter
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o711))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	s := start(t, nil, "PORTCULLIS_DATA_DIR="+dir)
	mark := filepath.Join(dir, "postgres", "pgdata", "postmaster.pid")
	require.FileExists(t, mark)
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGINT))
	<-s.ended
	require.Zero(t, s.cmd.ProcessState.ExitCode())
	require.NoFileExists(t, mark)
}
