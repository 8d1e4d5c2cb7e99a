package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// checkPath is where programs ask.
const checkPath = "/-/session/"

// outpostPath is under what reverse proxies ask; see server/forwardauth.
const outpostPath = "/outpost/"

// check says whether the cookie of the request is a session that may act, and
// whose. It is what programs beside the server ask for each of their own
// requests: it reads nothing but memory while that is fresh.
func (s *Server) check(w http.ResponseWriter, r *http.Request) error {
	actor := web.From(r.Context()).Actor
	w.Header().Set("Cache-Control", "no-store")
	if actor.Session == nil || actor.User == nil {
		return web.WriteJSON(w, http.StatusUnauthorized, map[string]string{"detail": "There is no session, or it has ended."})
	}
	name, err := json.Marshal(actor.User.Username)
	if err != nil {
		return err
	}
	// Written by hand: this is the one answer whose cost others wait for.
	body := make([]byte, 0, 192)
	body = append(body, `{"session":"`...)
	body = append(body, actor.Session.ID.String()...)
	body = append(body, `","user":`...)
	body = strconv.AppendInt(body, int64(actor.User.ID), 10)
	body = append(append(body, `,"username":`...), name...)
	body = actor.Session.ExpiresAt.UTC().AppendFormat(append(body, `,"expires":"`...), time.RFC3339Nano)
	body = append(body, "\"}\n"...)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // who went away needs no answer
	return nil
}
