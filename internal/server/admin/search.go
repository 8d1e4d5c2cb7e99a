package admin

import (
	"fmt"
	"net/http"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// searchLimit is how many of a kind the search shows.
const searchLimit = 10

type searchView struct {
	Page   ui.PageProps
	Tables []ui.TableProps
	Empty  templ.Component
}

// search finds people, groups and what flows are made of by text, and anything
// that has a UUID by it.
func (c *Console) search(w http.ResponseWriter, r *http.Request) error {
	q := web.Query(r).Trimmed("q")
	v := searchView{}
	if q == "" {
		v.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconSearch, Title: "What are you looking for?",
			Text: "Type a name, a username, an e-mail address, a slug, or the id of a user, group, event, lockdown, flow, stage, prompt or policy."})
	} else {
		to, err := c.byID(r, q)
		if err != nil {
			return err
		}
		if to != "" {
			return web.Redirect(w, r, to)
		}
		if v.Tables, err = c.searchTables(r, q); err != nil {
			return err
		}
		if len(v.Tables) == 0 {
			v.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconSearchX, Title: "Nothing matches “" + clip(q, 60) + "”",
				Text: "Users are found by name, username and e-mail; groups, flows, stages, prompts and policies by name; everything else by its whole id."})
		}
	}
	p := ui.PageProps{Title: "Search", Search: q}
	if q != "" {
		p.Subtitle = "Results for “" + clip(q, 80) + "”."
	}
	v.Page = page.Console(r, p)
	return page.Render(w, r, searchPage(v))
}

// byID returns the page of what has exactly that identifier, "" when nothing has.
func (c *Console) byID(r *http.Request, q string) (string, error) {
	repos, ctx := c.store.Repos(), r.Context()
	id, err := idp.ParseID[idp.User](q)
	if err != nil {
		return "", nil // not an identifier: that is no fault
	}
	u, err := repos.Users.GetByUUID(ctx, id.UUID())
	if err == nil && web.May(r, idp.VerbRead, idp.ResourceUser) {
		return userPath(u.ID), nil
	}
	if err != nil && !idp.Is(err, idp.CodeNotFound) {
		return "", err
	}
	for _, thing := range []struct {
		on  idp.Resource
		to  string
		get func() error
	}{
		{idp.ResourceGroup, groupPath(idp.GroupID(id)), func() error { _, err := repos.Groups.Get(ctx, idp.GroupID(id)); return err }},
		{idp.ResourceRole, page.RolePath(idp.RoleID(id)), func() error { _, err := repos.Roles.Get(ctx, idp.RoleID(id)); return err }},
		{idp.ResourceLockdown, lockdownPath(idp.LockdownID(id)), func() error { _, err := repos.Lockdowns.Get(ctx, idp.LockdownID(id)); return err }},
		{idp.ResourceLock, page.LockPath(idp.LockID(id)), func() error { _, err := repos.Locks.Get(ctx, idp.LockID(id)); return err }},
		{idp.ResourceFlow, flowsPath + id.String() + "/", func() error { _, err := repos.Flows.Get(ctx, idp.FlowID(id)); return err }},
		{idp.ResourceStage, stagesPath + id.String() + "/", func() error { _, err := repos.Stages.Get(ctx, idp.StageID(id)); return err }},
		{idp.ResourceStage, promptsPath + id.String() + "/", func() error { _, err := repos.Prompts.Get(ctx, idp.PromptID(id)); return err }},
		{idp.ResourcePolicy, policiesPath + id.String() + "/", func() error { _, err := repos.Policies.Get(ctx, idp.PolicyID(id)); return err }},
		{idp.ResourceNotification, page.NotificationRulePath(idp.NotificationRuleID(id)), func() error { _, err := repos.NotificationRules.Get(ctx, idp.NotificationRuleID(id)); return err }},
		{idp.ResourceNotification, page.TransportPath(idp.TransportID(id)), func() error { _, err := repos.Transports.Get(ctx, idp.TransportID(id)); return err }},
		{idp.ResourceNotification, page.WebhookMappingsPath + id.String() + "/", func() error { _, err := repos.WebhookMappings.Get(ctx, idp.WebhookMappingID(id)); return err }},
		{idp.ResourceApplication, page.ApplicationPath(idp.ApplicationID(id)), func() error { _, err := repos.Applications.Get(ctx, idp.ApplicationID(id)); return err }},
		{idp.ResourceApplication, page.ProvidersPath + id.String() + "/", func() error { _, err := repos.OAuthProviders.Get(ctx, idp.OAuthProviderID(id)); return err }},
		{idp.ResourceApplication, page.ScopeMappingsPath + id.String() + "/", func() error { _, err := repos.ScopeMappings.Get(ctx, idp.ScopeMappingID(id)); return err }},
		{idp.ResourceEvent, eventPath(idp.EventID(id)), func() error { _, err := repos.Events.Get(ctx, idp.EventID(id)); return err }},
	} {
		if !web.May(r, idp.VerbRead, thing.on) {
			continue
		}
		if err := thing.get(); err == nil || !idp.Is(err, idp.CodeNotFound) {
			return thing.to, err
		}
	}
	return "", nil
}

func (c *Console) searchTables(r *http.Request, q string) ([]ui.TableProps, error) {
	paging := idp.Paging{Limit: searchLimit, Search: q}
	users, err := visible(r, idp.ResourceUser, func() (idp.Page[idp.User], error) {
		return c.store.Repos().Users.Find(r.Context(), idp.UserFilter{Paging: paging})
	})
	if err != nil {
		return nil, fmt.Errorf("searching users: %w", err)
	}
	groups, err := visible(r, idp.ResourceGroup, func() (idp.Page[idp.Group], error) {
		return c.store.Repos().Groups.Find(r.Context(), idp.GroupFilter{Paging: paging})
	})
	if err != nil {
		return nil, fmt.Errorf("searching groups: %w", err)
	}
	contained, err := c.contained(r, users.Items)
	if err != nil {
		return nil, err
	}
	var out []ui.TableProps
	if len(users.Items) > 0 {
		t := ui.TableProps{ID: "found-users", Caption: "Users", Title: "Users", Actions: allOf(users.Total, "user", usersPath, q),
			Columns: []ui.Column{{Label: "Name"}, {Label: "E-mail"}, {Label: "Status"}}}
		for i := range users.Items {
			u := &users.Items[i]
			t.Rows = append(t.Rows, ui.Row{ID: u.ID.String(), Label: u.DisplayName(), Muted: !u.IsActive, Cells: []templ.Component{
				ui.PersonCell(u.Name, u.Username, userPath(u.ID)), ui.Maybe(u.Email),
				page.With(ui.StateTag(page.UserState(u, contained[u.ID])), c.badges.User(u))}})
		}
		out = append(out, t)
	}
	if len(groups.Items) > 0 {
		t := ui.TableProps{ID: "found-groups", Caption: "Groups", Title: "Groups", Actions: allOf(groups.Total, "group", groupsPath, q),
			Columns: []ui.Column{{Label: "Name"}, {Label: "Members", Numeric: true}}}
		for i := range groups.Items {
			g := &groups.Items[i]
			t.Rows = append(t.Rows, ui.Row{ID: g.ID.String(), Label: g.Name, Cells: []templ.Component{
				page.With(ui.Two(g.Name, "", groupPath(g.ID)), c.badges.Group(g.Name)), ui.Text(ui.Number(g.MemberCount))}})
		}
		out = append(out, t)
	}
	parts, err := c.searchFlowParts(r, q)
	if err != nil {
		return nil, err
	}
	applications, err := c.searchApplications(r, q)
	if err != nil {
		return nil, err
	}
	notices, err := c.searchNotices(r, q)
	return append(append(append(out, applications...), parts...), notices...), err
}

// visible finds what the person may list, and nothing for whoever may not.
func visible[T any](r *http.Request, on idp.Resource, find func() (idp.Page[T], error)) (idp.Page[T], error) {
	if !web.May(r, idp.VerbList, on) {
		return idp.Page[T]{}, nil
	}
	return find()
}

// allOf leads to the whole list when the search shows only its beginning.
func allOf(total int, noun, path, q string) templ.Component {
	if total <= searchLimit {
		return nil
	}
	list := page.List{Path: path, Query: web.Form{"search": {q}}}
	return ui.Button(ui.ButtonProps{Label: "All " + ui.Count(total, noun), Href: list.Href(), Small: true})
}
