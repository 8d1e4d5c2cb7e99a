package account

import (
	"context"
	"fmt"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// AddMember puts a user into a group; one who is in it already stays. Errors:
// CodeForbidden; CodeNotFound for the group; CodeInvalid on pk for the user.
func (s *Service) AddMember(ctx context.Context, actor idp.Actor, group idp.GroupID, user idp.UserID) error {
	return s.changeMember(ctx, actor, group, user, "added", func(tx idp.Repos) error {
		return tx.Groups.AddUser(ctx, group, user)
	})
}

// RemoveMember takes a user out of a group; one who is not in it stays out.
// Errors: those of AddMember, and CodeInvalid when it would leave no
// administrator.
func (s *Service) RemoveMember(ctx context.Context, actor idp.Actor, group idp.GroupID, user idp.UserID) error {
	return s.changeMember(ctx, actor, group, user, "removed", func(tx idp.Repos) error {
		return tx.Groups.RemoveUser(ctx, group, user)
	})
}

// changeMember changes one membership and writes an event about the user, unless
// it was so before.
func (s *Service) changeMember(ctx context.Context, actor idp.Actor, group idp.GroupID, user idp.UserID,
	what string, change func(idp.Repos) error) error {
	err := s.changeGroup(ctx, actor, idp.VerbUpdate, group, memberChange(ctx, group, user, what, change))
	if err != nil {
		return fmt.Errorf("changing user %d in group %s: %w", user, group, err)
	}
	return nil
}

func memberChange(ctx context.Context, group idp.GroupID, user idp.UserID, what string, change func(idp.Repos) error) func(idp.Repos, idp.Actor, *idp.Group) error {
	return func(tx idp.Repos, now idp.Actor, g *idp.Group) error {
		u, err := tx.Users.Hold(ctx, user)
		if idp.Is(err, idp.CodeNotFound) {
			return idp.Invalid("pk", "Invalid pk \"%d\" - object does not exist.", user)
		}
		if err != nil {
			return err
		}
		if what == "added" && u.IsAnonymous() {
			return idp.Invalid("pk", anonymousFixed)
		}
		if slices.Contains(u.Groups, group) == (what == "added") {
			return nil
		}
		if err := change(tx); err != nil {
			return err
		}
		facts := groupFacts(g)
		facts[what] = []int{int(user)}
		return tx.Events.Append(ctx, idp.ModelUpdatedEvent(app, now, u, facts))
	}
}

// MemberIn is AddMember, or RemoveMember where in is false, in a transaction of the
// caller's, which does not hold the user yet.
func (s *Service) MemberIn(ctx context.Context, tx idp.Repos, actor idp.Actor, group idp.GroupID, user idp.UserID, in bool) error {
	what, change := "removed", func(tx idp.Repos) error { return tx.Groups.RemoveUser(ctx, group, user) }
	if in {
		what, change = "added", func(tx idp.Repos) error { return tx.Groups.AddUser(ctx, group, user) }
	}
	return s.changeGroupIn(ctx, tx, actor, idp.VerbUpdate, group, memberChange(ctx, group, user, what, change))
}

// SetMembers replaces the direct members of a group. Errors: CodeForbidden;
// CodeNotFound; CodeInvalid on users, or on none when it would leave no
// administrator.
func (s *Service) SetMembers(ctx context.Context, actor idp.Actor, group idp.GroupID, users []idp.UserID) error {
	err := s.changeGroup(ctx, actor, idp.VerbUpdate, group, func(tx idp.Repos, now idp.Actor, g *idp.Group) error {
		facts := groupFacts(g)
		if err := tellMembers(ctx, tx, facts, group, users); err != nil {
			return err
		}
		return tx.Events.Append(ctx, idp.ModelUpdatedEvent(app, now, nil, facts))
	})
	if err != nil {
		return fmt.Errorf("setting the members of group %s: %w", group, err)
	}
	return nil
}

// setMembers replaces the direct members after making sure that they exist and
// that nobody is not among them.
func setMembers(ctx context.Context, tx idp.Repos, group idp.GroupID, users []idp.UserID) error {
	users = unique(users)
	var faults idp.Faults
	for chunk := range slices.Chunk(users, 1_000) {
		page, err := tx.Users.Find(ctx, idp.UserFilter{Paging: idp.Paging{Limit: len(chunk)}, IDs: chunk})
		if err != nil {
			return err
		}
		found := make(map[idp.UserID]bool, len(page.Items))
		for i := range page.Items {
			found[page.Items[i].ID] = true
			if page.Items[i].IsAnonymous() {
				faults.Add("users", anonymousFixed)
			}
		}
		for _, id := range chunk {
			if !found[id] {
				faults.Add("users", "Invalid pk \"%d\" - object does not exist.", id)
			}
		}
	}
	if err := faults.Err(); err != nil {
		return err
	}
	return tx.Groups.SetUsers(ctx, group, users)
}
