package server

import (
	"errors"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/flowlink"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// linkParam is the part of a flow's address that carries a link's key.
const linkParam = flowlink.Param

// openLink begins the flow that a link is for, and sends the browser to the
// flow's address without the key.
func (s *Server) openLink(w http.ResponseWriter, r *http.Request, slug, key string) error {
	v := visit(r, slug)
	to, err := flowlink.Open(r.Context(), s.tokens, s.flows, v, key)
	if errors.Is(err, flowlink.ErrDead) {
		web.From(r.Context()).Record.Outcome = "dead link"
		return s.pages.Flow(w, r, web.FlowPage{Answer: flowlink.Dead()})
	}
	if idp.Locked(err) {
		web.From(r.Context()).Record.Outcome = "locked link"
		return s.pages.Flow(w, r, web.FlowPage{Answer: flowlink.Locked(err)})
	}
	if err != nil {
		return err
	}
	web.KeepBrowser(w, r)
	return web.Redirect(w, r, to)
}
