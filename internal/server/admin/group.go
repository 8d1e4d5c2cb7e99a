package admin

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

type groupView struct {
	Page         ui.PageProps
	Group        *idp.Group
	Members      ui.TableProps
	Facts        []ui.Item
	Danger       []ui.DangerRow
	Typed, Fault string // of the form that adds a member
}

func (c *Console) loadGroup(r *http.Request) (*idp.Group, error) {
	id, err := web.IDParam[idp.Group](r, "group", "group")
	if err != nil {
		return nil, err
	}
	return c.store.Repos().Groups.Get(r.Context(), id)
}

func (c *Console) group(w http.ResponseWriter, r *http.Request) error {
	return c.showGroup(w, r, "", page.Faults{})
}

func (c *Console) showGroup(w http.ResponseWriter, r *http.Request, typed string, faults page.Faults) error {
	g, err := c.loadGroup(r)
	if err != nil {
		return err
	}
	list, err := page.ReadList(r, "username")
	if err != nil {
		return err
	}
	list.Path = groupPath(g.ID)
	members, err := c.store.Repos().Groups.Members(r.Context(), g.ID, list.Paging())
	if err != nil {
		return fmt.Errorf("listing the members of group %s: %w", g.ID, err)
	}
	if to := list.Beyond(members.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	all, err := c.allGroups(r)
	if err != nil {
		return err
	}
	contained, err := c.contained(r, members.Items)
	if err != nil {
		return err
	}
	rights, err := c.store.Repos().Roles.GroupRights(r.Context(), g.ID)
	if err != nil {
		return err
	}
	if rights.Taken = true; !web.Covers(r, rights) {
		at := groupPath(g.ID)
		web.Withhold(r, at+"edit/", at+"delete/", at+"members/")
	}
	v := groupView{Group: g, Members: c.memberTable(g, list, members, contained), Facts: groupFacts(g, all), Typed: typed, Fault: faults.Text()}
	q := deleteGroupQuestion(g)
	v.Danger = []ui.DangerRow{{Title: "Delete this group", Text: "Its members stay, without what the group gave them.",
		Action: ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
			Button: ui.ButtonProps{Label: "Delete group", Kind: ui.Warning, Icon: ui.IconTrash}})}}
	p := ui.PageProps{Title: g.Name, Crumbs: groupCrumbs(g, ""), Actions: ui.Join(
		ui.Button(ui.ButtonProps{Label: "Edit", Icon: ui.IconPencil, Href: groupPath(g.ID) + "edit/"}),
		ui.Button(ui.ButtonProps{Label: "Lock…", Icon: ui.IconLock, Href: page.LockWizard(idp.LockKey{Kind: idp.LockGroup, Value: g.Name})}))}
	if c.roles != nil {
		p.Tabs = []ui.Tab{{Label: "Members", Href: groupPath(g.ID), Current: true}, {Label: "Roles", Href: groupPath(g.ID) + "roles/"}}
	}
	locked := c.badges.Group(g.Name)
	if g.IsSuperuser {
		p.Tags = page.With(ui.TagIcon(ui.ToneInfo, ui.IconShieldUser, "Superusers"), locked)
	} else if locked != nil {
		p.Tags = page.LockBadge(locked)
	}
	v.Page = page.Console(r, p)
	return page.RenderStatus(w, r, faults.Status(), groupPage(v))
}

func (c *Console) memberTable(g *idp.Group, list page.List, members idp.Page[idp.User], contained map[idp.UserID]bool) ui.TableProps {
	t := ui.TableProps{ID: "members", Caption: "Members of " + g.Name, Title: "Members", Paging: list.Pages(members.Total, "member"),
		Columns: []ui.Column{list.Column("Name", "username"), {Label: "E-mail", Optional: true}, {Label: "Status"}, {Label: "Action", HideHead: true, Numeric: true}},
		Empty:   ui.Empty(ui.EmptyProps{Icon: ui.IconUsers, Title: "No members yet", Text: "Add the first one by username."})}
	if members.Total > list.Size || list.Filtered() {
		t.Filter = ui.FilterBar(ui.FilterProps{Action: list.Path, Query: list.Search(), Placeholder: "Search members", Reset: list.Reset(), Swap: "members"})
	}
	if list.Filtered() {
		t.Empty = ui.NothingFound("member", list.Path)
	}
	for i := range members.Items {
		u := &members.Items[i]
		q := removeQuestion(g, u)
		t.Rows = append(t.Rows, ui.Row{ID: u.ID.String(), Label: u.DisplayName(), Muted: !u.IsActive, Cells: []templ.Component{
			ui.PersonCell(u.Name, u.Username, userPath(u.ID)), ui.Maybe(u.Email), page.With(ui.StateTag(page.UserState(u, contained[u.ID])), c.badges.User(u)),
			ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q, Button: ui.ButtonProps{Label: "Remove", Small: true,
				Attrs: templ.Attributes{"aria-label": "Remove " + u.DisplayName()}}})}})
	}
	return t
}

func groupFacts(g *idp.Group, all []idp.Group) []ui.Item {
	var children []templ.Component
	for i := range all {
		for _, p := range all[i].Parents {
			if p == g.ID {
				children = append(children, ui.Anchor(all[i].Name, groupPath(all[i].ID)))
			}
		}
	}
	below := templ.Component(ui.None())
	if len(children) > 0 {
		below = ui.Join(children...)
	}
	return []ui.Item{
		{Label: "Members", Value: ui.Text(ui.Number(g.MemberCount))},
		{Label: "Superusers", Value: ui.YesNo(g.IsSuperuser)},
		{Label: "Parents", Value: groupTags(g.Parents, all)},
		{Label: "Children", Value: below},
		{Label: "UUID", Value: ui.CopyID(g.ID.String())},
	}
}

func deleteGroupQuestion(g *idp.Group) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "Delete the group " + g.Name + "?", Text: "The group is gone for good. Its members stay, without what the group gave them.",
		Submit: "Delete group", Danger: true, Action: groupPath(g.ID) + "delete/", Back: groupPath(g.ID)}
	if g.MemberCount > 0 {
		q.Consequences = []string{ui.Count(g.MemberCount, "member") + " leave it"}
		if g.MemberCount == 1 {
			q.Consequences = []string{"1 member leaves it"}
		}
	}
	return q
}

func (c *Console) deleteGroup(w http.ResponseWriter, r *http.Request) error {
	g, err := c.loadGroup(r)
	if err != nil {
		return err
	}
	q := deleteGroupQuestion(g)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, groupCrumbs(g, "Delete"), q)
	}
	if err := c.accounts.DeleteGroup(r.Context(), web.Actor(r), g.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The group "+g.Name+" was deleted.")
	return web.Redirect(w, r, groupsPath)
}

func (c *Console) addMember(w http.ResponseWriter, r *http.Request) error {
	g, err := c.loadGroup(r)
	if err != nil {
		return err
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	name := form.Trimmed("username")
	u, err := c.byUsername(r, name)
	if err == nil {
		err = c.accounts.AddMember(r.Context(), web.Actor(r), g.ID, u.ID)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return c.showGroup(w, r, name, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, u.DisplayName()+" is a member of "+g.Name+" now.")
	return web.Redirect(w, r, groupPath(g.ID))
}

// byUsername finds a user by what an administrator typed.
func (c *Console) byUsername(r *http.Request, name string) (*idp.User, error) {
	if name == "" {
		return nil, idp.Invalid("username", "Type a username.")
	}
	u, err := c.store.Repos().Users.FindByLogin(r.Context(), name, []string{"username"})
	if err != nil {
		return nil, fmt.Errorf("finding a user by username: %w", err)
	}
	if u == nil {
		return nil, idp.Invalid("username", "There is no user “%s”.", strings.TrimSpace(name))
	}
	return u, nil
}

func removeQuestion(g *idp.Group, u *idp.User) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "Remove " + u.DisplayName() + " from " + g.Name + "?", Submit: "Remove",
		Text:   "They lose what the group gives its members, at once.",
		Action: groupPath(g.ID) + "members/" + u.ID.String() + "/remove/", Back: groupPath(g.ID)}
	if g.IsSuperuser {
		q.Text, q.Danger = "They are no superuser any more, unless another group makes them one.", true
	}
	return q
}

func (c *Console) removeMember(w http.ResponseWriter, r *http.Request) error {
	g, err := c.loadGroup(r)
	if err != nil {
		return err
	}
	u, err := c.member(r)
	if err != nil {
		return err
	}
	q := removeQuestion(g, u)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, groupCrumbs(g, "Remove member"), q)
	}
	return c.removeFrom(w, r, g, u, q.Back)
}

func (c *Console) member(r *http.Request) (*idp.User, error) {
	id, err := web.UserParam(r, "user")
	if err != nil {
		return nil, err
	}
	return c.store.Repos().Users.Get(r.Context(), id)
}

func (c *Console) removeFrom(w http.ResponseWriter, r *http.Request, g *idp.Group, u *idp.User, back string) error {
	if err := c.accounts.RemoveMember(r.Context(), web.Actor(r), g.ID, u.ID); err != nil {
		return page.Refused(w, r, err, back)
	}
	web.Flash(r.Context(), web.ToneSuccess, u.DisplayName()+" is no member of "+g.Name+" any more.")
	return web.Redirect(w, r, back)
}
