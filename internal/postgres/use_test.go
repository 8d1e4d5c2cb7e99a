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

// A client is read with what something was granted to, be it another provider's by now,
// and whoever reads a token of it sees whether either was written since.
func TestClientsSayWhetherTheyWereWritten(t *testing.T) {
	t.Parallel()
	db := open(t)
	repos, ctx := db.Repos(), t.Context()
	wiki, wikiApp := registered(t, db, "wiki", "")
	_, chatApp := registered(t, db, "chat", "")
	mixed, err := repos.OAuthProviders.GetClientOf(ctx, wiki, chatApp)
	require.NoError(t, err)
	require.Equal(t, []string{"wiki", "chat"}, []string{mixed.Provider.ClientID, mixed.Application.Slug})
	_, err = repos.OAuthProviders.GetClientOf(ctx, idp.NewID[idp.OAuthProvider](), wikiApp)
	requireCode(t, idp.CodeNotFound, err)

	ada := addUser(t, db, "ada")
	g := &idp.OAuthGrant{ProviderID: wiki, ApplicationID: wikiApp, UserID: ada.ID, Kind: idp.GrantCode, Subject: "s", Generation: ada.TokenGeneration}
	require.NoError(t, repos.OAuthGrants.Create(ctx, g))
	require.NoError(t, repos.OAuthGrants.CreateToken(ctx, &idp.OAuthToken{GrantID: g.ID, Kind: idp.OAuthAccess, Digest: digestOf(1)}, time.Minute))
	seen := map[string]bool{}
	for i, change := range []string{"", "UPDATE oauth_providers SET name = 'renamed' WHERE id = $1", "UPDATE applications SET name = name WHERE provider_id = $1"} {
		if change != "" {
			sql(t, db, change, wiki)
		}
		held, err := repos.OAuthGrants.Use(ctx, digestOf(1))
		require.NoError(t, err)
		c, err := repos.OAuthProviders.GetClientOf(ctx, wiki, wikiApp)
		require.NoError(t, err)
		require.Equal(t, c.Version, held.ClientVersion)
		require.NotEmpty(t, c.Version)
		seen[c.Version] = true
		require.Len(t, seen, i+1, change)
	}
}
