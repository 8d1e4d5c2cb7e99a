package invitationpage

import (
	"fmt"
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/invitation"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

const listPath = page.AdminPath + "invitations/"

func at(i *idp.Invitation) string { return listPath + i.ID.String() + "/" }

// Deps are what the pages need.
type Deps struct {
	Store       idp.Store
	Invitations *invitation.Service
	// PublicURL turns the path of an invitation's link into one that can be
	// sent; "" = the host of the request.
	PublicURL string
}

// Pages answers the pages about invitations.
type Pages struct{ d Deps }

// New returns Pages.
func New(d Deps) *Pages { return &Pages{d} }

// Routes adds the pages; it is one of server.Deps.Mounts. Whoever is not signed
// in is sent to sign in, whoever is no superuser is refused.
func (p *Pages) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireUser)
		m := page.Mount{Router: r}
		m.Get("invitations/", p.list)
		m.Get("invitations/new/", p.newInvitation)
		m.Post("invitations/new/", p.create)
		m.Get("invitations/{invitation}/", p.show)
		m.Act("invitations/{invitation}/delete/", p.delete)
	})
}

// now is the time that "in 2 days" is counted from; it decides nothing.
func now() time.Time { return time.Now() }

func (p *Pages) list(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "-created")
	if err != nil {
		return err
	}
	found, err := p.d.Invitations.Find(r.Context(), web.Actor(r), idp.InvitationFilter{Paging: list.Paging()})
	if err != nil {
		return err
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	flows, err := p.flows(r)
	if err != nil {
		return err
	}
	create := ui.ButtonProps{Label: "New invitation", Kind: ui.Primary, Icon: ui.IconPlus, Href: listPath + "new/"}
	t := ui.TableProps{ID: "invitations", Caption: "Invitations", Paging: list.Pages(found.Total, "invitation"),
		Columns: []ui.Column{list.Column("Name", "name"), {Label: "State"}, {Label: "Opens"}, list.Column("Expires", "expires"), {Label: "Made by", Optional: true}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconTicket, Title: "No invitation yet", Action: ui.Button(create),
			Text: "An invitation is a link with which somebody can make an account of their own."})}
	if list.Filtered() {
		t.Empty = ui.NothingFound("invitation", listPath)
	}
	if found.Total > list.Size || list.Filtered() {
		t.Filter = ui.FilterBar(ui.FilterProps{Action: listPath, Query: list.Search(), Placeholder: "Search invitations",
			Reset: list.Reset(), Hidden: list.Kept(), Swap: "invitations"})
	}
	for n := range found.Items {
		i := &found.Items[n]
		t.Rows = append(t.Rows, ui.Row{ID: i.Fingerprint(), Label: i.Name, Cells: []templ.Component{
			ui.Two(i.Name, uses(i), at(i)), state(i), flowName(flows, i.FlowID), expiry(i), ui.Maybe(i.CreatorName)}})
	}
	props := page.Console(r, ui.PageProps{Title: "Invitations", Subtitle: "Links with which people make accounts of their own.", Actions: ui.Button(create)})
	return page.Render(w, r, listPage(props, t))
}

// state is whether the link would let somebody in now.
func state(i *idp.Invitation) templ.Component {
	switch {
	case i.Live:
		return ui.Tag(ui.ToneOK, "Valid")
	case i.Expired:
		return ui.Tag(ui.ToneNeutral, "Expired")
	}
	return ui.Tag(ui.ToneWarn, "Ended with its maker’s tokens")
}

func uses(i *idp.Invitation) string {
	if i.SingleUse {
		return "for one account"
	}
	return "for any number of accounts"
}

func expiry(i *idp.Invitation) templ.Component {
	if i.ExpiresAt == nil {
		return ui.Muted("Never")
	}
	return ui.Time(*i.ExpiresAt, now())
}

func expiryFull(i *idp.Invitation) templ.Component {
	if i.ExpiresAt == nil {
		return ui.Muted("Never")
	}
	return ui.TimeFull(*i.ExpiresAt, now())
}

// flows are all flows.
func (p *Pages) flows(r *http.Request) ([]idp.Flow, error) {
	found, err := p.d.Store.Repos().Flows.Find(r.Context(), idp.FlowFilter{Paging: idp.Paging{Limit: 1000, Order: []string{"name"}}})
	if err != nil {
		return nil, fmt.Errorf("listing flows: %w", err)
	}
	return found.Items, nil
}

func flowName(flows []idp.Flow, id *idp.FlowID) templ.Component {
	for i := range flows {
		if id != nil && flows[i].ID == *id {
			return ui.Mono(flows[i].Slug)
		}
	}
	return ui.Muted("Every flow")
}

// inviting are the flows with an invitation stage, in their order.
func (p *Pages) inviting(r *http.Request) ([]idp.Flow, error) {
	repos, kind := p.d.Store.Repos(), "invitation"
	stages, err := repos.Stages.Find(r.Context(), idp.StageFilter{Kind: &kind, Paging: idp.Paging{Limit: 1000}})
	if err != nil {
		return nil, fmt.Errorf("listing invitation stages: %w", err)
	}
	asks := map[idp.FlowID]bool{}
	for _, s := range stages.Items {
		bound, err := repos.FlowBindings.Find(r.Context(), idp.FlowBindingFilter{StageID: &s.ID, Paging: idp.Paging{Limit: 1000}})
		if err != nil {
			return nil, fmt.Errorf("listing the flows of stage %s: %w", s.ID, err)
		}
		for _, b := range bound.Items {
			asks[b.FlowID] = true
		}
	}
	all, err := p.flows(r)
	if err != nil {
		return nil, err
	}
	var out []idp.Flow
	for _, f := range all {
		if asks[f.ID] {
			out = append(out, f)
		}
	}
	return out, nil
}

func (p *Pages) load(r *http.Request) (*idp.Invitation, error) {
	id, err := web.IDParam[idp.Invitation](r, "invitation", "invitation")
	if err != nil {
		return nil, err
	}
	return p.d.Invitations.Get(r.Context(), web.Actor(r), id)
}
