package oidc_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/oidc"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

func TestACodeGivesTokensThatSayWhoSomebodyIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, u, s := w.tokens(w.wiki, "ada")
	require.Len(t, got.Access, 43, "opaque")
	require.Equal(t, 5*time.Minute, got.Lifetime)
	require.NotEmpty(t, got.Refresh)

	id, known, err := w.service.Verify(w.ctx, oidc.TypeID, got.ID)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, "https://id.example.org/application/o/wiki/", id["iss"])
	require.Equal(t, u.UUID.String(), id["sub"], "no mapping says who somebody is")
	require.Equal(t, "wiki-id", id["aud"])
	require.Equal(t, "wiki-id", id["azp"])
	require.Equal(t, "n-1", id["nonce"])
	require.Equal(t, s.ID.String(), id["sid"])
	require.Equal(t, []any{"pwd"}, id["amr"])
	require.Equal(t, oidc.ContextClass, id["acr"])
	require.EqualValues(t, s.CreatedAt.Unix(), id["auth_time"])
	require.EqualValues(t, 300, id["exp"].(float64)-id["iat"].(float64))
	require.Equal(t, challenge(got.Access)[:21], id["at_hash"].(string)[:21], "the left half of the digest")
	require.Equal(t, "ada@example.org", id["email"])
	require.Equal(t, "ada", id["preferred_username"])

	claims, _, err := w.service.UserInfo(w.ctx, idp.Actor{}, got.Access)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"sub": u.UUID.String(), "email": "ada@example.org", "preferred_username": "ada"}, claims)

	grants, err := w.db.Repos().OAuthGrants.Find(w.ctx, idp.OAuthGrantFilter{UserID: &u.ID})
	require.NoError(t, err)
	require.Len(t, grants.Items, 1)
	require.False(t, grants.Items[0].Offline)
	require.Equal(t, s.ID, *grants.Items[0].SessionID)
}

func TestWithoutOpenIDNobodyIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, _, _ := w.tokens(w.wiki, "ada", func(c *idp.OAuthCode) { c.Scopes = []string{"email"} })
	require.Empty(t, got.ID)
	_, _, err := w.service.UserInfo(w.ctx, idp.Actor{}, got.Access)
	require.Equal(t, oidc.ErrInsufficientScope, oidc.CodeOf(err))
}

func TestClaimsStayOutOfIDTokensWhereTheProviderSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.application("quiet", func(p *idp.OAuthProvider) { p.ClaimsInIDToken = false })
	got, _, _ := w.tokens(c, "ada")
	id, _, err := w.service.Verify(w.ctx, oidc.TypeID, got.ID)
	require.NoError(t, err)
	require.NotContains(t, id, "email")
	require.True(t, w.works(got.Access))
}

// What an exchange is refused for, by the clause that says so.
func TestCodesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const verifier = "a-verifier-that-is-long-enough-for-anybody-to-use"
	sworn := func(c *idp.OAuthCode) { c.Challenge = challenge(verifier) }
	with := func(v string) func(*oidc.TokenRequest) { return func(r *oidc.TokenRequest) { r.Verifier = v } }
	for name, c := range map[string]struct {
		code    func(*idp.OAuthCode)
		request func(*oidc.TokenRequest)
		good    bool
	}{
		"no PKCE asked for":                                       {func(*idp.OAuthCode) {}, with(""), true},
		"RFC 7636 4.6: the verifier":                              {sworn, with(verifier), true},
		"RFC 7636 4.6: another verifier":                          {sworn, with(strings.Repeat("x", 43)), false},
		"RFC 7636 4.6: none":                                      {sworn, with(""), false},
		"RFC 7636 4.1: the challenge itself":                      {sworn, with(challenge(verifier)), false},
		"RFC 7636 4.1: too short":                                 {func(c *idp.OAuthCode) { c.Challenge = challenge("short") }, with("short"), false},
		"RFC 9700 4.8.2: a verifier where there was no challenge": {func(*idp.OAuthCode) {}, with(verifier), false},
		"RFC 6749 4.1.3: another redirect_uri":                    {func(*idp.OAuthCode) {}, func(r *oidc.TokenRequest) { r.RedirectURI += "/" }, false},
		"RFC 6749 4.1.3: no redirect_uri":                         {func(*idp.OAuthCode) {}, func(r *oidc.TokenRequest) { r.RedirectURI = "" }, false},
		"RFC 6749 4.1.2: too late":                                {func(c *idp.OAuthCode) { c.ExpiresAt = time.Now() }, with(""), false},
		"RFC 6749 4.1.2: nobody's":                                {func(*idp.OAuthCode) {}, func(r *oidc.TokenRequest) { r.Code = secret.Token() }, false},
		"a session of another person":                             {func(c *idp.OAuthCode) { _, s := w.person("eve"); c.SessionID = s.ID }, with(""), false},
		"a session that is gone":                                  {func(c *idp.OAuthCode) { c.SessionID = idp.NewID[idp.Session]() }, with(""), false},
		"an old generation of sessions":                           {func(c *idp.OAuthCode) { c.Generation-- }, with(""), false},
		"an old generation of tokens":                             {func(c *idp.OAuthCode) { c.TokenGeneration-- }, with(""), false},
	} {
		u, s := w.person("u-" + secret.Token()[:12])
		r := exchange(w.code(w.wiki, u, s, c.code))
		c.request(&r)
		_, err := w.token(w.wiki, r)
		if c.good {
			require.NoError(t, err, name)
			continue
		}
		require.Equal(t, oidc.ErrInvalidGrant, oidc.CodeOf(err), "%s: %v", name, err)
		grants, err := w.db.Repos().OAuthGrants.Find(w.ctx, idp.OAuthGrantFilter{UserID: &u.ID})
		require.NoError(t, err)
		require.Empty(t, grants.Items, name)
	}
}

// RFC 9700, section 4.8: whoever fails once does not get to guess.
func TestACodeAllowsOneProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const verifier = "a-verifier-that-is-long-enough-for-anybody-to-use"
	u, s := w.person("ada")
	r := exchange(w.code(w.wiki, u, s, func(c *idp.OAuthCode) { c.Challenge = challenge(verifier) }))
	_, err := w.token(w.wiki, r)
	require.Error(t, err)
	r.Verifier = verifier
	_, err = w.token(w.wiki, r)
	require.Equal(t, oidc.ErrInvalidGrant, oidc.CodeOf(err))
}

// RFC 9700, section 2.1.1.
func TestAPublicClientNeedsPKCE(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const verifier = "a-verifier-that-is-long-enough-for-anybody-to-use"
	spa := w.application("spa", public)
	u, s := w.person("ada")
	_, err := w.token(spa, exchange(w.code(spa, u, s)))
	require.Equal(t, oidc.ErrInvalidGrant, oidc.CodeOf(err))
	r := exchange(w.code(spa, u, s, func(c *idp.OAuthCode) { c.Challenge = challenge(verifier) }))
	r.Verifier = verifier
	got, err := w.token(spa, r)
	require.NoError(t, err)
	require.True(t, w.works(got.Access))
}

// RFC 6749, section 4.1.2; RFC 9700, section 4.5.
func TestACodeThatComesTwiceEndsWhatItGave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u, s := w.person("ada")
	code := w.code(w.wiki, u, s, func(c *idp.OAuthCode) { c.Scopes = append(c.Scopes, "offline_access") })
	got, err := w.token(w.wiki, exchange(code))
	require.NoError(t, err)
	next, err := w.token(w.wiki, refresh(got.Refresh))
	require.NoError(t, err)
	require.True(t, w.works(got.Access) && w.works(next.Access))

	_, err = w.token(w.wiki, exchange(code))
	require.Equal(t, oidc.ErrInvalidGrant, oidc.CodeOf(err))
	require.False(t, w.works(got.Access) || w.works(next.Access))
	_, err = w.token(w.wiki, refresh(next.Refresh))
	require.Equal(t, oidc.ErrInvalidGrant, oidc.CodeOf(err))
	require.Equal(t, []any{oidc.ActionCodeReplayed}, w.suspicions())
}

// RFC 6749, section 5.2: a code is of the client that it was issued to; and RFC 9700,
// section 4.4: in a mix-up it comes to another one.
func TestACodeOfAnotherClientIsOfNoUseToAnybody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	chat := w.application("chat")
	u, s := w.person("ada")
	code := w.code(w.wiki, u, s)
	_, err := w.token(chat, exchange(code))
	require.Equal(t, oidc.ErrInvalidGrant, oidc.CodeOf(err))
	require.Equal(t, idp.RefusedIntent, reason(err))
	_, err = w.token(w.wiki, exchange(code))
	require.Equal(t, oidc.ErrInvalidGrant, oidc.CodeOf(err), "it was somewhere that it should not have been")
	require.Equal(t, []any{oidc.ActionCodeOfAnother}, w.suspicions())

	spent := w.code(w.wiki, u, s)
	got, err := w.token(w.wiki, exchange(spent))
	require.NoError(t, err)
	_, err = w.token(chat, exchange(spent))
	require.Error(t, err)
	require.False(t, w.works(got.Access))
}

func TestWhoIsPutOutOfAnApplicationGetsNoTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, u, s := w.tokens(w.wiki, "ada")
	code := w.code(w.wiki, u, s)
	w.policies["ada"] = true
	require.True(t, w.works(got.Access), "nothing is bound, so nobody is asked")
	require.NoError(t, w.db.Repos().PolicyBindings.Create(w.ctx, &idp.PolicyBinding{Target: w.wiki.Application.ID.UUID(), UserID: &u.ID, Enabled: true}))
	require.False(t, w.works(got.Access))
	asked, err := w.service.Introspect(w.ctx, idp.Actor{}, w.wiki, got.Access)
	require.NoError(t, err)
	require.False(t, asked.Active)
	_, err = w.token(w.wiki, exchange(code))
	require.Equal(t, oidc.ErrInvalidGrant, oidc.CodeOf(err))
	_, err = w.token(w.wiki, refresh(got.Refresh))
	require.Equal(t, oidc.ErrInvalidGrant, oidc.CodeOf(err))
	w.policies["ada"] = false
	_, err = w.token(w.wiki, refresh(got.Refresh))
	require.NoError(t, err, "a policy that refuses uses nothing up")
}

func TestGrantTypesThatAProviderDoesNotHave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.application("none", func(p *idp.OAuthProvider) { p.GrantTypes = []idp.GrantType{} })
	for _, grant := range idp.GrantTypes() {
		_, err := w.token(c, oidc.TokenRequest{Grant: grant, Code: "x", RefreshToken: "x", DeviceCode: "x"})
		require.Equal(t, oidc.ErrUnauthorizedClient, oidc.CodeOf(err), grant)
	}
	_, err := w.service.Device(w.ctx, c, nil)
	require.Equal(t, oidc.ErrUnauthorizedClient, oidc.CodeOf(err))
	for grant, want := range map[idp.GrantType]string{"": oidc.ErrInvalidRequest, "password": oidc.ErrUnsupportedGrantType, "implicit": oidc.ErrUnsupportedGrantType} {
		_, err := w.token(w.wiki, oidc.TokenRequest{Grant: grant})
		require.Equal(t, want, oidc.CodeOf(err))
	}
	for _, grant := range []idp.GrantType{idp.GrantCode, idp.GrantRefresh, idp.GrantDevice} {
		_, err := w.token(w.wiki, oidc.TokenRequest{Grant: grant})
		require.Equal(t, oidc.ErrInvalidRequest, oidc.CodeOf(err), grant)
	}
	once := w.application("once", func(p *idp.OAuthProvider) { p.GrantTypes = []idp.GrantType{idp.GrantCode} })
	got, _, _ := w.tokens(once, "ada")
	require.Empty(t, got.Refresh)
}
