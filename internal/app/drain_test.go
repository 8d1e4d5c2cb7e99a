package app_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// While the server waits for load balancers to turn away, the probe says no and
// everything else is answered.
func TestADrainingServerStillAnswers(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	r := s.open("shutdown_delay", "5s")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	base := "http://" + listener.Addr().String()
	status := func(path string) int {
		answer, err := http.Get(base + path)
		if err != nil {
			return 0
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, listener) }()
	require.Eventually(t, func() bool { return status("/-/health/ready/") == http.StatusOK }, time.Minute, time.Millisecond)
	stop()
	require.Eventually(t, func() bool { return status("/-/health/ready/") == http.StatusServiceUnavailable }, time.Minute, time.Millisecond)
	require.Equal(t, http.StatusOK, status("/if/flow/default-authentication-flow/"))
	require.NoError(t, <-ended)
	require.Zero(t, status("/-/health/ready/"), "nobody listens any more")
}
