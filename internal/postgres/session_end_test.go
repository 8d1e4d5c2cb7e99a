package postgres

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Each generation of sessions keeps why it ended, swept or not; what ended by
// itself keeps its own reason.
func TestSessionsSayWhyTheirGenerationEnded(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, repos := t.Context(), db.Repos()
	u := addUser(t, db, "u")
	end := func(reason string) *idp.Session {
		t.Helper()
		s := addSession(t, db, u, time.Hour)
		require.NoError(t, db.InTx(ctx, func(tx idp.Repos) error {
			held, err := tx.Users.Hold(ctx, u.ID)
			if err != nil {
				return err
			}
			held.EndSessions(reason)
			u.SessionGeneration = held.SessionGeneration
			return tx.Users.Update(ctx, held)
		}))
		return s
	}
	one := addSession(t, db, u, time.Hour)
	_, err := repos.Sessions.End(ctx, one.ID, "Signed out")
	require.NoError(t, err)
	want := map[idp.SessionID]string{one.ID: "Signed out", end("Password changed").ID: "Password changed", end("Account locked down").ID: "Account locked down"}
	silent := end("")
	want[addSession(t, db, u, time.Hour).ID] = ""
	for _, after := range []string{"", "generation"} {
		want[silent.ID] = after
		for id, reason := range want {
			got, err := repos.Sessions.Get(ctx, id)
			require.NoError(t, err)
			require.Equal(t, reason, got.EndReason)
		}
		swept, err := repos.Holder.SweepSessions(ctx, u.ID, 10)
		require.NoError(t, err)
		require.Equal(t, map[string]int{"": 3, "generation": 0}[after], swept)
	}
	require.Equal(t, 2, scalar[int](t, db, `SELECT count(*) FROM session_ends`), "nothing is noted without a reason")

	// A change of the user that ends nothing notes nothing.
	held, err := repos.Users.Get(ctx, u.ID)
	require.NoError(t, err)
	held.SessionsEnded = "Nothing"
	require.NoError(t, repos.Users.Update(ctx, held))
	require.Equal(t, 2, scalar[int](t, db, `SELECT count(*) FROM session_ends`))

	sql(t, db, `UPDATE session_ends SET ended_at = ended_at - interval '32 days' WHERE generation = 0`)
	require.NoError(t, db.purge(ctx))
	require.Equal(t, "Account locked down", scalar[string](t, db, `SELECT reason FROM session_ends`))
}
