package account_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func (w *world) group(n account.NewGroup) *idp.Group {
	w.Helper()
	g, err := w.accounts.CreateGroup(w.ctx, w.admin, n)
	require.NoError(w, err)
	return g
}

func TestGroupsAreNested(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := w.user("mia"), w.user("tom")
	parent := w.group(account.NewGroup{Name: "parent", IsSuperuser: true, Attributes: idp.Attributes{"a": "b"}})
	child := w.group(account.NewGroup{Name: " child ", Parents: []idp.GroupID{parent.ID, parent.ID}, Users: []idp.UserID{mia.ID, mia.ID}})
	require.Equal(t, "child", child.Name)
	require.Equal(t, 1, child.MemberCount)
	require.True(t, w.now(mia).IsSuperuser, "membership of a group implies membership of its parents")
	require.Equal(t, []idp.GroupID{child.ID}, w.now(mia).Groups)

	require.NoError(t, w.accounts.SetMembers(w.ctx, w.admin, child.ID, []idp.UserID{tom.ID}))
	require.False(t, w.now(mia).IsSuperuser)
	require.True(t, w.now(tom).IsSuperuser)
	page, err := w.accounts.Members(w.ctx, w.admin, child.ID, idp.Paging{})
	require.NoError(t, err)
	require.Equal(t, "tom", page.Items[0].Username)

	changed, err := w.accounts.UpdateGroup(w.ctx, w.admin, child.ID, account.GroupPatch{Name: ptr("kid"), Parents: &[]idp.GroupID{}, Users: &[]idp.UserID{mia.ID}})
	require.NoError(t, err)
	require.Equal(t, "kid", changed.Name)
	require.Empty(t, changed.Parents)
	require.False(t, w.now(tom).IsSuperuser)
	require.NoError(t, w.accounts.DeleteGroup(w.ctx, w.admin, child.ID))
	require.Empty(t, w.now(mia).Groups)
	_, err = w.accounts.GetGroup(w.ctx, w.admin, child.ID)
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))
	require.Len(t, w.events(idp.ActionModelDeleted), 1)
}

func TestCyclesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.group(account.NewGroup{Name: "a"})
	b := w.group(account.NewGroup{Name: "b", Parents: []idp.GroupID{a.ID}})
	c := w.group(account.NewGroup{Name: "c", Parents: []idp.GroupID{b.ID}})
	for name, parent := range map[string]idp.GroupID{"itself": a.ID, "its child": b.ID, "its grandchild": c.ID} {
		_, err := w.accounts.UpdateGroup(w.ctx, w.admin, a.ID, account.GroupPatch{Parents: &[]idp.GroupID{parent}})
		require.Contains(t, fault(t, err).Fields, "parents", name)
	}

	// Each of two changes is harmless alone.
	for range 5 {
		x, y := w.group(account.NewGroup{Name: "x"}), w.group(account.NewGroup{Name: "y"})
		var g errgroup.Group
		for _, pair := range [][2]idp.GroupID{{x.ID, y.ID}, {y.ID, x.ID}} {
			g.Go(func() error {
				_, err := w.accounts.UpdateGroup(w.ctx, w.admin, pair[0], account.GroupPatch{Parents: &[]idp.GroupID{pair[1]}})
				if idp.Is(err, idp.CodeInvalid) {
					return nil
				}
				return err
			})
		}
		require.NoError(t, g.Wait())
		gx, err := w.accounts.GetGroup(w.ctx, w.admin, x.ID)
		require.NoError(t, err)
		gy, err := w.accounts.GetGroup(w.ctx, w.admin, y.ID)
		require.NoError(t, err)
		require.Equal(t, 1, len(gx.Parents)+len(gy.Parents))
		require.NoError(t, w.accounts.DeleteGroup(w.ctx, w.admin, x.ID))
		require.NoError(t, w.accounts.DeleteGroup(w.ctx, w.admin, y.ID))
	}
}

func TestMembershipsWriteEventsAboutTheMember(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	g := w.group(account.NewGroup{Name: "g"})
	for range 2 {
		require.NoError(t, w.accounts.AddMember(w.ctx, w.admin, g.ID, mia.ID), "twice is once")
	}
	for range 2 {
		require.NoError(t, w.accounts.RemoveMember(w.ctx, w.admin, g.ID, mia.ID), "twice is once")
	}
	events := w.events(idp.ActionModelUpdated)
	require.Len(t, events, 2)
	require.Equal(t, []any{float64(mia.ID)}, events[0].Context["added"])
	require.Equal(t, []any{float64(mia.ID)}, events[1].Context["removed"])
	for _, e := range events {
		require.Equal(t, "mia", e.User["username"])
		require.Equal(t, "root", e.User["authenticated_as"].(map[string]any)["username"])
		require.Equal(t, "g", e.Context["model"].(map[string]any)["name"])
	}
}

func TestBadGroupsNameTheField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unknown := idp.NewID[idp.Group]()
	g := w.group(account.NewGroup{Name: "taken"})
	for name, c := range map[string]struct {
		group account.NewGroup
		field string
		says  string
	}{
		"blank":      {account.NewGroup{Name: " "}, "name", "This field may not be blank."},
		"long":       {account.NewGroup{Name: strings.Repeat("g", 256)}, "name", "Ensure this field has no more than 255 characters."},
		"taken":      {account.NewGroup{Name: "taken"}, "name", "This field must be unique."},
		"NUL":        {account.NewGroup{Name: "\x00"}, "name", "Null characters are not allowed."},
		"parent":     {account.NewGroup{Name: "x", Parents: []idp.GroupID{unknown}}, "parents", "Invalid pk \"" + unknown.String() + "\" - object does not exist."},
		"user":       {account.NewGroup{Name: "x", Users: []idp.UserID{4711}}, "users", "Invalid pk \"4711\" - object does not exist."},
		"attributes": {account.NewGroup{Name: "x", Attributes: idp.Attributes{"\x00": 1}}, "attributes", "Null characters are not allowed."},
	} {
		_, err := w.accounts.CreateGroup(w.ctx, w.admin, c.group)
		require.Equal(t, []string{c.says}, fault(t, err).Fields[c.field], name)
	}
	require.Contains(t, fault(t, w.accounts.AddMember(w.ctx, w.admin, g.ID, 4711)).Fields, "pk")
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(w.accounts.AddMember(w.ctx, w.admin, unknown, w.admin.User.ID)))
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(w.accounts.DeleteGroup(w.ctx, w.admin, unknown)))
	_, err := w.accounts.UpdateGroup(w.ctx, w.admin, unknown, account.GroupPatch{})
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))
	page, err := w.accounts.FindGroups(w.ctx, w.admin, idp.GroupFilter{})
	require.NoError(t, err)
	require.Equal(t, 2, page.Total, "nothing half-done")
}

func TestGroupsAreForAdministrators(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := w.group(account.NewGroup{Name: "g"})
	for want, actor := range map[idp.Code]idp.Actor{idp.CodeForbidden: {User: w.user("mia")}, idp.CodeUnsigned: {}} {
		for name, act := range map[string]func() error{
			"get":     func() error { _, err := w.accounts.GetGroup(w.ctx, actor, g.ID); return err },
			"find":    func() error { _, err := w.accounts.FindGroups(w.ctx, actor, idp.GroupFilter{}); return err },
			"members": func() error { _, err := w.accounts.Members(w.ctx, actor, g.ID, idp.Paging{}); return err },
			"create": func() error {
				_, err := w.accounts.CreateGroup(w.ctx, actor, account.NewGroup{Name: "x", IsSuperuser: true})
				return err
			},
			"update": func() error { _, err := w.accounts.UpdateGroup(w.ctx, actor, g.ID, account.GroupPatch{}); return err },
			"delete": func() error { return w.accounts.DeleteGroup(w.ctx, actor, g.ID) },
			"add":    func() error { return w.accounts.AddMember(w.ctx, actor, w.admins, 1) },
			"remove": func() error { return w.accounts.RemoveMember(w.ctx, actor, w.admins, 1) },
			"set":    func() error { return w.accounts.SetMembers(w.ctx, actor, w.admins, nil) },
		} {
			require.Equal(t, want, idp.CodeOf(act()), name)
		}
	}
}

// The last administrator is kept through every change of groups, also when two
// of them take each other's rights away at once.
func TestOfTwoAdministratorsWhoRemoveEachOtherOneIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 5 {
		rival := w.create(account.NewUser{Username: "rival", Password: ptr(good), Groups: []idp.GroupID{w.admins}})
		var g errgroup.Group
		for _, act := range []func() error{
			func() error { return w.accounts.RemoveMember(w.ctx, w.admin, w.admins, rival.ID) },
			func() error {
				_, err := w.accounts.Update(w.ctx, idp.Actor{User: rival}, w.admin.User.ID, account.Patch{Groups: &[]idp.GroupID{}})
				return err
			},
		} {
			g.Go(func() error {
				if err := act(); err != nil && !idp.Is(err, idp.CodeInvalid) && !idp.Is(err, idp.CodeForbidden) {
					return err
				}
				return nil
			})
		}
		require.NoError(t, g.Wait())
		remaining, err := w.db.Repos().Users.HoldAdministrators(w.ctx)
		require.NoError(t, err)
		require.Equal(t, 1, remaining)
		require.NoError(t, w.db.Repos().Groups.AddUser(w.ctx, w.admins, w.admin.User.ID))
		require.NoError(t, w.accounts.Delete(w.ctx, w.admin, rival.ID))
	}
}
