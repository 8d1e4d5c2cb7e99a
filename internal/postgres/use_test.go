package postgres

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Several at once are what each by itself is, and nobody waits for a row that
// somebody holds: of that the use is noted with the next question.
func TestUsingTokensTogetherWaitsForNobody(t *testing.T) {
	t.Parallel()
	db := open(t)
	repos, ctx := db.Repos(), t.Context()
	ada, ben := addUser(t, db, "ada"), addUser(t, db, "ben")
	free, held, other := addToken(t, db, ada, idp.IntentAPI), addToken(t, db, ada, idp.IntentAPI), addToken(t, db, ben, idp.IntentAPI)
	did, err := repos.Tokens.Revoke(ctx, other.ID)
	require.NoError(t, err)
	require.True(t, did)
	provider, application := registered(t, db, "wiki", "")
	var keys [][]byte
	for i, u := range []*idp.User{ada, ben} {
		g := &idp.OAuthGrant{ProviderID: provider, ApplicationID: application, UserID: u.ID, Kind: idp.GrantCode, Subject: "s", Generation: u.TokenGeneration}
		require.NoError(t, repos.OAuthGrants.Create(ctx, g))
		keys = append(keys, digestOf(byte(20+i)))
		require.NoError(t, repos.OAuthGrants.CreateToken(ctx, &idp.OAuthToken{GrantID: g.ID, Kind: idp.OAuthAccess, Digest: keys[i]}, time.Minute))
	}

	tx, err := db.pool.Begin(ctx)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	_, err = tx.Exec(ctx, `SELECT FROM tokens WHERE id = $1 FOR UPDATE`, held.ID)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, `SELECT FROM oauth_grants WHERE user_id = $1 FOR UPDATE`, ben.ID)
	require.NoError(t, err)

	uses, err := repos.Tokens.UseMany(ctx, [][]byte{held.Digest, other.Digest, digest(), free.Digest})
	require.NoError(t, err)
	owners := map[idp.TokenID]string{}
	for _, u := range uses {
		owners[u.Token.ID] = u.User.Username
		require.Equal(t, u.Token.ID != other.ID, u.Token.Live)
	}
	require.Equal(t, map[idp.TokenID]string{free.ID: "ada", held.ID: "ada", other.ID: "ben"}, owners)
	_, _, err = repos.Tokens.Use(ctx, held.Digest)
	require.NoError(t, err)
	used := `SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM tokens WHERE last_used_at IS NOT NULL`
	require.Equal(t, []idp.TokenID{free.ID}, scalar[[]idp.TokenID](t, db, used))

	grants, err := repos.OAuthGrants.UseMany(ctx, append(keys, digest()))
	require.NoError(t, err)
	names := map[string]bool{}
	for _, h := range grants {
		names[h.User.Username] = true
	}
	require.ElementsMatch(t, []string{"ada", "ben"}, slices.Collect(maps.Keys(names)))
	_, err = repos.OAuthGrants.Use(ctx, keys[1])
	require.NoError(t, err)
	require.Equal(t, []int32{int32(ada.ID)}, scalar[[]int32](t, db, `SELECT array_agg(user_id) FROM oauth_grants WHERE last_used_at IS NOT NULL`))

	require.NoError(t, tx.Rollback(ctx))
	_, err = repos.Tokens.UseMany(ctx, [][]byte{held.Digest, free.Digest})
	require.NoError(t, err)
	require.Len(t, scalar[[]idp.TokenID](t, db, used), 2, "the next question notes it")
}

// A client is read with what something was granted to, be it another provider's by now.
func TestClientsAreReadTogether(t *testing.T) {
	t.Parallel()
	db := open(t)
	wiki, wikiApp := registered(t, db, "wiki", "")
	chat, chatApp := registered(t, db, "chat", "")
	none := idp.NewID[idp.OAuthProvider]()
	found, err := db.Repos().OAuthProviders.GetClients(t.Context(), []idp.OAuthClientID{
		{Provider: wiki, Application: wikiApp}, {Provider: none, Application: wikiApp}, {Provider: wiki, Application: chatApp}, {Provider: chat, Application: chatApp}})
	require.NoError(t, err)
	var got [][2]string
	for _, c := range found {
		got = append(got, [2]string{c.Provider.ClientID, c.Application.Slug})
	}
	require.ElementsMatch(t, [][2]string{{"wiki", "wiki"}, {"wiki", "chat"}, {"chat", "chat"}}, got)
}
