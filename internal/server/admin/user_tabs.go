package admin

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// tab loads the user and reads the address of a tab's list.
func (c *Console) tab(r *http.Request, ordering string) (*dossier, page.List, error) {
	list, err := page.ReadList(r, ordering)
	if err != nil {
		return nil, list, err
	}
	d, err := c.load(r)
	return d, list, err
}

func (c *Console) userTokens(w http.ResponseWriter, r *http.Request) error {
	d, list, err := c.tab(r, "identifier")
	if err != nil {
		return err
	}
	filter := idp.TokenFilter{UserID: &d.User.ID, Paging: list.Paging()}
	if list.Query.Text("show") != "all" {
		live := true
		filter.Live = &live
	}
	found, err := c.tokens.Find(r.Context(), web.Actor(r), filter)
	if err != nil {
		return fmt.Errorf("listing the tokens of user %d: %w", d.User.ID, err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	t := page.TokenTable(page.Tokens{Items: found.Items, Base: userPath(d.User.ID) + "tokens/", Owner: d.User, Now: d.Now, Badges: c.badges,
		Link: func(it *idp.Token) string { return page.TokensPath + it.ID.String() + "/" }})
	t.Paging, t.Title = list.Pages(found.Total, "token"), "Tokens"
	toggle := ui.ButtonProps{Label: "Show ended tokens, too", Href: list.Href("show", "all"), Small: true}
	if filter.Live == nil {
		toggle = ui.ButtonProps{Label: "Show live tokens only", Href: list.Href("show", ""), Small: true}
	}
	t.Actions = ui.Join(ui.Button(toggle), page.NewTokenButtons(func(k page.TokenKind) string {
		return page.TokensPath + "new/" + k.Slug + "/?" + url.Values{"user": {d.User.Username}}.Encode()
	}, true))
	return page.Render(w, r, userTab(d.frame(r, "Tokens"), nil, t))
}

func (c *Console) revokeToken(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	id, err := web.IDParam[idp.Token](r, "token", "token")
	if err != nil {
		return err
	}
	at := userPath(d.User.ID) + "tokens/"
	t, err := c.tokens.Get(r.Context(), web.Actor(r), id)
	if idp.Is(err, idp.CodeNotFound) && r.Method == http.MethodPost {
		return page.Already(w, r, "That token is gone already.", at)
	}
	if err != nil {
		return err
	}
	if t.UserID != d.User.ID {
		return idp.NotFound("token")
	}
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, userCrumbs(d.User, "Revoke token"), page.RevokeQuestion(t, d.User, at))
	case !t.Live:
		return page.Already(w, r, "That token had ended already.", at)
	}
	if err := c.tokens.Revoke(r.Context(), web.Actor(r), id); err != nil {
		return page.Refused(w, r, err, at)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The token "+t.Identifier+" was revoked.")
	return web.Redirect(w, r, at)
}

func (c *Console) userEvents(w http.ResponseWriter, r *http.Request) error {
	d, list, err := c.tab(r, "-created")
	if err != nil {
		return err
	}
	found, err := c.store.Repos().Events.Find(r.Context(), idp.EventFilter{UserID: &d.User.ID, Paging: list.Paging()})
	if err != nil {
		return fmt.Errorf("listing the events of user %d: %w", d.User.ID, err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	t := eventTable(found.Items, d.Now)
	t.Paging = eventPaging(list, found)
	t.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconScrollText, Title: "Nothing happened yet", Text: "Sign-ins and changes of this account appear here."})
	return page.Render(w, r, userTab(d.frame(r, "Events"), nil, t))
}

func (c *Console) userLockdowns(w http.ResponseWriter, r *http.Request) error {
	d, list, err := c.tab(r, "")
	if err != nil {
		return err
	}
	found, err := c.lockdowns.Find(r.Context(), web.Actor(r), idp.LockdownFilter{UserID: &d.User.ID, Paging: list.Paging()})
	if err != nil {
		return fmt.Errorf("listing the lockdowns of user %d: %w", d.User.ID, err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	t := lockdownTable(found.Items, d.Now)
	t.Paging = list.Pages(found.Total, "lockdown")
	t.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconGate, Title: "Never locked down", Text: "When this account is locked down, who did it, why and what ended is recorded here."})
	return page.Render(w, r, userTab(d.frame(r, "Lockdowns"), nil, t))
}
