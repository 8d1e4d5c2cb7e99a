package postgres

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Grants count while they give something, and the sweep ends those of an old
// generation and no others.
func TestGrantsAreHeldAndSwept(t *testing.T) {
	t.Parallel()
	db := open(t)
	repos, ctx := db.Repos(), t.Context()
	ada, bob := addUser(t, db, "ada"), addUser(t, db, "bob")
	session := addSession(t, db, ada, time.Hour)
	next := byte(0)
	grant := func(u *idp.User, slug string, change func(*idp.OAuthGrant), lifetime time.Duration) *idp.OAuthGrant {
		provider, application := registeredOnce(t, db, slug)
		g := &idp.OAuthGrant{ProviderID: provider, ApplicationID: application, UserID: u.ID, Kind: idp.GrantCode, Subject: "s", Generation: u.TokenGeneration}
		change(g)
		require.NoError(t, repos.OAuthGrants.Create(ctx, g))
		next++
		require.NoError(t, repos.OAuthGrants.CreateToken(ctx, &idp.OAuthToken{GrantID: g.ID, Kind: idp.OAuthAccess, Digest: digestOf(next)}, lifetime))
		return g
	}
	plain := func(*idp.OAuthGrant) {}
	grant(ada, "wiki", plain, time.Minute)
	grant(ada, "wiki", func(g *idp.OAuthGrant) { g.SessionID = &session.ID }, time.Minute)
	grant(ada, "chat", plain, time.Minute)
	grant(ada, "chat", plain, -time.Second)                                     // expired
	grant(ada, "mail", func(g *idp.OAuthGrant) { g.Generation-- }, time.Minute) // of an old generation
	gone := idp.NewID[idp.Session]()
	grant(ada, "mail", func(g *idp.OAuthGrant) { g.SessionID = &gone }, time.Minute) // of a session that is over
	ended := grant(ada, "mail", plain, time.Minute)
	_, err := repos.OAuthGrants.End(ctx, ended.ID, idp.GrantRevoked)
	require.NoError(t, err)
	others := grant(bob, "wiki", plain, time.Minute)

	for _, count := range []func() (idp.Holdings, error){
		func() (idp.Holdings, error) { return repos.Holder.Holdings(ctx, ada.ID) }, func() (idp.Holdings, error) { return repos.Holder.Ending(ctx, ada.ID) },
	} {
		h, err := count()
		require.NoError(t, err)
		require.Equal(t, 3, h.Grants)
		require.Equal(t, 2, h.Applications)
		require.Equal(t, []int{1, 1}, []int{h.SessionGrants, h.SessionApplications}, "of those, one hangs on a session")
	}
	apps, err := repos.Holder.Applications(ctx, ada.ID, 10)
	require.NoError(t, err)
	signedIn := map[string]bool{}
	for _, a := range apps {
		signedIn[a.Slug] = a.SignedIn
	}
	require.Equal(t, map[string]bool{"wiki": true, "chat": false}, signedIn)
	record := &idp.Lockdown{UserID: &ada.ID, Username: "ada", Switches: idp.Switches{DeleteSessions: true, RevokeTokens: true}}
	require.NoError(t, db.Lockdown(ctx, func(tx idp.Repos) error {
		held, err := tx.Users.Hold(ctx, ada.ID)
		require.NoError(t, err)
		record.Ended = idp.Holdings{Tokens: map[idp.TokenIntent]int{}, Grants: 2, Applications: 1, AtLeast: true} // as if that were the limit
		held.EndSessions(idp.EndedByLockdown)
		held.TokenGeneration++
		require.NoError(t, tx.Users.Update(ctx, held))
		return tx.Lockdowns.Create(ctx, record)
	}))
	require.NoError(t, db.sweep(ctx, ada.ID))
	got, err := repos.Lockdowns.Get(ctx, record.ID)
	require.NoError(t, err)
	require.Equal(t, 3, got.Ended.Grants)
	require.Equal(t, 2, got.Ended.Applications)
	page, err := repos.OAuthGrants.Find(ctx, idp.OAuthGrantFilter{UserID: &ada.ID})
	require.NoError(t, err)
	for _, g := range page.Items {
		require.NotNil(t, g.EndedAt)
	}
	left, err := repos.OAuthGrants.Get(ctx, others.ID)
	require.NoError(t, err)
	require.Nil(t, left.EndedAt)
}

// A lockdown that ends sessions alone takes the grants along that hang on them; the sweep
// counts those where there were more than the act could.
func TestGrantsOfSessionsAreRecounted(t *testing.T) {
	t.Parallel()
	db := open(t)
	repos, ctx := db.Repos(), t.Context()
	ada := addUser(t, db, "ada")
	session := addSession(t, db, ada, time.Hour)
	for i, offline := range []bool{false, false, true} {
		g := &idp.OAuthGrant{UserID: ada.ID, Kind: idp.GrantCode, Subject: "s", Generation: ada.TokenGeneration, SessionID: &session.ID, Offline: offline}
		g.ProviderID, g.ApplicationID = registeredOnce(t, db, "wiki")
		require.NoError(t, repos.OAuthGrants.Create(ctx, g))
		require.NoError(t, repos.OAuthGrants.CreateToken(ctx, &idp.OAuthToken{GrantID: g.ID, Kind: idp.OAuthAccess, Digest: digestOf(byte(i + 1))}, time.Minute))
	}
	record := &idp.Lockdown{UserID: &ada.ID, Username: "ada", Switches: idp.Switches{DeleteSessions: true}}
	require.NoError(t, db.Lockdown(ctx, func(tx idp.Repos) error {
		held, err := tx.Users.Hold(ctx, ada.ID)
		require.NoError(t, err)
		record.Ended = idp.Holdings{Tokens: map[idp.TokenIntent]int{}, Grants: 1, AtLeast: true} // as if that were the limit
		held.EndSessions(idp.EndedByLockdown)
		require.NoError(t, tx.Users.Update(ctx, held))
		return tx.Lockdowns.Create(ctx, record)
	}))
	require.NoError(t, db.sweep(ctx, ada.ID))
	got, err := repos.Lockdowns.Get(ctx, record.ID)
	require.NoError(t, err)
	require.Equal(t, idp.Holdings{Sessions: 1, Tokens: map[idp.TokenIntent]int{}, Grants: 2, Applications: 1}, got.Ended)
	left, err := repos.Holder.Holdings(ctx, ada.ID)
	require.NoError(t, err)
	require.Equal(t, []int{1, 0}, []int{left.Grants, left.SessionGrants}, "what works when nobody is there goes on")
}

func registeredOnce(t *testing.T, db *DB, slug string) (idp.OAuthProviderID, idp.ApplicationID) {
	t.Helper()
	if a, err := db.Repos().Applications.GetBySlug(t.Context(), slug); err == nil {
		return *a.ProviderID, a.ID
	}
	return registered(t, db, slug, "")
}

// A grant is open for as long as the last of its tokens that nobody revoked.
func TestAGrantIsOpenAsLongAsItsTokens(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, repos := t.Context(), db.Repos()
	u := addUser(t, db, "ada")
	g := &idp.OAuthGrant{UserID: u.ID, Kind: idp.GrantCode, Subject: "ada", Offline: true}
	g.ProviderID, g.ApplicationID = registeredOnce(t, db, "wiki")
	require.NoError(t, repos.OAuthGrants.Create(ctx, g))
	mint := func(kind idp.OAuthTokenKind, digest []byte, lifetime time.Duration) idp.OAuthTokenID {
		token := &idp.OAuthToken{GrantID: g.ID, Kind: kind, Digest: digest}
		require.NoError(t, repos.OAuthGrants.CreateToken(ctx, token, lifetime))
		return token.ID
	}
	held := func() int {
		h, err := repos.Holder.Ending(ctx, u.ID)
		require.NoError(t, err)
		return h.Grants
	}
	require.Zero(t, held())
	refresh := mint(idp.OAuthRefresh, digest(), time.Hour)
	mint(idp.OAuthAccess, digest(), time.Minute)
	mint(idp.OAuthAccess, digest(), time.Second)
	require.Equal(t, 1, held())
	revoked, err := repos.OAuthGrants.RevokeToken(ctx, refresh)
	require.NoError(t, err)
	require.True(t, revoked)
	require.Equal(t, 1, held(), "an access token is left")
	revoked, err = repos.OAuthGrants.RevokeToken(ctx, refresh)
	require.NoError(t, err)
	require.False(t, revoked)
	n, err := repos.OAuthGrants.RevokeKind(ctx, g.ID, idp.OAuthAccess)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Zero(t, held())
}
