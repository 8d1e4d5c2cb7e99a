package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// grave is an act that takes a fresh proof, over the API.
type grave struct {
	// asks are the functions that ask for it; see TestWhereFreshProofsAreAsked.
	asks []string
	// does tries it on things made for the occasion.
	does func(s *site, b *browser) *answer
}

// sends is an act that is one request about a new account.
func sends(method, path string, body func(u *idp.User) any) func(*site, *browser) *answer {
	return func(s *site, b *browser) *answer {
		u := s.user(unique("subject"))
		var sent any
		if body != nil {
			sent = body(u)
		}
		return b.do(method, "/api/v3"+strings.ReplaceAll(path, "{user}", u.ID.String()), sent)
	}
}

// about is an act on something that the administrator made over the API.
func about(made string, body func() anyMap, key, method, path string, sent any) func(*site, *browser) *answer {
	return func(s *site, b *browser) *answer {
		it := s.admin().api(http.StatusCreated, http.MethodPost, made, body())
		return b.do(method, "/api/v3"+strings.ReplaceAll(path, "{it}", fmt.Sprint(it[key])), sent)
	}
}

// restores is a step of the restore of an account that joined a group before it was
// locked down.
func restores(step string, body anyMap) func(*site, *browser) *answer {
	return func(s *site, b *browser) *answer {
		u, admin := s.user(unique("subject")), s.admin()
		group := admin.api(http.StatusCreated, http.MethodPost, "/core/groups/", aGroup())
		admin.api(http.StatusNoContent, http.MethodPost, fmt.Sprint("/core/groups/", group["pk"], "/add_user/"), anyMap{"pk": u.ID})
		done := admin.api(http.StatusOK, http.MethodPost, "/lockdowns/", anyMap{"users": []any{u.ID}, "reason": "test"})
		at := fmt.Sprint("/api/v3/lockdowns/", done["results"].([]any)[0].(anyMap)["lockdown"], "/restore/")
		if step != "activate" {
			admin.do(http.MethodPost, at+"activate/", anyMap{})
		}
		return b.do(http.MethodPost, at+step+"/", body)
	}
}

func aLock() anyMap { return anyMap{"target": anyMap{"user": unique("nobody")}} }
func aRole() anyMap {
	return anyMap{"name": unique("role"), "spec": anyMap{"allow": anyMap{"rules": []any{anyMap{"resources": []any{"event"}, "verbs": []any{"list"}}}}}}
}
func aGroup() anyMap { return anyMap{"name": unique("group"), "is_superuser": true} }
func aToken() anyMap { return anyMap{"identifier": unique("made"), "intent": "api"} }

// graves are all such acts. Whoever adds one adds it here.
func graves() map[string]grave {
	with := func(name string, value any) func(*idp.User) any {
		return func(*idp.User) any { return anyMap{name: value} }
	}
	return map[string]grave{
		"lock an account down": {[]string{"lockdown.fresh"}, sends(http.MethodPost, "/lockdowns/", func(u *idp.User) any {
			return anyMap{"users": []any{u.ID}, "reason": "test"}
		})},
		"deactivate":              {[]string{"account.freshFor"}, sends(http.MethodPatch, "/core/users/{user}/", with("is_active", false))},
		"set another's password":  {[]string{"account.SetPassword", "account.SetPasswordIn"}, sends(http.MethodPost, "/core/users/{user}/set_password/", with("password", "correct horse battery"))},
		"move another's recovery": {[]string{"account.freshFor"}, sends(http.MethodPatch, "/core/users/{user}/", with("email", "elsewhere@example.org"))},
		"delete an account":       {[]string{"account.Delete"}, sends(http.MethodDelete, "/core/users/{user}/", nil)},
		"make a recovery link":    {[]string{"token.RecoveryLink", "token.RecoveryLinkIn"}, sends(http.MethodPost, "/core/users/{user}/recovery/", nil)},
		"mail a recovery link": {[]string{"token.RecoveryMail", "token.RecoveryMailIn"}, func(s *site, b *browser) *answer {
			stage := s.admin().api(http.StatusCreated, http.MethodPost, "/stages/email/", anyMap{"name": unique("mail"), "use_global_settings": false, "host": "127.0.0.1", "port": 1, "from_address": "id@example.org"})
			u := s.user(unique("subject"))
			return b.do(http.MethodPost, "/api/v3/core/users/"+u.ID.String()+"/recovery_email/", anyMap{"email_stage": stage["pk"]})
		}},
		"give rights by a group": {[]string{"account.covers"}, func(s *site, b *browser) *answer {
			u, group := s.user(unique("subject")), s.admin().api(http.StatusCreated, http.MethodPost, "/core/groups/", aGroup())
			return b.do(http.MethodPost, fmt.Sprint("/api/v3/core/groups/", group["pk"], "/add_user/"), anyMap{"pk": u.ID})
		}},
		"give rights by a user's groups": {[]string{"account.covers"}, func(s *site, b *browser) *answer {
			u, group := s.user(unique("subject")), s.admin().api(http.StatusCreated, http.MethodPost, "/core/groups/", aGroup())
			return b.do(http.MethodPatch, "/api/v3/core/users/"+u.ID.String()+"/", anyMap{"groups": []any{group["pk"]}})
		}},
		"delete a group with rights": {[]string{"account.covers"}, about("/core/groups/", aGroup, "pk", http.MethodDelete, "/core/groups/{it}/", nil)},
		"make a role":                {[]string{"access.may"}, func(_ *site, b *browser) *answer { return b.do(http.MethodPost, "/api/v3/rbac/roles/", aRole()) }},
		"change a role":              {[]string{"access.may"}, about("/rbac/roles/", aRole, "pk", http.MethodPatch, "/rbac/roles/{it}/", anyMap{"description": "x"})},
		"delete a role":              {[]string{"access.may"}, about("/rbac/roles/", aRole, "pk", http.MethodDelete, "/rbac/roles/{it}/", nil)},
		"give a role": {[]string{"access.may"}, func(s *site, b *browser) *answer {
			role, u := s.admin().api(http.StatusCreated, http.MethodPost, "/rbac/roles/", aRole()), s.user(unique("subject"))
			return b.do(http.MethodPost, fmt.Sprint("/api/v3/rbac/roles/", role["pk"], "/add_user/"), anyMap{"pk": u.ID})
		}},
		"rotate signing keys": {[]string{"oidc.changeKeys"}, func(_ *site, b *browser) *answer { return b.do(http.MethodPost, "/api/v3/oidc/keys/rotate/", nil) }},
		"make a lock":         {[]string{"lock.CreateAll"}, func(_ *site, b *browser) *answer { return b.do(http.MethodPost, "/api/v3/locks/", aLock()) }},
		"make locks": {[]string{"lock.CreateAll"}, func(_ *site, b *browser) *answer {
			return b.do(http.MethodPost, "/api/v3/locks/bulk/", anyMap{"locks": []any{aLock(), aLock()}})
		}},
		"change a lock": {[]string{"lock.Change"}, about("/locks/", aLock, "name", http.MethodPatch, "/locks/{it}/", anyMap{"message": "x"})},
		"lift a lock":   {[]string{"lock.Lift"}, about("/locks/", aLock, "name", http.MethodDelete, "/locks/{it}/", nil)},
		"lift all locks": {[]string{"lock.LiftAll"}, func(s *site, b *browser) *answer {
			name := unique("nobody")
			s.lock(anyMap{"user": name})
			return b.do(http.MethodDelete, "/api/v3/locks/?user="+name, nil)
		}},
		"make a token": {[]string{"token.Issue", "token.mayMark"}, func(_ *site, b *browser) *answer { return b.do(http.MethodPost, "/api/v3/core/tokens/", aToken()) }},
		"make an app password": {[]string{"token.Issue"}, func(_ *site, b *browser) *answer {
			return b.do(http.MethodPost, "/api/v3/core/tokens/", anyMap{"identifier": unique("made"), "intent": "app_password"})
		}},
		"show a token's key": {[]string{"token.Reveal"}, about("/core/tokens/", aToken, "identifier", http.MethodGet, "/core/tokens/{it}/view_key/", nil)},
		"set a token's key": {[]string{"token.SetKey"}, func(s *site, b *browser) *answer {
			it := s.admin().api(http.StatusCreated, http.MethodPost, "/core/tokens/", aToken())
			return b.do(http.MethodPost, fmt.Sprint("/api/v3/core/tokens/", it["identifier"], "/set_key/"), anyMap{"key": strings.Repeat("k", 20) + unique("key")})
		}},
		"mark a token": {[]string{"token.mayMark"}, about("/core/tokens/", func() anyMap {
			return anyMap{"identifier": unique("made"), "intent": "api", "step_up_exempt": false}
		}, "identifier", http.MethodPatch, "/core/tokens/{it}/", anyMap{"step_up_exempt": true})},
		"make a service account": {[]string{"token.IssueIn"}, func(_ *site, b *browser) *answer {
			return b.do(http.MethodPost, "/api/v3/core/users/service_account/", anyMap{"name": unique("program")})
		}},
		"say how long a proof counts": {[]string{"lockout.maySet"}, func(_ *site, b *browser) *answer {
			return b.do(http.MethodPost, "/api/settings", anyMap{"key": "security.step_up.max_age_seconds", "value": "900"})
		}},
		"apply a blueprint with a token": {[]string{"token.ChangeIn", "token.IssueIn"}, func(_ *site, b *browser) *answer {
			name := unique("print")
			return b.do(http.MethodPost, "/api/v3/managed/blueprints/", anyMap{"name": name, "content": "version: 1\nmetadata: {name: " + name + "}\nentries:\n" +
				"  - model: authentik_core.token\n    identifiers: {identifier: " + name + "}\n    attrs: {user: !Find [authentik_core.user, [username, admin]], intent: api}\n"})
		}},
		"delete an account by a blueprint": {[]string{"account.DeleteUserIn"}, func(s *site, b *browser) *answer {
			name, u := unique("print"), s.user(unique("subject"))
			return b.do(http.MethodPost, "/api/v3/managed/blueprints/", anyMap{"name": name, "content": "version: 1\nmetadata: {name: " + name + "}\nentries:\n" +
				"  - model: authentik_core.user\n    state: absent\n    identifiers: {username: " + u.Username + "}\n"})
		}},
		"activate in a restore":         {[]string{"lockdown.fresh"}, restores("activate", anyMap{})},
		"ask for what is to be renewed": {[]string{"account.RequireIn"}, restores("renew", anyMap{"password": true})},
		"revert a change":               {[]string{"restore.revert"}, restores("revert", anyMap{"all": true})},
		"set the password in a restore": {[]string{"account.SetPasswordIn"}, restores("password", anyMap{"password": "correct horse battery"})},
		"make a link in a restore":      {[]string{"token.RecoveryLinkIn"}, restores("recovery_link", anyMap{})},
		"remove a second factor in a restore": {[]string{"factor.Remove"}, func(s *site, b *browser) *answer {
			var made *idp.Factor
			r := s.robbed(unique("subject"), nil, func(u *idp.User) { made = s.factor(u, idp.FactorTOTP, "Phone") })
			return b.do(http.MethodPost, "/api/v3"+r.at+"factors/"+made.ID.String()+"/remove/", anyMap{})
		}},
		"let somebody into a group for a while": {[]string{"elevate.grant"}, func(s *site, b *browser) *answer {
			c := s.crew(unique("crew"), idp.Attributes{"requestable": true})
			id := c.ask(s.with(s.user(unique("subject"))))
			return b.do(http.MethodPost, "/api/v3/access_requests/"+id+"/grant/", anyMap{"note": "for the night"})
		}},
		"remove one's second factor": {[]string{"factor.Remove"}, func(s *site, b *browser) *answer {
			made := s.factor(s.named("root"), idp.FactorTOTP, unique("Phone"))
			return b.do(http.MethodDelete, fmt.Sprintf("/api/v3/authenticators/totp/%d/", made.Num), nil)
		}},
		"remove another's second factor": {[]string{"factor.Remove"}, func(s *site, b *browser) *answer {
			made := s.factor(s.user(unique("subject")), idp.FactorTOTP, "Phone")
			return b.do(http.MethodDelete, fmt.Sprintf("/api/v3/authenticators/admin/totp/%d/", made.Num), nil)
		}},
		"add a second factor": {[]string{"factor.mayAdd"}, func(_ *site, b *browser) *answer {
			return b.do(http.MethodGet, "/api/v3"+executor("default-authenticator-static-setup"), nil)
		}},
	}
}

// age makes a session's last proof an hour old, before any server has looked at it.
func (s *site) age(b *idp.Session) {
	s.Helper()
	_, err := s.connect().Exec(s.Context(), `UPDATE sessions SET proved_at = clock_timestamp() - interval '1 hour' WHERE id = $1`, b.ID)
	require.NoError(s, err)
}

// stale is a browser in which nothing was proved for an hour.
func (s *site) stale(u *idp.User) *browser {
	s.Helper()
	began, cookie := s.cookie(u)
	s.age(began)
	return s.holding(cookie)
}

// keyWith is a new token's key, marked or not.
func (s *site) keyWith(u *idp.User, marked bool) string {
	s.Helper()
	_, key, err := s.replicas[0].Tokens.Issue(s.Context(), idp.SystemActor(), token.Draft{User: u.ID, Identifier: unique("key"), StepUpExempt: &marked})
	require.NoError(s, err)
	return key
}

// TestGraveActsTakeAFreshProof tries every such act with every kind of credential.
func TestGraveActsTakeAFreshProof(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	admin := s.user("root", s.administers)
	credentials := []struct {
		name string
		is   *browser
		may  bool
	}{
		{"stale session", s.stale(admin), false}, {"fresh session", s.with(admin), true},
		{"unmarked token", s.program(s.keyWith(admin, false)), false}, {"marked token", s.program(s.keyWith(admin, true)), true},
	}
	for name, act := range graves() {
		for _, c := range credentials {
			t.Run(name+", "+c.name, func(t *testing.T) {
				got := act.does(s.within(t), c.is)
				if c.may {
					require.Less(t, got.status, 300, "%s: %s", got.path, got.body)
					require.NotContains(t, string(got.body), "step_up_required")
					return
				}
				said := got.json(http.StatusForbidden)
				require.Equal(t, "step_up_required", said["code"])
				require.Equal(t, "/flows/-/step-up/", said["step_up_url"])
				require.NotEmpty(t, said["detail"])
			})
		}
	}
}

// TestWhereFreshProofsAreAsked holds the table to the code: whoever asks for a fresh
// proof somewhere else adds the act that it guards.
func TestWhereFreshProofsAreAsked(t *testing.T) {
	t.Parallel()
	asked := read(t).fresh
	known := map[string]bool{"server/web.Fresh": true} // what pages ask with
	for _, act := range graves() {
		for _, name := range act.asks {
			known[name] = true
		}
	}
	for _, name := range asked {
		require.True(t, known[name], "%s asks for a fresh proof: add the act to graves", name)
	}
	for name := range known {
		require.True(t, slices.Contains(asked, name), "%s asks for no fresh proof any more", name)
	}
}
