package account

import (
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

const factorsPath = page.SettingsPath + "factors/"

func (p *Pages) ownFactors(w http.ResponseWriter, r *http.Request) error {
	u := web.User(r)
	found, err := p.factors.Of(r.Context(), web.Actor(r), u.ID)
	if err != nil {
		return err
	}
	add, err := page.AddFactorButtons(r.Context(), p.store.Repos(), factorsPath)
	if err != nil {
		return err
	}
	t := page.FactorTable(page.Factors{Items: found, Base: factorsPath, Owner: u, Now: now(), Badges: p.badges})
	t.Title, t.Text = "Second factors", "What you show beside your password when you sign in. Keep two, so that losing one does not shut you out."
	t.Actions = row(add)
	t.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconFingerprint, Title: "No second factor yet",
		Text: "With a passkey or an authenticator app nobody signs in with your password alone."})
	return page.Render(w, r, listPage(settingsFrame(r, "Two-factor"), t))
}

// ownFactor is a factor of the path, if it is the person's own.
func (p *Pages) ownFactor(r *http.Request) (*idp.Factor, error) {
	id, err := web.IDParam[idp.Factor](r, "factor", "second factor")
	if err != nil {
		return nil, err
	}
	it, err := p.factors.Get(r.Context(), web.Actor(r), id)
	if err != nil {
		return nil, err
	}
	return it, own(r, it.UserID, "second factor")
}

func factorCrumbs(here string) []ui.Crumb {
	return []ui.Crumb{settingsCrumb, {Label: "Two-factor", Href: factorsPath}, {Label: here}}
}

func (p *Pages) removeFactor(w http.ResponseWriter, r *http.Request) error {
	it, err := p.ownFactor(r)
	if idp.Is(err, idp.CodeNotFound) && r.Method == http.MethodPost && it == nil {
		return page.Already(w, r, "That second factor is gone already.", factorsPath)
	}
	if err != nil {
		return err
	}
	return page.RemoveFactor(w, r, p.factors, it, web.User(r), factorsPath,
		func(q ui.ConfirmProps) error { return page.AskInAccount(w, r, factorCrumbs("Remove"), q) })
}

type factorForm struct {
	Page   ui.PageProps
	It     *idp.Factor
	Name   string
	Faults page.Faults
}

func (p *Pages) renameFactor(w http.ResponseWriter, r *http.Request) error {
	it, err := p.ownFactor(r)
	if err != nil {
		return err
	}
	v := factorForm{It: it, Name: it.Name}
	if r.Method == http.MethodPost {
		form, err := web.DecodeForm(r)
		if err != nil {
			return err
		}
		v.Name = form.Text("name")
		err = p.factors.Rename(r.Context(), web.Actor(r), it.ID, v.Name)
		if err == nil {
			web.Flash(r.Context(), web.ToneSuccess, "The name was changed.")
			return web.Redirect(w, r, factorsPath)
		}
		faults, ok := page.FaultsOf(err)
		if !ok {
			return err
		}
		v.Faults = faults
	}
	v.Page = page.Account(r, ui.PageProps{Title: "Rename " + it.Name, Crumbs: factorCrumbs("Rename")})
	return page.RenderStatus(w, r, v.Faults.Status(), factorFormPage(v))
}
