package server

import (
	"errors"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// linkParam is the part of a flow's address that carries a link's key.
const linkParam = "flow_token"

// openLink begins the flow that a recovery or set-up link is for, about the
// person the link was made for, and sends the browser to the flow's address
// without the key: it stays out of the history and of what the page refers to.
//
// The link is not used up: programs that look through mail open links as well.
// Whatever the flow does with it (a new password, a session) uses it up.
func (s *Server) openLink(w http.ResponseWriter, r *http.Request, slug, key string) error {
	ctx := r.Context()
	t, u, err := s.tokens.OpenLink(ctx, key)
	switch {
	case idp.Is(err, idp.CodeRefused), err == nil && t.FlowSlug != slug:
		return s.deadLink(w, r)
	case err != nil:
		return err
	}
	v := visit(r, slug)
	v.Browser = web.BrowserDigest(w, r)
	delete(v.Query, linkParam)
	_, err = s.flows.Begin(ctx, v, func(run *flow.Run) {
		run.SetPending(u)
		flow.KeyRestored.Put(run.Vars, true)
		flow.KeyLink.Put(run.Vars, t.ID)
		flow.KeyAuthMethod.Put(run.Vars, "token")
		flow.KeyAuthMethodArgs.Put(run.Vars, map[string]any{"identifier": t.Identifier})
	})
	var not *flow.NotApplicable
	if errors.As(err, &not) {
		web.From(ctx).Record.Warn(not.Cause)
		return idp.Forbidden("%s", not.Message())
	}
	if err != nil {
		return err
	}
	to, query := flow.Path(slug), r.URL.Query()
	query.Del(linkParam)
	if len(query) > 0 {
		to += "?" + query.Encode()
	}
	return web.Redirect(w, r, to)
}

// deadLink says the same of a link that was used, has expired, was replaced or
// never existed, and of one whose account is switched off.
func (s *Server) deadLink(w http.ResponseWriter, r *http.Request) error {
	web.From(r.Context()).Record.Outcome = "dead link"
	return s.pages.Flow(w, r, web.FlowPage{Answer: &flow.Answer{
		Info: flow.Info{Title: "This link does not work"},
		Challenge: flow.AccessDenied{ErrorMessage: "It has been used, has expired, or a newer one has taken its place. " +
			"Ask whoever gave it to you for a new one."},
	}})
}
