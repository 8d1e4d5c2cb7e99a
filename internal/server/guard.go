package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/api"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// CSRFHeader is the contract's header for callers of the API who hold a session.
const CSRFHeader = "X-authentik-CSRF"

// text refuses addresses that are not text, before anybody looks at them.
func (s *Server) text(next http.Handler) http.Handler {
	return web.Handler(func(w http.ResponseWriter, r *http.Request) error {
		if web.TextProblem(r.URL.Path) != "" {
			return idp.Invalid("", "The address is not valid text.")
		}
		if r.URL.RawQuery != "" {
			values, err := url.ParseQuery(r.URL.RawQuery)
			if err != nil {
				return idp.Invalid("", "The query string is not encoded as it should be.")
			}
			if err := web.CheckText(values); err != nil {
				return err
			}
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// limit bounds the body. One that announces its size is refused unread.
func (s *Server) limit(next http.Handler) http.Handler {
	return web.Handler(func(w http.ResponseWriter, r *http.Request) error {
		limit := s.bodyLimit
		if r.URL.Path == api.LockBulkPath {
			limit = max(limit, api.LockBulkLimit)
		}
		if r.ContentLength > limit {
			return web.TooLarge(limit)
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		next.ServeHTTP(w, r)
		return nil
	})
}

// sameOrigin stops requests that another site made the browser send. A bearer
// token is not sent by a browser on its own, so its callers need no more. An app
// password is, where somebody once opened an address with it. Forms that applications
// post come without a session, and are asked about like links (OpenID Connect Core,
// section 3.1.2.1; RP-Initiated Logout, section 2).
func (s *Server) sameOrigin(next http.Handler) http.Handler {
	return web.Handler(func(w http.ResponseWriter, r *http.Request) error {
		scope := web.From(r.Context())
		if t := scope.Actor.Token; scope.Actor.Grant == nil && (t == nil || t.Intent == idp.IntentAppPassword) {
			if err := s.cross.Check(r); err != nil && (scope.Actor.User != nil || !forBrowsers(r.URL.Path)) {
				return crossSite(err)
			}
			if scope.API && scope.Actor.Session != nil && unsafe(r.Method) && !s.fromHere(r) && !csrfToken(r) {
				return &idp.Error{Code: idp.CodeForbidden,
					Message: "CSRF Failed: send the value of the cookie " + web.CSRFCookie + " in the header " + CSRFHeader + "."}
			}
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

func crossSite(err error) error {
	return &idp.Error{Code: idp.CodeForbidden, Message: "The request came from another site and was refused.", Err: err}
}

func unsafe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	return true
}

// fromHere reports whether the browser itself says that a page of ours sent the
// request.
func (s *Server) fromHere(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	return u.Host == r.Host || s.public != nil && u.Host == s.public.Host && u.Scheme == s.public.Scheme
}

// csrfToken reports whether header and cookie carry the same token. Only a page
// of ours can read the cookie, and only it may set the header.
func csrfToken(r *http.Request) bool {
	c, err := r.Cookie(web.CSRFCookie)
	header := r.Header.Get(CSRFHeader)
	if err != nil || len(c.Value) < 16 || header == "" {
		return false
	}
	a, b := sha256.Sum256([]byte(c.Value)), sha256.Sum256([]byte(header))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
