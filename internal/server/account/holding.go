package account

import (
	"fmt"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

var settingsCrumb = ui.Crumb{Label: "Settings", Href: page.SettingsPath}

func (p *Pages) ownTokens(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "identifier")
	if err != nil {
		return err
	}
	u, live := web.User(r), true
	found, err := p.tokens.Find(r.Context(), web.Actor(r), idp.TokenFilter{UserID: &u.ID, Live: &live, Paging: list.Paging()})
	if err != nil {
		return fmt.Errorf("listing the tokens of user %d: %w", u.ID, err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	t := page.TokenTable(page.Tokens{Items: found.Items, Base: tokensPath, Owner: u, Now: now()})
	t.Title, t.Text = "Tokens", "Secrets with which programs act for you. Revoke what you do not know."
	t.Actions = page.NewTokenButtons(newTokenPath, true)
	t.Paging = list.Pages(found.Total, "token")
	t.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconKeyRound, Title: "No tokens yet",
		Text: "Make an app password for a program that asks for a name and a password, or an API token for one that calls this server."})
	return page.Render(w, r, listPage(settingsFrame(r, "Tokens"), t))
}

func (p *Pages) revokeToken(w http.ResponseWriter, r *http.Request) error {
	id, err := web.IDParam[idp.Token](r, "token", "token")
	if err != nil {
		return err
	}
	t, err := p.tokens.Get(r.Context(), web.Actor(r), id)
	if idp.Is(err, idp.CodeNotFound) && r.Method == http.MethodPost {
		return page.Already(w, r, "That token is gone already.", tokensPath)
	}
	if err != nil {
		return err
	}
	if err := own(r, t.UserID, "token"); err != nil {
		return err
	}
	switch yes, err := confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInAccount(w, r, []ui.Crumb{settingsCrumb, {Label: "Tokens", Href: tokensPath}, {Label: "Revoke token"}},
			page.RevokeQuestion(t, web.User(r), tokensPath))
	case !t.Live:
		return page.Already(w, r, "That token had ended already.", tokensPath)
	}
	if err := p.tokens.Revoke(r.Context(), web.Actor(r), id); err != nil {
		return page.Refused(w, r, err, tokensPath)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The token "+t.Identifier+" was revoked.")
	return web.Redirect(w, r, tokensPath)
}
