package blueprint

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Accounts writes users and groups in a transaction of ours, with the rules and
// events of everybody's changes; account.Service is one. That an administrator
// remains is judged by us, when the whole document is applied.
type Accounts interface {
	// SaveUserIn makes a user, or changes one (u.ID) to what u says. nil groups
	// are left as they are. u.Password is stored as it is, as of then.
	SaveUserIn(ctx context.Context, tx idp.Repos, actor idp.Actor, u idp.User, groups *[]idp.GroupID, then time.Time) (*idp.User, error)
	DeleteUserIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.UserID) error
	// SaveGroupIn makes a group, or changes one; nil users are left as they are.
	// isNew, because a new one may have its ID already.
	SaveGroupIn(ctx context.Context, tx idp.Repos, actor idp.Actor, g idp.Group, isNew bool, users *[]idp.UserID) (*idp.Group, error)
	DeleteGroupIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.GroupID) error
	// CheckPassword judges a password before it is hashed.
	CheckPassword(password string) error
	HashPassword(ctx context.Context, password string) (string, error)
	VerifyPassword(ctx context.Context, encoded, password string) (bool, error)
}

// keepAdministrators refuses a file that would leave nobody who can administer
// the installation, where somebody could before.
func (r *run) keepAdministrators(ctx context.Context, apply func(context.Context) error) error {
	concerned := slices.ContainsFunc(r.d.Entries, func(e Entry) bool {
		return e.Model == "" || e.Model == groupModel || e.Model == userModel || e.Model == tokenModel
	})
	if !concerned {
		return apply(ctx)
	}
	before, err := r.tx.Users.HoldAdministrators(ctx)
	if err != nil {
		return fmt.Errorf("counting administrators: %w", err)
	}
	if err := apply(ctx); err != nil {
		return err
	}
	after, err := r.tx.Users.HoldAdministrators(ctx)
	if err != nil {
		return fmt.Errorf("counting administrators: %w", err)
	}
	if before > 0 && after == 0 {
		return invalid(Problem{File: r.d.File, Message: "this would leave no account that can administer this installation"})
	}
	return nil
}

type groupWire struct {
	Name        string         `json:"name" help:"Unique."`
	IsSuperuser bool           `json:"is_superuser" help:"Whether members may do everything."`
	Parents     []idp.GroupID  `json:"parents" ref:"group" help:"Members of the group are members of these, too."`
	Users       []idp.UserID   `json:"users" ref:"user" help:"Its members. Left as they are when this is left out."`
	Attributes  idp.Attributes `json:"attributes" help:"Anything, by name."`
	Roles       []string       `json:"roles" ref:"role" help:"What its members may do: keys or names of roles. Left as they are when this is left out."`
}

// groups is the model of groups.
type groups struct{}

func (groups) about() about {
	return about{model: groupModel, title: "Group", help: "A set of users.", columns: columns(&groupWire{}), key: []string{"name"}}
}

func (groups) right() idp.Resource { return idp.ResourceGroup }

// present shows a group as the database has it.
func (m groups) present(ctx context.Context, r *run, g *idp.Group) (*thing, error) {
	held, err := r.tx.Roles.OfGroups(ctx, []idp.GroupID{g.ID})
	if err != nil {
		return nil, err
	}
	return m.show(ctx, r, g, held[g.ID])
}

func (m groups) show(ctx context.Context, r *run, g *idp.Group, held []idp.Role) (*thing, error) {
	w := groupWire{Name: g.Name, IsSuperuser: g.IsSuperuser, Parents: g.Parents, Attributes: g.Attributes, Roles: roleKeys(held)}
	var err error
	if w.Users, err = r.members(ctx, g.ID); err != nil {
		return nil, err
	}
	data, err := plain(w)
	return &thing{pk: g.ID.String(), name: g.Name, data: data, refs: m.about().refs()}, err
}

// members lists the direct members of a group.
func (r *run) members(ctx context.Context, id idp.GroupID) ([]idp.UserID, error) {
	out := []idp.UserID{}
	for p := (idp.Paging{Limit: 1000, Order: []string{"pk"}}); ; p.Offset += p.Limit {
		page, err := r.tx.Groups.Members(ctx, id, p)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			out = append(out, page.Items[i].ID)
		}
		if len(page.Items) < p.Limit {
			return out, nil
		}
	}
}

func (m groups) find(ctx context.Context, r *run, q query) (*thing, error) {
	var held map[idp.GroupID][]idp.Role // of the page
	return first(ctx, r, m.about(), q, &thing{data: map[string]any{"name": nil, "is_superuser": nil, "parents": nil, "users": nil, "attributes": nil, "roles": nil}},
		func(fields map[string]any, p idp.Paging) (idp.Page[idp.Group], error) {
			f := idp.GroupFilter{Paging: p, Name: word(fields, "name")}
			if pk := id[idp.Group](fields, "pk"); pk != nil {
				f.IDs = []idp.GroupID{*pk}
			}
			page, err := r.tx.Groups.Find(ctx, f)
			if err != nil {
				return page, err
			}
			ids := make([]idp.GroupID, len(page.Items))
			for i := range page.Items {
				ids[i] = page.Items[i].ID
			}
			held, err = r.tx.Roles.OfGroups(ctx, ids)
			return page, err
		}, func(g *idp.Group) (*thing, error) { return m.show(ctx, r, g, held[g.ID]) })
}

func (m groups) get(ctx context.Context, r *run, pk string) (*thing, error) {
	id, err := idp.ParseID[idp.Group](pk)
	if err != nil {
		return nil, err
	}
	g, err := r.tx.Groups.Get(ctx, id)
	if err != nil {
		return nil, absent(err)
	}
	return m.present(ctx, r, g)
}

func (m groups) put(ctx context.Context, r *run, was *thing, pk string, attrs map[string]any) (*put, error) {
	g, out := idp.Group{}, &put{}
	if was != nil {
		id, err := idp.ParseID[idp.Group](was.pk)
		if err != nil {
			return nil, err
		}
		held, err := r.tx.Groups.Hold(ctx, id)
		if err != nil {
			return nil, err
		}
		g, out.before = *held, was.data
	} else if err := choose(&g.ID, pk); err != nil {
		return nil, err
	}
	w := groupWire{Name: g.Name, IsSuperuser: g.IsSuperuser, Parents: g.Parents, Attributes: g.Attributes}
	if err := merge(&w, attrs); err != nil {
		return nil, err
	}
	g.Name, g.IsSuperuser, g.Parents, g.Attributes = w.Name, w.IsSuperuser, w.Parents, w.Attributes
	var users *[]idp.UserID
	if _, given := attrs["users"]; given {
		users = &w.Users
	}
	saved := &g
	if was == nil || !unchanged(was.data, w, users == nil, "users") {
		var err error
		if saved, err = r.s.Accounts.SaveGroupIn(ctx, r.tx, r.actor, g, was == nil, users); err != nil {
			return nil, err
		}
	}
	if _, given := attrs["roles"]; given {
		if err := r.giveGroup(ctx, saved, w.Roles); err != nil {
			return nil, err
		}
	}
	var err error
	out.after, err = m.present(ctx, r, saved)
	return out, err
}

// unchanged reports whether a wire struct says what the object already is;
// except for a field that the entry leaves alone.
func unchanged(data map[string]any, w any, alone bool, field string) bool {
	now, err := plain(w)
	if err != nil {
		return false
	}
	for name, v := range now {
		if name == field && alone || name == "roles" {
			continue
		}
		if (truthy(v) || truthy(data[name])) && !sameSet(data[name], v) {
			return false
		}
	}
	return true
}

// sameSet is same, but for lists of keys, whose order says nothing.
func sameSet(a, b any) bool {
	x, ok := a.([]any)
	y, both := b.([]any)
	if !ok || !both {
		return same(a, b)
	}
	fold := func(list []any) []string {
		out := make([]string, len(list))
		for i := range list {
			out[i] = text(list[i])
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return slices.Equal(fold(x), fold(y))
}

func (groups) remove(ctx context.Context, r *run, was *thing) error {
	id, err := idp.ParseID[idp.Group](was.pk)
	if err != nil {
		return err
	}
	return r.s.Accounts.DeleteGroupIn(ctx, r.tx, r.actor, id)
}

// first pages through a list for the first object that the query fits. blank has
// the fields of one, to judge the query by where there is none.
func first[T any](ctx context.Context, r *run, a about, q query, blank *thing,
	list func(map[string]any, idp.Paging) (idp.Page[T], error), show func(*T) (*thing, error)) (*thing, error) {
	if _, err := q.fits(ctx, a, blank, r.referred); err != nil {
		return nil, err
	}
	exact := q.exact()
	for p := (idp.Paging{Limit: 500, Order: []string{"pk"}}); ; p.Offset += p.Limit {
		page, err := list(exact, p)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			t, err := show(&page.Items[i])
			if err != nil {
				return nil, err
			}
			if ok, err := q.fits(ctx, a, t, r.referred); err != nil || ok {
				return t, err
			}
		}
		if len(page.Items) < p.Limit {
			return nil, nil
		}
	}
}

// number is the primary key of what is numbered.
func number(pk string) (int32, error) {
	n, err := strconv.ParseInt(pk, 10, 32)
	if err != nil {
		return 0, idp.Invalid("pk", "expected a number")
	}
	return int32(n), nil
}
