package oidc_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/oidc"
)

func offline(c *idp.OAuthCode) { c.Scopes = append(c.Scopes, "offline_access") }

func TestARefreshTokenIsExchangedAtEveryUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, u, _ := w.tokens(w.wiki, "ada")
	next, err := w.token(w.wiki, refresh(got.Refresh))
	require.NoError(t, err)
	require.NotEqual(t, got.Refresh, next.Refresh)
	require.Equal(t, got.Scopes, next.Scopes)
	id, _, err := w.service.Verify(w.ctx, oidc.TypeID, next.ID)
	require.NoError(t, err)
	require.Equal(t, u.UUID.String(), id["sub"])
	require.NotContains(t, id, "nonce", "OpenID Connect Core 1.0, section 12.2")
	_, err = w.token(w.wiki, refresh(next.Refresh))
	require.NoError(t, err)
}

// RFC 9700, section 4.14.2.
func TestARefreshTokenThatComesTwiceEndsTheFamily(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, u, _ := w.tokens(w.wiki, "ada", offline)
	other, _, _ := w.tokens(w.wiki, "bob")
	next, err := w.token(w.wiki, refresh(got.Refresh))
	require.NoError(t, err)
	_, err = w.token(w.wiki, refresh(got.Refresh))
	require.Equal(t, oidc.ErrInvalidGrant, oidc.CodeOf(err))
	require.False(t, w.works(got.Access) || w.works(next.Access))
	for range 2 {
		_, err = w.token(w.wiki, refresh(next.Refresh))
		require.Equal(t, oidc.ErrInvalidGrant, oidc.CodeOf(err))
	}
	require.Equal(t, []any{oidc.ActionRefreshReused}, w.suspicions(), "once")
	require.True(t, w.works(other.Access), "another family")
	grants, err := w.db.Repos().OAuthGrants.Find(w.ctx, idp.OAuthGrantFilter{UserID: &u.ID})
	require.NoError(t, err)
	require.Equal(t, idp.GrantReplayed, grants.Items[0].EndReason)
}

func TestARefreshTokenOfAnotherClientEndsTheFamily(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, _, _ := w.tokens(w.wiki, "ada")
	_, err := w.token(w.application("chat"), refresh(got.Refresh))
	require.Equal(t, idp.RefusedIntent, reason(err))
	require.False(t, w.works(got.Access))
	require.Equal(t, []any{oidc.ActionRefreshOfOthers}, w.suspicions())
}

func TestARefreshCannotAskForMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, _, _ := w.tokens(w.wiki, "ada")
	ask := func(token, scope string) (*oidc.Tokens, error) {
		r := refresh(token)
		r.Scope = &scope
		return w.token(w.wiki, r)
	}
	for _, more := range []string{"openid offline_access", "groups"} {
		_, err := ask(got.Refresh, more)
		require.Equal(t, oidc.ErrInvalidScope, oidc.CodeOf(err), more)
	}
	less, err := ask(got.Refresh, "openid")
	require.NoError(t, err)
	require.Equal(t, []string{"openid"}, less.Scopes)
	claims, _, err := w.service.UserInfo(w.ctx, idp.Actor{}, less.Access)
	require.NoError(t, err)
	require.NotContains(t, claims, "email")
	all, err := ask(less.Refresh, "openid email profile")
	require.NoError(t, err, "RFC 6749, section 6: the next refresh token is as good as the last")
	require.Equal(t, []string{"openid", "email", "profile"}, all.Scopes)
}

func TestTheThresholdKeepsARefreshTokenOfAConfidentialClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	slow := func(p *idp.OAuthProvider) { p.RefreshThreshold = time.Hour }
	for name, c := range map[string]struct {
		client *oidc.Client
		keeps  bool
	}{
		"far from its end":  {w.application("far", slow), true},
		"near its end":      {w.application("near", slow, func(p *idp.OAuthProvider) { p.RefreshLifetime = time.Minute }), false},
		"public (RFC 9700)": {w.application("public", slow, public), false},
	} {
		const verifier = "a-verifier-that-is-long-enough-for-anybody-to-use"
		u, s := w.person("of-" + c.client.Provider.Name)
		r := exchange(w.code(c.client, u, s, func(c *idp.OAuthCode) { c.Challenge = challenge(verifier) }))
		r.Verifier = verifier
		got, err := w.token(c.client, r)
		require.NoError(t, err, name)
		next, err := w.token(c.client, refresh(got.Refresh))
		require.NoError(t, err, name)
		require.Equal(t, c.keeps, next.Refresh == "", name)
		_, err = w.token(c.client, refresh(got.Refresh))
		require.Equal(t, c.keeps, err == nil, name)
	}
}

func TestRefreshTokensHangOnTheSessionUnlessTheyAreOffline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tied, _, session := w.tokens(w.wiki, "ada")
	loose, _, other := w.tokens(w.wiki, "bob", offline)
	for _, s := range []*idp.Session{session, other} {
		_, err := w.db.Repos().Sessions.End(w.ctx, s.ID, "logout")
		require.NoError(t, err)
	}
	require.False(t, w.works(tied.Access))
	_, err := w.token(w.wiki, refresh(tied.Refresh))
	require.Equal(t, idp.RefusedEnded, reason(err))
	_, err = w.token(w.wiki, refresh(loose.Refresh))
	require.NoError(t, err)
}

func TestAnAccessTokenIsNoRefreshToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, _, _ := w.tokens(w.wiki, "ada")
	_, err := w.token(w.wiki, refresh(got.Access))
	require.Equal(t, idp.RefusedIntent, reason(err))
	require.True(t, w.works(got.Access))
	require.False(t, w.works(got.Refresh), "nor the reverse")
	require.Empty(t, w.suspicions())
}

// 64 clients bring one refresh token to two servers at once: one gets the next one, and
// since somebody must have copied it, that ends as well.
func TestOfManyRefreshersAtOnceOneWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	servers := []*oidc.Service{w.service, w.another("a")}
	got, _, _ := w.tokens(w.wiki, "ada", offline)
	var won atomic.Int32
	var last atomic.Pointer[oidc.Tokens]
	var g errgroup.Group
	for i := range 64 {
		g.Go(func() error {
			next, err := servers[i%2].Token(w.ctx, idp.Actor{}, origin, w.wiki, refresh(got.Refresh))
			if err == nil {
				won.Add(1)
				last.Store(next)
				return nil
			}
			if oidc.CodeOf(err) != oidc.ErrInvalidGrant {
				return err
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	require.EqualValues(t, 1, won.Load())
	require.False(t, w.works(last.Load().Access))
	_, err := w.token(w.wiki, refresh(last.Load().Refresh))
	require.Equal(t, oidc.ErrInvalidGrant, oidc.CodeOf(err))
	require.Equal(t, []any{oidc.ActionRefreshReused}, w.suspicions())
}
