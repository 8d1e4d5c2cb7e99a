package account

import (
	"context"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// tellDiff adds to an event about a user what somebody has to know who wants to put
// it back: the former and the present address, and which groups were joined and left.
func tellDiff(facts map[string]any, before, after *idp.User) {
	diff := map[string]any{}
	if before.Email != after.Email {
		diff["email"] = map[string]any{"previous_value": before.Email, "new_value": after.Email}
	}
	if joined, left := apart(before.Groups, after.Groups); len(joined)+len(left) > 0 {
		diff["groups"] = map[string]any{"add": texts(joined), "remove": texts(left)}
	}
	if len(diff) > 0 {
		facts["diff"] = diff
	}
}

// apart compares two lists without duplicates: what only the second has, and what only
// the first.
func apart[T comparable](before, after []T) (joined, left []T) {
	was, is := make(map[T]bool, len(before)), make(map[T]bool, len(after))
	for _, v := range before {
		was[v] = true
	}
	for _, v := range after {
		is[v] = true
	}
	return slices.DeleteFunc(slices.Clone(after), func(v T) bool { return was[v] }),
		slices.DeleteFunc(slices.Clone(before), func(v T) bool { return is[v] })
}

func texts(ids []idp.GroupID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.String()
	}
	return out
}

// tellMembers replaces the direct members of a group, and adds to its event who they
// are now, who joined and who left.
func tellMembers(ctx context.Context, tx idp.Repos, facts map[string]any, group idp.GroupID, users []idp.UserID) error {
	before, err := tx.Groups.MemberIDs(ctx, group)
	if err != nil {
		return err
	}
	if err := setMembers(ctx, tx, group, users); err != nil {
		return err
	}
	users = unique(users)
	facts["users"] = ints(users)
	joined, left := apart(before, users)
	for name, ids := range map[string][]idp.UserID{"added": joined, "removed": left} {
		if len(ids) > 0 {
			facts[name] = ints(ids)
		}
	}
	return nil
}
