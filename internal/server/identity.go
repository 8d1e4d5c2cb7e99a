package server

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/api"
	"github.com/portcullis-idp/portcullis/internal/server/flowlink"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Sessions honours session cookies; see session.Service.
type Sessions interface {
	// Visit returns the live session of a cookie and its user. CodeRefused and
	// CodeNotFound mean that there is none.
	Visit(ctx context.Context, cookie string) (*idp.Session, *idp.User, error)
	// Follow judges where a session is used from. CodeRefused means that its
	// binding does not allow it, or that it has ended.
	Follow(ctx context.Context, actor idp.Actor, found *idp.Session, u *idp.User, to netip.Addr) error
	// Seen notes where a session was used from, at most once a minute.
	Seen(ctx context.Context, used *idp.Session, ip netip.Addr, userAgent string) error
}

// Tokens honours bearer tokens and links; see token.Service.
type Tokens interface {
	// Authenticate returns the API token of a key and its user. CodeRefused and
	// CodeNotFound mean that there is none.
	Authenticate(ctx context.Context, key string) (*idp.Token, *idp.User, error)
	flowlink.Tokens
}

// Grants honours access tokens that applications were given; see oidc.Service.
type Grants interface {
	// Bearer returns the access token of a value that acts on the API as its account.
	// CodeRefused means that there is none.
	Bearer(ctx context.Context, actor idp.Actor, value string) (*idp.OAuthHeld, error)
}

// maxCookie is more than any cookie of ours is long.
const maxCookie = 128

// identify finds out who makes the request. On the API an Authorization header
// decides alone: when it is no good the request is refused, whatever cookie
// came with it. A cookie that is no good is nobody's.
func (s *Server) identify(next http.Handler) http.Handler {
	return web.Handler(func(w http.ResponseWriter, r *http.Request) error {
		scope := web.From(r.Context())
		var err error
		if authorization, ok := r.Header["Authorization"]; ok && scope.API {
			err = s.authorize(r.Context(), scope, authorization)
		} else {
			err = s.cookie(r, scope)
		}
		if err = s.part(w, r, err); err != nil {
			return err
		}
		if !inFlow(r) && (unsafe(r.Method) || strings.HasPrefix(r.URL.Path, "/if/") || strings.HasPrefix(r.URL.Path, "/flows/")) {
			web.Brand(r) // events of the acts that may follow name it
		}
		if scope.API {
			web.EnsureCSRF(w, r)
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// inFlow reports whether the request is one to a flow, which asks for the brand itself,
// together with what else it needs; see web.DressLater.
func inFlow(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/if/flow/") || strings.HasPrefix(r.URL.Path, "/api/v3/flows/executor/")
}

// authorize honours an Authorization header.
func (s *Server) authorize(ctx context.Context, scope *web.Scope, headers []string) error {
	switch scheme, key, _ := strings.Cut(headers[0], " "); {
	case strings.EqualFold(scheme, "Bearer"):
		return s.bearer(ctx, scope, headers, key)
	case strings.EqualFold(scheme, "Basic") && s.accounts != nil:
		return s.basic(ctx, scope, headers)
	}
	return &idp.Error{Code: idp.CodeUnsigned, Message: "Unsupported authentication type"}
}

func (s *Server) bearer(ctx context.Context, scope *web.Scope, headers []string, key string) error {
	invalid := &idp.Error{Code: idp.CodeUnsigned, Message: "Token invalid/expired"}
	key = strings.TrimSpace(key)
	if len(headers) > 1 || key == "" || len(key) > maxBearer || web.TextProblem(key) != "" {
		return invalid
	}
	t, u, err := s.tokens.Authenticate(ctx, key)
	if s.grants != nil && unknown(err) {
		var held *idp.OAuthHeld
		if held, err = s.grants.Bearer(ctx, scope.Actor, key); err == nil {
			scope.Actor.Grant, scope.Actor.User = held, held.User
			return nil
		}
	}
	switch {
	case idp.Locked(err):
		return err
	case none(err):
		return invalid
	case err != nil:
		return err
	}
	scope.Actor.Token, scope.Actor.User = t, u
	return nil
}

// maxBearer is more than any token of ours is long: signed ones tell what scopes say.
const maxBearer = 16 << 10

// unknown reports whether a credential is none that the door has ever seen.
func unknown(err error) bool {
	var e *idp.Error
	return errors.As(err, &e) && e.Code == idp.CodeRefused && e.Reason == idp.RefusedUnknown
}

func (s *Server) cookie(r *http.Request, scope *web.Scope) error {
	c, err := r.Cookie(web.SessionCookie)
	if err != nil || c.Value == "" || len(c.Value) > maxCookie || web.TextProblem(c.Value) != "" {
		return nil
	}
	session, u, err := s.sessions.Visit(r.Context(), c.Value)
	switch {
	case idp.Locked(err) && !forStrangers(r):
		return err
	case none(err):
		return nil
	case err != nil:
		return err
	}
	scope.Actor.Session, scope.Actor.User = session, u
	if ended, err := s.follow(r, scope); ended || err != nil {
		return err
	}
	scope.Messages = &messages{manager: s.manager, session: session, token: c.Value}
	info := scope.Actor.Request
	if strings.HasSuffix(r.URL.Path, "/live/") || r.URL.Path == api.LockWatchPath {
		return nil // a page that nobody looks at listens too, and again whenever it was cut off
	}
	if err := s.sessions.Seen(r.Context(), session, info.ClientIP, info.UserAgent); err != nil {
		scope.Record.Warn(err) // what is shown of a session may be a minute old
	}
	return nil
}

// forStrangers reports whether the request is for a page that is there for people
// who are not signed in: whose session a lock refuses sees it as one of them.
func forStrangers(r *http.Request) bool {
	for _, prefix := range []string{"/flows/", "/if/flow/", "/api/v3/flows/executor/"} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			return true
		}
	}
	return false
}

// none reports whether a credential was simply not good.
func none(err error) bool {
	return idp.Is(err, idp.CodeRefused) || idp.Is(err, idp.CodeNotFound) ||
		idp.Is(err, idp.CodeInvalid) || idp.Is(err, idp.CodeUnsigned)
}

// brandLimit is how long a request waits to learn what it should look like.
const brandLimit = 2 * time.Second

// brand finds the brand of the host that was asked for, and notes which state
// of the configuration the request sees. Without any brand, or when the database
// does not answer, the request still gets a face.
func (s *Server) brand(r *http.Request) *idp.Brand {
	repos := s.store.Repos()
	ctx, cancel := context.WithTimeout(r.Context(), brandLimit)
	defer cancel()
	revision := web.From(ctx).Revision
	if revision == (idp.Revision{}) {
		present, err := repos.Configuration.Revision(ctx)
		if err != nil {
			web.From(ctx).Record.Warn(err)
			return web.FallbackBrand()
		}
		revision = present
		web.From(ctx).Revision = revision
	}
	host := hostname(web.RequestInfo(r).Host)
	b, err := s.brands.Get(revision, host, func() (idp.Brand, error) {
		b, err := repos.Brands.ForHost(ctx, host)
		if idp.Is(err, idp.CodeNotFound) {
			return *web.FallbackBrand(), nil
		}
		if err != nil {
			return idp.Brand{}, err
		}
		return *b, nil
	})
	if err != nil {
		web.From(ctx).Record.Warn(err)
		return web.FallbackBrand()
	}
	b.Attributes = maps.Clone(b.Attributes)
	return &b
}

// hostname is the host without its port, lower-case, and "" for what cannot be
// one: the default brand then.
func hostname(host string) string {
	if !validHost(host) {
		return ""
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		if strings.Count(host, ":") == 1 || strings.HasPrefix(host, "[") {
			host = host[:i]
		}
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
