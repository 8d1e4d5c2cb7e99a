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

// roleTags names roles.
func roleTags(names []string) templ.Component {
	if len(names) == 0 {
		return ui.None()
	}
	return tags(names)
}

// roleTable lists the roles that somebody has: directly, to be taken, and by way
// of groups. free are those that could be given.
func (c *Console) roleTable(r *http.Request, who, base string, direct []idp.Role, all []string) (t ui.TableProps, free []ui.Option, err error) {
	found, err := c.roles.Find(r.Context(), web.Actor(r), idp.RoleFilter{Paging: idp.Paging{Limit: 1000, Order: []string{"name"}}})
	if err != nil {
		return t, nil, err
	}
	t = ui.TableProps{ID: "roles", Caption: "Roles of " + who,
		Columns: []ui.Column{{Label: "Role"}, {Label: "How"}, {Label: "Action", HideHead: true, Numeric: true}},
		Empty:   ui.Empty(ui.EmptyProps{Icon: ui.IconShieldUser, Title: "No role", Text: "Roles say what may be done in this console, through the API and on the command line."})}
	for i := range found.Items {
		role := &found.Items[i]
		name := page.With(ui.Two(role.Name, role.Description, page.RolePath(role.ID)), c.badges.Role(role.Name))
		switch isDirect := slices.ContainsFunc(direct, func(d idp.Role) bool { return d.ID == role.ID }); {
		case isDirect:
			q := takeRoleQuestion(role, who, base)
			t.Rows = append(t.Rows, ui.Row{ID: role.ID.String(), Label: role.Name, Cells: []templ.Component{name, ui.Text("Directly"),
				ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
					Button: ui.ButtonProps{Label: "Take", Small: true, Attrs: templ.Attributes{"aria-label": "Take " + role.Name}}})}})
			continue
		case slices.Contains(all, role.Name):
			t.Rows = append(t.Rows, ui.Row{ID: role.ID.String(), Label: role.Name, Cells: []templ.Component{name, ui.Muted("Through a group"), ui.Text("")}})
		}
		if web.Covers(r, idp.Rights{Roles: []string{role.Name}}) { // nobody gives more than they have
			free = append(free, ui.Option{Value: role.Name, Label: role.Name})
		}
	}
	return t, free, nil
}

func takeRoleQuestion(role *idp.Role, who, base string) ui.ConfirmProps {
	return ui.ConfirmProps{Title: "Take the role " + role.Name + " from " + who + "?", Submit: "Take the role",
		Text: "What it allowed is refused at once, unless another role or group allows it.", Action: base + role.ID.String() + "/take/", Back: base}
}

func (c *Console) userRoles(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	direct, err := c.roles.UserRoles(r.Context(), web.Actor(r), d.User.ID)
	if err != nil {
		return err
	}
	base := userPath(d.User.ID) + "roles/"
	t, free, err := c.roleTable(r, d.User.DisplayName(), base, direct, d.User.RoleNames)
	if err != nil {
		return err
	}
	var give templ.Component
	if len(free) > 0 {
		give = giveRoleForm(base+"give/", free)
	}
	return page.Render(w, r, userTab(d.frame(r, "Roles"), give, t))
}

func (c *Console) giveUserRole(w http.ResponseWriter, r *http.Request) error {
	u, err := c.member(r)
	if err != nil {
		return err
	}
	return c.giveRole(w, r, u.DisplayName(), userPath(u.ID)+"roles/", func(change func(map[string]bool) []string) error {
		return c.roles.ChangeUserRoles(r.Context(), web.Actor(r), u.ID, change)
	})
}

func (c *Console) giveRole(w http.ResponseWriter, r *http.Request, who, back string, act func(func(map[string]bool) []string) error) error {
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	name := form.Trimmed("role")
	if name == "" {
		return page.Refused(w, r, idp.Invalid("role", "Choose a role first."), back)
	}
	if err := act(func(has map[string]bool) []string { has[name] = true; return names(has) }); err != nil {
		return page.Refused(w, r, err, back)
	}
	web.Flash(r.Context(), web.ToneSuccess, who+" has the role "+name+" now.")
	return web.Redirect(w, r, back)
}

func names(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for name := range set {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func (c *Console) takeUserRole(w http.ResponseWriter, r *http.Request) error {
	u, err := c.member(r)
	if err != nil {
		return err
	}
	return c.takeRole(w, r, userCrumbs(u, "Take a role"), u.DisplayName(), userPath(u.ID)+"roles/", func(change func(map[string]bool) []string) error {
		return c.roles.ChangeUserRoles(r.Context(), web.Actor(r), u.ID, change)
	})
}

func (c *Console) takeRole(w http.ResponseWriter, r *http.Request, crumbs []ui.Crumb, who, base string, act func(func(map[string]bool) []string) error) error {
	id, err := web.IDParam[idp.Role](r, "role", "role")
	if err != nil {
		return err
	}
	role, err := c.roles.Get(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	q := takeRoleQuestion(role, who, base)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, crumbs, q)
	}
	if err := act(func(has map[string]bool) []string { delete(has, role.Name); return names(has) }); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, who+" does not have the role "+role.Name+" directly any more.")
	return web.Redirect(w, r, base)
}

func (c *Console) groupRoles(w http.ResponseWriter, r *http.Request) error {
	g, err := c.loadGroup(r)
	if err != nil {
		return err
	}
	direct, err := c.roles.GroupRoles(r.Context(), web.Actor(r), g.ID)
	if err != nil {
		return err
	}
	rights, err := c.store.Repos().Roles.GroupRights(r.Context(), g.ID)
	if err != nil {
		return err
	}
	base := groupPath(g.ID) + "roles/"
	t, free, err := c.roleTable(r, g.Name, base, direct, rights.Roles)
	if err != nil {
		return err
	}
	var give templ.Component
	if len(free) > 0 {
		give = giveRoleForm(base+"give/", free)
	}
	p := page.Console(r, ui.PageProps{Title: g.Name, Subtitle: "Every member has the roles of the group, and of its parents.", Crumbs: groupCrumbs(g, "Roles"),
		Tabs: []ui.Tab{{Label: "Members", Href: groupPath(g.ID)}, {Label: "Roles", Href: base, Current: true}}})
	return page.Render(w, r, userTab(p, give, t))
}

func (c *Console) giveGroupRole(w http.ResponseWriter, r *http.Request) error {
	g, err := c.loadGroup(r)
	if err != nil {
		return err
	}
	return c.giveRole(w, r, g.Name, groupPath(g.ID)+"roles/", func(change func(map[string]bool) []string) error {
		return c.roles.ChangeGroupRoles(r.Context(), web.Actor(r), g.ID, change)
	})
}

func (c *Console) takeGroupRole(w http.ResponseWriter, r *http.Request) error {
	g, err := c.loadGroup(r)
	if err != nil {
		return err
	}
	return c.takeRole(w, r, groupCrumbs(g, "Take a role"), g.Name, groupPath(g.ID)+"roles/", func(change func(map[string]bool) []string) error {
		return c.roles.ChangeGroupRoles(r.Context(), web.Actor(r), g.ID, change)
	})
}
