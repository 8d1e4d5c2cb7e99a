package oidc_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/oidc"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

func TestClientsProveWhoTheyAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.application("open", public)
	sealed := &idp.OAuthProvider{}
	w.application("sealed", func(p *idp.OAuthProvider) { sealed = p })
	sealed.ClientSecret = w.service.Sealer.SealText("oauth provider "+sealed.ID.String(), "another-secret")
	require.NoError(t, w.db.Repos().OAuthProviders.Update(w.ctx, sealed))
	for name, c := range map[string]struct {
		by   oidc.Credentials
		good bool
	}{
		"its secret":               {oidc.Credentials{ID: "wiki-id", Secret: password, Given: true}, true},
		"a sealed one":             {oidc.Credentials{ID: "sealed-id", Secret: "another-secret", Given: true}, true},
		"the seal itself":          {oidc.Credentials{ID: "sealed-id", Secret: sealed.ClientSecret, Given: true}, false},
		"another":                  {oidc.Credentials{ID: "wiki-id", Secret: password + "x", Given: true}, false},
		"an empty one":             {oidc.Credentials{ID: "wiki-id", Given: true}, false},
		"none":                     {oidc.Credentials{ID: "wiki-id"}, false},
		"nobody":                   {oidc.Credentials{ID: "nobody", Secret: password, Given: true}, false},
		"no name":                  {oidc.Credentials{Secret: password, Given: true}, false},
		"public":                   {oidc.Credentials{ID: "open-id"}, true},
		"public with an empty one": {oidc.Credentials{ID: "open-id", Given: true}, true},
		"public that has a secret": {oidc.Credentials{ID: "open-id", Secret: "x", Given: true}, false},
	} {
		got, err := w.service.Authenticate(w.ctx, c.by)
		if !c.good {
			require.Equal(t, oidc.ErrInvalidClient, oidc.CodeOf(err), name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.by.ID != "open-id", got.Proved, name)
	}
}

func TestAClientGetsTokensForItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := "openid email offline_access groups"
	r := oidc.TokenRequest{Grant: idp.GrantClientCredentials, Scope: &all}
	var g errgroup.Group // its account is made once, whoever comes first
	for range 8 {
		g.Go(func() error { _, err := w.token(w.wiki, r); return err })
	}
	require.NoError(t, g.Wait())
	got, err := w.token(w.wiki, r)
	require.NoError(t, err)
	require.Equal(t, []string{"openid", "email"}, got.Scopes)
	require.Empty(t, got.Refresh, "RFC 6749, section 4.4.3")
	require.Empty(t, got.ID)
	u, err := w.db.Repos().Users.FindByLogin(w.ctx, "ak-wiki-client_credentials", []string{"username"})
	require.NoError(t, err)
	require.Equal(t, idp.UserServiceAccount, u.Type)
	require.False(t, u.HasUsablePassword())
	found, err := w.service.Introspect(w.ctx, idp.Actor{}, w.wiki, got.Access)
	require.NoError(t, err)
	require.Equal(t, u.Username, found.Username)
	require.Zero(t, found.AuthTime)

	_, err = w.lockdowns.Contain(w.ctx, idp.SystemActor(), lockdownOf(u))
	require.NoError(t, err)
	require.False(t, w.works(got.Access))
	_, err = w.token(w.wiki, r)
	require.Equal(t, oidc.ErrInvalidGrant, oidc.CodeOf(err))

	none := "groups"
	_, err = w.token(w.application("other"), oidc.TokenRequest{Grant: idp.GrantClientCredentials, Scope: &none})
	require.Equal(t, oidc.ErrInvalidScope, oidc.CodeOf(err))
	_, err = w.token(w.application("spa", public), oidc.TokenRequest{Grant: idp.GrantClientCredentials})
	require.Equal(t, oidc.ErrUnauthorizedClient, oidc.CodeOf(err), "it proves nothing")
}

// Whoever may choose their name must not become a client's account.
func TestAnAccountOfSomebodyIsNotTakenForAClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person("ak-wiki-client_credentials")
	_, err := w.token(w.wiki, oidc.TokenRequest{Grant: idp.GrantClientCredentials})
	require.Equal(t, oidc.ErrUnauthorizedClient, oidc.CodeOf(err))
}

func TestADeviceIsLetIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u, _ := w.person("ada")
	scope := "openid email groups"
	d, err := w.service.Device(w.ctx, w.wiki, &scope)
	require.NoError(t, err)
	require.Regexp(t, `^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`, d.UserCode)
	ask := oidc.TokenRequest{Grant: idp.GrantDevice, DeviceCode: d.DeviceCode}
	_, err = w.token(w.wiki, ask)
	require.Equal(t, oidc.ErrPending, oidc.CodeOf(err))
	_, err = w.token(w.wiki, ask)
	require.Equal(t, oidc.ErrSlowDown, oidc.CodeOf(err))
	_, err = w.token(w.application("chat"), ask)
	require.Equal(t, oidc.ErrInvalidGrant, oidc.CodeOf(err), "another client's")

	typed := strings.ToLower(strings.ReplaceAll(d.UserCode, "-", " "))
	row, err := w.db.Repos().OAuthRequests.GetDevice(w.ctx, w.service.UserCodeDigest(typed))
	require.NoError(t, err)
	require.Equal(t, []string{"openid", "email"}, row.Scopes)
	require.Equal(t, w.service.UserCodeDigest(typed), w.another("a").UserCodeDigest(d.UserCode))
	require.NotEqual(t, w.service.UserCodeDigest(typed), w.another("b").UserCodeDigest(d.UserCode), "keyed")

	code := w.device(u)
	var tokens *oidc.Tokens
	tokens, err = w.token(w.wiki, oidc.TokenRequest{Grant: idp.GrantDevice, DeviceCode: code})
	require.NoError(t, err)
	require.True(t, w.works(tokens.Access))
	require.NotEmpty(t, tokens.Refresh)
	_, err = w.token(w.wiki, oidc.TokenRequest{Grant: idp.GrantDevice, DeviceCode: code})
	require.Equal(t, oidc.ErrInvalidGrant, oidc.CodeOf(err), "once")
	require.True(t, w.works(tokens.Access))
	_, err = w.token(w.wiki, oidc.TokenRequest{Grant: idp.GrantDevice, DeviceCode: w.device(u, func(d *idp.OAuthDevice) { d.State = idp.DeviceDenied })})
	require.Equal(t, oidc.ErrAccessDenied, oidc.CodeOf(err))
}

func TestSignedAccessTokensAreJudgedHereLikeAnyOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.application("api", func(p *idp.OAuthProvider) { p.AccessFormat = idp.AccessJWT })
	got, u, _ := w.tokens(c, "ada", offline)
	claims, known, err := w.service.Verify(w.ctx, oidc.TypeAccess, got.Access)
	require.NoError(t, err)
	require.True(t, known)
	held, err := w.db.Repos().OAuthGrants.Use(w.ctx, secret.DigestOf(got.Access).Bytes())
	require.NoError(t, err)
	require.True(t, held.Token.Signed)
	require.Equal(t, held.Token.ID.String(), claims["jti"], "RFC 9068, section 2.2")
	require.Equal(t, "api-id", claims["client_id"])
	require.Equal(t, "openid email profile offline_access", claims["scope"])
	require.Equal(t, u.UUID.String(), claims["sub"])
	_, known, err = w.service.Verify(w.ctx, oidc.TypeID, got.Access)
	require.NoError(t, err)
	require.False(t, known, "it passes for no ID token")
	_, known, err = w.service.Verify(w.ctx, oidc.TypeAccess, got.ID)
	require.NoError(t, err)
	require.False(t, known, "nor the reverse")

	require.True(t, w.works(got.Access))
	require.False(t, w.works(got.ID))
	require.NoError(t, w.service.Revoke(w.ctx, idp.Actor{}, c, got.Access))
	require.False(t, w.works(got.Access), "before its exp")
}

// RFC 8725, sections 3.1 and 3.2: what was not signed here, with our key and our
// algorithm, is nothing.
func TestForgedTokensAreNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.application("api", func(p *idp.OAuthProvider) { p.AccessFormat = idp.AccessJWT })
	got, _, _ := w.tokens(c, "ada")
	parts := strings.Split(got.Access, ".")
	encode := func(v any) string { raw, _ := json.Marshal(v); return base64.RawURLEncoding.EncodeToString(raw) }
	set, err := w.service.Keys(w.ctx)
	require.NoError(t, err)
	public, err := json.Marshal(set.Keys[0])
	require.NoError(t, err)
	sign := func(alg jose.SignatureAlgorithm, key any, kid string) string {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, (&jose.SignerOptions{}).WithType("at+jwt"))
		require.NoError(t, err)
		raw, err := base64.RawURLEncoding.DecodeString(parts[1])
		require.NoError(t, err)
		signed, err := s.Sign(raw)
		require.NoError(t, err)
		out, err := signed.CompactSerialize()
		require.NoError(t, err)
		return out
	}
	kid := set.Keys[0].KeyID
	for name, forged := range map[string]string{
		"alg none":                   encode(map[string]any{"alg": "none", "typ": "at+jwt", "kid": kid}) + "." + parts[1] + ".",
		"alg none, with a signature": encode(map[string]any{"alg": "none", "typ": "at+jwt", "kid": kid}) + "." + parts[1] + "." + parts[2],
		"HMAC with the public key":   sign(jose.HS256, public, kid),
		"another header":             encode(map[string]any{"alg": "RS256", "typ": "at+jwt", "kid": kid, "jku": "https://evil.example"}) + "." + parts[1] + "." + parts[2],
		"other claims":               parts[0] + "." + encode(map[string]any{"sub": "root", "exp": time.Now().Add(time.Hour).Unix()}) + "." + parts[2],
		"no signature":               parts[0] + "." + parts[1] + ".",
		"cut":                        got.Access[:len(got.Access)-1],
		"long":                       got.Access + strings.Repeat("A", 1<<15),
	} {
		require.False(t, w.works(forged), name)
		_, known, err := w.service.Verify(w.ctx, oidc.TypeAccess, forged)
		require.NoError(t, err, name)
		require.False(t, known, name)
	}
}

func TestIntrospectionTellsAClientOfItsOwnTokensOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	chat := w.application("chat")
	got, u, s := w.tokens(w.wiki, "ada")
	found, err := w.service.Introspect(w.ctx, idp.Actor{}, w.wiki, got.Access)
	require.NoError(t, err)
	require.True(t, found.Active)
	require.Equal(t, "openid email profile", found.Scope)
	require.Equal(t, "ada", found.Username)
	require.Equal(t, u.UUID.String(), found.Subject)
	require.Equal(t, s.ID.String(), found.Session)
	require.Equal(t, "Bearer", found.TokenType)
	again, err := w.service.Introspect(w.ctx, idp.Actor{}, w.wiki, got.Refresh)
	require.NoError(t, err)
	require.True(t, again.Active)
	require.Empty(t, again.TokenType)
	for name, c := range map[string]struct {
		client *oidc.Client
		token  string
	}{"another client": {chat, got.Access}, "no token": {w.wiki, secret.Token()}, "an ID token": {w.wiki, got.ID}} {
		found, err := w.service.Introspect(w.ctx, idp.Actor{}, c.client, c.token)
		require.NoError(t, err, name)
		raw, err := json.Marshal(found)
		require.NoError(t, err)
		require.JSONEq(t, `{"active":false}`, string(raw), name)
	}
	_, err = w.service.Introspect(w.ctx, idp.Actor{}, w.application("spa", public), got.Access)
	require.Equal(t, oidc.ErrInvalidClient, oidc.CodeOf(err))
}

func TestRevokingEndsAnAccessTokenOrTheWholeGrant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	chat := w.application("chat")
	got, _, _ := w.tokens(w.wiki, "ada")
	next, err := w.token(w.wiki, refresh(got.Refresh))
	require.NoError(t, err)
	for _, token := range []string{got.Access, next.Refresh} {
		require.NoError(t, w.service.Revoke(w.ctx, idp.Actor{}, chat, token))
	}
	require.True(t, w.works(got.Access), "another client's changes nothing")
	for range 2 {
		require.NoError(t, w.service.Revoke(w.ctx, idp.Actor{}, w.wiki, got.Access))
	}
	require.False(t, w.works(got.Access))
	require.True(t, w.works(next.Access))
	require.NoError(t, w.service.Revoke(w.ctx, idp.Actor{}, w.wiki, next.Refresh))
	require.False(t, w.works(next.Access), "RFC 7009, section 2.1")
	require.NoError(t, w.service.Revoke(w.ctx, idp.Actor{}, w.wiki, "unknown"))
	page, err := w.db.Repos().Events.Find(w.ctx, idp.EventFilter{Actions: []idp.Action{idp.ActionModelDeleted}})
	require.NoError(t, err)
	require.Len(t, page.Items, 2)
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u, _ := w.person("ada")
	u.Attributes = idp.Attributes{"upn": "ada@corp"}
	bare := &idp.User{ID: u.ID, UUID: u.UUID, Username: "ada"}
	of := func(mode idp.SubjectMode, u *idp.User) string {
		p := *w.wiki.Provider
		p.SubjectMode = mode
		return oidc.Subject(&oidc.Client{Provider: &p, Application: w.wiki.Application}, u)
	}
	hashed := of(idp.SubjectHashedID, u)
	require.Len(t, hashed, 64)
	require.Equal(t, u.ID.String(), of(idp.SubjectID, u))
	require.Equal(t, u.UUID.String(), of(idp.SubjectUUID, u))
	require.Equal(t, "ada", of(idp.SubjectUsername, u))
	require.Equal(t, "ada@example.org", of(idp.SubjectEmail, u))
	require.Equal(t, "ada@corp", of(idp.SubjectUPN, u))
	for _, mode := range []idp.SubjectMode{idp.SubjectEmail, idp.SubjectUPN, idp.SubjectHashedID} {
		require.Equal(t, hashed, of(mode, bare), "never empty: %s", mode)
	}
}
