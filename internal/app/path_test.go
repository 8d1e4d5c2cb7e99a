package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// paths are all the ways in which an account is switched off. admin is the
// administrator's browser, own the account's.
var paths = map[string]func(s *site, admin, own *browser, u *idp.User){
	"API, change": func(s *site, _, _ *browser, u *idp.User) {
		s.admin().api(http.StatusOK, http.MethodPatch, fmt.Sprintf("/core/users/%d/", u.ID), map[string]any{"is_active": false})
	},
	"API, replacement": func(s *site, _, _ *browser, u *idp.User) {
		s.admin().api(http.StatusOK, http.MethodPut, fmt.Sprintf("/core/users/%d/", u.ID),
			map[string]any{"username": u.Username, "name": "Replaced", "is_active": false})
	},
	"API, lockdown": func(s *site, _, _ *browser, u *idp.User) {
		s.admin().contain(map[string]any{"users": []idp.UserID{u.ID}})
	},
	"API, deletion": func(s *site, _, _ *browser, u *idp.User) {
		s.admin().api(http.StatusNoContent, http.MethodDelete, fmt.Sprintf("/core/users/%d/", u.ID), nil)
	},
	"flow, another": func(_ *site, admin, _ *browser, u *idp.User) {
		admin.plan(u)
		admin.confirm("by flow")
	},
	"flow, oneself": func(_ *site, _, own *browser, _ *idp.User) {
		own.plan(nil)
		own.confirm("by flow")
	},
	"settings": func(s *site, _, own *browser, _ *idp.User) {
		to := own.do(http.MethodPost, "/if/user/settings/lockdown/", form{})
		require.Equal(s, http.StatusSeeOther, to.status, "%s", to.body)
		own.confirm("from the settings")
	},
	"console, deactivation": func(s *site, admin, _ *browser, u *idp.User) {
		admin.submit(fmt.Sprintf("/if/admin/users/%d/deactivate/", u.ID), form{"confirmed": "true"})
	},
	"console, several": func(s *site, admin, _ *browser, u *idp.User) {
		admin.submit("/if/admin/users/bulk/", form{"confirmed": "true", "act": "deactivate", "users": fmt.Sprint(u.ID)})
	},
	"console, lockdown": func(s *site, admin, _ *browser, u *idp.User) {
		admin.submit(fmt.Sprintf("/if/admin/users/%d/lockdown/", u.ID), form{})
		admin.confirm("from the console")
	},
	"console, lockdown of several": func(s *site, admin, _ *browser, u *idp.User) {
		admin.submit("/if/admin/users/bulk/", form{"confirmed": "true", "act": "lockdown", "users": fmt.Sprint(u.ID)})
		admin.confirm("from the console")
	},
	"console, deletion": func(s *site, admin, _ *browser, u *idp.User) {
		admin.submit(fmt.Sprintf("/if/admin/users/%d/delete/", u.ID), form{"confirmed": "true"})
	},
	"blueprint, change": func(s *site, _, _ *browser, u *idp.User) {
		s.blueprint("  - model: authentik_core.user\n    identifiers: {username: " + u.Username + "}\n    attrs: {is_active: false}\n")
	},
	"blueprint, deletion": func(s *site, _, _ *browser, u *idp.User) {
		s.blueprint("  - model: authentik_core.user\n    identifiers: {username: " + u.Username + "}\n    state: absent\n")
	},
	"the product itself": func(s *site, _, _ *browser, u *idp.User) {
		require.NoError(s, s.replicas[0].Lockdowns.Deactivate(s.Context(), idp.SystemActor(), u.ID))
	},
}

// blueprint applies entries as the administrator.
func (s *site) blueprint(entries string) {
	s.Helper()
	d, err := blueprint.Parse("accounts.yaml", []byte("version: 1\nentries:\n"+entries))
	require.NoError(s, err)
	a := s.replicas[0]
	prints := blueprint.New(blueprint.Deps{Store: a.DB, Access: a.Access, Rules: a.Configure, Accounts: a.Accounts, Tokens: a.Tokens,
		Stages: a.Flows, Policies: policy.NewKinds(nil)})
	session, _ := s.cookie(s.named("admin"))
	_, err = prints.Apply(s.Context(), d, blueprint.Options{Actor: idp.Actor{User: s.now(s.named("admin")), Session: session}})
	require.NoError(s, err)
}

// submit sends a form of a page, which answers by sending the browser on.
func (b *browser) submit(path string, f form) {
	b.site.Helper()
	a := b.do(http.MethodPost, path, f)
	require.Equal(b.site, http.StatusSeeOther, a.status, "%s: %s", path, a.body)
}

// Whichever way an account is switched off, its sessions, tokens, links and
// sign-ins under way end with it, and switching it on revives none of them.
func TestEveryPathThatDeactivatesEndsEverything(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	admin, n := s.with(s.named("admin")), 0
	for name, deactivate := range paths {
		n++
		ada := s.user(fmt.Sprintf("ada%d", n))
		own, elsewhere, half := s.with(ada), s.with(ada), s.browser()
		half.solve(signInFlow, map[string]any{"uid_field": ada.Username})
		_, api := s.key(ada, idp.IntentAPI)
		program := s.program(api)
		got := s.admin().api(http.StatusOK, http.MethodPost, fmt.Sprintf("/core/users/%d/recovery/", ada.ID), map[string]any{})
		link := strings.TrimPrefix(got["link"].(string), s.replicas[0].base)
		require.Equal(t, http.StatusSeeOther, s.browser().get(link).status, "%s: the link works before", name)

		deactivate(s, admin, own, ada)
		nothingWorks := func(when string) {
			t.Helper()
			for what, b := range map[string]*browser{"own session": own, "another session": elsewhere, "token": program} {
				require.False(t, b.works(), "%s: the %s works %s", name, what, when)
			}
			require.Contains(t, string(s.browser().get(link).body), "This link does not work", "%s: %s", name, when)
			got := half.solve(signInFlow, map[string]any{"component": "ak-stage-password", "password": password})
			require.Equal(t, "Failed to authenticate.", fault(got, "password"), "%s: a sign-in under way, %s", name, when)
		}
		nothingWorks("after it")
		in, err := s.browser().tryToSignIn(ada.Username, password)
		require.NoError(t, err)
		require.False(t, in, name)
		if strings.HasSuffix(name, "deletion") {
			_, err := s.repos().Users.Get(t.Context(), ada.ID)
			require.True(t, idp.Is(err, idp.CodeNotFound), "%v", err)
			continue
		}
		held, err := s.repos().Holder.Holdings(t.Context(), ada.ID)
		require.NoError(t, err)
		require.Zero(t, held.Sessions+held.TokenTotal(), name)

		s.admin().api(http.StatusOK, http.MethodPatch, fmt.Sprintf("/core/users/%d/", ada.ID), map[string]any{"is_active": true})
		nothingWorks("after the activation")
		require.Equal(t, !strings.Contains(name, "lockdown") && !strings.HasPrefix(name, "flow") && name != "settings",
			s.now(ada).HasUsablePassword(), name)
		s.admin().api(http.StatusNoContent, http.MethodPost, fmt.Sprintf("/core/users/%d/set_password/", ada.ID), map[string]any{"password": password})
		require.True(t, s.browser().signIn(ada).works(), "%s: a fresh sign-in", name)
	}
}

// Restoring by a recovery link: it waits for the activation, sets a password,
// signs in, and is used up.
func TestRestoreByRecoveryLink(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada := s.user("ada")
	recovery := fmt.Sprintf("/core/users/%d/recovery/", ada.ID)
	s.admin().contain(map[string]any{"users": []idp.UserID{ada.ID}})
	s.admin().api(http.StatusForbidden, http.MethodPost, recovery, map[string]any{})

	s.admin().api(http.StatusOK, http.MethodPatch, fmt.Sprintf("/core/users/%d/", ada.ID), map[string]any{"is_active": true})
	require.NotNil(t, s.records(ada)[0].RestoredAt)
	require.Len(t, s.events(idp.ActionIDRestore), 1)
	got := s.admin().api(http.StatusOK, http.MethodPost, recovery, map[string]any{})
	link := strings.TrimPrefix(got["link"].(string), s.replicas[0].base)

	b, scanner := s.browser(), s.browser()
	require.Equal(t, http.StatusSeeOther, scanner.get(link).status, "a program that looks through mail")
	require.Equal(t, "/if/flow/"+recoveryFlow+"/", b.get(link).location(), "without the key")
	next := map[string]any{"component": "ak-stage-prompt", "password": "another battery staple", "password_repeat": "another battery staple"}
	require.Equal(t, "ak-stage-prompt", b.challenge(recoveryFlow)["component"])
	require.Equal(t, "xak-flow-redirect", b.solve(recoveryFlow, next)["component"])
	require.True(t, b.works())

	got = scanner.solve(recoveryFlow, next)
	require.NotEqual(t, "xak-flow-redirect", got["component"], "once")
	require.False(t, scanner.works())
	require.Contains(t, string(s.browser().get(link).body), "This link does not work")

	s.brand(map[string]any{"flow_recovery": nil})
	got = s.admin().api(http.StatusBadRequest, http.MethodPost, recovery, map[string]any{})
	require.Equal(t, []any{"No recovery flow set."}, got["non_field_errors"])
}
