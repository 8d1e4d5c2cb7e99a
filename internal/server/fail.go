package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// oauth is under what clients of applications ask; see server/oidc.
const oauth = "/application/o/"

// forPrograms reports whether programs ask for a path, beside the API.
func forPrograms(path string) bool {
	return strings.HasPrefix(path, "/-/") || strings.HasPrefix(path, oauth) && !forBrowsers(path)
}

// forBrowsers reports whether it is there that applications send browsers to, with links
// and with forms.
func forBrowsers(path string) bool {
	rest, oauth := strings.CutPrefix(path, oauth)
	return oauth && (rest == "authorize/" || strings.HasSuffix(rest, "/end-session/"))
}

// fail renders an error: JSON for programs (/api, /-, /application/o), a page elsewhere. On pages, whoever is
// not signed in is sent to sign in, and whoever has to prove first who they are, to do that.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	scope := web.From(r.Context())
	if errors.Is(r.Context().Err(), context.Canceled) && idp.Is(err, idp.CodeUnavailable) {
		err = fmt.Errorf("whoever asked went away: %w", context.Canceled) // which is no fault of the database's
	}
	status, message := web.Status(err)
	if rec := scope.Record; rec != nil {
		rec.Code = string(idp.CodeOf(err))
		if status >= http.StatusInternalServerError {
			rec.Err = err
		}
	}
	if wrapped, ok := w.(*answer); ok && wrapped.status != 0 {
		return // the answer is under way: nothing better can be said any more
	}
	w.Header().Del("Content-Length")
	w.Header().Del("ETag")
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case scope.API, forPrograms(r.URL.Path):
		web.WriteProblem(w, r, err)
	case idp.Locked(err):
		s.pages.Refused(w, r, err)
	case idp.Is(err, idp.CodeStepUp) && scope.Actor.Session != nil && s.proveFirst(w, r):
	case idp.Is(err, idp.CodeUnsigned) && scope.Actor.User == nil:
		_ = web.Redirect(w, r, web.SignInURL(r))
	default:
		web.SetRetryAfter(w, err)
		if status == web.StatusClientGone {
			w.WriteHeader(status)
			return
		}
		s.pages.Error(w, r, status, message, web.RequestID(r))
	}
}

// notFound answers what no route matches. A page asked for without its last
// slash is found with it.
func (s *Server) notFound(w http.ResponseWriter, r *http.Request) error {
	path := r.URL.Path
	if !web.From(r.Context()).API && !strings.HasSuffix(path, "/") && web.Local(path+"/") &&
		s.router.Match(chi.NewRouteContext(), http.MethodGet, path+"/") {
		to := *r.URL
		to.Path += "/"
		to.RawPath = ""
		if web.Local(to.RequestURI()) {
			http.Redirect(w, r, to.RequestURI(), http.StatusPermanentRedirect)
			return nil
		}
	}
	return &idp.Error{Code: idp.CodeNotFound, Message: "There is nothing at this address."}
}

// wrongMethod answers a known path asked with a method it does not have.
func (s *Server) wrongMethod(w http.ResponseWriter, r *http.Request) error {
	var allowed []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if !s.router.Match(chi.NewRouteContext(), m, r.URL.Path) {
			continue
		}
		if allowed = append(allowed, m); m == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return &idp.Error{Code: idp.CodeMethod, Message: "Method \"" + methodName(r.Method) + "\" not allowed."}
}

func methodName(m string) string {
	if len(m) > 16 {
		return m[:16]
	}
	return m
}
