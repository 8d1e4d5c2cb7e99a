package tokenpage

import (
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/token"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// formView is the page with the form for a token, new or not.
type formView struct {
	Page           ui.PageProps
	Kind           page.TokenKind // of a new one
	Action, Cancel string
	Submit         string
	User           string // the username, of a new one
	New            bool
	Form           page.TokenForm
	Faults         page.Faults
	Seen           string
}

// shownFields are those the form shows beside their messages.
var shownFields = append([]string{"user"}, page.TokenFields...)

func (p *Pages) newToken(k page.TokenKind) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return p.showNew(w, r, k, web.Query(r).Trimmed("user"), page.TokenForm{Term: page.FirstTerm(k.Intent)}, page.Faults{})
	}
}

func (p *Pages) showNew(w http.ResponseWriter, r *http.Request, k page.TokenKind, user string, form page.TokenForm, faults page.Faults) error {
	v := formView{Kind: k, Action: newPath(k, ""), Cancel: listPath, Submit: "Create " + k.Noun, User: user, New: true, Form: form, Faults: faults}
	v.Page = page.Console(r, ui.PageProps{Title: k.Label, Subtitle: k.What, Narrow: true,
		Crumbs: []ui.Crumb{{Label: listName, Href: listPath}, {Label: k.Label}}})
	return page.RenderStatus(w, r, faults.Status(), formPage(v))
}

func (p *Pages) create(k page.TokenKind) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		sent, err := web.DecodeForm(r)
		if err != nil {
			return err
		}
		form, user := page.ReadTokenForm(sent), sent.Trimmed("user")
		made, err := p.make(r, k, user, form)
		if faults, ok := page.FaultsOf(err); ok {
			return p.showNew(w, r, k, user, form, faults)
		}
		if err != nil {
			return err
		}
		return web.Redirect(w, r, at(made)+"key/")
	}
}

func (p *Pages) make(r *http.Request, k page.TokenKind, username string, form page.TokenForm) (*idp.Token, error) {
	clock, err := p.d.Store.Now(r.Context())
	if err != nil {
		return nil, err
	}
	ends, _, err := form.Expiry(clock)
	if err != nil {
		return nil, err
	}
	owner, err := p.owner(r, username)
	if err != nil {
		return nil, err
	}
	// The key stays sealed with the token until the page after this one shows it.
	made, _, err := p.d.Tokens.Issue(r.Context(), web.Actor(r), token.Draft{User: owner, Identifier: form.Identifier,
		Intent: k.Intent, Description: form.Description, Expiring: ends != nil, ExpiresAt: ends, StepUpExempt: &form.StepUpExempt})
	return made, err
}

// owner is the account of a username.
func (p *Pages) owner(r *http.Request, username string) (idp.UserID, error) {
	if username == "" {
		return 0, idp.Invalid("user", "This field may not be blank.")
	}
	u, err := p.d.Store.Repos().Users.FindByLogin(r.Context(), username, []string{"username"})
	switch {
	case err != nil:
		return 0, err
	case u == nil:
		return 0, idp.Invalid("user", "No account has the username “%.150s”.", username)
	}
	return u.ID, nil
}

// state is what a form of changes was filled from.
type state struct {
	Identifier, Description, Expires string
	StepUpExempt                     bool
}

func stateOf(t *idp.Token) state {
	s := state{Identifier: t.Identifier, Description: t.Description, StepUpExempt: t.StepUpExempt}
	if t.Expiring && t.ExpiresAt != nil {
		s.Expires = t.ExpiresAt.UTC().String()
	}
	return s
}

// keeps is the choice that leaves the end of a token as it is.
func keeps(t *idp.Token) string {
	if t.Expiring && t.ExpiresAt != nil {
		return "As it is: " + ui.Absolute(*t.ExpiresAt)
	}
	return "As it is: never"
}

func (p *Pages) edit(w http.ResponseWriter, r *http.Request) error {
	t, err := p.load(r)
	if err != nil {
		return err
	}
	if why := fixed(t); why != "" {
		return page.Already(w, r, why, at(t))
	}
	return p.showEdit(w, r, t, page.TokenForm{Identifier: t.Identifier, Description: t.Description, Term: page.TokenKeep,
		StepUpExempt: t.StepUpExempt}, page.Seen(stateOf(t)), page.Faults{})
}

func (p *Pages) showEdit(w http.ResponseWriter, r *http.Request, t *idp.Token, form page.TokenForm, seen string, faults page.Faults) error {
	form.Keeps, form.Link = keeps(t), page.OpensFlow(t)
	v := formView{Action: at(t) + "edit/", Cancel: at(t), Submit: "Save changes", Form: form, Faults: faults, Seen: seen}
	v.Page = page.Console(r, ui.PageProps{Title: "Edit " + t.Identifier, Narrow: true, Crumbs: page.Crumbs(listName, listPath, t.Identifier, at(t), "Edit")})
	return page.RenderStatus(w, r, faults.Status(), formPage(v))
}

func (p *Pages) update(w http.ResponseWriter, r *http.Request) error {
	t, err := p.load(r)
	if err != nil {
		return err
	}
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := page.ReadTokenForm(sent)
	form.Keeps = keeps(t)
	err = page.Unchanged(sent, stateOf(t))
	if err == nil {
		err = p.change(r, t, form)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.showEdit(w, r, t, form, page.Seen(stateOf(t)), faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The token "+form.Identifier+" was saved.")
	return web.Redirect(w, r, at(t))
}

func (p *Pages) change(r *http.Request, t *idp.Token, form page.TokenForm) error {
	clock, err := p.d.Store.Now(r.Context())
	if err != nil {
		return err
	}
	ends, keep, err := form.Expiry(clock)
	if err != nil {
		return err
	}
	patch := token.Patch{Identifier: &form.Identifier, Description: &form.Description}
	if !page.OpensFlow(t) {
		patch.StepUpExempt = &form.StepUpExempt
	}
	if !keep {
		expiring := ends != nil
		patch.Expiring, patch.ExpiresAt = &expiring, ends
	}
	_, err = p.d.Tokens.Update(r.Context(), web.Actor(r), t.ID, patch)
	return err
}
