package server

import (
	"net/http"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// checkPath is where programs ask.
const checkPath = "/-/session/"

// checked is what a check says of a session.
type checked struct {
	Session  idp.SessionID `json:"session"`
	User     idp.UserID    `json:"user"`
	Username string        `json:"username"`
	Expires  time.Time     `json:"expires"`
}

// check says whether the cookie of the request is a session that may act, and
// whose. It is what programs beside the server ask for each of their own
// requests: it reads nothing but memory while that is fresh.
func (s *Server) check(w http.ResponseWriter, r *http.Request) error {
	actor := web.From(r.Context()).Actor
	w.Header().Set("Cache-Control", "no-store")
	if actor.Session == nil || actor.User == nil {
		return web.WriteJSON(w, http.StatusUnauthorized, map[string]string{"detail": "There is no session, or it has ended."})
	}
	return web.WriteJSON(w, http.StatusOK, checked{Session: actor.Session.ID, User: actor.User.ID,
		Username: actor.User.Username, Expires: actor.Session.ExpiresAt.UTC()})
}
