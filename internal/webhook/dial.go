package webhook

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// Bounds of connections.
const (
	idleAtMost   = 32 // kept open altogether
	idlePerHost  = 2
	connsPerHost = 8
	idleFor      = 30 * time.Second
	dialFor      = 10 * time.Second
	maxHeader    = 64 << 10 // bytes of an answer's
)

// refusal is of an address that nothing may connect to.
type refusal struct {
	address netip.Addr
	what    string
}

// Error implements error.
func (r *refusal) Error() string {
	return fmt.Sprintf("its address %s is %s, where webhooks may not lead: the operator can allow it with webhook_allow (PORTCULLIS_WEBHOOK_ALLOW)", r.address, r.what)
}

// transport connects to public addresses only. An address is judged when it is dialled,
// so it does not matter what names resolve to before and after. There is no proxy, which
// would dial instead.
func transport(c Config) *http.Transport {
	d := &net.Dialer{Timeout: dialFor, Resolver: c.Resolver, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return &refusal{what: "not an address"}
		}
		if what := closedFor(to.Addr(), c.Allow); what != "" {
			return &refusal{address: to.Addr(), what: what}
		}
		return nil
	}}
	return &http.Transport{Proxy: nil, DialContext: d.DialContext, ForceAttemptHTTP2: true, DisableCompression: true,
		TLSClientConfig:     &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialFor, MaxIdleConns: idleAtMost, MaxIdleConnsPerHost: idlePerHost, MaxConnsPerHost: connsPerHost,
		IdleConnTimeout: idleFor, MaxResponseHeaderBytes: maxHeader}
}
