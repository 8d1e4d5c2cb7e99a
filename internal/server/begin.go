package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/metric"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// RequestIDHeader carries the request's identifier on every answer, and from a
// trusted proxy on requests.
const RequestIDHeader = "X-Request-ID"

// secretParams are parts of a query string that never reach logs or events.
var secretParams = map[string]bool{linkParam: true, "itoken": true, "token": true, "key": true, "password": true, "code": true,
	"id_token_hint": true, "request_uri": true, "client_secret": true, "access_token": true, "refresh_token": true, "code_verifier": true}

// begin opens the request's scope, and when the request is over writes its line
// in the log. A panic below becomes an error with a request ID.
func (s *Server) begin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		from := s.proxies.origin(r)
		info := &idp.RequestInfo{ID: requestID(r, from.proxy), Method: methodName(r.Method), Path: r.URL.Path,
			Query: publicQuery(r.URL), Host: from.host, UserAgent: clip(r.UserAgent(), 512),
			ClientIP: from.client, Secure: from.secure, Atlas: s.atlas}
		scope := &web.Scope{Actor: idp.Actor{Request: info}, Record: &web.Record{}, Fail: s.fail, Access: s.access, Notice: s.notice,
			API: strings.HasPrefix(r.URL.Path, "/api/")}
		r = r.WithContext(web.With(idp.WithClient(r.Context(), from.client), scope))
		r.Host = from.host
		scope.Cookies = web.Cookies{Secure: s.secure(r)}
		scope.LoadBrand = func() *idp.Brand { return s.brand(r) }
		scope.Unseen = func() int { return s.unseen(r) }
		ww := &answer{ResponseWriter: w}
		ww.Header().Set(RequestIDHeader, info.ID)
		defer s.line(ww, r, scope, start)
		defer s.recovered(ww, r)
		next.ServeHTTP(ww, r)
	})
}

// recovered turns a panic into an answer. http.ErrAbortHandler goes on: it is
// the way to cut a connection.
func (s *Server) recovered(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // compared as net/http does
		panic(v)
	}
	s.fail(w, r, &idp.Error{Code: idp.CodeInternal, Err: fmt.Errorf("panic: %v\n%s", v, debug.Stack())})
}

// line writes the one wide line of the request. It names the account by its
// key, never what anybody typed.
func (s *Server) line(w *answer, r *http.Request, scope *web.Scope, start time.Time) {
	status := w.told()
	if s.meter != nil {
		s.meter.Request(pattern(r), scope.Actor.Request.Method, status, time.Since(start))
	}
	level := slog.LevelInfo
	rec := scope.Record
	switch {
	case strings.HasPrefix(r.URL.Path, "/-/health/"):
		level = slog.LevelDebug // asked every few seconds, and "not ready" is an answer
	case (r.URL.Path == checkPath || r.URL.Path == metric.Path || strings.HasPrefix(r.URL.Path, outpostPath)) && status < http.StatusInternalServerError:
		level = slog.LevelDebug // asked for each request of other programs, or every few seconds
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case rec.Warning != nil:
		level = slog.LevelWarn
	case strings.HasPrefix(r.URL.Path, "/static/"):
		level = slog.LevelDebug
	}
	if !s.log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{slog.String("request_id", scope.Actor.Request.ID), slog.String("method", scope.Actor.Request.Method),
		slog.String("route", pattern(r)), slog.Int("status", status),
		slog.Duration("duration", time.Since(start)), slog.Int("bytes", w.bytes)}
	if u := scope.Actor.User; u != nil {
		by := "session"
		if scope.Actor.Token != nil {
			by = "token"
		}
		if scope.Actor.Grant != nil {
			by = "grant"
		}
		attrs = append(attrs, slog.Int("actor", int(u.ID)), slog.String("by", by))
	}
	for _, f := range [][2]string{{"flow", rec.Flow}, {"stage", rec.Stage}, {"outcome", rec.Outcome}, {"code", rec.Code}} {
		if f[1] != "" {
			attrs = append(attrs, slog.String(f[0], f[1]))
		}
	}
	if rec.Err != nil {
		attrs = append(attrs, slog.String("error", rec.Err.Error()))
	}
	if rec.Warning != nil {
		attrs = append(attrs, slog.String("warning", rec.Warning.Error()))
	}
	s.log.LogAttrs(r.Context(), level, "request", attrs...)
}

// pattern is the route as it was registered, which holds no identifiers.
func pattern(r *http.Request) string {
	if rctx := chi.RouteContext(r.Context()); rctx != nil {
		if all := rctx.RoutePatterns; len(all) == 1 && all[0] != "/*" {
			return all[0] // without making a text of its own
		}
		if p := rctx.RoutePattern(); p != "" && p != "/*" {
			if strings.HasSuffix(r.URL.Path, "/") && !strings.HasSuffix(p, "/") {
				p += "/" // chi leaves the last slash out
			}
			return p
		}
	}
	return "unknown"
}

// requestID takes a trusted proxy's identifier when it is a plain word, and
// makes one otherwise.
func requestID(r *http.Request, trusted bool) string {
	if id := r.Header.Get(RequestIDHeader); trusted && len(id) >= 8 && len(id) <= 64 {
		plain := true
		for _, c := range id {
			plain = plain && (c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
		}
		if plain {
			return id
		}
	}
	return uuid.Must(uuid.NewV7()).String()
}

// publicQuery is the query string without its secrets, for events.
func publicQuery(u *url.URL) map[string]string {
	out := map[string]string{}
	for name, values := range u.Query() {
		if len(out) >= 50 || len(values) == 0 || web.TextProblem(name) != "" || web.TextProblem(values[0]) != "" {
			continue
		}
		switch {
		case secretParams[name]:
			out[name] = "…"
		case name == "query" && strings.Contains(values[0], "token"):
			out[name] = "…" // a flow's inner query string with a link's key in it
		default:
			out[clip(name, 100)] = clip(values[0], 500)
		}
	}
	return out
}

// clip shortens a text to so many bytes, never in the middle of a character,
// and drops what is not text.
func clip(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
}
