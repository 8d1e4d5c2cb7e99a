package admin

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (c *Console) groups(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "name")
	if err != nil {
		return err
	}
	found, err := c.store.Repos().Groups.Find(r.Context(), idp.GroupFilter{Paging: list.Paging()})
	if err != nil {
		return fmt.Errorf("listing groups: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	all, err := c.allGroups(r)
	if err != nil {
		return err
	}
	names := map[idp.GroupID]string{}
	for i := range all {
		names[all[i].ID] = all[i].Name
	}
	create := ui.ButtonProps{Label: "New group", Kind: ui.Primary, Icon: ui.IconPlus, Href: groupsPath + "new/"}
	t := ui.TableProps{ID: "groups", Caption: "Groups", Paging: list.Pages(found.Total, "group"),
		Columns: []ui.Column{list.Column("Name", "name"), {Label: "Members", Numeric: true}, {Label: "Parents"}, {Label: "Superusers"}},
		Filter: ui.FilterBar(ui.FilterProps{Action: groupsPath, Query: list.Search(), Placeholder: "Search groups",
			Reset: list.Reset(), Hidden: list.Kept(), Swap: "groups"})}
	for i := range found.Items {
		g := &found.Items[i]
		var parents []string
		for _, id := range g.Parents {
			parents = append(parents, names[id])
		}
		t.Rows = append(t.Rows, ui.Row{ID: g.ID.String(), Label: g.Name, Cells: []templ.Component{
			page.With(ui.Two(g.Name, "", groupPath(g.ID)), c.badges.Group(g.Name)), ui.Text(strconv.Itoa(g.MemberCount)), tags(parents), ui.YesNo(g.IsSuperuser)}})
	}
	if len(t.Rows) == 0 {
		t.Empty = ui.NothingFound("group", groupsPath)
		if !list.Filtered() {
			t.Filter = nil
			t.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconUsers, Title: "No groups yet", Action: ui.Button(create),
				Text: "Groups gather users, so that policies can speak of all of them at once."})
		}
	}
	p := page.Console(r, ui.PageProps{Title: "Groups", Subtitle: "Who belongs together; membership includes the parents.", Actions: ui.Button(create)})
	return page.Render(w, r, groupsPage(p, t))
}

// groupForm holds what was typed.
type groupForm struct {
	Name, Attributes string
	Superuser        bool
	Parents          []string
	Requestable      bool   // people may ask for it
	Minutes          string // for how long at most; "" = as is usual
}

var groupFields = []string{"name", "is_superuser", "parents", "attributes", "requestable", "requestable_minutes"}

func readGroupForm(form web.Form) groupForm {
	return groupForm{Name: form.Trimmed("name"), Attributes: form.Trimmed("attributes"),
		Superuser: form.Bool("is_superuser"), Parents: form.Texts("parents"),
		Requestable: form.Bool("requestable"), Minutes: form.Trimmed("requestable_minutes")}
}

func groupFormOf(g *idp.Group) groupForm {
	f := groupForm{Name: g.Name, Superuser: g.IsSuperuser}
	rest := maps.Clone(g.Attributes)
	if most, ok := elevate.Maximum(g.Attributes); ok { // what the form has fields for is not shown twice
		f.Requestable = true
		delete(rest, elevate.AttributeRequestable)
		if _, said := rest[elevate.AttributeMaximum]; said && most%time.Minute == 0 {
			f.Minutes = strconv.Itoa(int(most / time.Minute))
			delete(rest, elevate.AttributeMaximum)
		}
	}
	f.Attributes = attributesText(rest)
	for _, p := range g.Parents {
		f.Parents = append(f.Parents, p.String())
	}
	return f
}

func (f groupForm) parsed() (idp.Attributes, []idp.GroupID, error) {
	attrs, err := attributes(f.Attributes)
	if err != nil {
		return nil, nil, err
	}
	if err := f.request(attrs); err != nil {
		return nil, nil, err
	}
	parents, err := groupIDs("parents", f.Parents)
	return attrs, parents, err
}

// request writes into the attributes whether people may ask for the group.
func (f groupForm) request(attrs idp.Attributes) error {
	if !f.Requestable {
		if f.Minutes != "" {
			return idp.Invalid("requestable_minutes", "This says for how long people may ask for the group: let them, or leave it empty.")
		}
		return nil
	}
	attrs[elevate.AttributeRequestable] = true
	if f.Minutes == "" {
		return nil // as is usual, or as the attributes say
	}
	minutes, err := strconv.Atoi(f.Minutes)
	if err != nil || minutes < 1 || minutes > int(elevate.Longest/time.Minute) {
		return idp.Invalid("requestable_minutes", "Expected a number of minutes from 1 to %d.", int(elevate.Longest/time.Minute))
	}
	attrs[elevate.AttributeMaximum] = minutes * 60
	return nil
}

type groupFormView struct {
	Page    ui.PageProps
	Form    groupForm
	Faults  page.Faults
	Parents []ui.Option
	Action  string
	Submit  string
	Cancel  string
	Seen    string // marks the state the form was filled from
	New     bool
}

// showGroupForm offers every other group as a parent.
func (c *Console) showGroupForm(w http.ResponseWriter, r *http.Request, v groupFormView, self idp.GroupID) error {
	all, err := c.allGroups(r)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].ID == self {
			continue
		}
		o := ui.Option{Value: all[i].ID.String(), Label: all[i].Name}
		for _, id := range v.Form.Parents {
			o.Selected = o.Selected || id == o.Value
		}
		if all[i].IsSuperuser {
			o.Hint = "Members are superusers: they may do everything."
		}
		v.Parents = append(v.Parents, o)
	}
	v.Page.Narrow = true
	v.Page = page.Console(r, v.Page)
	return page.RenderStatus(w, r, v.Faults.Status(), groupFormPage(v))
}

func (c *Console) newGroup(w http.ResponseWriter, r *http.Request) error {
	return c.newGroupForm(w, r, groupForm{}, page.Faults{})
}

func (c *Console) newGroupForm(w http.ResponseWriter, r *http.Request, form groupForm, faults page.Faults) error {
	return c.showGroupForm(w, r, groupFormView{Form: form, Faults: faults, New: true, Action: groupsPath + "new/", Submit: "Create group",
		Cancel: groupsPath, Page: ui.PageProps{Title: "New group", Crumbs: []ui.Crumb{{Label: "Groups", Href: groupsPath}, {Label: "New group"}}}}, idp.GroupID{})
}

func (c *Console) createGroup(w http.ResponseWriter, r *http.Request) error {
	raw, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readGroupForm(raw)
	attrs, parents, err := form.parsed()
	var g *idp.Group
	if err == nil {
		g, err = c.accounts.CreateGroup(r.Context(), web.Actor(r), account.NewGroup{Name: form.Name, IsSuperuser: form.Superuser,
			Parents: parents, Attributes: attrs})
	}
	if faults, ok := page.FaultsOf(err); ok {
		return c.newGroupForm(w, r, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The group "+g.Name+" was created.")
	return web.Redirect(w, r, groupPath(g.ID))
}

func (c *Console) editGroup(w http.ResponseWriter, r *http.Request) error {
	g, err := c.loadGroup(r)
	if err != nil {
		return err
	}
	return c.editGroupForm(w, r, g, groupFormOf(g), page.Faults{})
}

func (c *Console) editGroupForm(w http.ResponseWriter, r *http.Request, g *idp.Group, form groupForm, faults page.Faults) error {
	at := groupPath(g.ID)
	return c.showGroupForm(w, r, groupFormView{Form: form, Faults: faults, Action: at + "edit/", Submit: "Save changes", Cancel: at,
		Seen: page.Seen(groupFormOf(g)), Page: ui.PageProps{Title: "Edit " + g.Name, Crumbs: groupCrumbs(g, "Edit")}}, g.ID)
}

func (c *Console) updateGroup(w http.ResponseWriter, r *http.Request) error {
	g, err := c.loadGroup(r)
	if err != nil {
		return err
	}
	raw, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readGroupForm(raw)
	attrs, parents, err := form.parsed()
	if err == nil {
		err = page.Unchanged(raw, groupFormOf(g))
	}
	if err == nil {
		_, err = c.accounts.UpdateGroup(r.Context(), web.Actor(r), g.ID, groupPatch(groupFormOf(g), form, attrs, parents))
	}
	if faults, ok := page.FaultsOf(err); ok {
		return c.editGroupForm(w, r, g, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The group "+form.Name+" was saved.")
	return web.Redirect(w, r, groupPath(g.ID))
}

// groupPatch names only what differs from what is stored.
func groupPatch(was, is groupForm, attrs idp.Attributes, parents []idp.GroupID) account.GroupPatch {
	var p account.GroupPatch
	if was.Name != is.Name {
		p.Name = &is.Name
	}
	if was.Superuser != is.Superuser {
		p.IsSuperuser = &is.Superuser
	}
	if was.Attributes != is.Attributes {
		p.Attributes = &attrs
	}
	if !sameSet(was.Parents, is.Parents) {
		p.Parents = &parents
	}
	return p
}
