package postgres

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Containing an account writes the same rows whether it holds one credential
// or thousands.
func TestContainmentTouchesNoCredential(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	for _, n := range []int{1, 10_000} {
		u := addUser(t, db, fmt.Sprint(n))
		fill(t, db, u, n)
		require.NoError(t, db.InTx(ctx, func(tx idp.Repos) error {
			before := updated(t, tx)
			bite(t, tx, u)
			after := updated(t, tx)
			require.Equal(t, [3]int{0, 0, 1}, [3]int{after[0] - before[0], after[1] - before[1], after[2] - before[2]})
			return nil
		}))
		got, err := db.Repos().Holder.Holdings(ctx, u.ID)
		require.NoError(t, err)
		require.Zero(t, got.Sessions+got.TokenTotal())
	}
}

// updated counts the rows of sessions, tokens and users that the connection has
// changed so far.
func updated(t testing.TB, tx idp.Repos) (n [3]int) {
	t.Helper()
	require.NoError(t, tx.Users.(usersOf).db().QueryRow(t.Context(), `
		SELECT pg_stat_get_xact_tuples_updated('sessions'::regclass), pg_stat_get_xact_tuples_updated('tokens'::regclass),
		       pg_stat_get_xact_tuples_updated('users'::regclass)`).Scan(&n[0], &n[1], &n[2]))
	return n
}

// usersOf lets the test look through the transaction the repositories use.
type usersOf interface{ db() querier }

func (s users) db() querier { return s.q }

// bite is what a lockdown does in its transaction.
func bite(t testing.TB, tx idp.Repos, who *idp.User) {
	ctx := t.Context()
	u, err := tx.Users.Hold(ctx, who.ID)
	require.NoError(t, err)
	ended, err := tx.Holder.Holdings(ctx, u.ID)
	require.NoError(t, err)
	u.SessionGeneration++
	u.TokenGeneration++
	u.IsActive = false
	require.NoError(t, tx.Users.Update(ctx, u))
	require.NoError(t, tx.Lockdowns.Create(ctx, &idp.Lockdown{UserID: &u.ID, Username: u.Username, Ended: ended}))
	require.NoError(t, tx.Events.Append(ctx, idp.UserWriteEvent("bench", idp.SystemActor(), u, nil)))
	require.NoError(t, tx.Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobSweep, User: u.ID}))
}

// BenchmarkContain compares accounts that hold little and much, among tables
// that autovacuum has seen.
func BenchmarkContain(b *testing.B) {
	db := open(b)
	owner, err := pgx.ConnectConfig(b.Context(), db.pool.Config().ConnConfig)
	require.NoError(b, err)
	defer func() { require.NoError(b, owner.Close(context.Background())) }()
	holders := map[int]*idp.User{}
	for _, n := range []int{1, 10_000} {
		holders[n] = addUser(b, db, fmt.Sprint(n))
		fill(b, db, holders[n], n)
	}
	_, err = owner.Exec(b.Context(), `VACUUM ANALYZE`)
	require.NoError(b, err)
	for _, n := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("holds=%d", n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				sql(b, db, `UPDATE users SET session_generation = 0, token_generation = 0, is_active = true`)
				sql(b, db, `DELETE FROM river_job`)
				b.StartTimer()
				require.NoError(b, db.Lockdown(b.Context(), func(tx idp.Repos) error { bite(b, tx, holders[n]); return nil }))
			}
		})
	}
}

// BenchmarkVisit compares the statement behind every request with the least
// one that could read the row.
func BenchmarkVisit(b *testing.B) {
	db := open(b)
	admins := addGroup(b, db, "admins", true)
	staff := addGroup(b, db, "staff", false, admins.ID)
	u := addUser(b, db, "u")
	require.NoError(b, db.Repos().Groups.AddUser(b.Context(), staff.ID, u.ID))
	fill(b, db, u, 10_000)
	s := addSession(b, db, u, time.Hour)
	b.Run("visit", func(b *testing.B) {
		for b.Loop() {
			_, _, err := db.Repos().Sessions.Visit(b.Context(), s.Digest)
			require.NoError(b, err)
		}
	})
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			var id idp.UserID
			err := db.pool.QueryRow(b.Context(), `SELECT user_id FROM sessions WHERE digest = $1`, s.Digest).Scan(&id)
			require.NoError(b, err)
		}
	})
}
