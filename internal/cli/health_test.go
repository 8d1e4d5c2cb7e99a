package cli

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHealthTellsReadyFromNot(t *testing.T) {
	t.Parallel()
	status := http.StatusNoContent
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/-/health/ready/", r.URL.Path)
		w.WriteHeader(status)
	}))
	defer server.Close()
	code, out, _ := run(t, Program{}, "health", "--server", server.URL)
	require.Equal(t, ExitOK, code)
	require.Equal(t, "ready\n", out)
	status = http.StatusServiceUnavailable
	code, _, errs := run(t, Program{}, "health", "--server", server.URL)
	require.Equal(t, ExitFailure, code)
	require.Contains(t, errs, "503")
}

func TestLocalReachesAnUnspecifiedAddress(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{"0.0.0.0:9000": "127.0.0.1:9000", ":80": "127.0.0.1:80", "[::]:1": "127.0.0.1:1", "10.1.2.3:4": "10.1.2.3:4"} {
		require.Equal(t, want, local(listen))
	}
}
