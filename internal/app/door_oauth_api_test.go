package app_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/oidc"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// oauthAPI: a program acts on the API with the access token that it was granted.
func (d *doorway) oauthAPI(how spoil) error {
	d.Helper()
	_, got := d.granted(map[bool]spoil{true: healthy, false: how}[how == misused], idp.OAuthAccess)
	token := got[0].Access
	if how == misused {
		token = got[0].Refresh
	}
	_, err := d.OIDC().Bearer(d.Context(), idp.Actor{}, token)
	a := d.program(token).get("/api/v3/core/users/me/")
	if err != nil && !idp.Locked(err) {
		require.Equal(d, "Token invalid/expired", a.json(http.StatusForbidden)["detail"])
	}
	return d.agree(err, a.status == http.StatusOK, "the API")
}

// apiGrant is an access token of somebody's that acts on the API.
func (s *site) apiGrant(c *oidc.Client, u *idp.User, scopes ...string) (*idp.Session, string) {
	s.Helper()
	session, _ := s.cookie(u)
	got, err := s.OIDC().Token(s.Context(), idp.Actor{}, issuer, c, forCode(s.codeOf(c, s.now(u), session, time.Minute, scopes...)))
	require.NoError(s, err)
	return session, got.Access
}

// An access token acts on the API as its account, for as long as its grant, and only
// where the API was asked for.
func TestAccessTokensActOnTheAPI(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	c := s.client("wiki")
	mia := s.user(unique("mia"))
	session, token := s.apiGrant(c, mia, idp.ScopeAPI)
	_, other := s.apiGrant(c, mia)
	const me = "/api/v3/core/users/me/"
	require.Equal(t, mia.Username, dig(s.program(token).get(me).json(http.StatusOK), "user", "username"))
	s.program(other).get(me).json(http.StatusForbidden)
	s.program("x" + token).get(me).json(http.StatusForbidden)
	held, err := s.repos().OAuthGrants.Use(t.Context(), secret.DigestOf(token).Bytes())
	require.NoError(t, err)
	require.NotNil(t, held.Grant.LastUsedAt, "its use is written down")
	require.Less(t, held.Grant.AuthAge, time.Minute)

	// A lock on the application, by either name, or on the session refuses it with its text.
	for _, target := range []anyMap{{"application": "wiki"}, {"application": c.Provider.ClientID}, {"session": session.ID.String()}} {
		made := s.admin().api(http.StatusCreated, http.MethodPost, "/locks/", anyMap{"target": target, "message": "Not by the wiki."})
		require.Eventually(t, func() bool {
			a := s.program(token).get(me)
			return a.status == http.StatusForbidden && dig(a.json(http.StatusForbidden), "code") == "lock_in_force"
		}, 10*time.Second, 5*time.Millisecond, "%v", target)
		s.admin().api(http.StatusNoContent, http.MethodDelete, "/locks/"+made["name"].(string)+"/", nil)
		require.Eventually(t, func() bool { return s.program(token).get(me).status == http.StatusOK }, 10*time.Second, 5*time.Millisecond)
	}

	// Whoever the application is taken from loses what their tokens do there, at once: here,
	// at introspection and for claims.
	editors := &idp.Group{Name: unique("editors")}
	require.NoError(t, s.repos().Groups.Create(t.Context(), editors))
	require.NoError(t, s.repos().Groups.AddUser(t.Context(), editors.ID, mia.ID))
	require.NoError(t, s.repos().PolicyBindings.Create(t.Context(), &idp.PolicyBinding{Target: c.Application.ID.UUID(), GroupID: &editors.ID, Enabled: true}))
	_, claims := s.apiGrant(c, mia, idp.ScopeAPI, "openid")
	allowed := func() []any {
		_, _, err := s.OIDC().UserInfo(t.Context(), idp.Actor{}, claims)
		found, failed := s.OIDC().Introspect(t.Context(), idp.Actor{}, c, token)
		require.NoError(t, failed)
		return []any{s.program(token).get(me).status, found.Active, oidc.CodeOf(err)}
	}
	require.Equal(t, []any{http.StatusOK, true, ""}, allowed())
	require.NoError(t, s.repos().Groups.RemoveUser(t.Context(), editors.ID, mia.ID))
	require.Equal(t, []any{http.StatusForbidden, false, oidc.ErrInvalidToken}, allowed())
	require.NoError(t, s.repos().Groups.AddUser(t.Context(), editors.ID, mia.ID))
	require.Equal(t, []any{http.StatusOK, true, ""}, allowed(), "nothing was used up")

	// The end of its session is its end.
	_, err = s.repos().Sessions.End(t.Context(), session.ID, "ended by a test")
	require.NoError(t, err)
	s.program(token).get(me).json(http.StatusForbidden)
}

// What a stolen access token began, and waits for a lockdown of its account, comes to
// nothing.
func TestActsOfAccessTokensWaitForLockdowns(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	c, mia := s.client("wiki"), s.user(unique("mia"))
	_, token := s.apiGrant(c, mia, idp.ScopeAPI)
	held, err := s.OIDC().Bearer(t.Context(), idp.Actor{}, token)
	require.NoError(t, err)
	actor, gate := idp.Actor{User: held.User, Grant: held}, s.replicas[0].Access
	renew := func() (now idp.Actor, err error) {
		err = s.replicas[0].DB.InTx(t.Context(), func(tx idp.Repos) error {
			now, err = actor.Renew(t.Context(), tx, gate)
			return err
		})
		return now, err
	}
	now, err := renew()
	require.NoError(t, err)
	require.Equal(t, mia.ID, now.User.ID)
	require.NoError(t, gate.Fresh(now), "they signed in a moment ago")
	_, err = s.replicas[0].Lockdowns.Contain(t.Context(), idp.SystemActor(), lockdown.Request{Users: []idp.UserID{mia.ID}, Switches: idp.Switches{RevokeTokens: true}})
	require.NoError(t, err)
	_, err = renew()
	require.True(t, idp.Is(err, idp.CodeRefused), "%v", err)
	_, err = s.OIDC().BearerAgain(t.Context(), idp.Actor{}, held)
	require.True(t, idp.Is(err, idp.CodeRefused), "%v", err)
}

// Grave acts take an access token of somebody who signed in lately, and never one of a
// client itself.
func TestAccessTokensAreAsFreshAsTheirSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	gate := s.replicas[0].Access
	grant := func(kind idp.GrantType, age time.Duration) idp.Actor {
		return idp.Actor{User: s.named("admin"), Grant: &idp.OAuthHeld{Grant: idp.OAuthGrant{Kind: kind, AuthAge: age}}}
	}
	require.NoError(t, gate.Fresh(grant(idp.GrantCode, time.Minute)))
	require.NoError(t, gate.Fresh(grant(idp.GrantDevice, time.Minute)))
	require.True(t, idp.Is(gate.Fresh(grant(idp.GrantCode, 24*time.Hour)), idp.CodeStepUp))
	require.True(t, idp.Is(gate.Fresh(grant(idp.GrantClientCredentials, 0)), idp.CodeStepUp))

	c := s.client("wiki")
	_, token := s.apiGrant(c, s.named("admin"), idp.ScopeAPI)
	s.program(token).do(http.MethodPost, "/api/v3/core/tokens/", anyMap{"identifier": unique("made")}).json(http.StatusCreated)
	refused := s.program(token).do(http.MethodPost, "/api/v3/core/tokens/", anyMap{"identifier": unique("made"), "step_up_exempt": true})
	require.Equal(t, "step_up_required", refused.json(http.StatusForbidden)["code"], "an application makes no token that is asked for nothing")
	held, err := s.OIDC().Bearer(t.Context(), idp.Actor{}, token)
	require.NoError(t, err)
	_, err = s.connect().Exec(t.Context(), `UPDATE oauth_grants SET auth_time = auth_time - interval '1 day' WHERE id = $1`, held.Grant.ID)
	require.NoError(t, err)
	refused = s.program(token).do(http.MethodPost, "/api/v3/core/tokens/", anyMap{"identifier": unique("made")})
	require.Equal(t, "step_up_required", refused.json(http.StatusForbidden)["code"])
}

// What a program asks with tokens costs the database a statement, and one more for
// the mappings of its application where it asks who somebody is. Statements of what goes
// on beside come between now and then, so the least that is counted is what a request
// costs.
func TestTokensAskTheDatabaseLittle(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	wiki := s.client("wiki")
	session, access := s.apiGrant(wiki, s.user(unique("mia")), oidc.ScopeOpenID)
	require.NotNil(t, session)
	key := s.keyOf(s.user(unique("ben")), idp.IntentAPI)
	c := lay(t, s.url)
	s.url = c.url
	r := s.open()
	for _, one := range []struct {
		token, path string
		parts       []string
	}{
		{access, "/application/o/userinfo/", []string{"FROM oauth_tokens", "FROM scope_mappings"}},
		{key, "/api/v3/core/users/me/", []string{"FROM tokens"}},
	} {
		least := c.least(8, func(int) { require.Equal(t, http.StatusOK, s.program(one.token).at(r).get(one.path).status) })
		require.Len(t, least, len(one.parts), "%s: %q", one.path, least)
		for i, part := range one.parts {
			require.Contains(t, least[i], part, one.path)
		}
	}
}

// What a server remembers of an application counts only as long as nobody wrote it: a lock
// by the name that another server gave it refuses its tokens.
func TestApplicationsAreRememberedAsTheyAre(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	_, token := s.apiGrant(s.client("wiki"), s.user(unique("mia")), idp.ScopeAPI)
	const me = "/api/v3/core/users/me/"
	for range 2 { // the second time it is remembered
		require.Equal(t, http.StatusOK, s.program(token).at(s.replicas[1]).get(me).status)
	}
	s.admin().api(http.StatusOK, http.MethodPatch, "/core/applications/wiki/", anyMap{"slug": "handbook"})
	s.admin().api(http.StatusCreated, http.MethodPost, "/locks/", anyMap{"target": anyMap{"application": "handbook"}, "message": "Not now."})
	a := s.program(token).at(s.replicas[1]).get(me).json(http.StatusForbidden)
	require.Equal(t, "lock_in_force", dig(a, "code"))
}
