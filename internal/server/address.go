package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// proxies knows whose forwarding headers are believed.
type proxies []netip.Prefix

func (p proxies) trusts(a netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// origin is where a request came from and how.
type origin struct {
	client netip.Addr // zero when the peer has no address, as on a unix socket
	host   string
	secure bool
	proxy  bool // the peer is a trusted proxy
}

// origin reads the socket and, only behind a trusted proxy, the forwarding
// headers. The client is the right-most hop that is not a trusted proxy. A hop
// that is not an address ends the search at the hop before it: what cannot be
// read is never somebody else.
func (p proxies) origin(r *http.Request) origin {
	o := origin{host: r.Host, secure: r.TLS != nil}
	peer, ok := parseHop(r.RemoteAddr)
	if !ok {
		return o
	}
	o.client = peer
	if !p.trusts(peer) {
		return o
	}
	o.proxy = true
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, ok := parseHop(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		o.client = hop
		if !p.trusts(hop) {
			break
		}
	}
	switch strings.ToLower(lastOf(r.Header, "X-Forwarded-Proto")) {
	case "https":
		o.secure = true
	case "http":
		o.secure = false
	}
	if host := lastOf(r.Header, "X-Forwarded-Host"); validHost(host) {
		o.host = host
	}
	return o
}

// parseHop reads an address with or without a port. Zones are refused and
// IPv4 inside IPv6 is unwrapped, so that one client has one address.
func parseHop(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = ap.Addr()
	}
	if addr.Zone() != "" || addr.IsUnspecified() {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

func lastOf(h http.Header, name string) string {
	values := strings.Split(strings.Join(h.Values(name), ","), ",")
	return strings.TrimSpace(values[len(values)-1])
}

// validHost reports whether the value looks like a host with an optional port.
func validHost(s string) bool {
	if s == "" || len(s) > 253+6 {
		return false
	}
	name := s
	if h, port, err := net.SplitHostPort(s); err == nil {
		name = h
		for _, c := range port {
			if c < '0' || c > '9' {
				return false
			}
		}
	} else if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		name = s[1 : len(s)-1]
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	for _, c := range name {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return name != ""
}
