package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// shownUser is an account as it comes.
type shownUser struct {
	PK          idp.UserID `json:"pk"`
	Username    string     `json:"username"`
	Name        string     `json:"name"`
	Email       string     `json:"email"`
	IsActive    bool       `json:"is_active"`
	IsSuperuser bool       `json:"is_superuser"`
	Groups      named      `json:"groups_obj"`
	Roles       named      `json:"roles_obj"`
}

func (s *shownUser) user() *User {
	return &User{Direct: s.Roles.names(), User: idp.User{ID: s.PK, Username: s.Username, Name: s.Name, Email: s.Email,
		IsActive: s.IsActive, IsSuperuser: s.IsSuperuser, GroupNames: s.Groups.names()}}
}

const usersPath = "/core/users/"

// FindUsers implements Users.
func (r *remote) FindUsers(ctx context.Context) ([]User, error) {
	return r.users(ctx, url.Values{"ordering": {"username"}})
}

func (r *remote) users(ctx context.Context, query url.Values) ([]User, error) {
	var out []User
	err := pages(ctx, r, usersPath, query, func(page []shownUser) {
		for i := range page {
			out = append(out, *page[i].user())
		}
	})
	return out, err
}

// GetUser implements Users.
func (r *remote) GetUser(ctx context.Context, username string) (*User, error) {
	found, err := r.users(ctx, url.Values{"username": {username}})
	if err != nil {
		return nil, err
	}
	for i := range found {
		if strings.EqualFold(found[i].Username, username) {
			return &found[i], nil
		}
	}
	return nil, idp.NotFound("user")
}

// SetUserRoles implements Users.
func (r *remote) SetUserRoles(ctx context.Context, username string, change func([]string) []string) ([]string, error) {
	u, err := r.GetUser(ctx, username)
	if err != nil {
		return nil, err
	}
	wanted := change(u.Direct)
	ids := make([]idp.RoleID, 0, len(wanted))
	for _, name := range wanted {
		role, err := r.GetRole(ctx, name)
		if err != nil {
			return nil, absent(err, "role", name)
		}
		ids = append(ids, role.ID)
	}
	slices.Sort(wanted)
	return wanted, r.call(ctx, http.MethodPatch, usersPath+u.ID.String()+"/", nil, map[string]any{"roles": ids}, nil)
}

// Who implements Installation.
func (r *remote) Who(ctx context.Context) (*Identity, error) {
	var me struct {
		User struct {
			Username    string
			Name        string
			IsSuperuser bool `json:"is_superuser"`
			Groups      named
			Roles       named
		}
	}
	if err := r.call(ctx, http.MethodGet, usersPath+"me/", nil, nil, &me); err != nil {
		return nil, err
	}
	out := &Identity{Username: me.User.Username, Name: me.User.Name, Superuser: me.User.IsSuperuser, Groups: me.User.Groups.names(),
		Roles: me.User.Roles.names(), Server: r.server}
	// That answer has the roles of all groups among its own.
	switch own, err := r.GetUser(ctx, me.User.Username); {
	case err == nil:
		out.Inherited = without(out.Roles, own.Direct)
		out.Roles = own.Direct
	case !idp.Is(err, idp.CodeForbidden) && !idp.Is(err, idp.CodeNotFound):
		return nil, err
	}
	var err error
	out.Version, err = r.version(ctx)
	return out, err
}

// version is that of the server.
func (r *remote) version(ctx context.Context) (string, error) {
	var answer struct {
		Version string `json:"version_current"`
	}
	err := r.call(ctx, http.MethodGet, "/admin/version/", nil, nil, &answer)
	if idp.Is(err, idp.CodeForbidden) || idp.Is(err, idp.CodeNotFound) {
		return "", nil // it is not told to everybody
	}
	if err != nil {
		return "", fmt.Errorf("asking for the version: %w", err)
	}
	return answer.Version, nil
}
