package server

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

// answer notes what is answered. http.ResponseController finds what it wraps.
type answer struct {
	http.ResponseWriter
	status int // 0 = nothing is under way yet
	bytes  int
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader implements http.ResponseWriter. What only informs is not the answer
// (RFC 9110, 15.2).
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += n
	return n, err
}

// told is the status for the log: a handler that says nothing says OK.
func (a *answer) told() int {
	if a.status == 0 {
		return http.StatusOK
	}
	return a.status
}

// headAsGet answers HEAD as GET where nothing else does; net/http leaves the body out.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			route := chi.RouteContext(r.Context())
			path := route.RoutePath
			if path == "" {
				path = r.URL.EscapedPath()
				if r.URL.RawPath == "" {
					path = r.URL.Path
				}
			}
			if !route.Routes.Match(chi.NewRouteContext(), http.MethodHead, path) {
				route.RouteMethod, route.RoutePath = http.MethodGet, path
			}
		}
		next.ServeHTTP(w, r)
	})
}
