package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Executor takes browsers through flows; see flow.Executor.
type Executor interface {
	Get(ctx context.Context, v flow.Visit) (*flow.Answer, error)
	Solve(ctx context.Context, v flow.Visit, in flow.Input) (*flow.Answer, error)
	Cancel(ctx context.Context, v flow.Visit) error
	Begin(ctx context.Context, v flow.Visit, set func(*flow.Run)) (link string, err error)
}

// visit describes a request to a flow's page.
func visit(r *http.Request, slug string) flow.Visit {
	v := flow.Visit{Slug: slug, Browser: web.Browser(r), Query: map[string]string{}}
	v.Brand, v.Actor = web.Brand(r), web.Actor(r)
	v.Revision = web.From(r.Context()).Revision
	for name, values := range r.URL.Query() {
		if len(values) > 0 {
			v.Query[name] = values[0]
		}
	}
	return v
}

func (s *Server) showFlow(w http.ResponseWriter, r *http.Request) error {
	slug := web.Param(r, "slug")
	if key := r.URL.Query().Get(linkParam); key != "" {
		return s.openLink(w, r, slug, key)
	}
	a, err := s.flows.Get(r.Context(), visit(r, slug))
	if err != nil {
		return err
	}
	return s.answer(w, r, a)
}

func (s *Server) solveFlow(w http.ResponseWriter, r *http.Request) error {
	form, err := web.DecodeUpload(r)
	if err != nil {
		return err
	}
	in := flow.Input{}
	for name, values := range form {
		in[name] = values[len(values)-1] // a ticked box follows the hidden field that says "no"
	}
	a, err := s.flows.Solve(r.Context(), visit(r, web.Param(r, "slug")), in)
	if err != nil {
		return err
	}
	return s.answer(w, r, a)
}

// answer turns what a visit led to into cookies and a page, or sends the
// browser on: out of the flow, or back to it to read the next challenge.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, a *flow.Answer) error {
	web.Apply(w, r, a)
	web.LogAnswer(r, web.Param(r, "slug"), a)
	for _, m := range a.Effects.Messages {
		web.Flash(r.Context(), web.ToneInfo, m)
	}
	switch {
	case a.Done && flow.External(a.Redirect):
		http.Redirect(w, r, a.Redirect, http.StatusSeeOther) // named by an operator: the executor takes none from visitors
		return nil
	case a.Done:
		return web.Redirect(w, r, a.Redirect)
	case a.Redirect != "":
		return web.Redirect(w, r, r.URL.RequestURI())
	case a.Challenge == nil:
		return errors.New("flow " + a.Flow.Slug + ": an answer without challenge and redirect")
	}
	return s.pages.Flow(w, r, web.FlowPage{Answer: a, Messages: web.Flashes(r.Context())})
}

// defaultFlow sends the browser to the brand's flow of a designation, else to
// the first such flow by slug.
func (s *Server) defaultFlow(w http.ResponseWriter, r *http.Request) error {
	designation := idp.Designation(web.Param(r, "designation"))
	f, err := s.flowOf(r, designation)
	if err != nil {
		return err
	}
	to := "/if/flow/" + url.PathEscape(f.Slug) + "/"
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	http.Redirect(w, r, to, http.StatusFound)
	return nil
}

func (s *Server) flowOf(r *http.Request, designation idp.Designation) (*idp.Flow, error) {
	brand := web.Brand(r)
	preferred := map[idp.Designation]*idp.FlowID{
		idp.DesignationAuthentication: brand.FlowAuthentication, idp.DesignationInvalidation: brand.FlowInvalidation,
		idp.DesignationRecovery: brand.FlowRecovery, idp.DesignationUnenrollment: brand.FlowUnenrollment,
		idp.DesignationEnrollment: nil,
	}
	id, offered := preferred[designation]
	if !offered {
		return nil, idp.NotFound("flow")
	}
	flows := s.store.Repos().Flows
	if id != nil {
		return flows.Get(r.Context(), *id)
	}
	page, err := flows.Find(r.Context(), idp.FlowFilter{Designation: &designation,
		Paging: idp.Paging{Limit: 1, Order: []string{"slug"}}})
	if err != nil {
		return nil, err
	}
	if len(page.Items) == 0 {
		return nil, idp.NotFound("flow")
	}
	return &page.Items[0], nil
}

// cancelFlow drops the run of the flow that `flow` names, else everything that
// this browser has under way, and goes where `next` says, else to sign out.
func (s *Server) cancelFlow(w http.ResponseWriter, r *http.Request) error {
	err := s.flows.Cancel(r.Context(), visit(r, r.URL.Query().Get("flow")))
	if err != nil && !idp.Is(err, idp.CodeNotFound) {
		return err
	}
	if next := web.Next(r.URL.Query()); next != "" {
		return web.Redirect(w, r, next)
	}
	return web.Redirect(w, r, "/flows/-/default/invalidation/")
}

// root sends everybody to where they belong.
func (s *Server) root(w http.ResponseWriter, r *http.Request) error {
	switch u := web.User(r); {
	case u == nil:
		return web.Redirect(w, r, web.SignInURL(r))
	case u.IsSuperuser:
		return web.Redirect(w, r, "/if/admin/")
	}
	return web.Redirect(w, r, "/if/user/")
}
