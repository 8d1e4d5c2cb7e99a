package oidc

import (
	"errors"
	"net/http"
	"net/url"
	"unicode/utf8"

	core "github.com/portcullis-idp/portcullis/internal/oidc"

	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	stage "github.com/portcullis-idp/portcullis/internal/stages/consent"
)

// established judges whether it is clear enough who is signed in: whom the client means,
// chosen and proved as lately as it wants. done says that the browser was sent on instead.
func (f *Front) established(w http.ResponseWriter, r *http.Request, a *core.Authorization, row *idp.OAuthRequest) (done bool, err error) {
	actor, silent, asked := web.Actor(r), a.Asks("none"), row.ApprovedAt == nil
	now, err := f.Store.Now(r.Context())
	if err != nil {
		return false, err
	}
	switch expected := a.Expects(actor.User); {
	case expected && (!asked || a.Chosen(actor.Session, row) && a.Fresh(actor.Session, row, now)):
		return false, nil
	// Whoever signed in for this very request and is somebody else all the same is not
	// asked for ever.
	case !expected && (silent || !asked || !actor.Session.CreatedAt.Before(row.CreatedAt)):
		return true, f.refused(w, r, a.Refuse(core.ErrLoginRequired, "Another account is signed in than the application asks for."))
	case silent:
		return true, f.refused(w, r, a.Refuse(core.ErrLoginRequired, "The sign-in is too long ago."))
	case !expected || !a.Chosen(actor.Session, row):
		return true, f.signIn(w, r, a, row, true)
	}
	return true, f.proveAgain(w, r, a, row)
}

// proveAgain has whoever is signed in prove once more who they are, in the session that
// they have, and come back. Where no flow is for that, they sign in again.
func (f *Front) proveAgain(w http.ResponseWriter, r *http.Request, a *core.Authorization, row *idp.OAuthRequest) error {
	next := resumePath(row.ID)
	to, err := f.Flows.Begin(r.Context(), f.visit(w, r, flow.StepUpSlug, next), flow.StepUp)
	var not *flow.NotApplicable
	if errors.As(err, &not) {
		web.From(r.Context()).Record.Warn(not.Cause)
	}
	switch {
	case not != nil || idp.Is(err, idp.CodeNotFound):
		return f.signIn(w, r, a, row, true)
	case err != nil:
		return err
	}
	http.Redirect(w, r, to+"?"+url.Values{"next": {next}}.Encode(), http.StatusFound)
	return nil
}

// signIn sends the browser to sign in and come back. again is for somebody who is signed
// in, and is to sign in once more, as whomever they choose.
func (f *Front) signIn(w http.ResponseWriter, r *http.Request, a *core.Authorization, row *idp.OAuthRequest, again bool) error {
	next := resumePath(row.ID)
	id := a.Client.Provider.AuthenticationFlow
	if id == nil {
		id = web.Brand(r).FlowAuthentication
	}
	if id == nil {
		if again {
			return idp.Forbidden("The application asks you to sign in again, and there is no flow to do that with.")
		}
		return web.Redirect(w, r, web.SignInPath+"?"+url.Values{"next": {next}}.Encode())
	}
	authentication, err := f.Store.Repos().Flows.Get(r.Context(), *id)
	if err != nil {
		return err
	}
	hint := a.LoginHint
	if utf8.RuneCountInString(hint) > maxHint || web.TextProblem(hint) != "" {
		hint = "" // no name is like that
	}
	if !again && hint == "" {
		http.Redirect(w, r, flow.Path(authentication.Slug)+"?"+url.Values{"next": {next}}.Encode(), http.StatusFound)
		return nil
	}
	v := f.visit(w, r, authentication.Slug, next)
	to, err := f.Flows.Begin(r.Context(), v, func(run *flow.Run) {
		if again {
			flow.KeyAgain.Put(run.Vars, true)
		}
		if hint != "" { // what is typed beforehand, whether somebody has that name or not
			flow.KeyPendingIdentifier.Put(run.Vars, hint)
		}
		stage.KeyApplication.Put(run.Vars, about(a.Client))
	})
	if err := applicable(r, err); err != nil {
		return err
	}
	http.Redirect(w, r, to+"?"+url.Values{"next": {next}}.Encode(), http.StatusFound)
	return nil
}

// maxHint is how long a login_hint may be, in characters: as what people type.
const maxHint = 254

// applicable turns the error of a flow that is not for whoever asks into one for people.
func applicable(r *http.Request, err error) error {
	var not *flow.NotApplicable
	if errors.As(err, &not) {
		web.From(r.Context()).Record.Warn(not.Cause)
		return idp.Forbidden("%s", not.Message())
	}
	return err
}

// visit is one to a flow that comes back to next.
func (f *Front) visit(w http.ResponseWriter, r *http.Request, slug, next string) flow.Visit {
	return flow.Visit{Slug: slug, Browser: web.BrowserDigest(w, r), Actor: web.Actor(r), Device: web.Device(r), Brand: web.Brand(r),
		Revision: web.From(r.Context()).Revision, Query: map[string]string{"next": next}}
}

// agree takes the browser through the authorization flow. A nil answer says that
// somebody would have to be asked, and may not be.
func (f *Front) agree(w http.ResponseWriter, r *http.Request, a *core.Authorization, row *idp.OAuthRequest) (*flow.Answer, error) {
	return f.pass(w, r, a.Client, a.Wanted, core.PurposeRequest(row.ID), resumePath(row.ID), a.Asks("consent"), a.Asks("none"))
}

// pass goes through the authorization flow of a client for a purpose.
func (f *Front) pass(w http.ResponseWriter, r *http.Request, c *core.Client, wanted []idp.ScopeMapping, purpose, next string, again, silent bool) (*flow.Answer, error) {
	authorization, err := f.Store.Repos().Flows.Get(r.Context(), c.Provider.AuthorizationFlow)
	if err != nil {
		return nil, err
	}
	answer, err := f.Flows.Pass(r.Context(), f.visit(w, r, authorization.Slug, next), func(run *flow.Run) {
		stage.KeyApplication.Put(run.Vars, about(c))
		stage.KeyHeader.Put(run.Vars, "You are about to sign in to "+c.Application.Name+".")
		stage.KeyPermissions.Put(run.Vars, permissions(wanted))
		if again {
			stage.KeyAgain.Put(run.Vars, true)
		}
		flow.KeyPurpose.Put(run.Vars, purpose)
		flow.KeyRedirect.Put(run.Vars, next)
	}, silent)
	if answer != nil {
		web.Apply(w, r, answer)
	}
	return answer, applicable(r, err)
}

// about names the application to stages and policies.
func about(c *core.Client) consent.Application {
	return consent.Application{ID: c.Application.ID.String(), Name: c.Application.Name, Slug: c.Application.Slug}
}

// permissions are the scopes that people are asked about, each once.
func permissions(wanted []idp.ScopeMapping) []stage.Permission {
	out, seen := []stage.Permission{}, map[string]bool{}
	for _, m := range wanted {
		if m.Description == "" || seen[m.Scope] {
			continue
		}
		seen[m.Scope] = true
		out = append(out, stage.Permission{ID: m.Scope, Name: m.Description})
	}
	return out
}
