package app_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// holder makes somebody with a role of these rules, and a program of theirs.
func (s *site) holder(deny []idp.RoleRule, allow ...idp.RoleRule) (*idp.User, *browser) {
	s.Helper()
	name := unique("power")
	_, err := s.replicas[0].RoleService.Create(s.Context(), idp.SystemActor(), access.Draft{Name: name,
		Spec: idp.RoleSpec{Allow: idp.RoleRules{Rules: allow}, Deny: idp.RoleRules{Rules: deny}}})
	require.NoError(s, err)
	u := s.withRoles(name)
	_, key := s.key(u, idp.IntentAPI)
	return u, s.program(key)
}

func all(resources ...string) idp.RoleRule {
	return idp.RoleRule{Resources: resources, Verbs: []string{"*"}}
}

// TestNobodyGainsRights attacks with every right but that of a superuser, and then
// with all over users, groups, tokens and roles but not over locks.
func TestNobodyGainsRights(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	root := s.administrator(unique("root"))
	_, rootKey := s.key(root, idp.IntentAPI)
	rootToken, _ := s.key(root, idp.IntentAPI)
	_ = rootKey
	app, sys := s.replicas[0], idp.SystemActor()
	admins := s.now(root).Groups[0]
	smith := s.withRoles("locksmith")
	smiths, err := app.Accounts.CreateGroup(t.Context(), sys, account.NewGroup{Name: unique("smiths"), Roles: []string{"locksmith"}})
	require.NoError(t, err)
	plain, err := app.Accounts.CreateGroup(t.Context(), sys, account.NewGroup{Name: unique("plain")})
	require.NoError(t, err)
	locksmith, err := s.repos().Roles.GetByName(t.Context(), "locksmith")
	require.NoError(t, err)

	mallory, everything := s.holder(nil, all("*"))
	eve, most := s.holder(nil, all("user", "group", "token", "role", "recovery", "lockdown", "blueprint"))
	user := func(u *idp.User) string { return "/core/users/" + u.ID.String() + "/" }
	group := func(id idp.GroupID) string { return "/core/groups/" + id.String() + "/" }
	type attack struct {
		name, method, path string
		body               any
	}
	over := func(u *idp.User) []attack {
		return []attack{
			{"password", "POST", user(u) + "set_password/", anyMap{"password": "correct horse battery"}},
			{"recovery link", "POST", user(u) + "recovery/", anyMap{}},
			{"token", "POST", "/core/tokens/", anyMap{"identifier": unique("t"), "user": u.ID}},
			{"e-mail", "PATCH", user(u), anyMap{"email": "mallory@example.org"}},
			{"username", "PATCH", user(u), anyMap{"username": unique("x")}},
			{"attributes", "PATCH", user(u), anyMap{"attributes": anyMap{"upn": "x"}}},
			{"password hash", "PATCH", user(u), anyMap{"password_hash": "pbkdf2_sha256$600000$salt$AAAA"}},
			{"deletion", "DELETE", user(u), nil},
		}
	}
	into := func(id idp.GroupID, me *idp.User) []attack {
		return []attack{
			{"joining", "POST", group(id) + "add_user/", anyMap{"pk": me.ID}},
			{"joining by oneself", "PATCH", user(me), anyMap{"groups": []string{id.String()}}},
			{"members", "PATCH", group(id), anyMap{"users": []idp.UserID{me.ID}}},
			{"a child group", "POST", "/core/groups/", anyMap{"name": unique("g"), "parents": []string{id.String()}, "users": []idp.UserID{me.ID}}},
			{"becoming a child", "PATCH", group(plain.ID), anyMap{"parents": []string{id.String()}}},
			{"a new user", "POST", "/core/users/", anyMap{"username": unique("n"), "name": "N", "groups": []string{id.String()}}},
			{"its name", "PATCH", group(id), anyMap{"name": unique("g")}},
			{"deletion of the group", "DELETE", group(id), nil},
		}
	}
	blueprint := "version: 1\nentries:\n  - model: authentik_core.group\n    identifiers: {name: evil}\n    attrs: {is_superuser: true}\n"
	superuser := []attack{
		{"a superuser group", "POST", "/core/groups/", anyMap{"name": unique("g"), "is_superuser": true}},
		{"a group made superuser", "PATCH", group(plain.ID), anyMap{"is_superuser": true}},
		{"a blueprint", "POST", "/managed/blueprints/", anyMap{"name": unique("b"), "content": blueprint, "enabled": true}},
		{"the key of a token", "GET", "/core/tokens/" + rootToken.Identifier + "/view_key/", nil},
		{"another key", "POST", "/core/tokens/" + rootToken.Identifier + "/set_key/", anyMap{"key": "0123456789012345678901234567890123456789"}},
		{"longer life", "PATCH", "/core/tokens/" + rootToken.Identifier + "/", anyMap{"expiring": false}},
	}
	locks := idp.RoleSpec{Allow: idp.RoleRules{Rules: []idp.RoleRule{{Resources: []string{"lock"}, Verbs: []string{"create"}}}}}
	roles := []attack{
		{"giving oneself a role", "PATCH", user(eve), anyMap{"roles": []string{"locksmith"}}},
		{"giving it by the role", "POST", "/rbac/roles/" + locksmith.ID.String() + "/add_user/", anyMap{"pk": eve.ID}},
		{"giving it to a group", "PATCH", group(plain.ID), anyMap{"roles": []string{"locksmith"}}},
		{"a new role", "POST", "/rbac/roles/", anyMap{"name": unique("r"), "spec": locks}},
		{"a role of everything", "POST", "/rbac/roles/", anyMap{"name": unique("r"), "spec": idp.RoleSpec{Allow: idp.RoleRules{Rules: []idp.RoleRule{all("*")}}}}},
		{"one's own role", "PATCH", "/rbac/roles/" + s.onlyRole(eve).String() + "/", anyMap{"spec": locks}},
		{"a new user with a role", "POST", "/core/users/", anyMap{"username": unique("n"), "name": "N", "roles": []string{"locksmith"}}},
		{"a new group with a role", "POST", "/core/groups/", anyMap{"name": unique("g"), "roles": []string{"locksmith"}, "users": []idp.UserID{eve.ID}}},
	}
	refused := func(b *browser, who string, list ...attack) {
		t.Helper()
		for _, a := range list {
			got := b.do(a.method, "/api/v3"+a.path, a.body)
			require.Equal(t, http.StatusForbidden, got.status, "%s: %s: %s", who, a.name, got.body)
		}
	}
	refused(everything, "every right, a superuser's account", over(root)...)
	refused(everything, "every right, a group of superusers", into(admins, mallory)...)
	refused(everything, "every right", superuser...)
	refused(most, "without locks, a superuser's account", over(root)...)
	refused(most, "without locks, a locksmith's account", over(smith)...)
	refused(most, "without locks, a group of superusers", into(admins, eve)...)
	refused(most, "without locks, a group of locksmiths", into(smiths.ID, eve)...)
	refused(most, "without locks", append(superuser, roles...)...)

	require.False(t, s.now(mallory).IsSuperuser || s.now(eve).IsSuperuser)
	require.Len(t, s.now(eve).RoleNames, 1)
	require.Equal(t, root.Email, s.now(root).Email)

	// What is theirs to do goes on: those with fewer rights, themselves, and to
	// contain a superuser.
	mia := s.user(unique("mia"))
	most.api(http.StatusOK, http.MethodPatch, user(mia), anyMap{"email": "new@example.org"})
	require.Equal(t, http.StatusNoContent, most.do("POST", "/api/v3"+group(plain.ID)+"add_user/", anyMap{"pk": mia.ID}).status)
	everything.api(http.StatusOK, http.MethodPatch, user(mia), anyMap{"roles": []string{"locksmith"}})
	require.Equal(t, []string{"locksmith"}, s.now(mia).RoleNames)
	most.api(http.StatusOK, http.MethodPatch, user(root), anyMap{"is_active": false})
	require.False(t, s.now(root).IsActive, "containment of a superuser is not control")
	require.Equal(t, http.StatusForbidden, most.do("PATCH", "/api/v3"+user(root), anyMap{"is_active": true}).status, "reopening is")
}

// onlyRole is the one role that somebody has directly.
func (s *site) onlyRole(u *idp.User) idp.RoleID {
	s.Helper()
	held, err := s.repos().Roles.OfUsers(s.Context(), []idp.UserID{u.ID})
	require.NoError(s, err)
	require.Len(s, held[u.ID], 1)
	return held[u.ID][0].ID
}

// A denial binds those who could take it away.
func TestNobodyShedsWhatIsDenied(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	u, b := s.holder([]idp.RoleRule{all("lock")}, all("*"))
	own := "/rbac/roles/" + s.onlyRole(u).String() + "/"
	for name, a := range map[string][3]any{
		"making a lock":            {"POST", "/locks/", anyMap{"target": anyMap{"login": "x"}}},
		"taking the role":          {"PATCH", "/core/users/" + u.ID.String() + "/", anyMap{"roles": []string{}}},
		"deleting the role":        {"DELETE", own, nil},
		"its denial":               {"PATCH", own, anyMap{"spec": idp.RoleSpec{Allow: idp.RoleRules{Rules: []idp.RoleRule{all("*")}}}}},
		"administrator on top":     {"PATCH", "/core/users/" + u.ID.String() + "/", anyMap{"roles": []string{s.onlyRole(u).String(), "administrator"}}},
		"a locksmith of one's own": {"POST", "/core/users/", anyMap{"username": unique("n"), "name": "N", "roles": []string{"locksmith"}}},
		"a locksmith's password":   {"POST", "/core/users/" + s.withRoles("locksmith").ID.String() + "/set_password/", anyMap{"password": "correct horse battery"}},
	} {
		got := b.do(a[0].(string), "/api/v3"+a[1].(string), a[2])
		require.Equal(t, http.StatusForbidden, got.status, "%s: %s", name, got.body)
	}
	// The same role may be given on: what it denies it denies them as well.
	mia := s.user(unique("mia"))
	b.api(http.StatusOK, http.MethodPatch, "/core/users/"+mia.ID.String()+"/", anyMap{"roles": []string{s.onlyRole(u).String()}})
	require.Len(t, s.now(mia).RoleNames, 1)
}

// The condition of a rule limits what may be locked.
func TestWhereLimitsWhatMayBeLocked(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	_, b := s.holder(nil, idp.RoleRule{Resources: []string{"lock"}, Verbs: []string{"create", "update", "delete"}, Where: `lock.target.role == "contractor"`},
		idp.RoleRule{Resources: []string{"lock"}, Verbs: []string{"list"}})
	made := b.api(http.StatusCreated, http.MethodPost, "/locks/", anyMap{"target": anyMap{"role": "contractor"}})
	refused := b.api(http.StatusForbidden, http.MethodPost, "/locks/", anyMap{"target": anyMap{"role": "staff"}})
	require.Equal(t, `access denied to perform action "create" on "lock"`, refused["detail"])
	at := "/locks/" + made["name"].(string) + "/"
	b.api(http.StatusForbidden, http.MethodPatch, at, anyMap{"target": anyMap{"role": "staff"}})
	b.api(http.StatusOK, http.MethodPatch, at, anyMap{"message": "Away."})
	other := s.admin().api(http.StatusCreated, http.MethodPost, "/locks/", anyMap{"target": anyMap{"role": "staff"}})
	b.api(http.StatusForbidden, http.MethodDelete, "/locks/"+other["name"].(string)+"/", nil)
	require.Equal(t, http.StatusNoContent, b.do(http.MethodDelete, "/api/v3"+at, nil).status)
}

// Helpdesk gets people back in, and touches nobody with more rights.
func TestHelpdesk(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	desk := s.with(s.withRoles("helpdesk"))
	mia, smith, root := s.user(unique("mia")), s.withRoles("locksmith"), s.administrator(unique("root"))
	for _, u := range []*idp.User{mia, smith, root} {
		s.replicas[0].contain(s, u)
	}
	send := func(u *idp.User, act string) int {
		return desk.do(http.MethodPost, "/if/admin/users/"+u.ID.String()+"/"+act+"/", form{"confirmed": "1"}).status
	}
	require.Equal(t, http.StatusSeeOther, send(mia, "activate"))
	require.True(t, s.now(mia).IsActive)
	require.Equal(t, http.StatusOK, send(mia, "recovery"), "the link is shown")
	for _, u := range []*idp.User{smith, root} {
		send(u, "activate")
		require.False(t, s.now(u).IsActive)
	}
	for _, act := range []string{"lockdown", "deactivate", "password", "delete", "edit"} {
		require.Equal(t, http.StatusForbidden, send(mia, act), act)
	}
}

// contain switches an account off.
func (r *replica) contain(s *site, u *idp.User) {
	s.Helper()
	require.NoError(s, r.Lockdowns.Deactivate(s.Context(), idp.SystemActor(), u.ID))
}
