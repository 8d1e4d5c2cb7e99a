package account

import (
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/token"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// newTokenPath is the form for a token of a kind.
func newTokenPath(k page.TokenKind) string { return tokensPath + "new/" + k.Slug + "/" }

// tokenView is the page with the form for a new token.
type tokenView struct {
	Page   ui.PageProps
	Kind   page.TokenKind
	Form   page.TokenForm
	Faults page.Faults
}

// newToken is the form for a kind, and what it is sent to.
func (p *Pages) newToken(k page.TokenKind) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		form := page.TokenForm{Term: page.FirstTerm(k.Intent), Ends: k.Intent == idp.IntentAPI}
		if r.Method != http.MethodPost {
			if err := web.Fresh(r); err != nil {
				return err
			}
			return p.showTokenForm(w, r, k, form, page.Faults{})
		}
		sent, err := web.DecodeForm(r)
		if err != nil {
			return err
		}
		ends := form.Ends
		form = page.ReadTokenForm(sent)
		form.Ends = ends
		made, err := p.makeToken(r, k, form)
		if faults, ok := page.FaultsOf(err); ok {
			return p.showTokenForm(w, r, k, form, faults)
		}
		if err != nil {
			return err
		}
		return web.Redirect(w, r, tokensPath+made.ID.String()+"/key/")
	}
}

func (p *Pages) makeToken(r *http.Request, k page.TokenKind, form page.TokenForm) (*idp.Token, error) {
	clock, err := p.store.Now(r.Context())
	if err != nil {
		return nil, err
	}
	at, _, err := form.Expiry(clock)
	if err != nil {
		return nil, err
	}
	// The key stays sealed with the token until the page after this one shows it.
	made, _, err := p.tokens.Issue(r.Context(), web.Actor(r), token.Draft{User: web.User(r).ID, Identifier: form.Identifier,
		Intent: k.Intent, Description: form.Description, Expiring: at != nil, ExpiresAt: at, StepUpExempt: &form.StepUpExempt})
	return made, err
}

func (p *Pages) showTokenForm(w http.ResponseWriter, r *http.Request, k page.TokenKind, form page.TokenForm, faults page.Faults) error {
	v := tokenView{Kind: k, Form: form, Faults: faults}
	v.Page = page.Account(r, ui.PageProps{Title: k.Label, Subtitle: k.What,
		Crumbs: []ui.Crumb{settingsCrumb, {Label: "Tokens", Href: tokensPath}, {Label: k.Label}}})
	return page.RenderStatus(w, r, faults.Status(), tokenFormPage(v))
}

// tokenKey shows the key of a token that was just made, and to nobody again.
func (p *Pages) tokenKey(w http.ResponseWriter, r *http.Request) error {
	id, err := web.IDParam[idp.Token](r, "token", "token")
	if err != nil {
		return err
	}
	if err := page.Whence(r); err != nil {
		return err
	}
	t, err := p.tokens.Get(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	if err := own(r, t.UserID, "token"); err != nil {
		return err
	}
	k := page.TokenKey{Token: t, Base: page.Base(r), Back: tokensPath, Stays: p.tokens.KeysStay()}
	if err := k.Reveal(r, p.tokens); err != nil {
		return page.Refused(w, r, err, tokensPath)
	}
	w.Header().Set("Cache-Control", "no-store")
	props := page.Account(r, ui.PageProps{Title: k.Title(),
		Crumbs: []ui.Crumb{settingsCrumb, {Label: "Tokens", Href: tokensPath}, {Label: t.Identifier}}})
	return page.Render(w, r, tokenKeyPage(props, k))
}
