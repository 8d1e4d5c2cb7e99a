package server

import (
	"context"
	"net/http"
	"time"

	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// readyLimit bounds how long the readiness probe waits for the database.
const readyLimit = 2 * time.Second

// live says that the process answers at all.
func (s *Server) live(w http.ResponseWriter, _ *http.Request) error {
	return plain(w, http.StatusOK, "alive\n")
}

// ready says that requests can be served: the database answers, the schema is
// the one we know, and the process is not about to stop.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) error {
	if s.draining.Load() {
		return plain(w, http.StatusServiceUnavailable, "stopping\n")
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyLimit)
	defer cancel()
	if err := s.store.Ping(ctx); err != nil {
		web.From(r.Context()).Record.Warn(err)
		return plain(w, http.StatusServiceUnavailable, "the database cannot be reached or is not migrated\n")
	}
	return plain(w, http.StatusOK, "ready\n")
}

func plain(w http.ResponseWriter, status int, text string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // a probe that went away needs no answer
	return nil
}
