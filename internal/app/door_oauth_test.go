package app_test

import (
	"net/http"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/oidc"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

const (
	callback     = "https://app.example.org/callback"
	clientSecret = "a-secret-that-a-client-was-given-and-keeps"
)

// client is an application that may do everything, made at first use.
func (s *site) client(slug string, change ...func(*idp.OAuthProvider)) *oidc.Client {
	s.Helper()
	id := slug + "-client"
	if _, err := s.OIDC().FindClient(s.Context(), id); err != nil {
		flow, err := s.repos().Flows.GetBySlug(s.Context(), signInFlow)
		require.NoError(s, err)
		var mappings []idp.ScopeMappingID
		for scope, expression := range map[string]string{"openid": "{}", "email": `{"email": user.email}`, "offline_access": "{}", idp.ScopeAPI: "{}"} {
			m := &idp.ScopeMapping{Name: unique(scope), Scope: scope, Expression: expression}
			require.NoError(s, s.repos().ScopeMappings.Create(s.Context(), m))
			mappings = append(mappings, m.ID)
		}
		p := &idp.OAuthProvider{ID: idp.NewID[idp.OAuthProvider](), Name: slug, ClientID: id, AuthorizationFlow: flow.ID, InvalidationFlow: flow.ID,
			ClientType: idp.ClientConfidential, RedirectURIs: []idp.RedirectURI{{Mode: idp.MatchStrict, URL: callback}}, GrantTypes: idp.GrantTypes(),
			CodeLifetime: time.Minute, AccessLifetime: 5 * time.Minute, RefreshLifetime: time.Hour, Mappings: mappings, ClaimsInIDToken: true}
		p.ClientSecret = s.OIDC().Sealer.SealText(configure.ClientSecretUse(p.ID), clientSecret)
		for _, c := range change {
			c(p)
		}
		require.NoError(s, s.repos().OAuthProviders.Create(s.Context(), p))
		require.NoError(s, s.repos().Applications.Create(s.Context(), &idp.Application{Name: slug, Slug: slug, ProviderID: &p.ID}))
	}
	given := oidc.Credentials{ID: id, Secret: clientSecret, Given: true}
	if c, err := s.OIDC().FindClient(s.Context(), id); err == nil && c.Provider.ClientType == idp.ClientPublic {
		given = oidc.Credentials{ID: id}
	}
	c, err := s.OIDC().Authenticate(s.Context(), given)
	require.NoError(s, err)
	return c
}

// OIDC is the first replica's.
func (s *site) OIDC() *oidc.Service { return s.replicas[0].OIDC }

// asks is a request of a client that proves who it is.
func (s *site) asksAs(c *oidc.Client, path string, fields form) *answer {
	s.Helper()
	body := form{"client_id": c.Provider.ClientID, "client_secret": clientSecret}
	for name, value := range fields {
		body[name] = value
	}
	return s.browser().do(http.MethodPost, path, body)
}

// codeOf is an authorization code for the person's session.
func (s *site) codeOf(c *oidc.Client, u *idp.User, session *idp.Session, lifetime time.Duration, scopes ...string) string {
	s.Helper()
	code := secret.Token()
	require.NoError(s, s.repos().OAuthRequests.CreateCode(s.Context(), &idp.OAuthCode{Digest: secret.DigestOf(code).Bytes(), ProviderID: c.Provider.ID, UserID: u.ID,
		SessionID: session.ID, Scopes: append([]string{"openid"}, scopes...), RedirectURI: callback, AuthTime: session.CreatedAt,
		Generation: u.SessionGeneration, TokenGeneration: u.TokenGeneration}, lifetime))
	return code
}

func forCode(code string) oidc.TokenRequest {
	return oidc.TokenRequest{Grant: idp.GrantCode, Code: code, RedirectURI: callback}
}

const issuer = oidc.Origin("https://id.example.org")

func (d *doorway) grant(c *oidc.Client, r oidc.TokenRequest) (*oidc.Tokens, error) {
	return d.OIDC().Token(d.Context(), idp.Actor{}, issuer, c, r)
}

// answered makes sure that HTTP says what the use case says, and nothing of why.
func (d *doorway) answered(err error, a *answer, want ...string) error {
	d.Helper()
	if err != nil {
		require.Contains(d, want, a.json(http.StatusBadRequest)["error"], "%v", err)
		require.NotContains(d, string(a.body), "refused")
	}
	require.Equal(d, "no-store", a.header.Get("Cache-Control"))
	return d.agree(err, a.status == http.StatusOK, "OAuth")
}

// codeExchange: a client brings two codes of one sign-in, one past HTTP.
func (d *doorway) codeExchange(how spoil) error {
	d.Helper()
	c, person := d.client("wiki"), d.now(d.person(how))
	var codes [2]string
	session, _ := d.sessionOf(person, healthy)
	for i := range codes {
		from, lifetime := c, time.Minute
		switch how {
		case misused:
			from = d.client("chat")
		case expired:
			lifetime = -time.Second
		}
		codes[i] = d.codeOf(from, person, session, lifetime)
		if how == forged {
			codes[i] = secret.Token()
		}
	}
	if how == ended {
		_, err := d.repos().Sessions.End(d.Context(), session.ID, "ended by a test")
		require.NoError(d, err)
	}
	d.common(person, how)
	_, err := d.grant(c, forCode(codes[0]))
	return d.answered(err, d.asksAs(c, oidc.TokenPath, form{"grant_type": "authorization_code", "code": codes[1], "redirect_uri": callback}), oidc.ErrInvalidGrant)
}

// granted are the tokens of two grants of a person, spoilt.
func (d *doorway) granted(how spoil, kind idp.OAuthTokenKind) (person *idp.User, got [2]oidc.Tokens) {
	d.Helper()
	c := d.client("wiki")
	if how == misused {
		c = d.client("chat")
	}
	person = d.now(d.person(how))
	session, _ := d.sessionOf(person, healthy)
	for i := range got {
		if how == nobodys { // whom the gate gives nothing: the rows alone
			got[i] = d.forNobody(c, person)
			continue
		}
		scopes := []string{idp.ScopeAPI}
		if how == outdated { // one that hangs on its session is over with that
			scopes = append(scopes, "offline_access")
		}
		tokens, err := d.grant(c, forCode(d.codeOf(c, person, session, time.Minute, scopes...)))
		require.NoError(d, err)
		got[i] = *tokens
		for value, of := range map[*string]idp.OAuthTokenKind{&got[i].Access: idp.OAuthAccess, &got[i].Refresh: idp.OAuthRefresh} {
			if of == kind {
				d.spoilToken(value, how)
			}
		}
	}
	d.common(person, how)
	return person, got
}

func (d *doorway) forNobody(c *oidc.Client, u *idp.User) (out oidc.Tokens) {
	d.Helper()
	g := &idp.OAuthGrant{ProviderID: c.Provider.ID, ApplicationID: c.Application.ID, UserID: u.ID, Kind: idp.GrantCode, Scopes: []string{"openid", idp.ScopeAPI}, Subject: "s",
		Generation: u.TokenGeneration}
	require.NoError(d, d.repos().OAuthGrants.Create(d.Context(), g))
	out.Access, out.Refresh = secret.Token(), secret.Token()
	for value, kind := range map[string]idp.OAuthTokenKind{out.Access: idp.OAuthAccess, out.Refresh: idp.OAuthRefresh} {
		require.NoError(d, d.repos().OAuthGrants.CreateToken(d.Context(), &idp.OAuthToken{GrantID: g.ID, Kind: kind, Digest: secret.DigestOf(value).Bytes(),
			Scopes: g.Scopes}, time.Minute))
	}
	return out
}

func (d *doorway) spoilToken(value *string, how spoil) {
	d.Helper()
	held, err := d.repos().OAuthGrants.Use(d.Context(), secret.DigestOf(*value).Bytes())
	require.NoError(d, err)
	switch how {
	case forged:
		*value = secret.Token()
	case ended:
		_, err = d.repos().OAuthGrants.RevokeToken(d.Context(), held.Token.ID)
	case expired:
		*value = secret.Token()
		err = d.repos().OAuthGrants.CreateToken(d.Context(), &idp.OAuthToken{GrantID: held.Grant.ID, Kind: held.Token.Kind,
			Digest: secret.DigestOf(*value).Bytes(), Scopes: held.Token.Scopes}, -time.Second)
	}
	require.NoError(d, err)
}

func (d *doorway) tokenRefresh(how spoil) error {
	d.Helper()
	c := d.client("wiki")
	_, got := d.granted(how, idp.OAuthRefresh)
	_, err := d.grant(c, oidc.TokenRequest{Grant: idp.GrantRefresh, RefreshToken: got[0].Refresh})
	return d.answered(err, d.asksAs(c, oidc.TokenPath, form{"grant_type": "refresh_token", "refresh_token": got[1].Refresh}), oidc.ErrInvalidGrant)
}

// clientCredentials: the account is the client's own.
func (d *doorway) clientCredentials(how spoil) error {
	d.Helper()
	c := d.client(unique("machine"))
	r := oidc.TokenRequest{Grant: idp.GrantClientCredentials}
	_, err := d.grant(c, r)
	require.NoError(d, err)
	d.common(d.named(oidc.MachineName(c.Provider)), how)
	_, err = d.grant(c, r)
	return d.answered(err, d.asksAs(c, oidc.TokenPath, form{"grant_type": "client_credentials"}), oidc.ErrInvalidGrant)
}

// devicePoll: a device asks after somebody let it in.
func (d *doorway) devicePoll(how spoil) error {
	d.Helper()
	c, person := d.client("wiki"), d.now(d.person(how))
	var codes [2]string
	for i := range codes {
		of, lifetime := c, time.Minute
		switch how {
		case misused:
			of = d.client("chat")
		case expired:
			lifetime = -time.Second
		}
		codes[i] = secret.Token()
		row := &idp.OAuthDevice{Digest: secret.DigestOf(codes[i]).Bytes(), UserCode: secret.DigestOf(secret.Token()).Bytes(), ProviderID: of.Provider.ID,
			Scopes: []string{"openid"}, Interval: 5 * time.Second}
		require.NoError(d, d.repos().OAuthRequests.CreateDevice(d.Context(), row, max(lifetime, time.Minute)))
		row.State, row.UserID, row.Generation, row.TokenGeneration = idp.DeviceApproved, &person.ID, person.SessionGeneration, person.TokenGeneration
		if how == ended {
			row.State = idp.DeviceDenied
		}
		decided, err := d.repos().OAuthRequests.Decide(d.Context(), row)
		require.NoError(d, err)
		require.True(d, decided)
		switch how {
		case forged:
			codes[i] = secret.Token()
		case expired:
			_, err := d.connect().Exec(d.Context(), `UPDATE oauth_devices SET expires_at = clock_timestamp() - interval '1 second' WHERE id = $1`, row.ID)
			require.NoError(d, err)
		}
	}
	d.common(person, how)
	_, err := d.grant(c, oidc.TokenRequest{Grant: idp.GrantDevice, DeviceCode: codes[0]})
	return d.answered(err, d.asksAs(c, oidc.TokenPath, form{"grant_type": string(idp.GrantDevice), "device_code": codes[1]}),
		oidc.ErrInvalidGrant, oidc.ErrExpiredToken, oidc.ErrAccessDenied)
}

func (d *doorway) userinfo(how spoil) error {
	d.Helper()
	kind := idp.OAuthAccess
	_, got := d.granted(map[bool]spoil{true: healthy, false: how}[how == misused], kind)
	token := got[0].Access
	if how == misused {
		token = got[0].Refresh
	}
	_, _, err := d.OIDC().UserInfo(d.Context(), idp.Actor{}, token)
	a := d.program(token).get(oidc.UserInfoPath)
	if err != nil {
		require.Equal(d, oidc.ErrInvalidToken, a.json(http.StatusUnauthorized)["error"])
		require.Contains(d, a.header.Get("WWW-Authenticate"), `error="invalid_token"`)
	}
	return d.agree(err, a.status == http.StatusOK, "userinfo")
}

func (d *doorway) introspect(how spoil) error {
	d.Helper()
	c := d.client("wiki")
	_, got := d.granted(how, idp.OAuthAccess)
	found, err := d.OIDC().Introspect(d.Context(), idp.Actor{}, c, got[0].Access)
	require.NoError(d, err)
	require.Equal(d, found.Active, found.Refusal == nil)
	said := d.asksAs(c, oidc.IntrospectPath, form{"token": got[0].Access}).json(http.StatusOK)
	if !found.Active {
		require.Equal(d, map[string]any{"active": false}, said, "and nothing else")
	}
	_ = d.agree(found.Refusal, said["active"] == true, "introspection")
	return found.Refusal
}
