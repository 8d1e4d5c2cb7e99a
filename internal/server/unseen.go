package server

import (
	"context"
	"net/http"
	"time"

	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// unseenLimit is how long a page waits for the count of its bell.
const unseenLimit = 2 * time.Second

// unseen counts what whoever is signed in was told and has not seen, no further than
// a bell does. A page is not worth less without it.
func (s *Server) unseen(r *http.Request) int {
	u := web.User(r)
	if u == nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(r.Context(), unseenLimit)
	defer cancel()
	n, err := s.store.Repos().Notifications.Unseen(ctx, u.ID, ui.BellMost+1)
	if err != nil {
		web.From(ctx).Record.Warn(err)
		return 0
	}
	return n
}
