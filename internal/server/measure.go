package server

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/server/metric"
)

// Meter counts requests.
type Meter interface {
	// Request counts one. route is the pattern as it was registered.
	Request(route, method string, status int, took time.Duration)
}

// Tracer follows requests.
type Tracer interface {
	// Request begins a span for a request, which may name one that it belongs to,
	// and returns what ends it. Statements and all else that happens in the context
	// belong to the span.
	Request(ctx context.Context, header http.Header) (context.Context, func(method, route string, status int))
}

// traced follows the request from its first moment to its last.
func (s *Server) traced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, end := s.tracer.Request(r.Context(), r.Header)
		ww := &answer{ResponseWriter: w}
		r = r.WithContext(ctx)
		defer func() { end(methodName(r.Method), pattern(r), ww.told()) }()
		next.ServeHTTP(ww, r)
	})
}

// tellMetrics answers with what was counted.
func (s *Server) tellMetrics(w http.ResponseWriter, r *http.Request) error {
	return s.metrics.Serve(w, r, s.local(r))
}

// forwarding are headers that a proxy adds.
var forwarding = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"}

// local reports whether a program of this machine asks, and nothing between. The
// connection itself counts, not what a header says of it; a request that shows a
// sign of a proxy, or that came for another host than this machine, as a browser's
// may that was misled, is not local.
func (s *Server) local(r *http.Request) bool {
	peer, ok := parseHop(r.RemoteAddr)
	if !ok || !peer.IsLoopback() || s.proxies.trusts(peer) {
		return false
	}
	for _, name := range forwarding {
		if _, has := r.Header[name]; has {
			return false
		}
	}
	host := strings.Trim(hostname(r.Host), "[]")
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

var _ Meter = (*metric.Requests)(nil)
