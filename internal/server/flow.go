package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/flowlink"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Executor takes browsers through flows; see flow.Executor.
type Executor interface {
	Get(ctx context.Context, v flow.Visit) (*flow.Answer, error)
	Solve(ctx context.Context, v flow.Visit, in flow.Input) (*flow.Answer, error)
	Cancel(ctx context.Context, v flow.Visit) error
	flowlink.Flows
	Applies(ctx context.Context, v flow.Visit) (bool, error)
	Straight(ctx context.Context, v flow.Visit) (*flow.Answer, error)
	Kind(name string) (flow.Kind, bool)
}

// visit describes a request to a flow's page.
func visit(r *http.Request, slug string) flow.Visit {
	v := undressed(r, slug)
	web.Dress(r, &v)
	return v
}

// undressed is visit without actor and brand, which the executor asks for.
func undressed(r *http.Request, slug string) flow.Visit {
	v := flow.Visit{Slug: slug, Browser: web.Browser(r), Device: web.Device(r), Query: map[string]string{}}
	web.DressLater(r, &v)
	v.Inspect = r.URL.Query().Has(web.InspectorParam)
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
	a, err := s.flows.Get(r.Context(), undressed(r, slug))
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
	a, err := s.flows.Solve(r.Context(), undressed(r, web.Param(r, "slug")), in)
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
	if a.Done && a.Inspection == nil { // else this page shows them, or the run keeps them for the one that follows
		for _, m := range a.Effects.Messages {
			web.Flash(r.Context(), web.ToneInfo, m)
		}
	}
	switch {
	case a.Done && a.Inspection != nil:
		return s.pages.Flow(w, r, web.FlowPage{Answer: a, Messages: told(r, a)}) // what happened, before the browser goes on
	case a.Done && flow.External(a.Redirect):
		return s.pages.Away(w, r, a.Redirect, "All done") // named by an operator: the executor takes none from visitors
	case a.Done:
		return web.Redirect(w, r, a.Redirect)
	case a.Redirect != "":
		return web.Redirect(w, r, r.URL.RequestURI())
	case a.Challenge == nil:
		return errors.New("flow " + a.Flow.Slug + ": an answer without challenge and redirect")
	}
	if next := web.Next(r.URL.Query()); next != "" && s.leadsTo != nil {
		if scheme := s.leadsTo(r, next); scheme != "" {
			web.AllowFormTo(w, scheme)
		}
	}
	return s.pages.Flow(w, r, web.FlowPage{Answer: a, Messages: told(r, a)})
}

// told are the messages of a page: what was kept for it, and what policies say.
func told(r *http.Request, a *flow.Answer) []web.Message {
	out := web.Flashes(r.Context())
	for _, m := range a.Effects.Messages {
		out = append(out, web.Message{Tone: web.ToneInfo, Text: m})
	}
	return out
}

// defaultFlow sends the browser to the brand's flow of a designation, else to
// the first such flow by slug whose policies let the visitor in. A flow that
// shows nothing is gone through at once.
func (s *Server) defaultFlow(w http.ResponseWriter, r *http.Request) error {
	designation := idp.Designation(web.Param(r, "designation"))
	f, err := s.flowOf(r, designation)
	if err != nil {
		return err
	}
	answer, err := s.flows.Straight(r.Context(), visit(r, f.Slug))
	if err != nil {
		return err
	}
	if answer != nil && answer.Done {
		return s.answer(w, r, answer)
	}
	to := flow.Path(f.Slug)
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
		Paging: idp.Paging{Limit: maxFlows, Order: []string{"slug"}}})
	if err != nil {
		return nil, err
	}
	for i := range page.Items {
		applies, err := s.flows.Applies(r.Context(), visit(r, page.Items[i].Slug))
		if err != nil {
			return nil, err
		}
		if applies {
			return &page.Items[i], nil
		}
	}
	return nil, idp.NotFound("flow")
}

// maxFlows is how many flows of a designation are looked at.
const maxFlows = 100

// configureFlow begins the flow in which whoever is signed in sets up what a
// stage asks for.
func (s *Server) configureFlow(w http.ResponseWriter, r *http.Request) error {
	u := web.User(r)
	if u == nil {
		return web.Redirect(w, r, web.SignInURL(r))
	}
	id, err := web.IDParam[idp.Stage](r, "stage", "stage")
	if err != nil {
		return err
	}
	repos := s.store.Repos()
	st, err := repos.Stages.Get(r.Context(), id)
	if err != nil {
		return err
	}
	var settings struct {
		ConfigureFlow *idp.FlowID `json:"configure_flow"`
	}
	if err := json.Unmarshal(st.Settings, &settings); err != nil || settings.ConfigureFlow == nil {
		return idp.NotFound("flow")
	}
	f, err := repos.Flows.Get(r.Context(), *settings.ConfigureFlow)
	if err != nil {
		return err
	}
	v := visit(r, f.Slug)
	v.Browser = web.BrowserDigest(w, r)
	to, err := s.flows.Begin(r.Context(), v, func(run *flow.Run) { run.SetPending(u) })
	var not *flow.NotApplicable
	if errors.As(err, &not) {
		web.From(r.Context()).Record.Warn(not.Cause)
		return idp.Forbidden("%s", not.Message())
	}
	if err != nil {
		return err
	}
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	return web.Redirect(w, r, to)
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
	case web.MayConsole(r):
		return web.Redirect(w, r, "/if/admin/")
	}
	return web.Redirect(w, r, "/if/user/")
}
