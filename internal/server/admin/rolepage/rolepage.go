package rolepage

import (
	"fmt"
	"net/http"

	"github.com/a-h/templ"
	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

const listPath = page.RolesPath

func at(r *idp.Role) string { return page.RolePath(r.ID) }

// Deps are what the pages need.
type Deps struct {
	Store idp.Store
	Roles *access.Service
	// Locked is this server's view of the locks in force; nil = pages show no
	// badges.
	Locked page.LockView
}

// badges tell what is locked.
func (p *Pages) badges() page.Badges { return page.Badges{View: p.d.Locked} }

// Pages answers the pages about roles.
type Pages struct{ d Deps }

// New returns Pages.
func New(d Deps) *Pages { return &Pages{d} }

// Routes adds the pages; it is one of server.Deps.Mounts. Whoever is not signed
// in is sent to sign in, whoever may not is refused.
func (p *Pages) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireUser)
		m := page.Mount{Router: r}
		m.Get("roles/", p.list)
		m.Get("roles/new/", p.newRole)
		m.Post("roles/new/", p.create)
		m.Get("roles/{role}/", p.show)
		m.Post("roles/{role}/", p.update)
		m.Act("roles/{role}/delete/", p.delete)
		m.Get("roles/{role}/holders/", p.holders)
		m.Post("roles/{role}/users/give/", p.giveUser)
		m.Post("roles/{role}/groups/give/", p.giveGroup)
		m.Act("roles/{role}/users/{user}/take/", p.takeUser)
		m.Act("roles/{role}/groups/{group}/take/", p.takeGroup)
	})
}

func (p *Pages) list(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "name")
	if err != nil {
		return err
	}
	found, err := p.d.Roles.Find(r.Context(), web.Actor(r), idp.RoleFilter{Paging: list.Paging()})
	if err != nil {
		return err
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	create := ui.ButtonProps{Label: "New role", Kind: ui.Primary, Icon: ui.IconPlus, Href: listPath + "new/"}
	t := ui.TableProps{ID: "roles", Caption: "Roles", Paging: list.Pages(found.Total, "role"),
		Columns: []ui.Column{list.Column("Name", "name"), {Label: "Allows"}, {Label: "Denies", Optional: true}, {Label: "Who has it"}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconShieldUser, Title: "No role yet", Action: ui.Button(create),
			Text: "A role says what those who have it may do."})}
	if list.Filtered() {
		t.Empty = ui.NothingFound("role", listPath)
	}
	if found.Total > list.Size || list.Filtered() {
		t.Filter = ui.FilterBar(ui.FilterProps{Action: listPath, Query: list.Search(), Placeholder: "Search roles",
			Reset: list.Reset(), Hidden: list.Kept(), Swap: "roles"})
	}
	for i := range found.Items {
		role := &found.Items[i]
		held, err := p.held(r, role)
		if err != nil {
			return err
		}
		name := page.With(ui.Two(role.Name, role.Description, at(role)), p.badges().Role(role.Name))
		if role.Managed != "" {
			name = ui.Join(name, ui.Tag(ui.ToneInfo, "Built in"))
		}
		if role.Spec.Options.Lock == idp.Strict {
			name = ui.Join(name, ui.Tag(ui.ToneNeutral, "Strict locks"))
		}
		t.Rows = append(t.Rows, ui.Row{ID: role.ID.String(), Label: role.Name, Cells: []templ.Component{
			name, summary(role.Spec.Allow.Rules, "Nothing"), summary(role.Spec.Deny.Rules, ""), held}})
	}
	props := page.Console(r, ui.PageProps{Title: "Roles", Subtitle: "What people may do: given to users and to groups.", Actions: ui.Button(create)})
	return page.Render(w, r, listPage(props, t))
}

// held counts who has a role.
func (p *Pages) held(r *http.Request, role *idp.Role) (templ.Component, error) {
	users, groups, err := p.count(r, role)
	if err != nil {
		return nil, err
	}
	text := ui.Count(users, "user")
	if groups > 0 {
		text += " · " + ui.Count(groups, "group")
	}
	return ui.Anchor(text, at(role)+"holders/"), nil
}

// count counts the users who have a role, through groups too, and the groups that
// have it.
func (p *Pages) count(r *http.Request, role *idp.Role) (users, groups int, err error) {
	one, repos := idp.Paging{Limit: 1}, p.d.Store.Repos()
	u, err := repos.Roles.Holders(r.Context(), role.ID, one)
	if err != nil {
		return 0, 0, fmt.Errorf("counting who has role %s: %w", role.Name, err)
	}
	g, err := repos.Roles.HolderGroups(r.Context(), role.ID, one)
	return u.Total, g.Total, err
}

// summary names the resources that rules are about.
func summary(rules []idp.RoleRule, none string) templ.Component {
	seen := map[string]bool{}
	var names []string
	for _, rule := range rules {
		for _, on := range rule.Resources {
			if on == "*" {
				on = "everything"
			}
			if !seen[on] {
				seen[on] = true
				names = append(names, on)
			}
		}
	}
	const most = 4
	if len(names) > most {
		names = append(names[:most:most], fmt.Sprintf("+%d", len(names)-most))
	}
	if len(names) == 0 && none != "" {
		return ui.Muted(none)
	}
	return ui.Tags(names)
}

func (p *Pages) load(r *http.Request) (*idp.Role, error) {
	id, err := web.IDParam[idp.Role](r, "role", "role")
	if err != nil {
		return nil, err
	}
	return p.d.Roles.Get(r.Context(), web.Actor(r), id)
}
