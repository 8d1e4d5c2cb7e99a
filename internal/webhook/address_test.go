package webhook

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhereWebhooksMayNotLead(t *testing.T) {
	t.Parallel()
	for _, a := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.255.0.9",
		"168.63.129.16", "169.254.169.254", "169.254.0.1", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1",
		"192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::2", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
		"64:ff9b::127.0.0.1", "64:ff9b::10.1.2.3", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8", "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::",
		"100::1", "2001::1", "2001:0:102:304::", "2001:2::1", "2001:10::1", "2001:db8::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fdff::1",
		"fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "ff02::1", "ff0e::1", "4000::1", "5f00::1", "e000::1",
	} {
		require.NotEmpty(t, closedFor(netip.MustParseAddr(a), nil), a)
	}
	for _, a := range []string{"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
		"172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1", "2001:4860:4860::8888", "2606:4700::1111", "2a00::1"} {
		require.Empty(t, closedFor(netip.MustParseAddr(a), nil), a)
	}
	require.NotEmpty(t, closedFor(netip.Addr{}, nil))
	allow := []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd00:1::/32"), netip.MustParsePrefix("fe80::/10")}
	for a, open := range map[string]bool{"10.20.3.4": true, "::ffff:10.20.3.4": true, "10.21.0.1": false, "fd00:1::5": true, "fd00:2::5": false,
		"64:ff9b::10.20.3.4": false, "2002:a14:304::": false, "fe80::1%eth0": true, "127.0.0.1": false} {
		require.Equal(t, open, closedFor(netip.MustParseAddr(a), allow) == "", a)
	}
}

// strict sends to public addresses only, whatever a name resolves to.
func strict(resolver *net.Resolver) *Sender {
	return sender(func(c *Config) { c.Allow, c.Resolver = nil, resolver })
}

func TestAddressesAreJudgedWhenTheyAreDialled(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	_, port, err := net.SplitHostPort(r.Listener.Addr().String())
	require.NoError(t, err)
	s := strict(names(t, func(name string) []netip.Addr {
		switch name {
		case "loop.example.org":
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
		case "six.example.org":
			return []netip.Addr{netip.MustParseAddr("::1")}
		case "mapped.example.org":
			return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1")}
		case "both.example.org":
			return []netip.Addr{netip.MustParseAddr("fd00::1"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("127.0.0.1")}
		case "cloud.example.org":
			return []netip.Addr{netip.MustParseAddr("169.254.169.254")}
		}
		return nil
	}))
	for _, host := range []string{"127.0.0.1", "127.1.2.3", "0.0.0.0", "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "localhost", "LOCALHOST", "[fe80::1%25lo]",
		"169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "255.255.255.255", "[64:ff9b::7f00:1]",
		"loop.example.org", "LOOP.example.org.", "six.example.org", "mapped.example.org", "both.example.org", "cloud.example.org"} {
		for _, scheme := range []string{"http", "https"} {
			_, err := s.Send(t.Context(), message(scheme+"://"+host+":"+port+"/secret-path"))
			isFinal(t, true, err, host)
			require.ErrorContains(t, err, "PORTCULLIS_WEBHOOK_ALLOW", host)
			require.NotContains(t, err.Error(), "secret-path")
		}
	}
	_, err = s.Send(t.Context(), message("http://absent.example.org/"))
	isFinal(t, false, err, "a name may come")
	require.ErrorContains(t, err, "no such host")
	require.Zero(t, r.news, "nobody was connected to")
}

// A name that leads elsewhere the next time leads nowhere, also where a receiver sends
// us back to it.
func TestNamesThatChange(t *testing.T) {
	t.Parallel()
	r := receive(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Connection", "close")
		http.Redirect(w, req, "/again", http.StatusTemporaryRedirect)
	})
	_, port, err := net.SplitHostPort(r.Listener.Addr().String())
	require.NoError(t, err)
	var asked atomic.Int32
	s := sender(func(c *Config) {
		c.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		c.Resolver = names(t, func(string) []netip.Addr {
			if asked.Add(1) <= 2 { // A and AAAA
				return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
			}
			return []netip.Addr{netip.MustParseAddr("127.0.0.2")}
		})
	})
	_, err = s.Send(t.Context(), message("http://hook.example.org:"+port+"/"))
	isFinal(t, true, err, "rebound")
	require.ErrorContains(t, err, "127.0.0.2")
	require.Len(t, r.taken(), 1)
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	other := receive(t, nil)
	var r *receiver
	hop := map[string]string{}
	code := http.StatusPermanentRedirect
	r = receive(t, func(w http.ResponseWriter, req *http.Request) {
		if to := hop[req.URL.Path]; to != "" {
			http.Redirect(w, req, to, code)
		}
	})
	for path, to := range map[string]string{"/1": "/2", "/2": "/3", "/3": "/end", "/0": "/1", "/loop": "/loop", "/full": r.URL + "/end",
		"/other": other.URL + "/x?token=hidden", "/secure": strings.Replace(r.URL, "http:", "https:", 1) + "/end", "/name": "http://localhost/", "/cloud": "http://169.254.169.254/latest/",
		"/file": "file:///etc/passwd", "/user": strings.Replace(r.URL, "//", "//a:b@", 1) + "/end", "/slashes": "//" + other.Listener.Addr().String() + "/y"} {
		hop[path] = to
	}
	s := sender()
	m := message(r.URL + "/1")
	m.Transport.WebhookSecret = "s3cret"
	for _, code = range []int{http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		before := len(r.taken())
		answer, err := s.Send(t.Context(), m)
		require.NoError(t, err)
		require.Equal(t, "200 OK", answer)
		taken := r.taken()[before:]
		require.Len(t, taken, 4)
		require.Equal(t, "POST /end", taken[3].Method+" "+taken[3].RequestURI)
		require.Equal(t, taken[0].body, taken[3].body)
		require.Equal(t, taken[0].Header, taken[3].Header)
	}
	_, err := s.Send(t.Context(), message(r.URL+"/full"))
	require.NoError(t, err)
	for path, said := range map[string]string{"/0": "/end", "/loop": "/loop", "/other": other.URL + "/x", "/secure": "https://127.0.0.1", "/name": "http://localhost/",
		"/cloud": "http://169.254.169.254/latest/", "/file": "file:///etc/passwd", "/user": "127.0.0.1", "/slashes": other.URL + "/y"} {
		answer, err := s.Send(t.Context(), message(r.URL+path))
		isFinal(t, true, err, path)
		require.ErrorContains(t, err, said, path)
		require.NotContains(t, err.Error(), "hidden")
		require.True(t, strings.HasPrefix(answer, "308 "), answer)
	}
	for _, code = range []int{301, 302, 303} {
		before := len(r.taken())
		_, err := s.Send(t.Context(), message(r.URL+"/1"))
		isFinal(t, true, err, "one that becomes a GET")
		require.ErrorContains(t, err, r.URL+"/2")
		require.Len(t, r.taken(), before+1)
	}
	require.Empty(t, other.taken())
}
