package webhook

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
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

// webhookSetting and logoutSetting are where operators allow what is not public.
const (
	webhookSetting = "webhook_allow"
	logoutSetting  = "logout_allow"
)

// refusal is of an address that nothing may connect to.
type refusal struct {
	address netip.Addr
	what    string
	setting string // where the operator allows more
}

// Error implements error.
func (r *refusal) Error() string {
	what := "webhooks"
	if r.setting != webhookSetting {
		what = "logout notices"
	}
	return fmt.Sprintf("its address %s is %s, where %s may not lead: the operator can allow it with %s (PORTCULLIS_%s)",
		r.address, r.what, what, r.setting, strings.ToUpper(r.setting))
}

// transport connects to public addresses only. An address is judged when it is dialled,
// so it does not matter what names resolve to before and after. There is no proxy, which
// would dial instead.
func transport(c Config, setting string) *http.Transport {
	d := &net.Dialer{Timeout: dialFor, Resolver: c.Resolver, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return &refusal{what: "not an address", setting: setting}
		}
		if what := closedFor(to.Addr(), c.Allow); what != "" {
			return &refusal{address: to.Addr(), what: what, setting: setting}
		}
		return nil
	}}
	return &http.Transport{Proxy: nil, DialContext: d.DialContext, ForceAttemptHTTP2: true, DisableCompression: true,
		TLSClientConfig:     &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialFor, MaxIdleConns: idleAtMost, MaxIdleConnsPerHost: idlePerHost, MaxConnsPerHost: connsPerHost,
		IdleConnTimeout: idleFor, MaxResponseHeaderBytes: maxHeader}
}
