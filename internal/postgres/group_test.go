package postgres

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestGroupKeepsEveryField(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, groups := t.Context(), db.Repos().Groups
	top := addGroup(t, db, "top", true)
	side := addGroup(t, db, "side", false)
	g := &idp.Group{Name: "staff", Attributes: idp.Attributes{"a": "b"}, Parents: []idp.GroupID{top.ID, top.ID}}
	require.NoError(t, groups.Create(ctx, g))
	require.Positive(t, int(g.NumPK))
	require.NoError(t, groups.AddUser(ctx, g.ID, addUser(t, db, "x").ID))
	g.Parents, g.MemberCount = g.Parents[:1], 1
	got, err := groups.Get(ctx, g.ID)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(g, got))

	got.Name, got.IsSuperuser, got.Attributes, got.Parents = "crew", true, nil, []idp.GroupID{side.ID}
	require.NoError(t, groups.Update(ctx, got))
	again, err := groups.Get(ctx, g.ID)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(got, again, cmpopts.EquateEmpty()))

	require.NoError(t, groups.Delete(ctx, g.ID))
	_, err = groups.Get(ctx, g.ID)
	requireCode(t, idp.CodeNotFound, err)
	requireCode(t, idp.CodeNotFound, groups.Update(ctx, got))
	requireCode(t, idp.CodeNotFound, groups.Delete(ctx, g.ID))
}

func TestGroupRefusals(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, groups := t.Context(), db.Repos().Groups
	a := addGroup(t, db, "a", false)
	b := addGroup(t, db, "b", false, a.ID)
	c := addGroup(t, db, "c", false, b.ID)

	a.Parents = []idp.GroupID{c.ID}
	requireField(t, groups.Update(ctx, a), "parents", "own ancestor")
	a.Parents = []idp.GroupID{a.ID}
	requireField(t, groups.Update(ctx, a), "parents", "own ancestor")
	nobody := idp.NewID[idp.Group]()
	a.Name, a.Parents = "renamed", []idp.GroupID{nobody}
	requireField(t, groups.Update(ctx, a), "parents", nobody.String())
	got, err := groups.Get(ctx, a.ID)
	require.NoError(t, err)
	require.Equal(t, "a", got.Name, "half of a refused change was kept")
	require.Empty(t, got.Parents)

	requireField(t, groups.Create(ctx, &idp.Group{Name: "b"}), "name", "unique")
	requireField(t, groups.Create(ctx, &idp.Group{}), "name", "blank")
	requireField(t, groups.AddUser(ctx, a.ID, 4711), "users", "4711")
	requireField(t, groups.SetUsers(ctx, a.ID, []idp.UserID{4711}), "users", "4711")
	requireField(t, groups.SetGroups(ctx, addUser(t, db, "x").ID, []idp.GroupID{nobody}), "groups", nobody.String())
}

func TestMembership(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, r := t.Context(), db.Repos()
	x, y := addUser(t, db, "x"), addUser(t, db, "y")
	g, h := addGroup(t, db, "g", false), addGroup(t, db, "h", false)
	require.NoError(t, r.Groups.AddUser(ctx, g.ID, x.ID))
	require.NoError(t, r.Groups.AddUser(ctx, g.ID, x.ID), "twice is fine")
	members := func(id idp.GroupID) []string {
		p, err := r.Groups.Members(ctx, id, idp.Paging{})
		require.NoError(t, err)
		return usernames(p)
	}
	require.Equal(t, []string{"x"}, members(g.ID))
	require.NoError(t, r.Groups.SetUsers(ctx, g.ID, []idp.UserID{y.ID, y.ID}))
	require.Equal(t, []string{"y"}, members(g.ID))
	require.NoError(t, r.Groups.SetGroups(ctx, y.ID, []idp.GroupID{h.ID}))
	require.Empty(t, members(g.ID))
	require.Equal(t, []string{"y"}, members(h.ID))
	require.NoError(t, r.Groups.RemoveUser(ctx, h.ID, y.ID))
	require.NoError(t, r.Groups.RemoveUser(ctx, h.ID, y.ID))
	require.Empty(t, members(h.ID))
	require.NoError(t, r.Groups.SetUsers(ctx, g.ID, []idp.UserID{x.ID, y.ID}))
	require.NoError(t, r.Groups.SetUsers(ctx, g.ID, nil))
	require.Empty(t, members(g.ID))
}

func TestSuperuserComesFromAnyAncestor(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, r := t.Context(), db.Repos()
	top := addGroup(t, db, "top", true)
	middle := addGroup(t, db, "middle", false, top.ID)
	leaf := addGroup(t, db, "leaf", false, middle.ID)
	other := addGroup(t, db, "other", false)
	u := addUser(t, db, "u")
	require.NoError(t, r.Groups.SetGroups(ctx, u.ID, []idp.GroupID{leaf.ID, other.ID}))
	got, err := r.Users.Get(ctx, u.ID)
	require.NoError(t, err)
	require.True(t, got.IsSuperuser)
	require.Equal(t, []idp.GroupID{leaf.ID, other.ID}, got.Groups)
	require.Equal(t, []idp.GroupID{leaf.ID, middle.ID, other.ID, top.ID}, got.AllGroups)
	require.Equal(t, []string{"leaf", "middle", "other", "top"}, got.GroupNames)

	require.NoError(t, r.Groups.SetGroups(ctx, u.ID, []idp.GroupID{other.ID}))
	got, err = r.Users.Get(ctx, u.ID)
	require.NoError(t, err)
	require.False(t, got.IsSuperuser)
}

func TestCycleInTheDataEnds(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, r := t.Context(), db.Repos()
	a, b := addGroup(t, db, "a", false), addGroup(t, db, "b", true)
	sql(t, db, `INSERT INTO group_parents VALUES ($1, $2), ($2, $1)`, a.ID, b.ID)
	u := addUser(t, db, "u")
	require.NoError(t, r.Groups.AddUser(ctx, a.ID, u.ID))
	got, err := r.Users.Get(ctx, u.ID)
	require.NoError(t, err)
	require.True(t, got.IsSuperuser)
	p, err := r.Users.Find(ctx, idp.UserFilter{IsSuperuser: ptr(true)})
	require.NoError(t, err)
	require.Equal(t, []string{"u"}, usernames(p))
}

func TestGroupFilters(t *testing.T) {
	t.Parallel()
	db := open(t)
	u := addUser(t, db, "u")
	a := addGroup(t, db, "Alpha", true)
	b := addGroup(t, db, "beta", false, a.ID)
	require.NoError(t, db.Repos().Groups.AddUser(t.Context(), b.ID, u.ID))
	for name, c := range map[string]struct {
		f    idp.GroupFilter
		want []string
	}{
		"all":       {idp.GroupFilter{}, []string{"Alpha", "beta"}},
		"ids":       {idp.GroupFilter{IDs: []idp.GroupID{a.ID}}, []string{"Alpha"}},
		"no ids":    {idp.GroupFilter{IDs: []idp.GroupID{}}, nil},
		"name":      {idp.GroupFilter{Name: ptr("beta")}, []string{"beta"}},
		"superuser": {idp.GroupFilter{IsSuperuser: ptr(true)}, []string{"Alpha"}},
		"member":    {idp.GroupFilter{MemberID: &u.ID}, []string{"beta"}},
		"parent":    {idp.GroupFilter{ParentID: &a.ID}, []string{"beta"}},
		"search":    {idp.GroupFilter{Paging: idp.Paging{Search: "ALPH"}}, []string{"Alpha"}},
		"backwards": {idp.GroupFilter{Paging: idp.Paging{Order: []string{"-name"}}}, []string{"beta", "Alpha"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := db.Repos().Groups.Find(t.Context(), c.f)
			require.NoError(t, err)
			var names []string
			for _, g := range got.Items {
				names = append(names, g.Name)
			}
			require.Equal(t, c.want, names)
			require.Equal(t, len(names), got.Total)
		})
	}
}
