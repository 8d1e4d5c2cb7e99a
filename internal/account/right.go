package account

import (
	"context"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The rules of this file keep those who hold rights by roles from gaining more
// by way of somebody else's account, or of a group; see adr/0009.

// mayControl judges whether the actor may change a held account: whoever decides
// its password, address or name can become its user, so that takes every right
// that the account has. Switching it off does not: it gives nobody anything.
func (s *Service) mayControl(ctx context.Context, tx idp.Repos, now idp.Actor, u *idp.User, p Patch) error {
	if err := s.freshFor(now, u, p); err != nil {
		return err
	}
	closes := p.IsActive != nil && !*p.IsActive && p == (Patch{IsActive: p.IsActive})
	if !closes && !now.Is(u.ID) {
		if err := s.access.Covers(now, idp.RightsOf(u)); err != nil {
			return err
		}
	}
	if p.Groups == nil {
		return nil
	}
	return s.mayPlace(ctx, tx, now, u.Groups, *p.Groups)
}

// freshFor asks for a fresh proof where a change decides who gets into an account of
// somebody else, or whether anybody does: its password, where its recovery links go,
// and whether it is switched on.
func (s *Service) freshFor(now idp.Actor, u *idp.User, p Patch) error {
	if now.Is(u.ID) || p.PasswordHash == nil && (p.IsActive == nil || *p.IsActive == u.IsActive) &&
		(p.Email == nil || strings.TrimSpace(*p.Email) == u.Email) {
		return nil
	}
	return s.access.Fresh(now)
}

// covers judges whether the actor may deal with rights that a group carries, and is
// fresh where it carries any.
func (s *Service) covers(now idp.Actor, rights idp.Rights) error {
	if err := s.access.Covers(now, rights); err != nil || !rights.Superuser && len(rights.Roles) == 0 {
		return err
	}
	return s.access.Fresh(now)
}

// mayPlace judges whether the actor may change which groups somebody is in.
func (s *Service) mayPlace(ctx context.Context, tx idp.Repos, now idp.Actor, from, to []idp.GroupID) error {
	joined := slices.DeleteFunc(slices.Clone(to), func(id idp.GroupID) bool { return slices.Contains(from, id) })
	left := slices.DeleteFunc(slices.Clone(from), func(id idp.GroupID) bool { return slices.Contains(to, id) })
	for i, groups := range [][]idp.GroupID{joined, left} {
		if len(groups) == 0 {
			continue
		}
		rights, err := tx.Roles.GroupRights(ctx, groups...)
		if err != nil {
			return err
		}
		rights.Taken = i == 1
		if err := s.covers(now, rights); err != nil {
			return err
		}
	}
	return nil
}

// mayShape judges whether the actor may change a group, its members included, as
// it is now: call it before the change, and after it.
func (s *Service) mayShape(ctx context.Context, tx idp.Repos, now idp.Actor, id idp.GroupID) error {
	rights, err := tx.Roles.GroupRights(ctx, id)
	if err != nil {
		return err
	}
	rights.Taken = true
	return s.covers(now, rights)
}

// noRoles is what a Service without Roles says.
const noRoles = "Roles cannot be given here."

func (s *Service) giveUser(ctx context.Context, tx idp.Repos, now idp.Actor, u *idp.User, roles *[]string) error {
	if roles == nil {
		return nil
	}
	if s.roles == nil {
		return idp.Invalid("roles", noRoles)
	}
	_, err := s.roles.SetUserRolesIn(ctx, tx, now, u, func(map[string]bool) []string { return *roles })
	return err
}

func (s *Service) giveGroup(ctx context.Context, tx idp.Repos, now idp.Actor, g *idp.Group, roles *[]string) error {
	if roles == nil {
		return nil
	}
	if s.roles == nil {
		return idp.Invalid("roles", noRoles)
	}
	_, err := s.roles.SetGroupRolesIn(ctx, tx, now, g, func(map[string]bool) []string { return *roles })
	return err
}

// some is nil for an empty list: a new thing has no roles to begin with.
func some(roles []string) *[]string {
	if len(roles) == 0 {
		return nil
	}
	return &roles
}
