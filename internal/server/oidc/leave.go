package oidc

import (
	"net/http"
	"net/url"

	core "github.com/portcullis-idp/portcullis/internal/oidc"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	stage "github.com/portcullis-idp/portcullis/internal/stages/consent"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// leave signs somebody out because an application asks for it: at once where it proves
// that it means this very session, else after asking. Whoever is signed in differently
// by now stays signed in.
func (f *Front) leave(w http.ResponseWriter, r *http.Request) error {
	params, err := single(r.URL.Query())
	if err != nil {
		return err
	}
	d, err := f.Service.Leave(r.Context(), web.Param(r, "slug"), params)
	if err != nil {
		return err
	}
	actor := web.Actor(r)
	switch {
	case actor.User == nil || actor.Session == nil:
		return away(w, r, d)
	case d.Means(actor.Session):
		return f.signOut(w, r, d)
	}
	var hidden []ui.Pair
	for name, value := range params {
		if name != "id_token_hint" {
			hidden = append(hidden, ui.Pair{Name: name, Value: value})
		}
	}
	if scheme := appScheme(d.Back); scheme != "" {
		web.AllowFormTo(w, scheme)
	}
	return page.AskInAccount(w, r, nil, ui.ConfirmProps{Title: "Sign out?", Submit: "Sign out", Cancel: "Stay signed in",
		Text:   d.Client.Application.Name + " asks to sign you out. It ends this browser's session, and every application that you signed in to with it is told.",
		Action: r.URL.EscapedPath(), Back: page.AccountPath, Hidden: hidden})
}

// confirmed signs out whoever said so on the page above. A form that an application
// posts (the specification allows that) is asked about like a link: browsers send no
// session with it.
func (f *Front) confirmed(w http.ResponseWriter, r *http.Request) error {
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	params, err := single(url.Values(form))
	if err != nil {
		return err
	}
	if !form.Bool("confirmed") {
		http.Redirect(w, r, r.URL.EscapedPath()+"?"+url.Values(form).Encode(), http.StatusSeeOther)
		return nil
	}
	delete(params, "confirmed")
	d, err := f.Service.Leave(r.Context(), web.Param(r, "slug"), params)
	if err != nil {
		return err
	}
	if actor := web.Actor(r); actor.User == nil || actor.Session == nil {
		return away(w, r, d)
	}
	return f.signOut(w, r, d)
}

// signOut takes the browser through the provider's invalidation flow.
func (f *Front) signOut(w http.ResponseWriter, r *http.Request, d *core.Departure) error {
	invalidation, err := f.Store.Repos().Flows.Get(r.Context(), d.Client.Provider.InvalidationFlow)
	if err != nil {
		return err
	}
	back := d.Back
	if back == "" {
		back = "/"
	}
	answer, err := f.Flows.Pass(r.Context(), f.visit(w, r, invalidation.Slug, "/"), func(run *flow.Run) {
		stage.KeyApplication.Put(run.Vars, about(d.Client))
		flow.KeyRedirect.Put(run.Vars, back)
	}, false)
	if err := applicable(r, err); err != nil {
		return err
	}
	web.Apply(w, r, answer)
	if answer.Challenge != nil {
		return f.stopped(answer)
	}
	return goBack(w, r, answer.Redirect)
}

// away is for whoever is signed out already.
func away(w http.ResponseWriter, r *http.Request, d *core.Departure) error {
	if d.Back == "" {
		return web.Redirect(w, r, "/")
	}
	return goBack(w, r, d.Back)
}

// goBack goes to an address that the application registered, or to one of ours.
func goBack(w http.ResponseWriter, r *http.Request, to string) error {
	if r.Method == http.MethodPost && !web.Local(to) {
		return page.Away(w, r, to, "You are signed out")
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
