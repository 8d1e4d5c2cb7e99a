package blueprint

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type userWire struct {
	Username     string         `json:"username" help:"Unique, whatever the case."`
	Name         string         `json:"name" help:"The name for people."`
	Email        string         `json:"email" help:"Address of e-mail."`
	Path         string         `json:"path" help:"The folder that lists show the user in."`
	Type         idp.UserType   `json:"type" enum:"internal,external,service_account,internal_service_account" help:"What kind of account it is."`
	IsActive     bool           `json:"is_active" help:"Whether the account may sign in."`
	Groups       []idp.GroupID  `json:"groups" ref:"group" help:"Its groups. Left as they are when this is left out."`
	Attributes   idp.Attributes `json:"attributes" help:"Anything, by name."`
	Password     *string        `json:"password,omitempty" secret:"true" help:"The password. One that fits already is left alone."`
	PasswordHash *string        `json:"password_hash,omitempty" secret:"true" help:"The hash of a password, instead of one."`
	Roles        []string       `json:"roles" ref:"role" help:"Its own roles, beside those of its groups: keys or names. Left as they are when this is left out."`
	Permissions  []string       `json:"permissions" help:"Not offered; must be empty. Roles say what people may do."`
}

func userForm(u *idp.User) userWire {
	return userWire{Username: u.Username, Name: u.Name, Email: u.Email, Path: u.Path, Type: u.Type, IsActive: u.IsActive,
		Groups: u.Groups, Attributes: u.Attributes}
}

// users is the model of accounts.
type users struct{}

func (users) about() about {
	w := userForm(freshUser())
	return about{model: userModel, title: "User", help: "An account.", columns: columns(&w), key: []string{"username"}}
}

func freshUser() *idp.User {
	return &idp.User{Path: idp.DefaultUserPath, Type: idp.UserInternal, IsActive: true}
}

func (users) right() idp.Resource { return idp.ResourceUser }

// present shows a user as the database has it.
func (m users) present(ctx context.Context, r *run, u *idp.User) (*thing, error) {
	held, err := r.tx.Roles.OfUsers(ctx, []idp.UserID{u.ID})
	if err != nil {
		return nil, err
	}
	return m.show(u, held[u.ID])
}

func (m users) show(u *idp.User, held []idp.Role) (*thing, error) {
	w := userForm(u)
	w.Roles = roleKeys(held)
	data, err := plain(w)
	if err != nil {
		return nil, err
	}
	delete(data, "permissions")
	if u.Groups == nil {
		data["groups"] = []any{}
	}
	data["uuid"] = u.UUID.String()
	return &thing{pk: u.ID.String(), num: int(u.ID), name: u.Username, data: data, refs: m.about().refs()}, nil
}

func (m users) find(ctx context.Context, r *run, q query) (*thing, error) {
	blank, err := m.show(freshUser(), nil)
	if err != nil {
		return nil, err
	}
	var held map[idp.UserID][]idp.Role // of the page
	return first(ctx, r, m.about(), q, blank, func(fields map[string]any, p idp.Paging) (idp.Page[idp.User], error) {
		f := idp.UserFilter{Paging: p, Email: word(fields, "email")}
		if name := word(fields, "username"); name != nil {
			f.Usernames = []string{*name}
		}
		if pk, ok := fields["pk"]; ok {
			n, err := number(display(pk))
			if err != nil {
				return idp.Page[idp.User]{}, err
			}
			f.IDs = []idp.UserID{idp.UserID(n)}
		}
		page, err := r.tx.Users.Find(ctx, f)
		if err != nil {
			return page, err
		}
		ids := make([]idp.UserID, len(page.Items))
		for i := range page.Items {
			ids[i] = page.Items[i].ID
		}
		held, err = r.tx.Roles.OfUsers(ctx, ids)
		return page, err
	}, func(u *idp.User) (*thing, error) { return m.show(u, held[u.ID]) })
}

func (m users) get(ctx context.Context, r *run, pk string) (*thing, error) {
	n, err := number(pk)
	if err != nil {
		return nil, err
	}
	u, err := r.tx.Users.Get(ctx, idp.UserID(n))
	if err != nil {
		return nil, absent(err)
	}
	return m.present(ctx, r, u)
}

func (m users) put(ctx context.Context, r *run, was *thing, pk string, attrs map[string]any) (*put, error) {
	u, out := freshUser(), &put{}
	switch {
	case was != nil:
		held, err := r.tx.Users.Hold(ctx, idp.UserID(was.num))
		if err != nil {
			return nil, err
		}
		t, err := m.present(ctx, r, held)
		if err != nil {
			return nil, err
		}
		u, out.before = held, t.data
	case pk != "":
		return nil, idp.Invalid("pk", "there is no user %s, and the number of a new one cannot be chosen; identify users by username", pk)
	}
	w := userForm(u)
	if err := merge(&w, attrs); err != nil {
		return nil, err
	}
	if err := w.offered(); err != nil {
		return nil, err
	}
	next, secret, err := m.next(r, u, w)
	if err != nil {
		return nil, err
	}
	if secret != "" {
		out.secrets = []string{secret}
	}
	var groups *[]idp.GroupID
	if _, given := attrs["groups"]; given {
		groups = &w.Groups
	}
	w.Password, w.PasswordHash = nil, nil
	if was == nil || secret != "" || !unchanged(out.before, w, groups == nil, "groups") {
		if u, err = m.save(ctx, r, next, groups); err != nil {
			return nil, err
		}
	}
	if _, given := attrs["roles"]; given {
		if err := r.giveUser(ctx, u, w.Roles); err != nil {
			return nil, err
		}
	}
	out.after, err = m.present(ctx, r, u)
	return out, err
}

func (users) save(ctx context.Context, r *run, next idp.User, groups *[]idp.GroupID) (*idp.User, error) {
	var then time.Time
	if r.secrets != nil {
		then = r.secrets.now
	}
	return r.s.Accounts.SaveUserIn(ctx, r.tx, r.actor, next, groups, then)
}

// offered refuses what is not.
func (w userWire) offered() error {
	switch {
	case len(w.Permissions) > 0:
		return &wrong{field: "permissions", message: "permissions of single accounts are not offered; leave this empty, and give the account a role", unsupported: true}
	case w.Password != nil && w.PasswordHash != nil:
		return idp.Invalid("password_hash", "Give either a password or a hash of one.")
	}
	return nil
}

// next is the user as the entry wants it, and by which field a secret changes.
func (users) next(r *run, u *idp.User, w userWire) (next idp.User, secret string, err error) {
	next = *u
	next.Username, next.Name, next.Email, next.Path, next.Type = w.Username, w.Name, w.Email, w.Path, w.Type
	next.IsActive, next.Attributes = w.IsActive, w.Attributes
	switch {
	case w.Password != nil:
		if err := r.s.Accounts.CheckPassword(*w.Password); err != nil {
			return next, "", err
		}
		if next.Password, err = r.secrets.password(u.Password, *w.Password); err != nil {
			return next, "", err
		}
		secret = "password"
	case w.PasswordHash != nil:
		next.Password, secret = *w.PasswordHash, "password_hash"
		if err := r.secrets.ready(); err != nil {
			return next, "", err
		}
	}
	if next.Password == u.Password {
		secret = ""
	}
	return next, secret, nil
}

func (users) remove(ctx context.Context, r *run, was *thing) error {
	return r.s.Accounts.DeleteUserIn(ctx, r.tx, r.actor, idp.UserID(was.num))
}
