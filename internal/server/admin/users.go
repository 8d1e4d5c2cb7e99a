package admin

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// userFilters are the parameters that narrow the list of users, beside search.
var userFilters = []string{"status", "type", "group"}

func (c *Console) users(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "username")
	if err != nil {
		return err
	}
	filter, err := userFilter(list.Query)
	if err != nil {
		return err
	}
	filter.Paging = list.Paging()
	found, err := c.store.Repos().Users.Find(r.Context(), filter)
	if err != nil {
		return fmt.Errorf("listing users: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	contained, err := c.contained(r, found.Items)
	if err != nil {
		return err
	}
	groups, err := c.allGroups(r)
	if err != nil {
		return err
	}
	p := page.Console(r, ui.PageProps{Title: "Users", Subtitle: "People, and accounts of programs.",
		Actions: ui.Join(ui.Button(ui.ButtonProps{Label: "New service account", Icon: ui.IconBot, Href: page.ServiceAccountPath}),
			ui.Button(ui.ButtonProps{Label: "New user", Kind: ui.Primary, Icon: ui.IconUserPlus, Href: usersPath + "new/"}))})
	return page.Render(w, r, usersPage(p, c.usersTable(r, list, found, contained, groups)))
}

// userFilter reads the filters of the list; the bulk acts read the same ones.
func userFilter(q web.Form) (idp.UserFilter, error) {
	var f idp.UserFilter
	f.Search = q.Trimmed("search")
	yes, no := true, false
	switch s := q.Trimmed("status"); s {
	case "":
	case "active":
		f.IsActive = &yes
	case "inactive":
		f.IsActive = &no
	case "locked_down":
		f.LockedDown = &yes
	default:
		return f, idp.Invalid("status", "“%.40s” is not a status: expected active, inactive or locked_down.", s)
	}
	if t := q.Trimmed("type"); t != "" {
		if !knownType(idp.UserType(t)) {
			return f, idp.Invalid("type", "“%.40s” is not a type of account.", t)
		}
		f.Types = []idp.UserType{idp.UserType(t)}
	}
	if g := q.Trimmed("group"); g != "" {
		id, err := idp.ParseID[idp.Group](g)
		if err != nil {
			return f, idp.Invalid("group", "“%.40s” is not the id of a group.", g)
		}
		f.GroupIDs = []idp.GroupID{id}
	}
	return f, nil
}

func knownType(t idp.UserType) bool {
	for _, known := range idp.UserTypes() {
		if t == known {
			return true
		}
	}
	return false
}

// contained tells which of the users have a lockdown that was not restored.
func (c *Console) contained(r *http.Request, users []idp.User) (map[idp.UserID]bool, error) {
	out := map[idp.UserID]bool{}
	ids := []idp.UserID{}
	for i := range users {
		if !users[i].IsActive {
			ids = append(ids, users[i].ID)
		}
	}
	if len(ids) == 0 {
		return out, nil
	}
	yes := true
	found, err := c.store.Repos().Users.Find(r.Context(), idp.UserFilter{IDs: ids, LockedDown: &yes, Paging: idp.Paging{Limit: len(ids)}})
	if err != nil {
		return nil, fmt.Errorf("finding open lockdowns: %w", err)
	}
	for i := range found.Items {
		out[found.Items[i].ID] = true
	}
	return out, nil
}

// allGroups are the groups to choose from, by name; none for whoever may not see
// them.
func (c *Console) allGroups(r *http.Request) ([]idp.Group, error) {
	if !web.May(r, idp.VerbList, idp.ResourceGroup) {
		return nil, nil
	}
	found, err := c.store.Repos().Groups.Find(r.Context(), idp.GroupFilter{Paging: idp.Paging{Limit: 1000, Order: []string{"name"}}})
	if err != nil {
		return nil, fmt.Errorf("listing groups: %w", err)
	}
	return found.Items, nil
}

func groupOptions(groups []idp.Group) []ui.Option {
	out := make([]ui.Option, 0, len(groups))
	for i := range groups {
		out = append(out, ui.Option{Value: groups[i].ID.String(), Label: groups[i].Name})
	}
	return out
}

func typeOptions() []ui.Option {
	var out []ui.Option
	for _, t := range idp.UserTypes() {
		out = append(out, ui.Option{Value: string(t), Label: page.UserType(t)})
	}
	return out
}

func (c *Console) usersTable(r *http.Request, list page.List, found idp.Page[idp.User], contained map[idp.UserID]bool, groups []idp.Group) ui.TableProps {
	filter := ui.FilterProps{Action: usersPath, Query: list.Search(), Placeholder: "Search name, username, e-mail",
		Reset: list.Reset(userFilters...), Hidden: list.Kept(), Swap: "users",
		Fields: []ui.FieldProps{
			list.Choice("status", "Status", "Any status", ui.Option{Value: "active", Label: "Active"},
				ui.Option{Value: "inactive", Label: "Inactive"}, ui.Option{Value: "locked_down", Label: "Locked down"}),
			list.Choice("type", "Type", "Any type", typeOptions()...),
		}}
	if len(groups) > 0 {
		filter.Fields = append(filter.Fields, list.Choice("group", "Group", "Any group", groupOptions(groups)...))
	}
	t := ui.TableProps{ID: "users", Caption: "Users", Filter: ui.FilterBar(filter), Paging: list.Pages(found.Total, "user"),
		Columns: []ui.Column{list.Column("Name", "username"), {Label: "E-mail", Optional: true}, {Label: "Groups"},
			list.Column("Status", "is_active"), list.Column("Last sign-in", "last_login")}}
	names := map[idp.GroupID]string{}
	for i := range groups {
		names[groups[i].ID] = groups[i].Name
	}
	at := now()
	for i := range found.Items {
		t.Rows = append(t.Rows, c.userRow(r, &found.Items[i], contained[found.Items[i].ID], names, at))
	}
	if len(t.Rows) == 0 {
		t.Empty = ui.NothingFound("user", usersPath)
		return t
	}
	t.Select = selection(r, list, found.Total)
	return t
}

func (c *Console) userRow(r *http.Request, u *idp.User, contained bool, groups map[idp.GroupID]string, at time.Time) ui.Row {
	var names []string
	for _, id := range u.Groups {
		if n := groups[id]; n != "" {
			names = append(names, n)
		}
	}
	name := ui.PersonCell(u.Name, u.Username, userPath(u.ID))
	var status []templ.Component
	status = append(status, page.With(ui.StateTag(page.UserState(u, contained)), c.badges.User(u)))
	if until, is := c.lockedOut(r, u); is {
		status = append(status, page.LockedOutBadge(until))
	}
	if u.Type != idp.UserInternal {
		status = append(status, ui.Tag(ui.ToneNeutral, page.UserType(u.Type)))
	}
	return ui.Row{ID: u.ID.String(), Label: u.DisplayName(), Muted: !u.IsActive,
		Cells: []templ.Component{name, ui.Maybe(u.Email), tags(names), ui.Join(status...), page.When(u.LastLoginAt, at)}}
}

// tags shows the first three names and counts the rest.
func tags(names []string) templ.Component {
	const most = 3
	if len(names) > most {
		names = append(append([]string(nil), names[:most]...), fmt.Sprintf("+%d", len(names)-most))
	}
	return ui.Tags(names)
}

// selection offers what to do with the ticked users.
func selection(r *http.Request, list page.List, total int) *ui.Selection {
	lock := ui.ButtonProps{Label: "Account Lockdown", Icon: ui.IconGate, Kind: ui.Warning, Name: "act", Value: actLockdown}
	if web.Brand(r).FlowLockdown == nil {
		lock.Reason = page.NoLockdownFlow + " on this brand. Choose one under System > Brands."
	}
	s := &ui.Selection{Form: "bulk", Action: usersPath + "bulk/", Field: "users", Noun: "user", Matching: min(total, maxBulk),
		Actions: []ui.ButtonProps{
			{Label: "Activate", Icon: ui.IconUserCheck, Name: "act", Value: actActivate},
			{Label: "Deactivate", Icon: ui.IconUserX, Name: "act", Value: actDeactivate},
			lock,
		}}
	if total > maxBulk {
		s.Matching = 0 // more than one act may touch: narrow the list first
	}
	for _, name := range append([]string{"search"}, userFilters...) {
		if v := strings.TrimSpace(list.Query.Text(name)); v != "" {
			s.Hidden = append(s.Hidden, ui.Pair{Name: name, Value: v})
		}
	}
	return s
}
