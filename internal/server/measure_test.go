package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/server"
	"github.com/portcullis-idp/portcullis/internal/server/metric"
)

// Without a token, the connection itself says who may read metrics, and nothing that
// a request can claim.
func TestMetricsAreToldToThisMachineAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(d *server.Deps) { d.Metrics = metric.NewPage(metric.New(), "", false) })
	for what, c := range map[string]struct {
		remote, host string
		header       map[string]string
		status       int
	}{
		"by address":            {"127.0.0.1:4000", "127.0.0.1:9000", nil, 200},
		"by name":               {"127.0.0.1:4000", "localhost:9000", nil, 200},
		"IPv6":                  {"[::1]:4000", "[::1]:9000", nil, 200},
		"IPv4 in IPv6":          {"[::ffff:127.0.0.1]:4000", "localhost", nil, 200},
		"elsewhere":             {"192.0.2.1:4000", "127.0.0.1:9000", nil, 403},
		"a claim":               {"192.0.2.1:4000", "localhost", map[string]string{"X-Forwarded-For": "127.0.0.1"}, 403},
		"a proxy":               {"10.0.0.1:4000", "localhost", nil, 403},
		"a proxy's claim":       {"10.0.0.1:4000", "localhost", map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "localhost"}, 403},
		"a proxy here":          {"127.0.0.1:4000", "127.0.0.1:9000", map[string]string{"X-Forwarded-For": "192.0.2.1"}, 403},
		"another proxy here":    {"127.0.0.1:4000", "127.0.0.1:9000", map[string]string{"Via": "1.1 cache"}, 403},
		"a host of the outside": {"127.0.0.1:4000", "id.example.org", nil, 403},
		"a misled browser":      {"127.0.0.1:4000", "localhost.example.org:9000", nil, 403},
		"no address":            {"@", "localhost", nil, 403},
	} {
		w := ask(r.server, c.remote, c.host, c.header)
		require.Equal(t, c.status, w.Code, what)
		if c.status == http.StatusOK {
			require.Equal(t, metric.ContentType, w.Header().Get("Content-Type"))
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		} else {
			require.NotContains(t, w.Body.String(), "# HELP", what)
		}
	}
	d := func(d *server.Deps) {
		d.Metrics, d.TrustedProxies = metric.NewPage(metric.New(), "", false), []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	}
	require.Equal(t, http.StatusForbidden, ask(newRig(t, d).server, "127.0.0.1:1", "localhost", nil).Code, "a trusted proxy here, whatever it adds")
	r = newRig(t)
	require.Equal(t, http.StatusNotFound, ask(r.server, "127.0.0.1:1", "localhost", nil).Code, "where nothing is counted")
}

func ask(h http.Handler, remote, host string, header map[string]string) *httptest.ResponseRecorder {
	q := httptest.NewRequest(http.MethodGet, metric.Path, nil)
	q.RemoteAddr, q.Host = remote, host
	for name, value := range header {
		q.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, q)
	return w
}
