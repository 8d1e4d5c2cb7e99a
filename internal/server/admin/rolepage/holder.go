package rolepage

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

type holderView struct {
	Page         ui.PageProps
	Role         *idp.Role
	Users        *ui.TableProps // nil = the person may not list users
	Groups       *ui.TableProps
	Choices      []ui.Option // groups that could have it
	Typed, Fault string      // of the form that gives it to a user
}

func (p *Pages) holders(w http.ResponseWriter, r *http.Request) error {
	return p.showHolders(w, r, "", page.Faults{})
}

func (p *Pages) showHolders(w http.ResponseWriter, r *http.Request, typed string, faults page.Faults) error {
	role, err := p.load(r)
	if err != nil {
		return err
	}
	if !web.Covers(r, idp.Rights{Roles: []string{role.Name}}) {
		web.Withhold(r, at(role)+"users/give/", at(role)+"groups/give/")
	}
	v := holderView{Role: role, Typed: typed, Fault: faults.Text()}
	if web.May(r, idp.VerbList, idp.ResourceUser) {
		if err := p.fillUsers(r, role, &v); err != nil {
			return err
		}
	}
	if web.May(r, idp.VerbList, idp.ResourceGroup) {
		if err := p.fillGroups(r, role, &v); err != nil {
			return err
		}
	}
	v.Page = page.Console(r, p.frame(role, "Who has it"))
	return page.RenderStatus(w, r, faults.Status(), holderPage(v))
}

func (p *Pages) fillUsers(r *http.Request, role *idp.Role, v *holderView) error {
	list, err := page.ReadList(r, "username")
	if err != nil {
		return err
	}
	list.Path = at(role) + "holders/"
	found, err := p.d.Roles.Holders(r.Context(), web.Actor(r), role.ID, list.Paging())
	if err != nil {
		return err
	}
	ids := make([]idp.UserID, len(found.Items))
	for i := range found.Items {
		ids[i] = found.Items[i].ID
	}
	direct, err := p.d.Store.Repos().Roles.OfUsers(r.Context(), ids)
	if err != nil {
		return err
	}
	t := ui.TableProps{ID: "holders", Caption: "Users who have " + role.Name, Title: "Users", Paging: list.Pages(found.Total, "user"),
		Columns: []ui.Column{list.Column("Name", "username"), {Label: "How"}, {Label: "Action", HideHead: true, Numeric: true}},
		Empty:   ui.Empty(ui.EmptyProps{Icon: ui.IconUser, Title: "Nobody has this role", Text: "Give it to a user or to a group."})}
	if found.Total > list.Size || list.Filtered() {
		t.Filter = ui.FilterBar(ui.FilterProps{Action: list.Path, Query: list.Search(), Placeholder: "Search users", Reset: list.Reset(), Swap: "holders"})
	}
	if list.Filtered() {
		t.Empty = ui.NothingFound("user", list.Path)
	}
	for i := range found.Items {
		u := &found.Items[i]
		how, act := templ.Component(ui.Muted("Through a group")), templ.Component(ui.Text(""))
		if slices.ContainsFunc(direct[u.ID], func(d idp.Role) bool { return d.ID == role.ID }) {
			q := p.takeQuestion(role, u.DisplayName(), "users/"+u.ID.String()+"/take/")
			how, act = ui.Text("Directly"), ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
				Button: ui.ButtonProps{Label: "Take", Small: true, Attrs: templ.Attributes{"aria-label": "Take it from " + u.DisplayName()}}})
		}
		t.Rows = append(t.Rows, ui.Row{ID: u.ID.String(), Label: u.DisplayName(), Muted: !u.IsActive, Cells: []templ.Component{
			page.With(ui.PersonCell(u.Name, u.Username, page.AdminPath+"users/"+u.ID.String()+"/"), p.badges().User(u)), how, act}})
	}
	v.Users = &t
	return nil
}

func (p *Pages) fillGroups(r *http.Request, role *idp.Role, v *holderView) error {
	found, err := p.d.Roles.HolderGroups(r.Context(), web.Actor(r), role.ID, idp.Paging{Limit: 1000})
	if err != nil {
		return err
	}
	all, err := p.d.Store.Repos().Groups.Find(r.Context(), idp.GroupFilter{Paging: idp.Paging{Limit: 1000, Order: []string{"name"}}})
	if err != nil {
		return fmt.Errorf("listing groups: %w", err)
	}
	t := ui.TableProps{ID: "holder-groups", Caption: "Groups that have " + role.Name, Title: "Groups",
		Columns: []ui.Column{{Label: "Name"}, {Label: "Members", Numeric: true}, {Label: "Action", HideHead: true, Numeric: true}},
		Empty:   ui.Empty(ui.EmptyProps{Icon: ui.IconUsers, Title: "No group has this role", Text: "Every member of a group has the group's roles."})}
	for i := range found.Items {
		g := &found.Items[i]
		q := p.takeQuestion(role, g.Name, "groups/"+g.ID.String()+"/take/")
		t.Rows = append(t.Rows, ui.Row{ID: g.ID.String(), Label: g.Name, Cells: []templ.Component{
			page.With(ui.Two(g.Name, "", page.AdminPath+"groups/"+g.ID.String()+"/"), p.badges().Group(g.Name)), ui.Text(ui.Number(g.MemberCount)),
			ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
				Button: ui.ButtonProps{Label: "Take", Small: true, Attrs: templ.Attributes{"aria-label": "Take it from " + g.Name}}})}})
	}
	for i := range all.Items {
		g := &all.Items[i]
		if !slices.ContainsFunc(found.Items, func(h idp.Group) bool { return h.ID == g.ID }) {
			v.Choices = append(v.Choices, ui.Option{Value: g.ID.String(), Label: g.Name})
		}
	}
	v.Groups = &t
	return nil
}

func (p *Pages) takeQuestion(role *idp.Role, who, path string) ui.ConfirmProps {
	return ui.ConfirmProps{Title: "Take the role " + role.Name + " from " + who + "?", Submit: "Take the role",
		Text: "What it allowed is refused at once, unless another role or group allows it.", Action: at(role) + path, Back: at(role) + "holders/"}
}

func (p *Pages) giveUser(w http.ResponseWriter, r *http.Request) error {
	role, err := p.load(r)
	if err != nil {
		return err
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	name := form.Trimmed("username")
	u, err := p.byUsername(r, name)
	if err == nil {
		err = p.d.Roles.ChangeUserRoles(r.Context(), web.Actor(r), u.ID, with(role.Name))
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.showHolders(w, r, name, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, u.DisplayName()+" has the role "+role.Name+" now.")
	return web.Redirect(w, r, at(role)+"holders/")
}

func (p *Pages) byUsername(r *http.Request, name string) (*idp.User, error) {
	if err := web.Check(r, idp.VerbList, idp.ResourceUser); err != nil {
		return nil, err
	}
	if name == "" {
		return nil, idp.Invalid("username", "Type a username.")
	}
	u, err := p.d.Store.Repos().Users.FindByLogin(r.Context(), name, []string{"username"})
	if err != nil {
		return nil, fmt.Errorf("finding a user by username: %w", err)
	}
	if u == nil {
		return nil, idp.Invalid("username", "There is no user “%.150s”.", name)
	}
	return u, nil
}

func (p *Pages) giveGroup(w http.ResponseWriter, r *http.Request) error {
	role, err := p.load(r)
	if err != nil {
		return err
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	back := at(role) + "holders/"
	id, err := idp.ParseID[idp.Group](form.Trimmed("group"))
	if err != nil {
		return page.Refused(w, r, idp.Invalid("group", "Choose a group first."), back)
	}
	if err := p.d.Roles.ChangeGroupRoles(r.Context(), web.Actor(r), id, with(role.Name)); err != nil {
		return page.Refused(w, r, err, back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "Every member of the group has the role "+role.Name+" now.")
	return web.Redirect(w, r, back)
}

func (p *Pages) takeUser(w http.ResponseWriter, r *http.Request) error {
	role, err := p.load(r)
	if err != nil {
		return err
	}
	id, err := web.UserParam(r, "user")
	if err != nil {
		return err
	}
	u, err := p.d.Store.Repos().Users.Get(r.Context(), id)
	if err != nil {
		return err
	}
	return p.take(w, r, role, u.DisplayName(), "users/"+id.String()+"/take/", func() error {
		return p.d.Roles.ChangeUserRoles(r.Context(), web.Actor(r), id, without(role.Name))
	})
}

func (p *Pages) takeGroup(w http.ResponseWriter, r *http.Request) error {
	role, err := p.load(r)
	if err != nil {
		return err
	}
	id, err := web.IDParam[idp.Group](r, "group", "group")
	if err != nil {
		return err
	}
	g, err := p.d.Store.Repos().Groups.Get(r.Context(), id)
	if err != nil {
		return err
	}
	return p.take(w, r, role, g.Name, "groups/"+id.String()+"/take/", func() error {
		return p.d.Roles.ChangeGroupRoles(r.Context(), web.Actor(r), id, without(role.Name))
	})
}

func (p *Pages) take(w http.ResponseWriter, r *http.Request, role *idp.Role, who, path string, act func() error) error {
	q := p.takeQuestion(role, who, path)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Roles", listPath, role.Name, at(role), "Take the role"), q)
	}
	if err := act(); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, who+" does not have the role "+role.Name+" directly any more.")
	return web.Redirect(w, r, q.Back)
}

// with and without change the set of roles that somebody has.
func with(name string) func(map[string]bool) []string {
	return func(has map[string]bool) []string { has[name] = true; return sorted(has) }
}

func without(name string) func(map[string]bool) []string {
	return func(has map[string]bool) []string { delete(has, name); return sorted(has) }
}

func sorted(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for name := range set {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
