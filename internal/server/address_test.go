package server

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClientAddress(t *testing.T) {
	t.Parallel()
	trusted := proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, c := range map[string]struct {
		remote string
		header map[string][]string
		client string
		host   string
		secure bool
	}{
		"no proxy":                      {remote: "192.0.2.1:5", client: "192.0.2.1"},
		"a stranger's header":           {remote: "192.0.2.1:5", header: map[string][]string{"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"evil.example"}}, client: "192.0.2.1"},
		"one hop":                       {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-For": {"203.0.113.9"}}, client: "203.0.113.9"},
		"a made-up hop before":          {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-For": {"127.0.0.1, 203.0.113.9"}}, client: "203.0.113.9"},
		"two trusted proxies":           {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-For": {"203.0.113.9, 10.2.3.4"}}, client: "203.0.113.9"},
		"several header lines":          {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-For": {"1.1.1.1", "203.0.113.9"}}, client: "203.0.113.9"},
		"only proxies":                  {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-For": {"10.2.3.4"}}, client: "10.2.3.4"},
		"with a port":                   {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-For": {"203.0.113.9:4711"}}, client: "203.0.113.9"},
		"IPv6 with a port":              {remote: "[fd00::1]:5", header: map[string][]string{"X-Forwarded-For": {"[2001:db8::1]:4711"}}, client: "2001:db8::1"},
		"IPv4 inside IPv6":              {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-For": {"::ffff:203.0.113.9"}}, client: "203.0.113.9"},
		"garbage":                       {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-For": {"203.0.113.9, unknown"}}, client: "10.0.0.1"},
		"garbage before a proxy":        {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-For": {"203.0.113.9, x, 10.2.3.4"}}, client: "10.2.3.4"},
		"empty":                         {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-For": {""}}, client: "10.0.0.1"},
		"a zone":                        {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-For": {"fe80::1%eth0"}}, client: "10.0.0.1"},
		"unspecified":                   {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-For": {"0.0.0.0"}}, client: "10.0.0.1"},
		"a unix socket":                 {remote: "@", header: map[string][]string{"X-Forwarded-For": {"203.0.113.9"}}, client: "invalid IP"},
		"https at the proxy":            {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-Proto": {"https"}}, client: "10.0.0.1", secure: true},
		"the nearest proxy decides":     {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-Proto": {"https, http"}}, client: "10.0.0.1"},
		"an unknown scheme":             {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-Proto": {"gopher"}}, client: "10.0.0.1"},
		"the host the browser named":    {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-Host": {"id.example.org:8443"}}, client: "10.0.0.1", host: "id.example.org:8443"},
		"a host that cannot be one":     {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-Host": {"a b/<script>"}}, client: "10.0.0.1"},
		"a host with a port of letters": {remote: "10.0.0.1:5", header: map[string][]string{"X-Forwarded-Host": {"id.example.org:http"}}, client: "10.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "http://own.example/", nil)
			r.RemoteAddr = c.remote
			for key, values := range c.header {
				r.Header[key] = values
			}
			got := trusted.origin(r)
			if c.host == "" {
				c.host = "own.example"
			}
			require.Equal(t, c.client, got.client.String())
			require.Equal(t, c.host, got.host)
			require.Equal(t, c.secure, got.secure)
		})
	}
}

func TestHostname(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"ID.Example.org:9000": "id.example.org", "id.example.org.": "id.example.org",
		"[2001:db8::1]:9000": "[2001:db8::1]", "127.0.0.1:1": "127.0.0.1", "a b": "", "": "", "x\x00": ""} {
		require.Equal(t, want, hostname(in), in)
	}
}
