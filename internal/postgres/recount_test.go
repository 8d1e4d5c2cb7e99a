package postgres

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// What an act counted to the limit, the sweep counts to the end, and what it could
// count stays as it is.
func TestSweepCompletesCounts(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	for name, holds := range map[string]int{"much": idp.CountLimit + 7, "little": 3} {
		u := addUser(t, db, name)
		fill(t, db, u, holds)
		addToken(t, db, u, idp.IntentRecovery)
		addSession(t, db, u, -time.Second) // over before: not ended by the act
		sql(t, db, `UPDATE tokens SET revoked_at = clock_timestamp() WHERE id = (SELECT min(id::text)::uuid FROM tokens WHERE user_id = $1 AND intent = 'api')`, u.ID)

		all, err := db.Repos().Holder.Holdings(ctx, u.ID)
		require.NoError(t, err)
		exact := idp.Holdings{Sessions: holds, Tokens: map[idp.TokenIntent]int{idp.IntentAPI: holds - 1, idp.IntentRecovery: 1}}
		require.Equal(t, exact, all)
		bound := exact
		if over := name == "much"; over {
			bound = idp.Holdings{Sessions: idp.CountLimit + 1, Tokens: map[idp.TokenIntent]int{idp.IntentAPI: idp.CountLimit + 1, idp.IntentRecovery: 1}}
		}
		record := &idp.Lockdown{UserID: &u.ID, Username: name, Switches: idp.Switches{DeleteSessions: true, RevokeTokens: true}}
		require.NoError(t, db.Lockdown(ctx, func(tx idp.Repos) error {
			held, err := tx.Users.Hold(ctx, u.ID)
			require.NoError(t, err)
			record.Ended, err = tx.Holder.Ending(ctx, u.ID)
			require.NoError(t, err)
			require.Equal(t, bound, record.Ended)
			former := held.SessionGeneration
			held.EndSessions(idp.EndedByLockdown)
			held.TokenGeneration++
			require.NoError(t, tx.Users.Update(ctx, held))
			after, err := tx.Holder.Sessions(ctx, u.ID, former)
			require.NoError(t, err)
			require.Equal(t, bound.Sessions, after, "counting is as good after the act as before")
			record.Ended.AtLeast = record.Ended.Over()
			return tx.Lockdowns.Create(ctx, record)
		}))
		u.SessionGeneration++
		addSession(t, db, u, time.Hour) // of the next generation

		require.NoError(t, db.sweep(ctx, u.ID))
		require.NoError(t, db.sweep(ctx, u.ID), "a second one finds nothing to count")
		got, err := db.Repos().Lockdowns.Get(ctx, record.ID)
		require.NoError(t, err)
		require.Equal(t, exact, got.Ended)
		events := scalar[int](t, db, `SELECT count(*) FROM events WHERE context ->> 'action_id' = 'sessions.counted' AND "user" ->> 'username' = $1`, name)
		if name == "little" {
			require.Zero(t, events)
			continue
		}
		require.Equal(t, 1, events)
		require.Equal(t, holds, scalar[int](t, db, `SELECT (context ->> 'sessions')::int FROM events WHERE context ->> 'action_id' = 'sessions.counted'`))
		require.Equal(t, idp.EndedByLockdown, scalar[string](t, db, `SELECT context ->> 'logout_reason' FROM events WHERE context ->> 'action_id' = 'sessions.counted'`))
	}
}
