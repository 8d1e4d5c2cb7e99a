package blueprint

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Roles keeps roles, and says who has which, in a transaction of ours, with the
// rules and events of everybody's changes; access.Service is one.
type Roles interface {
	// SaveIn makes a role, or changes one (r.ID) to what r says. isNew, because a
	// new one may have its ID already.
	SaveIn(ctx context.Context, tx idp.Repos, actor idp.Actor, r idp.Role, isNew bool) (*idp.Role, error)
	DeleteIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.RoleID) error
	// SetUserRolesIn and SetGroupRolesIn replace the roles of a held row; change
	// answers with names or IDs.
	SetUserRolesIn(ctx context.Context, tx idp.Repos, actor idp.Actor, u *idp.User, change func(has map[string]bool) []string) (bool, error)
	SetGroupRolesIn(ctx context.Context, tx idp.Repos, actor idp.Actor, g *idp.Group, change func(has map[string]bool) []string) (bool, error)
}

type roleWire struct {
	Name        string       `json:"name" help:"Unique."`
	Description string       `json:"description" help:"What it is for."`
	Spec        idp.RoleSpec `json:"spec" help:"What it allows and denies: {allow: {rules: [{resources: [user], verbs: [list, read]}]}, deny: …}. Replaces all of it."`
	Permissions []string     `json:"permissions,omitempty" help:"Permissions such as authentik_core.view_group, instead of spec. Only those that mean exactly the same here; others are reported."`
}

// roleForm shows a role; lists that are not there are empty ones.
func roleForm(r *idp.Role) roleWire {
	w := roleWire{Name: r.Name, Description: r.Description, Spec: r.Spec}
	for _, side := range []*idp.RoleRules{&w.Spec.Allow, &w.Spec.Deny} {
		if side.Rules == nil {
			side.Rules = []idp.RoleRule{}
		}
	}
	return w
}

// roles is the model of roles.
type roles struct{}

func (roles) about() about {
	w := roleForm(&idp.Role{})
	return about{model: roleModel, title: "Role", help: "What those who have it may do.", columns: columns(&w), key: []string{"name"}}
}

func (roles) right() idp.Resource { return idp.ResourceRole }

func (m roles) show(r *idp.Role) (*thing, error) {
	data, err := plain(roleForm(r))
	if err != nil {
		return nil, err
	}
	if data["managed"] = nil; r.Managed != "" {
		data["managed"] = r.Managed
	}
	return &thing{pk: r.ID.String(), name: r.Name, data: data}, nil
}

func (m roles) find(ctx context.Context, r *run, q query) (*thing, error) {
	blank, err := m.show(&idp.Role{})
	if err != nil {
		return nil, err
	}
	return first(ctx, r, m.about(), q, blank, func(fields map[string]any, p idp.Paging) (idp.Page[idp.Role], error) {
		p.Order = []string{"name"} // which is unique
		f := idp.RoleFilter{Paging: p, Name: word(fields, "name")}
		if pk := id[idp.Role](fields, "pk"); pk != nil {
			f.IDs = []idp.RoleID{*pk}
		}
		return r.tx.Roles.Find(ctx, f)
	}, m.show)
}

func (m roles) get(ctx context.Context, r *run, pk string) (*thing, error) {
	id, err := idp.ParseID[idp.Role](pk)
	if err != nil {
		return nil, err
	}
	row, err := r.tx.Roles.Get(ctx, id)
	if err != nil {
		return nil, absent(err)
	}
	return m.show(row)
}

func (m roles) put(ctx context.Context, r *run, was *thing, pk string, attrs map[string]any) (*put, error) {
	row, out := &idp.Role{}, &put{}
	if was != nil {
		id, err := idp.ParseID[idp.Role](was.pk)
		if err != nil {
			return nil, err
		}
		if row, err = r.tx.Roles.Hold(ctx, id); err != nil {
			return nil, err
		}
		out.before = was.data
	} else if err := choose(&row.ID, pk); err != nil {
		return nil, err
	}
	w, err := m.wanted(r, row, attrs)
	if err != nil {
		return nil, err
	}
	if was != nil && unchanged(was.data, w, false, "") {
		out.after = was
		return out, nil
	}
	if r.s.Roles == nil {
		return nil, &wrong{field: "model", message: "roles cannot be written here", unsupported: true}
	}
	row.Name, row.Description, row.Spec = w.Name, w.Description, w.Spec
	saved, err := r.s.Roles.SaveIn(ctx, r.tx, r.actor, *row, was == nil)
	if err != nil {
		return nil, err
	}
	out.after, err = m.show(saved)
	return out, err
}

// wanted is the role as the entry wants it.
func (m roles) wanted(r *run, row *idp.Role, attrs map[string]any) (roleWire, error) {
	w := roleForm(row)
	_, spec := attrs["spec"]
	_, permissions := attrs["permissions"]
	if spec && permissions {
		return w, idp.Invalid("permissions", "Give either spec or permissions.")
	}
	if err := merge(&w, attrs); err != nil {
		return w, err
	}
	if permissions {
		rules, err := r.s.rulesOf(w.Permissions)
		if err != nil {
			return w, err
		}
		w.Permissions, w.Spec.Allow, w.Spec.Deny = nil, idp.RoleRules{Rules: rules}, idp.RoleRules{}
	}
	return roleForm(&idp.Role{Name: w.Name, Description: w.Description, Spec: w.Spec}), nil
}

func (roles) remove(ctx context.Context, r *run, was *thing) error {
	if r.s.Roles == nil {
		return &wrong{field: "model", message: "roles cannot be deleted here", unsupported: true}
	}
	id, err := idp.ParseID[idp.Role](was.pk)
	if err != nil {
		return err
	}
	return r.s.Roles.DeleteIn(ctx, r.tx, r.actor, id)
}

// roleKeys are the keys of roles as fields show them.
func roleKeys(held []idp.Role) []string {
	out := make([]string, 0, len(held))
	for i := range held {
		out = append(out, held[i].ID.String())
	}
	return out
}

// giveUser gives an account that is held exactly these roles, by names or keys.
func (r *run) giveUser(ctx context.Context, u *idp.User, roles []string) error {
	if r.s.Roles == nil {
		return noRoles(roles)
	}
	_, err := r.s.Roles.SetUserRolesIn(ctx, r.tx, r.actor, u, func(map[string]bool) []string { return roles })
	return err
}

// giveGroup is giveUser for a group.
func (r *run) giveGroup(ctx context.Context, g *idp.Group, roles []string) error {
	if r.s.Roles == nil {
		return noRoles(roles)
	}
	_, err := r.s.Roles.SetGroupRolesIn(ctx, r.tx, r.actor, g, func(map[string]bool) []string { return roles })
	return err
}

// noRoles refuses roles where there are none.
func noRoles(wanted []string) error {
	if len(wanted) == 0 {
		return nil
	}
	return &wrong{field: "roles", message: "roles cannot be given here; leave this empty", unsupported: true}
}
