package api

import (
	"net/http"
	"reflect"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Role says what those who have it may do. Published clients know pk and name.
type Role struct {
	PK          idp.RoleID   `json:"pk"`
	Name        string       `json:"name"`
	Description string       `json:"description"`
	Spec        idp.RoleSpec `json:"spec"`
	Managed     *string      `json:"managed"`
}

func roleView(r *idp.Role) *Role {
	v := &Role{PK: r.ID, Name: r.Name, Description: r.Description, Spec: r.Spec}
	for _, side := range []*idp.RoleRules{&v.Spec.Allow, &v.Spec.Deny} {
		if side.Rules == nil {
			side.Rules = []idp.RoleRule{}
		}
	}
	if r.Managed != "" {
		v.Managed = &r.Managed
	}
	return v
}

type roleBody struct {
	Name        Optional[string]       `json:"name" api:"required" max:"150"`
	Description Optional[string]       `json:"description" api:"blank" max:"1000"`
	Spec        Optional[roleSpecBody] `json:"spec" help:"What the role allows and denies: rules of resources and verbs, \"*\" for every one, each with an optional condition (where)."`
	_           struct{}               `ignore:"pk,managed"`
}

// roleSpecBody is idp.RoleSpec whose parts may all be left out.
type roleSpecBody struct {
	Allow   roleRulesBody    `json:"allow,omitempty"`
	Deny    roleRulesBody    `json:"deny,omitempty"`
	Options *idp.RoleOptions `json:"options,omitempty"`
}

type roleRulesBody struct {
	Rules []idp.RoleRule `json:"rules,omitempty"`
}

func (s roleSpecBody) spec() idp.RoleSpec {
	out := idp.RoleSpec{Allow: idp.RoleRules{Rules: s.Allow.Rules}, Deny: idp.RoleRules{Rules: s.Deny.Rules}}
	if s.Options != nil {
		out.Options = *s.Options
	}
	return out
}

func (a *API) roles() resource[Role, roleBody] {
	return resource[Role, roleBody]{
		path: "/rbac/roles/", key: "uuid", name: "Role", id: "rbac_roles", plural: "roles", tag: "rbac",
		filters: []param{{name: "name", kind: text}, {name: "managed", kind: text, many: true}, {name: "managed__isnull", kind: boolean},
			{name: "users", kind: integer, help: "Those that this user has directly."},
			{name: "groups", kind: id, help: "Those that this group has directly."},
			{name: "inherited", kind: boolean, help: "Include inherited roles (requires users or groups filter)."}},
		ordering: []string{"name", "created", "updated"},
		list:     a.listRoles, get: a.getRole, create: a.createRole, change: a.changeRole, destroy: a.deleteRole, usedBy: a.roleUsedBy,
	}
}

func (a *API) listRoles(c *call, p idp.Paging) ([]Role, int, error) {
	f := idp.RoleFilter{Paging: p, Name: c.query.text("name"), Keepers: c.query.texts("managed"), Inherited: c.query.is("inherited", false)}
	if none := c.query.bool("managed__isnull"); none != nil {
		managed := !*none
		f.Managed = &managed
	}
	if users := c.query.ints("users"); len(users) > 0 {
		u := idp.UserID(users[0])
		f.UserID = &u
	}
	if g := c.query.uuid("groups"); g != nil {
		group := idp.GroupID(*g)
		f.GroupID = &group
	}
	page, err := a.Roles.Find(c, c.actor, f)
	if err != nil {
		return nil, 0, err
	}
	return rolesView(page.Items), page.Total, nil
}

func rolesView(roles []idp.Role) []Role {
	out := make([]Role, 0, len(roles))
	for i := range roles {
		out = append(out, *roleView(&roles[i]))
	}
	return out
}

func roleKey(c *call) (idp.RoleID, error) { return web.IDParam[idp.Role](c.r, "uuid", "role") }

func (a *API) getRole(c *call, _ string) (*Role, error) {
	id, err := roleKey(c)
	if err != nil {
		return nil, err
	}
	r, err := a.Roles.Get(c, c.actor, id)
	if err != nil {
		return nil, err
	}
	return roleView(r), nil
}

func (a *API) createRole(c *call, b *roleBody) (*Role, error) {
	r, err := a.Roles.Create(c, c.actor, access.Draft{Name: b.Name.Value, Description: b.Description.Value, Spec: b.Spec.Value.spec()})
	if err != nil {
		return nil, err
	}
	return roleView(r), nil
}

// changeRole replaces or changes a role. What a role allows and denies is left
// alone unless the body says it: published clients send a name only, and mean no
// more.
func (a *API) changeRole(c *call, _ string, b *roleBody, partial bool) (*Role, error) {
	key, err := roleKey(c)
	if err != nil {
		return nil, err
	}
	p := access.Patch{Name: b.Name.Ptr(), Description: b.Description.Ptr()}
	if b.Spec.Set {
		spec := b.Spec.Value.spec()
		p.Spec = &spec
	}
	r, err := a.Roles.Change(c, c.actor, key, p)
	if err != nil {
		return nil, err
	}
	return roleView(r), nil
}

func (a *API) deleteRole(c *call, _ string) error {
	id, err := roleKey(c)
	if err != nil {
		return err
	}
	return a.Roles.Delete(c, c.actor, id)
}

// roleUsedBy lists the users and groups that would lose the role.
func (a *API) roleUsedBy(c *call, _ string) ([]UsedBy, error) {
	id, err := roleKey(c)
	if err != nil {
		return nil, err
	}
	users, err := a.Roles.Holders(c, c.actor, id, idp.Paging{Limit: maxPageSize})
	if err != nil {
		return nil, err
	}
	groups, err := a.Roles.HolderGroups(c, c.actor, id, idp.Paging{Limit: maxPageSize})
	if err != nil {
		return nil, err
	}
	var out []UsedBy
	for i := range users.Items {
		u := &users.Items[i]
		out = append(out, UsedBy{App: "authentik_core", ModelName: "user", PK: u.ID.String(), Name: u.Username, Action: "left_dangling"})
	}
	for i := range groups.Items {
		g := &groups.Items[i]
		out = append(out, UsedBy{App: "authentik_core", ModelName: "group", PK: g.ID.String(), Name: g.Name, Action: "left_dangling"})
	}
	return out, nil
}

func (a *API) mountRoleActions() {
	for _, act := range []struct {
		name, summary string
		has           bool
	}{{"add_user", "Give a role to a user", true}, {"remove_user", "Take a role from a user", false}} {
		a.kit.add(operation{method: http.MethodPost, path: "/rbac/roles/{uuid}/" + act.name + "/", tag: "rbac",
			id: "rbac_roles_" + act.name + "_create", summary: act.summary, body: reflect.TypeFor[memberBody](),
			bodyName: "UserAccountSerializerForRoleRequest", run: func(c *call) (any, error) {
				id, err := roleKey(c)
				if err != nil {
					return nil, err
				}
				var b memberBody
				if err := decodeBody(c.r, &b, whole); err != nil {
					return nil, err
				}
				r, err := a.Roles.Get(c, c.actor, id)
				if err != nil {
					return nil, err
				}
				return nil, a.Roles.ChangeUserRoles(c, c.actor, b.PK.Value, func(has map[string]bool) []string {
					delete(has, r.Name)
					if act.has {
						has[r.Name] = true
					}
					return keys(has)
				})
			}})
	}
}

func keys(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// fillUserRoles adds the roles that users have directly.
func (a *API) fillUserRoles(c *call, views []User) error {
	ids := make([]idp.UserID, len(views))
	for i := range views {
		ids[i] = views[i].PK
	}
	held, err := a.Store.Repos().Roles.OfUsers(c, ids)
	if err != nil {
		return err
	}
	for i := range views {
		views[i].Roles, views[i].RolesObj = related(held[views[i].PK])
	}
	return nil
}

// fillGroupRoles adds the roles that a group has directly, and those of its
// parents where they are asked for.
func (a *API) fillGroupRoles(c *call, g *idp.Group, v *Group) error {
	held, err := a.Store.Repos().Roles.OfGroups(c, []idp.GroupID{g.ID})
	if err != nil {
		return err
	}
	v.Roles, v.RolesObj = related(held[g.ID])
	if !c.query.is("include_inherited_roles", false) {
		return nil
	}
	v.InheritedRolesObj = []Role{}
	if len(g.Parents) == 0 {
		return nil
	}
	above, err := a.Store.Repos().Roles.GroupRights(c, g.Parents...)
	if err != nil || len(above.Roles) == 0 {
		return err
	}
	found, err := a.Store.Repos().Roles.Find(c, idp.RoleFilter{Names: above.Roles, Paging: idp.Paging{Limit: maxPageSize}})
	if err != nil {
		return err
	}
	v.InheritedRolesObj = rolesView(found.Items)
	return nil
}

func related(roles []idp.Role) ([]string, []Role) {
	pks := make([]string, 0, len(roles))
	for i := range roles {
		pks = append(pks, roles[i].ID.String())
	}
	return pks, rolesView(roles)
}
