package admin

import (
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (c *Console) userFactors(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	found, err := c.factors.Of(r.Context(), web.Actor(r), d.User.ID)
	if err != nil {
		return err
	}
	t := page.FactorTable(page.Factors{Items: found, Base: userPath(d.User.ID) + "factors/", Owner: d.User, Console: true, Now: d.Now, Badges: c.badges})
	t.Title, t.Text = "Second factors", "A lock on a factor refuses whoever signs in with it. Removing one ends no session. People set up factors themselves, under their settings."
	t.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconFingerprint, Title: "No second factor",
		Text: "People set up passkeys, authenticator apps and recovery codes under their settings, or when the sign-in flow asks for it."})
	return page.Render(w, r, userTab(d.frame(r, "Two-factor"), nil, t))
}

func (c *Console) removeFactor(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	id, err := web.IDParam[idp.Factor](r, "factor", "second factor")
	if err != nil {
		return err
	}
	at := userPath(d.User.ID) + "factors/"
	it, err := c.factors.Get(r.Context(), web.Actor(r), id)
	if idp.Is(err, idp.CodeNotFound) && r.Method == http.MethodPost {
		return page.Already(w, r, "That second factor is gone already.", at)
	}
	if err != nil {
		return err
	}
	if it.UserID != d.User.ID {
		return idp.NotFound("second factor")
	}
	return page.RemoveFactor(w, r, c.factors, it, d.User, at,
		func(q ui.ConfirmProps) error {
			return page.AskInConsole(w, r, userCrumbs(d.User, "Remove second factor"), q)
		})
}
