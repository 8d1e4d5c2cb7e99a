package postgres

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Sealed keys go with their time, and with what ends their token.
func TestSealedKeysArePurged(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, tokens := t.Context(), db.Repos().Tokens
	u := addUser(t, db, "ada")
	kept := func(name string, lifetime time.Duration) idp.TokenID {
		row := &idp.Token{Identifier: name, Intent: idp.IntentAPI, UserID: u.ID, Digest: make([]byte, 32), Generation: u.TokenGeneration}
		copy(row.Digest, name)
		require.NoError(t, tokens.Create(ctx, row))
		require.NoError(t, tokens.KeepKey(ctx, row.ID, []byte("sealed "+name), lifetime))
		return row.ID
	}
	ever, live, late, revoked := kept("ever", 0), kept("live", time.Hour), kept("late", time.Hour), kept("revoked", 0)
	sql(t, db, `UPDATE token_keys SET expires_at = clock_timestamp() - interval '1 second' WHERE token_id = $1`, late)
	must(tokens.Revoke(ctx, revoked))
	for _, id := range []idp.TokenID{late, revoked} {
		require.Nil(t, must(tokens.TakeKey(ctx, id, true)))
		require.Nil(t, must(tokens.TakeKey(ctx, id, false)))
	}
	require.NoError(t, db.purge(ctx))
	require.Equal(t, 2, scalar[int](t, db, `SELECT count(*) FROM token_keys`))
	require.Equal(t, "sealed ever", string(must(tokens.TakeKey(ctx, ever, true))))
	require.Equal(t, "sealed ever", string(must(tokens.TakeKey(ctx, ever, false))))
	require.Nil(t, must(tokens.TakeKey(ctx, ever, true)), "taken")

	require.NoError(t, tokens.KeepKey(ctx, live, []byte("another"), time.Hour))
	require.Equal(t, "another", string(must(tokens.TakeKey(ctx, live, true))), "the latest counts")
	require.True(t, idp.Is(tokens.KeepKey(ctx, idp.NewID[idp.Token](), []byte("x"), 0), idp.CodeNotFound))
	require.Zero(t, must(tokens.LimitKeys(ctx, time.Hour)))
	require.NoError(t, tokens.Delete(ctx, live))
	require.Zero(t, scalar[int](t, db, `SELECT count(*) FROM token_keys`))
}
