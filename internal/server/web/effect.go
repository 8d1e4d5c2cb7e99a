package web

import (
	"crypto/rand"
	"net/http"
	"time"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Apply turns what a flow did to the browser into cookies. The browser's own
// cookie changes when signing in or out is complete, not while a flow goes on
// under it.
func Apply(w http.ResponseWriter, r *http.Request, a *flow.Answer) {
	c := From(r.Context()).Cookies
	if in := a.Effects.SignedIn; in != nil {
		c.Set(w, SessionCookie, in.Cookie, in.Expires)
		c.Set(w, CSRFCookie, rand.Text(), in.Expires)
	} else if a.Effects.SignedOut {
		clearSession(w, r)
	}
	if d := a.Effects.Remembered; d != nil {
		rememberDevice(w, r, d)
	}
	switch {
	case a.Stored:
		KeepBrowser(w, r)
	case a.Effects.SignedOut, a.Done && (a.Effects.SignedIn != nil || a.Flow != nil && aboutSessions[a.Flow.Designation]):
		RotateBrowser(w, r)
	}
}

// aboutSessions are the designations of flows that sign in or out, although
// perhaps in an earlier request than the one that ends them.
var aboutSessions = map[idp.Designation]bool{idp.DesignationAuthentication: true, idp.DesignationInvalidation: true}

// SignOut takes the session's cookies and the browser's own from the browser.
// It ends no session: the use case has done that.
func SignOut(w http.ResponseWriter, r *http.Request) {
	clearSession(w, r)
	RotateBrowser(w, r)
}

func clearSession(w http.ResponseWriter, r *http.Request) {
	c := From(r.Context()).Cookies
	c.Clear(w, SessionCookie)
	c.Clear(w, CSRFCookie)
}

// EnsureCSRF gives the scripts and programs that hold a session the token that
// unsafe API calls carry in their header.
func EnsureCSRF(w http.ResponseWriter, r *http.Request) {
	if _, err := r.Cookie(CSRFCookie); err == nil {
		return
	}
	s := From(r.Context())
	if s.Actor.Session != nil {
		s.Cookies.Set(w, CSRFCookie, rand.Text(), time.Time{})
	}
}
