package oidc_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/oidc"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

const (
	origin      = oidc.Origin("https://id.example.org")
	redirectURI = "https://wiki.example.org/callback"
	password    = "the-secret-of-the-wiki"
)

// world is an installation with one confidential application, wiki.
type world struct {
	*testing.T
	ctx       context.Context
	url       string
	db        *postgres.DB
	service   *oidc.Service
	lockdowns *lockdown.Service
	wiki      *oidc.Client
	flow      idp.FlowID
	mappings  []idp.ScopeMappingID
	policies  policies
}

func newWorld(t *testing.T) *world {
	t.Helper()
	url := testkit.Database(t)
	db, err := postgres.Open(t.Context(), url, postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	w := &world{T: t, ctx: t.Context(), url: url, db: db, policies: policies{}}
	w.lockdowns = lockdown.New(lockdown.Deps{Store: db, Access: access.New()})
	w.service = w.another("a")
	flow := &idp.Flow{Name: "Agree", Slug: "agree", Title: "Agree", Designation: idp.DesignationAuthorization, Authentication: idp.AuthenticationNone,
		DeniedAction: idp.DeniedMessage, Layout: "stacked", PolicyMode: idp.PolicyAny}
	require.NoError(t, db.Repos().Flows.Create(w.ctx, flow))
	w.flow = flow.ID
	for _, scope := range []string{"openid", "email", "profile", "offline_access"} {
		m := &idp.ScopeMapping{Name: scope, Scope: scope, Expression: "{}"}
		require.NoError(t, db.Repos().ScopeMappings.Create(w.ctx, m))
		w.mappings = append(w.mappings, m.ID)
	}
	w.wiki = w.application("wiki")
	return w
}

// another is another server on the same database, with a secret of its own.
func (w *world) another(key string) *oidc.Service {
	w.Helper()
	sealer, err := secret.NewSealer([]byte(strings.Repeat(key, secret.MinSecret)))
	require.NoError(w, err)
	return oidc.New(oidc.Deps{Store: w.db, Access: access.New(), Sealer: sealer, Applications: w.policies, Claims: facts{}})
}

// policies refuse the accounts that they name.
type policies map[string]bool

func (p policies) MayUse(_ context.Context, u *idp.User, _ *idp.Application, _ idp.PolicyRequest) (idp.PolicyResult, error) {
	return idp.PolicyResult{Passing: !p[u.Username]}, nil
}

// facts tells the address for the scope email, and tries to tell what it must not.
type facts struct{}

func (facts) Claims(_ context.Context, mappings []idp.ScopeMapping, about oidc.About) (map[string]any, error) {
	out := map[string]any{}
	for _, m := range mappings {
		switch m.Scope {
		case "email":
			out["email"] = about.User.Email
		case "profile":
			out["preferred_username"], out["sub"], out["aud"], out["exp"] = about.User.Username, "somebody else", "anybody", 1
		}
		if m.Expression == "broken" {
			return nil, errors.New("broken")
		}
	}
	return out, nil
}

// application makes a client; it may do everything unless change says otherwise.
func (w *world) application(slug string, change ...func(*idp.OAuthProvider)) *oidc.Client {
	w.Helper()
	p := &idp.OAuthProvider{Name: slug, ClientID: slug + "-id", ClientSecret: password, ClientType: idp.ClientConfidential, AuthorizationFlow: w.flow, InvalidationFlow: w.flow,
		RedirectURIs: []idp.RedirectURI{{Mode: idp.MatchStrict, URL: redirectURI}}, GrantTypes: idp.GrantTypes(), CodeLifetime: time.Minute,
		AccessLifetime: 5 * time.Minute, RefreshLifetime: 24 * time.Hour, SubjectMode: idp.SubjectUUID, ClaimsInIDToken: true, Mappings: w.mappings}
	for _, c := range change {
		c(p)
	}
	require.NoError(w, w.db.Repos().OAuthProviders.Create(w.ctx, p))
	a := &idp.Application{Name: slug, Slug: slug, ProviderID: &p.ID}
	require.NoError(w, w.db.Repos().Applications.Create(w.ctx, a))
	c, err := w.service.Authenticate(w.ctx, oidc.Credentials{ID: p.ClientID, Secret: p.ClientSecret, Given: p.ClientSecret != ""})
	require.NoError(w, err)
	return c
}

func public(p *idp.OAuthProvider) { p.ClientType, p.ClientSecret = idp.ClientPublic, "" }

// person is an account with a session.
func (w *world) person(name string) (*idp.User, *idp.Session) {
	w.Helper()
	u := &idp.User{Username: name, Email: name + "@example.org", Path: "users", Type: idp.UserInternal, IsActive: true}
	require.NoError(w, w.db.Repos().Users.Create(w.ctx, u))
	u, err := w.db.Repos().Users.Get(w.ctx, u.ID)
	require.NoError(w, err)
	return u, w.session(u)
}

func (w *world) session(u *idp.User) *idp.Session {
	w.Helper()
	s := &idp.Session{UserID: u.ID, Digest: secret.DigestOf(secret.Token()).Bytes(), Generation: u.SessionGeneration, ExpiresAt: time.Now().Add(time.Hour)}
	require.NoError(w, w.db.Repos().Sessions.Create(w.ctx, s))
	return s
}

// code is what an authorization request of the person came to.
func (w *world) code(c *oidc.Client, u *idp.User, s *idp.Session, change ...func(*idp.OAuthCode)) string {
	w.Helper()
	value := secret.Token()
	row := &idp.OAuthCode{Digest: secret.DigestOf(value).Bytes(), ProviderID: c.Provider.ID, UserID: u.ID, SessionID: s.ID, Scopes: []string{"openid", "email", "profile"},
		Nonce: "n-1", RedirectURI: redirectURI, AuthTime: s.CreatedAt, Methods: []string{"pwd"}, Generation: u.SessionGeneration, TokenGeneration: u.TokenGeneration}
	lifetime := time.Minute
	for _, f := range change {
		f(row)
	}
	if !row.ExpiresAt.IsZero() {
		lifetime = -time.Second
	}
	require.NoError(w, w.db.Repos().OAuthRequests.CreateCode(w.ctx, row, lifetime))
	return value
}

// exec changes what no code of the product does: the time.
func (w *world) exec(statement string, args ...any) {
	w.Helper()
	conn, err := pgx.Connect(w.ctx, w.url)
	require.NoError(w, err)
	defer func() { _ = conn.Close(w.ctx) }()
	_, err = conn.Exec(w.ctx, statement, args...)
	require.NoError(w, err)
}

func exchange(code string) oidc.TokenRequest {
	return oidc.TokenRequest{Grant: idp.GrantCode, Code: code, RedirectURI: redirectURI}
}

func refresh(token string) oidc.TokenRequest {
	return oidc.TokenRequest{Grant: idp.GrantRefresh, RefreshToken: token}
}

func (w *world) token(c *oidc.Client, r oidc.TokenRequest) (*oidc.Tokens, error) {
	return w.service.Token(w.ctx, idp.Actor{}, origin, c, r)
}

// tokens are those of a fresh sign-in of somebody.
func (w *world) tokens(c *oidc.Client, name string, change ...func(*idp.OAuthCode)) (*oidc.Tokens, *idp.User, *idp.Session) {
	w.Helper()
	u, s := w.person(name)
	got, err := w.token(c, exchange(w.code(c, u, s, change...)))
	require.NoError(w, err)
	return got, u, s
}

// works reports whether an access token still tells who somebody is.
func (w *world) works(token string) bool {
	w.Helper()
	_, _, err := w.service.UserInfo(w.ctx, idp.Actor{}, token)
	if err != nil {
		require.Equal(w, oidc.ErrInvalidToken, oidc.CodeOf(err), "%v", err)
	}
	return err == nil
}

func (w *world) suspicions() (out []any) {
	w.Helper()
	page, err := w.db.Repos().Events.Find(w.ctx, idp.EventFilter{Actions: []idp.Action{idp.ActionSuspicious}})
	require.NoError(w, err)
	for _, e := range page.Items {
		out = append(out, e.Context["action_id"])
	}
	return out
}

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// reason is why the gate refused.
func reason(err error) idp.Refusal {
	var e *idp.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}
