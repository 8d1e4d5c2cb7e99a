package lock_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

func TestLocksOfThePastArePurged(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t)
	db, err := postgres.Open(t.Context(), url, postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	locks := lock.New(lock.Deps{Store: db, Access: access.New()})
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	add := func(n int, message, made, ends, lifted string) {
		_, err := conn.Exec(t.Context(), `INSERT INTO locks (id, target, message, created_by, created_at, expires_at, lifted_at)
			SELECT gen_random_uuid(), '{"user": "x"}', $1, 'a test', now() + $2::interval, now() + $3::interval, now() + $4::interval FROM generate_series(1, $5)`,
			message, made, null(ends), null(lifted), n)
		require.NoError(t, err)
	}
	add(2500, "lifted long ago", "-3 years", "", "-2 years")
	add(5, "lifted long ago, to end later", "-3 years", "5 years", "-366 days")
	add(3, "ended long ago", "-3 years", "-366 days", "")
	add(4, "ended a while ago", "-3 years", "-364 days", "")
	add(4, "lifted lately", "-3 years", "-366 days", "-1 day")
	add(6, "in force for long", "-9 years", "", "")
	add(6, "in force", "-9 years", "1 hour", "")
	require.NoError(t, locks.Purge(t.Context(), 365*24*time.Hour))
	left := map[string]int{}
	page, err := db.Repos().Locks.Find(t.Context(), idp.LockFilter{Paging: idp.Paging{Limit: 1000}})
	require.NoError(t, err)
	for _, l := range page.Items {
		left[l.Message]++
	}
	require.Equal(t, map[string]int{"ended a while ago": 4, "lifted lately": 4, "in force for long": 6, "in force": 6}, left)
}

func null(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
