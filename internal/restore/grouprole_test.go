package restore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/restore"
)

// What the groups of an account were given since is listed and can be reverted: of groups
// that it is in, directly or through another, and of no others.
func TestRolesOfItsGroupsCanBeReverted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, repos := w.user("mia"), w.db.Repos()
	company := &idp.Group{Name: "company"}
	require.NoError(t, repos.Groups.Create(w.ctx, company))
	staff, others := &idp.Group{Name: "staff", Parents: []idp.GroupID{company.ID}}, &idp.Group{Name: "others"}
	for _, g := range []*idp.Group{staff, others} {
		require.NoError(t, repos.Groups.Create(w.ctx, g))
	}
	require.NoError(t, repos.Groups.AddUser(w.ctx, staff.ID, mia.ID))
	for _, name := range []string{"auditor", "viewer", "short-lived"} {
		require.NoError(t, repos.Roles.Create(w.ctx, &idp.Role{Name: name}))
	}
	give := func(g *idp.Group, roles ...string) {
		t.Helper()
		require.NoError(t, w.roles.SetGroupRoles(w.ctx, w.admin, g.ID, roles))
	}
	give(staff, "viewer", "short-lived")
	moment, err := w.db.Now(w.ctx)
	require.NoError(t, err)
	give(others, "auditor")
	give(company, "auditor")
	give(staff, "auditor")
	gone, err := repos.Roles.GetByName(w.ctx, "short-lived")
	require.NoError(t, err)
	require.NoError(t, repos.Roles.Delete(w.ctx, gone.ID))
	l := w.contain(mia, kept)
	terms := restore.Terms{Lockdown: l.ID, Since: &moment}
	c, err := w.restores.Checklist(w.ctx, w.admin, l.ID, &moment)
	require.NoError(t, err)
	require.Len(t, c.Changes, 2, "nothing of a group that it is not in")
	require.Equal(t, `The role “auditor” was given to the group “staff”, and so to everybody in it. The role “short-lived” was taken from the group “staff”. The role “viewer” was taken from the group “staff”.`,
		c.Changes[0].Text)
	require.Equal(t, `The role “auditor” was given to the group “company”, and so to everybody in it.`, c.Changes[1].Text)

	has := func(g *idp.Group) (names []string) {
		t.Helper()
		found, err := repos.Roles.Find(w.ctx, idp.RoleFilter{GroupID: &g.ID, Paging: idp.Paging{Limit: 10}})
		require.NoError(t, err)
		for i := range found.Items {
			names = append(names, found.Items[i].Name)
		}
		return names
	}
	for _, ch := range c.Changes {
		require.Equal(t, restore.KindRole, ch.Kind)
		require.True(t, ch.Open)
		require.NoError(t, w.restores.Revert(w.ctx, w.admin, terms, ch.ID))
	}
	require.Equal(t, []string{"viewer"}, has(staff), "one that was deleted does not come back")
	require.Empty(t, has(company))
	require.Equal(t, []string{"auditor"}, has(others))
	require.NoError(t, repos.Groups.RemoveUser(w.ctx, staff.ID, mia.ID))
	c, err = w.restores.Checklist(w.ctx, w.admin, l.ID, &moment)
	require.NoError(t, err)
	require.Len(t, c.Changes, 2, "what was reverted stays on the list")
	require.Equal(t, []string{"reverted", "reverted"}, []string{c.Changes[0].State, c.Changes[1].State})
}
