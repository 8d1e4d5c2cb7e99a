package invitationpage

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	stage "github.com/portcullis-idp/portcullis/internal/stages/invitation"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// link is an address that the invitation can be opened by.
type link struct{ Label, URL string }

type showView struct {
	Page   ui.PageProps
	It     *idp.Invitation
	Links  []link
	Why    string // there is no link
	Facts  []ui.Item
	Data   string // "" = none
	Delete ui.ConfirmProps
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request) error {
	i, err := p.load(r)
	if err != nil {
		return err
	}
	v := showView{It: i, Delete: question(i)}
	if v.Links, v.Why, err = p.links(r, i); err != nil {
		return err
	}
	v.Facts = []ui.Item{{Label: "State", Value: state(i)}, {Label: "Good for", Value: ui.Maybe(map[bool]string{true: "One account", false: "Any number of accounts"}[i.SingleUse])},
		{Label: "Expires", Value: expiryFull(i)}, {Label: "Made", Value: ui.TimeFull(i.CreatedAt, now())}, {Label: "Made by", Value: ui.Maybe(i.CreatorName)}}
	if len(i.FixedData) > 0 {
		raw, err := json.MarshalIndent(i.FixedData, "", "  ")
		if err != nil {
			return err
		}
		v.Data = string(raw)
	}
	v.Page = page.Console(r, ui.PageProps{Title: "Invitation " + i.Name, Narrow: true,
		Crumbs: []ui.Crumb{{Label: "Invitations", Href: listPath}, {Label: i.Name}}})
	return page.Render(w, r, showPage(v))
}

// links are where the invitation can be opened, or why it cannot.
func (p *Pages) links(r *http.Request, i *idp.Invitation) ([]link, string, error) {
	if !i.Live {
		return nil, "The link does not work any more. Make a new invitation.", nil
	}
	inviting, err := p.inviting(r)
	if err != nil {
		return nil, "", err
	}
	if i.FlowID != nil {
		inviting = slices.DeleteFunc(inviting, func(f idp.Flow) bool { return f.ID != *i.FlowID })
	}
	var out []link
	for _, f := range inviting {
		label := "Link"
		if len(inviting) > 1 {
			label = "Link to " + f.Name
		}
		out = append(out, link{label, p.base(r) + flow.Path(f.Slug) + "?" + url.Values{stage.TokenParam: {i.ID.String()}}.Encode()})
	}
	switch {
	case len(out) > 0:
		return out, "", nil
	case i.FlowID != nil:
		return nil, "Its flow has no invitation stage, so nobody can use it. Add one to the flow.", nil
	}
	return nil, "No flow has an invitation stage, so nobody can use it. Add one to the flow in which people sign up.", nil
}

// base is the address in front of a path of this server.
func (p *Pages) base(r *http.Request) string {
	if p.d.PublicURL != "" {
		return p.d.PublicURL
	}
	info, scheme := web.RequestInfo(r), "http"
	if info.Secure {
		scheme = "https"
	}
	if info.Host == "" {
		return scheme + "://" + r.Host
	}
	return scheme + "://" + info.Host
}

func question(i *idp.Invitation) ui.ConfirmProps {
	return ui.ConfirmProps{Title: "Withdraw the invitation " + i.Name + "?", Submit: "Withdraw invitation", Danger: true,
		Text:   "Its link stops working at once, also for somebody who has the form open. Accounts made with it stay.",
		Action: at(i) + "delete/", Back: at(i)}
}

func (p *Pages) delete(w http.ResponseWriter, r *http.Request) error {
	i, err := p.load(r)
	if err != nil {
		return err
	}
	q := question(i)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Invitations", listPath, i.Name, at(i), "Withdraw"), q)
	}
	if err := p.d.Invitations.Delete(r.Context(), web.Actor(r), i.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The invitation "+i.Name+" was withdrawn.")
	return web.Redirect(w, r, listPath)
}
