package admin

import (
	"net/http"
	"slices"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (c *Console) userGroups(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	all, err := c.allGroups(r)
	if err != nil {
		return err
	}
	t := ui.TableProps{ID: "memberships", Caption: "Groups of " + d.User.DisplayName(),
		Columns: []ui.Column{{Label: "Group"}, {Label: "Membership"}, {Label: "Superusers"}, {Label: "Action", HideHead: true, Numeric: true}},
		Empty:   ui.Empty(ui.EmptyProps{Icon: ui.IconUsers, Title: "In no group", Text: "Groups decide what policies allow. Add this user to one above."})}
	var free []ui.Option
	for i := range all {
		g := &all[i]
		switch direct := slices.Contains(d.User.Groups, g.ID); {
		case direct:
			q := leaveQuestion(g, d.User)
			t.Rows = append(t.Rows, c.groupRow(g, ui.Text("Direct"), ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
				Button: ui.ButtonProps{Label: "Remove", Small: true, Attrs: templ.Attributes{"aria-label": "Remove from " + g.Name}}})))
		case slices.Contains(d.User.AllGroups, g.ID):
			t.Rows = append(t.Rows, c.groupRow(g, ui.Muted("Through a child group"), ui.Text("")))
			free = append(free, ui.Option{Value: g.ID.String(), Label: g.Name})
		default:
			free = append(free, ui.Option{Value: g.ID.String(), Label: g.Name})
		}
	}
	var join templ.Component
	if len(free) > 0 {
		join = joinForm(userPath(d.User.ID)+"groups/join/", free)
	}
	return page.Render(w, r, userTab(d.frame(r, "Groups"), join, t))
}

func (c *Console) groupRow(g *idp.Group, how, act templ.Component) ui.Row {
	return ui.Row{ID: g.ID.String(), Label: g.Name, Cells: []templ.Component{
		page.With(ui.Two(g.Name, "", groupPath(g.ID)), c.badges.Group(g.Name)), how, ui.YesNo(g.IsSuperuser), act}}
}

func leaveQuestion(g *idp.Group, u *idp.User) ui.ConfirmProps {
	q := removeQuestion(g, u)
	at := userPath(u.ID) + "groups/"
	q.Action, q.Back = at+g.ID.String()+"/leave/", at
	return q
}

func (c *Console) joinGroup(w http.ResponseWriter, r *http.Request) error {
	u, err := c.member(r)
	if err != nil {
		return err
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	back := userPath(u.ID) + "groups/"
	id, err := idp.ParseID[idp.Group](form.Trimmed("group"))
	if err != nil {
		return page.Refused(w, r, idp.Invalid("group", "Choose a group first."), back)
	}
	g, err := c.store.Repos().Groups.Get(r.Context(), id)
	if idp.Is(err, idp.CodeNotFound) {
		return page.Refused(w, r, idp.Invalid("group", "That group is gone."), back)
	}
	if err == nil {
		err = c.accounts.AddMember(r.Context(), web.Actor(r), g.ID, u.ID)
	}
	if err != nil {
		return page.Refused(w, r, err, back)
	}
	web.Flash(r.Context(), web.ToneSuccess, u.DisplayName()+" is a member of "+g.Name+" now.")
	return web.Redirect(w, r, back)
}

func (c *Console) leaveGroup(w http.ResponseWriter, r *http.Request) error {
	g, err := c.loadGroup(r)
	if err != nil {
		return err
	}
	u, err := c.member(r)
	if err != nil {
		return err
	}
	q := leaveQuestion(g, u)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, userCrumbs(u, "Remove from group"), q)
	}
	return c.removeFrom(w, r, g, u, q.Back)
}
