package app_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// forwards adds forwarding headers to every request.
type forwards struct {
	http.RoundTripper
	hops []string
}

func (f forwards) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header["X-Forwarded-For"] = f.hops
	return f.RoundTripper.RoundTrip(r)
}

// forwarded are values of X-Forwarded-For, a header line each, and the client
// they mean to a server at 127.0.0.1 that trusts loopback and 10.0.0.0/8: the
// right-most hop that it does not trust, or the last one that could be read.
var forwarded = map[string]string{
	"203.0.113.9": "203.0.113.9", " 203.0.113.9 ": "203.0.113.9", "\t203.0.113.9": "203.0.113.9", "203.0.113.9:80": "203.0.113.9",
	"203.0.113.9, 10.0.0.1": "203.0.113.9", "203.0.113.9,10.0.0.1": "203.0.113.9", "203.0.113.9 , 10.0.0.1 ,10.9.9.9": "203.0.113.9",
	"1.1.1.1, 203.0.113.9": "203.0.113.9", "127.0.0.1, 203.0.113.9": "203.0.113.9", "10.0.0.1, 203.0.113.9": "203.0.113.9",
	"1.1.1.1\n203.0.113.9": "203.0.113.9", "203.0.113.9\n10.0.0.1": "203.0.113.9", "203.0.113.9, 10.0.0.1\n10.0.0.2": "203.0.113.9",
	"2001:db8::1": "2001:db8::1", "[2001:db8::1]:443": "2001:db8::1", "2001:DB8:0:0:0:0:0:1": "2001:db8::1", "::ffff:203.0.113.9": "203.0.113.9",
	"[::ffff:203.0.113.9]:1": "203.0.113.9", "2001:db8::1, 10.0.0.1": "2001:db8::1", "::ffff:10.0.0.1": "10.0.0.1",
	"10.0.0.1": "10.0.0.1", "10.0.0.1, 10.0.0.2": "10.0.0.1", "127.0.0.1": "127.0.0.1", "127.0.0.1, 127.0.0.1": "127.0.0.1",
	"192.168.0.1": "192.168.0.1", "169.254.1.1": "169.254.1.1", "224.0.0.1": "224.0.0.1", "255.255.255.255": "255.255.255.255",
	// What cannot be read is nobody: the hop after it, or the peer.
	"": "127.0.0.1", ",": "127.0.0.1", ",,,": "127.0.0.1", "unknown": "127.0.0.1", "_hidden": "127.0.0.1", "localhost": "127.0.0.1",
	"203.0.113.9,": "127.0.0.1", "203.0.113.9, ": "127.0.0.1", "203.0.113.9, unknown": "127.0.0.1", "203.0.113.9, unknown, 10.0.0.1": "10.0.0.1",
	"for=203.0.113.9": "127.0.0.1", "\"203.0.113.9\"": "127.0.0.1", "<203.0.113.9>": "127.0.0.1", "203.0.113.9;1.1.1.1": "127.0.0.1",
	"203.0.113.9 1.1.1.1": "127.0.0.1", "203.0.113": "127.0.0.1", "203.0.113.9.1": "127.0.0.1", "203.0.113.256": "127.0.0.1", "0xcb.0.113.9": "127.0.0.1",
	"203.000.113.009": "127.0.0.1", "3405803785": "127.0.0.1", "203.0.113.9:": "127.0.0.1", "203.0.113.9:99999": "127.0.0.1", "203.0.113.9:http": "127.0.0.1",
	"203.0.113.0/24": "127.0.0.1", "[2001:db8::1]": "127.0.0.1", "2001:db8::1]:443": "127.0.0.1", "2001:db8:::1": "127.0.0.1", "fe80::1%eth0": "127.0.0.1",
	"0.0.0.0": "127.0.0.1", "::": "127.0.0.1", "%3B": "127.0.0.1", "http://203.0.113.9/": "127.0.0.1", "' OR 1=1 --": "127.0.0.1", "$(id)": "127.0.0.1",
	"203.0.113.9, ٣.٣.٣.٣": "127.0.0.1", "203.0.113.9\x0b": "127.0.0.1",
}

// The address that a session and its events are stored with is the socket's, or
// behind a trusted proxy the right-most hop that is none, whatever is sent.
func TestTheStoredAddressIsNeverTheOneMadeUp(t *testing.T) {
	t.Parallel()
	forwarded[strings.Repeat("1.1.1.1, ", 500)+"203.0.113.9"] = "203.0.113.9"
	forwarded[strings.Repeat("9", 4000)] = "127.0.0.1"
	require.GreaterOrEqual(t, len(forwarded), 60)
	s := newSite(t, 1)
	s.open("trusted_proxies", "127.0.0.0/8, 10.0.0.0/8")
	ada := s.user("ada")
	var g errgroup.Group
	g.SetLimit(4)
	stored := make(chan [3]string, 2*len(forwarded))
	for value, behind := range forwarded {
		for n, want := range []string{"127.0.0.1", behind} {
			b := s.browser().at(s.replicas[n])
			b.client.Transport = forwards{b.client.Transport, strings.Split(value, "\n")}
			g.Go(func() error {
				in, err := b.tryToSignIn(ada.Username, password)
				if err != nil && strings.ContainsAny(value, "\x0b") {
					return nil // no client sends that, and no server takes it
				}
				if err != nil || !in {
					return fmt.Errorf("with %.80q: signed in %v: %w", value, in, err)
				}
				base, _ := url.Parse(b.base)
				for _, c := range b.client.Jar.Cookies(base) {
					if c.Name == web.SessionCookie {
						stored <- [3]string{c.Value, value, want}
					}
				}
				return nil
			})
		}
	}
	require.NoError(t, g.Wait())
	close(stored)
	conn := s.connect()
	checked := 0
	for row := range stored {
		digest := sha256.Sum256([]byte(row[0]))
		var session, event string
		require.NoError(t, conn.QueryRow(t.Context(), `SELECT host(s.ip), host(e.client_ip) FROM sessions s
			JOIN events e ON e.action = 'login' AND e.context ->> 'session' = s.id::text WHERE s.digest = $1`, digest[:]).Scan(&session, &event))
		require.Equal(t, []string{row[2], row[2]}, []string{session, event}, "%.80q", row[1])
		checked++
	}
	require.GreaterOrEqual(t, checked, 120)
}
