package cli

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

// shownRole is a role as it comes.
type shownRole struct {
	PK          idp.RoleID   `json:"pk"`
	Name        string       `json:"name"`
	Description string       `json:"description"`
	Spec        idp.RoleSpec `json:"spec"`
	Managed     *string      `json:"managed"`
}

func (s *shownRole) role() *idp.Role {
	r := &idp.Role{ID: s.PK, Name: s.Name, Description: s.Description, Spec: s.Spec}
	if s.Managed != nil {
		r.Managed = *s.Managed
	}
	return r
}

const rolesPath = "/rbac/roles/"

// FindRoles implements Roles.
func (r *remote) FindRoles(ctx context.Context) ([]idp.Role, error) {
	return r.roles(ctx, url.Values{"ordering": {"name"}})
}

func (r *remote) roles(ctx context.Context, query url.Values) ([]idp.Role, error) {
	var out []idp.Role
	err := pages(ctx, r, rolesPath, query, func(page []shownRole) {
		for i := range page {
			out = append(out, *page[i].role())
		}
	})
	return out, err
}

// GetRole implements Roles.
func (r *remote) GetRole(ctx context.Context, name string) (*idp.Role, error) {
	found, err := r.roles(ctx, url.Values{"name": {name}})
	if err != nil {
		return nil, err
	}
	for i := range found {
		if found[i].Name == name {
			return &found[i], nil
		}
	}
	return nil, idp.NotFound("role")
}

// CreateRole implements Roles.
func (r *remote) CreateRole(ctx context.Context, d access.Draft, replace bool) (created bool, err error) {
	if replace {
		existing, err := r.GetRole(ctx, d.Name)
		// A role of the product cannot be replaced, but made one's own as it is.
		own := err == nil && existing.Managed != "" && reflect.DeepEqual(full(existing.Spec), full(d.Spec))
		if err == nil && !own {
			return false, r.call(ctx, http.MethodPut, rolePath(existing), nil, roleBody(d), nil)
		}
		if err != nil && !idp.Is(err, idp.CodeNotFound) {
			return false, err
		}
	}
	return true, r.call(ctx, http.MethodPost, rolesPath, nil, roleBody(d), nil)
}

// full gives lists of rules that are not there as empty ones.
func full(spec idp.RoleSpec) idp.RoleSpec {
	for _, side := range []*idp.RoleRules{&spec.Allow, &spec.Deny} {
		if side.Rules == nil {
			side.Rules = []idp.RoleRule{}
		}
	}
	return spec
}

func rolePath(role *idp.Role) string { return rolesPath + role.ID.String() + "/" }

func roleBody(d access.Draft) map[string]any {
	return map[string]any{"name": d.Name, "description": d.Description, "spec": d.Spec}
}

// ChangeRole implements Roles.
func (r *remote) ChangeRole(ctx context.Context, before *idp.Role, d access.Draft) error {
	now, err := r.GetRole(ctx, before.Name)
	if err != nil {
		return err
	}
	if err := sameRole(before, now); err != nil {
		return err
	}
	return r.call(ctx, http.MethodPut, rolePath(now), nil, roleBody(d), nil)
}

// DeleteRole implements Roles.
func (r *remote) DeleteRole(ctx context.Context, name string) error {
	role, err := r.GetRole(ctx, name)
	if err != nil {
		return err
	}
	return r.call(ctx, http.MethodDelete, rolePath(role), nil, nil, nil)
}

const preferencePath = "/cluster_auth_preference/"

// Preference implements Preferences.
func (r *remote) Preference(ctx context.Context) (*lock.Preference, error) {
	var answer struct {
		LockingMode idp.LockingMode `json:"locking_mode"`
		Managed     bool            `json:"managed"`
	}
	if err := r.call(ctx, http.MethodGet, preferencePath, nil, nil, &answer); err != nil {
		return nil, err
	}
	return &lock.Preference{LockingMode: answer.LockingMode, Managed: answer.Managed}, nil
}

// SetPreference implements Preferences.
func (r *remote) SetPreference(ctx context.Context, mode idp.LockingMode) error {
	return r.call(ctx, http.MethodPut, preferencePath, nil, map[string]any{"locking_mode": mode}, nil)
}

// named are things with a name inside an answer.
type named []struct {
	PK   string `json:"pk"`
	Name string `json:"name"`
}

func (n named) names() []string {
	out := make([]string, len(n))
	for i := range n {
		out[i] = n[i].Name
	}
	slices.Sort(out)
	return out
}
