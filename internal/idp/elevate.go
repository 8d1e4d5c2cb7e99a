package idp

import (
	"context"
	"slices"
)

// Elevate returns the user with the groups that their session has for a while, and
// leaves in s.Elevations those that it has now: a lock that refuses one takes just that
// one, or all where only several of them together are refused. The gate has admitted
// the user without them, with the credential c of the session. Neither u nor what
// s.Elevations held is changed; where there is nothing to add, u itself is returned.
func Elevate(ctx context.Context, gate Gate, u *User, s *Session, c Credential) *User {
	if len(s.Elevations) == 0 || s.UserID != u.ID {
		return u
	}
	kept := make([]Elevation, 0, len(s.Elevations))
	for _, e := range s.Elevations {
		c.AccessRequests = []AccessRequestID{e.Request}
		if gate.Admit(ctx, DoorAccessRequest, u.with(e), c) == nil {
			kept = append(kept, e)
		}
	}
	if s.Elevations = nil; len(kept) == 0 {
		return u
	}
	all := u.with(kept...)
	if len(kept) > 1 {
		c.AccessRequests = nil
		for _, e := range kept {
			c.AccessRequests = append(c.AccessRequests, e.Request)
		}
		if gate.Admit(ctx, DoorAccessRequest, all, c) != nil {
			return u
		}
	}
	s.Elevations = kept
	return all
}

// with is the user with what elevations add. Groups stays: memberships are not theirs.
func (u *User) with(elevations ...Elevation) *User {
	out := *u
	out.AllGroups, out.GroupNames, out.RoleNames = slices.Clone(u.AllGroups), slices.Clone(u.GroupNames), slices.Clone(u.RoleNames)
	for _, e := range elevations {
		out.IsSuperuser = out.IsSuperuser || e.IsSuperuser
		for _, id := range e.Groups {
			if !slices.Contains(out.AllGroups, id) {
				out.AllGroups = append(out.AllGroups, id)
			}
		}
		out.GroupNames, out.RoleNames = append(out.GroupNames, e.GroupNames...), append(out.RoleNames, e.RoleNames...)
	}
	for _, names := range []*[]string{&out.GroupNames, &out.RoleNames} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
	return &out
}
