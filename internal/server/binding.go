package server

import (
	"errors"
	"net/http"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// follow judges where the request's session is used from. ended is whether that
// broke its binding: then nobody is signed in any more, and err is what to
// answer, see part.
func (s *Server) follow(r *http.Request, scope *web.Scope) (ended bool, err error) {
	session, u, to := scope.Actor.Session, scope.Actor.User, scope.Actor.Request.ClientIP
	if !session.Binding.Bound() || idp.SameAddress(session.IP, to) {
		return false, nil
	}
	web.Brand(r) // the event names it
	err = s.sessions.Follow(r.Context(), scope.Actor, session, u, to)
	if !none(err) {
		return false, err
	}
	scope.Actor.Session, scope.Actor.User, scope.Messages = nil, nil, nil
	var refused *idp.Error
	if !errors.As(err, &refused) || refused.Reason != idp.RefusedBinding {
		return true, nil // it ended otherwise a moment ago: nobody's
	}
	// What the browser was about to do as this account ends with the session.
	if err := s.store.Repos().Runs.DeleteBrowser(r.Context(), web.Browser(r)); err != nil {
		return true, err
	}
	return true, &idp.Error{Code: idp.CodeUnsigned, Message: refused.Message, Reason: idp.RefusedBinding, Err: err}
}

// part takes the cookie of a session that its binding ended from the browser, and
// returns what is left to answer: an error that sends people to sign in and
// programs away. Pages of flows are for people who are not signed in; they are
// shown as to any other of those, and nobody comes back after a sign-in to the
// page that signs out.
func (s *Server) part(w http.ResponseWriter, r *http.Request, err error) error {
	var e *idp.Error
	if !errors.As(err, &e) || e.Code != idp.CodeUnsigned || e.Reason != idp.RefusedBinding {
		return err
	}
	scope := web.From(r.Context())
	scope.Cookies.Clear(w, web.SessionCookie)
	if scope.API {
		w.Header().Set("WWW-Authenticate", "Bearer") // what a program can do about a 401; browsers ask nobody for it
		return err
	}
	if strings.HasPrefix(r.URL.Path, "/flows/") || strings.HasPrefix(r.URL.Path, "/if/flow/") {
		scope.Record.Warn(err)
		return nil
	}
	return err
}
