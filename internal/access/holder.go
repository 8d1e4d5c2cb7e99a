package access

import (
	"context"
	"fmt"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// maxHeld is how many roles an account or a group can have directly.
const maxHeld = 1000

// UserRoles lists the roles that an account has directly, by name. Errors:
// CodeForbidden.
func (s *Service) UserRoles(ctx context.Context, actor idp.Actor, user idp.UserID) ([]idp.Role, error) {
	if err := s.access.Check(actor, idp.VerbList, anyRole); err != nil {
		return nil, err
	}
	return rolesOf(ctx, s.store.Repos(), idp.RoleFilter{UserID: &user})
}

// GroupRoles lists the roles that a group has directly, by name. Errors:
// CodeForbidden.
func (s *Service) GroupRoles(ctx context.Context, actor idp.Actor, group idp.GroupID) ([]idp.Role, error) {
	if err := s.access.Check(actor, idp.VerbList, anyRole); err != nil {
		return nil, err
	}
	return rolesOf(ctx, s.store.Repos(), idp.RoleFilter{GroupID: &group})
}

func rolesOf(ctx context.Context, repos idp.Repos, f idp.RoleFilter) ([]idp.Role, error) {
	f.Paging = idp.Paging{Limit: maxHeld}
	page, err := repos.Roles.Find(ctx, f)
	return page.Items, err
}

// Holders lists who has a role, directly or through a group. Errors:
// CodeForbidden, CodeNotFound.
func (s *Service) Holders(ctx context.Context, actor idp.Actor, id idp.RoleID, p idp.Paging) (idp.Page[idp.User], error) {
	if err := s.mayAsk(ctx, actor, idp.ResourceUser, id); err != nil {
		return idp.Page[idp.User]{}, err
	}
	return s.store.Repos().Roles.Holders(ctx, id, p)
}

// HolderGroups lists the groups that have a role directly. Errors: CodeForbidden,
// CodeNotFound.
func (s *Service) HolderGroups(ctx context.Context, actor idp.Actor, id idp.RoleID, p idp.Paging) (idp.Page[idp.Group], error) {
	if err := s.mayAsk(ctx, actor, idp.ResourceGroup, id); err != nil {
		return idp.Page[idp.Group]{}, err
	}
	return s.store.Repos().Roles.HolderGroups(ctx, id, p)
}

func (s *Service) mayAsk(ctx context.Context, actor idp.Actor, of idp.Resource, id idp.RoleID) error {
	if err := s.access.Check(actor, idp.VerbList, idp.Object{Resource: of}); err != nil {
		return err
	}
	_, err := s.Get(ctx, actor, id)
	return err
}

// SetUserRoles replaces the roles that an account has directly, given by names or
// IDs. It takes the right to update roles, every right that is given, and every
// one that a role denied which is taken. Errors: CodeForbidden; CodeNotFound for
// the account; CodeInvalid on roles; CodeStepUp (idp.Access.Fresh).
func (s *Service) SetUserRoles(ctx context.Context, actor idp.Actor, user idp.UserID, roles []string) error {
	return s.ChangeUserRoles(ctx, actor, user, func(map[string]bool) []string { return roles })
}

// ChangeUserRoles is SetUserRoles with roles that depend on those that the account
// has; change gets their names.
func (s *Service) ChangeUserRoles(ctx context.Context, actor idp.Actor, user idp.UserID, change func(has map[string]bool) []string) error {
	err := s.assign(ctx, actor, func(tx idp.Repos, now func() (idp.Actor, error)) error {
		u, err := tx.Users.Hold(ctx, user)
		if err != nil {
			return err
		}
		by, err := now()
		if err != nil {
			return err
		}
		_, err = s.SetUserRolesIn(ctx, tx, by, u, change)
		return err
	})
	if err != nil {
		return fmt.Errorf("setting the roles of user %d: %w", user, err)
	}
	return nil
}

// SetUserRolesIn is ChangeUserRoles in a transaction of the caller's, which holds
// the account and has renewed the actor. changed is false when nothing was.
func (s *Service) SetUserRolesIn(ctx context.Context, tx idp.Repos, actor idp.Actor, u *idp.User, change func(has map[string]bool) []string) (changed bool, err error) {
	had, err := rolesOf(ctx, tx, idp.RoleFilter{UserID: &u.ID})
	if err != nil {
		return false, err
	}
	wanted, err := s.resolve(ctx, tx, change(names(had)))
	if err != nil {
		return false, err
	}
	moved, err := s.mayMove(actor, had, wanted)
	if err != nil || moved == nil {
		return false, err
	}
	if u.IsAnonymous() {
		return false, idp.Invalid("roles", "The anonymous user cannot have roles.")
	}
	if err := tx.Roles.SetUserRoles(ctx, u.ID, ids(wanted)); err != nil {
		return false, err
	}
	moved["model"] = map[string]any{"app": "account", "model_name": "user", "pk": int(u.ID), "name": u.Username}
	return true, tx.Events.Append(ctx, idp.ModelUpdatedEvent(app, actor, u, moved))
}

// SetGroupRoles replaces the roles that a group has directly, and all its members
// through it; see SetUserRoles.
func (s *Service) SetGroupRoles(ctx context.Context, actor idp.Actor, group idp.GroupID, roles []string) error {
	return s.ChangeGroupRoles(ctx, actor, group, func(map[string]bool) []string { return roles })
}

// ChangeGroupRoles is SetGroupRoles with roles that depend on those that the group
// has; change gets their names.
func (s *Service) ChangeGroupRoles(ctx context.Context, actor idp.Actor, group idp.GroupID, change func(has map[string]bool) []string) error {
	err := s.assign(ctx, actor, func(tx idp.Repos, now func() (idp.Actor, error)) error {
		g, err := tx.Groups.Hold(ctx, group)
		if err != nil {
			return err
		}
		by, err := now()
		if err != nil {
			return err
		}
		_, err = s.SetGroupRolesIn(ctx, tx, by, g, change)
		return err
	})
	if err != nil {
		return fmt.Errorf("setting the roles of group %s: %w", group, err)
	}
	return nil
}

// SetGroupRolesIn is ChangeGroupRoles in a transaction of the caller's; see
// SetUserRolesIn.
func (s *Service) SetGroupRolesIn(ctx context.Context, tx idp.Repos, actor idp.Actor, g *idp.Group, change func(has map[string]bool) []string) (changed bool, err error) {
	had, err := rolesOf(ctx, tx, idp.RoleFilter{GroupID: &g.ID})
	if err != nil {
		return false, err
	}
	wanted, err := s.resolve(ctx, tx, change(names(had)))
	if err != nil {
		return false, err
	}
	moved, err := s.mayMove(actor, had, wanted)
	if err != nil || moved == nil {
		return false, err
	}
	if err := tx.Roles.SetGroupRoles(ctx, g.ID, ids(wanted)); err != nil {
		return false, err
	}
	moved["model"] = map[string]any{"app": "account", "model_name": "group", "pk": g.ID.String(), "name": g.Name}
	return true, tx.Events.Append(ctx, idp.ModelUpdatedEvent(app, actor, nil, moved))
}

// assign runs a change of who has which roles. now renews the actor; call it when
// the row concerned is held.
func (s *Service) assign(ctx context.Context, actor idp.Actor, change func(tx idp.Repos, now func() (idp.Actor, error)) error) error {
	if err := s.may(actor, idp.VerbUpdate); err != nil {
		return err
	}
	return s.store.InTx(ctx, func(tx idp.Repos) error {
		return change(tx, func() (idp.Actor, error) { return s.permitted(ctx, tx, actor, idp.VerbUpdate) })
	})
}

// mayMove judges which roles are given and taken and returns them as events show
// them, nil when none is.
func (s *Service) mayMove(actor idp.Actor, had, wanted []idp.Role) (map[string]any, error) {
	given, taken := without(wanted, had), without(had, wanted)
	if len(given)+len(taken) == 0 {
		return nil, nil
	}
	if err := s.may(actor, idp.VerbUpdate); err != nil {
		return nil, err
	}
	for i := range given {
		if !s.access.grants(actor, given[i].Spec) {
			return nil, idp.Forbidden("%s", tooMuch(given[i].Name))
		}
	}
	for i := range taken {
		if !s.access.denials(actor, taken[i].Spec) {
			return nil, idp.Forbidden("This takes somebody who has every right that the role %q denies: taking it gives them.", taken[i].Name)
		}
	}
	return map[string]any{"roles": list(wanted), "given": list(given), "taken": list(taken)}, nil
}

// resolve reads names and IDs of roles. The error is CodeInvalid on roles.
func (s *Service) resolve(ctx context.Context, tx idp.Repos, refs []string) ([]idp.Role, error) {
	var out []idp.Role
	var faults idp.Faults
	if len(refs) > maxHeld {
		return nil, idp.Invalid("roles", "Ensure this field has no more than %d elements.", maxHeld)
	}
	for _, ref := range refs {
		role, err := tx.Roles.GetByName(ctx, ref)
		if idp.Is(err, idp.CodeNotFound) {
			if id, bad := idp.ParseID[idp.Role](ref); bad == nil {
				role, err = tx.Roles.Get(ctx, id)
			}
		}
		switch {
		case idp.Is(err, idp.CodeNotFound):
			faults.Add("roles", "There is no role %q.", ref)
		case err != nil:
			return nil, err
		case !slices.ContainsFunc(out, func(r idp.Role) bool { return r.ID == role.ID }):
			out = append(out, *role)
		}
	}
	return out, faults.Err()
}

func without(roles, others []idp.Role) []idp.Role {
	var out []idp.Role
	for _, r := range roles {
		if !slices.ContainsFunc(others, func(o idp.Role) bool { return o.ID == r.ID }) {
			out = append(out, r)
		}
	}
	return out
}

func names(roles []idp.Role) map[string]bool {
	out := make(map[string]bool, len(roles))
	for _, r := range roles {
		out[r.Name] = true
	}
	return out
}

func list(roles []idp.Role) []string {
	out := make([]string, len(roles))
	for i, r := range roles {
		out[i] = r.Name
	}
	slices.Sort(out)
	return out
}

func ids(roles []idp.Role) []idp.RoleID {
	out := make([]idp.RoleID, len(roles))
	for i, r := range roles {
		out[i] = r.ID
	}
	return out
}
