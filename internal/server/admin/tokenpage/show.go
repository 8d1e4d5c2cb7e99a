package tokenpage

import (
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

type showView struct {
	Page   ui.PageProps
	It     *idp.Token
	Facts  []ui.Item
	Revoke ui.ConfirmProps
	Fixed  string // why it cannot be changed; "" = it can
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request) error {
	t, err := p.load(r)
	if err != nil {
		return err
	}
	u, err := p.d.Store.Repos().Users.Get(r.Context(), t.UserID)
	if err != nil {
		return err
	}
	clock := now()
	state := ui.StateTag(page.TokenState(t))
	if tag := p.tag(t, u); t.Live && tag != nil {
		state = tag
	}
	v := showView{It: t, Revoke: revokeQuestion(t, u), Fixed: fixed(t)}
	expires := ui.Muted("Never")
	if t.Expiring {
		expires = ui.TimeFull(page.At(t.ExpiresAt), clock)
	}
	v.Facts = []ui.Item{{Label: "State", Value: state}, {Label: "Kind", Value: ui.Tag(ui.ToneNeutral, page.Intent(t.Intent))},
		{Label: "Account", Value: ui.PersonCell(u.Name, u.Username, userPath(u.ID))}, {Label: "Description", Value: ui.Maybe(t.Description)},
		{Label: "Expires", Value: expires}, {Label: "Last used", Value: ui.TimeFull(page.At(t.LastUsedAt), clock)},
		{Label: "Created", Value: ui.TimeFull(t.CreatedAt, clock)}}
	if !page.OpensFlow(t) {
		v.Facts = append(v.Facts, ui.Item{Label: "Fresh sign-in", Value: ui.Text(page.StepUpText(t))})
	}
	if t.Managed != nil {
		v.Facts = append(v.Facts, ui.Item{Label: "Managed by", Value: ui.Mono(*t.Managed)})
	}
	props := ui.PageProps{Title: t.Identifier, Narrow: true, Crumbs: page.Crumbs(listName, listPath, t.Identifier, "", "")}
	if v.Fixed == "" {
		props.Actions = ui.Button(ui.ButtonProps{Label: "Edit", Icon: ui.IconPencil, Href: at(t) + "edit/"})
	}
	v.Page = page.Console(r, props)
	return page.Render(w, r, showPage(v))
}

// fixed says why a token cannot be changed, "" if it can.
func fixed(t *idp.Token) string {
	switch {
	case !t.Live:
		return "This token has ended and cannot be changed."
	case t.Managed != nil:
		return "This token is managed by the system and cannot be changed."
	}
	return ""
}

func revokeQuestion(t *idp.Token, u *idp.User) ui.ConfirmProps {
	q := page.RevokeQuestion(t, u, listPath)
	q.Back = at(t)
	return q
}

func (p *Pages) revoke(w http.ResponseWriter, r *http.Request) error {
	t, err := p.load(r)
	if idp.Is(err, idp.CodeNotFound) && r.Method == http.MethodPost {
		return page.Already(w, r, "That token is gone already.", listPath)
	}
	if err != nil {
		return err
	}
	u, err := p.d.Store.Repos().Users.Get(r.Context(), t.UserID)
	if err != nil {
		return err
	}
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs(listName, listPath, t.Identifier, at(t), "Revoke"), revokeQuestion(t, u))
	}
	if err := p.d.Tokens.Revoke(r.Context(), web.Actor(r), t.ID); err != nil {
		return page.Refused(w, r, err, at(t))
	}
	web.Flash(r.Context(), web.ToneSuccess, "The token "+t.Identifier+" was revoked.")
	return web.Redirect(w, r, listPath)
}

// key shows the key of a token that was just made, and to nobody again.
func (p *Pages) key(w http.ResponseWriter, r *http.Request) error {
	if err := page.Whence(r); err != nil {
		return err
	}
	t, err := p.load(r)
	if err != nil {
		return err
	}
	k := page.TokenKey{Token: t, Base: page.Base(r), Back: at(t), Stays: p.d.Tokens.KeysStay()}
	if err := k.Reveal(r, p.d.Tokens); err != nil {
		return page.Refused(w, r, err, at(t))
	}
	w.Header().Set("Cache-Control", "no-store")
	props := page.Console(r, ui.PageProps{Title: k.Title(), Narrow: true, Crumbs: page.Crumbs(listName, listPath, t.Identifier, at(t), "Key")})
	return page.Render(w, r, keyPage(props, k))
}
