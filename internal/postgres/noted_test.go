package postgres

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Events are heard of once they are committed, and never when they are not.
func TestEventsAreHeardOfOnceTheyAreCommitted(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	var heard []string
	db.HearEvents(func(e *idp.Event) {
		_, err := db.Repos().Events.Get(ctx, e.ID)
		require.NoError(t, err, "it can be read by then")
		heard = append(heard, e.App)
	})
	event := func(name string) *idp.Event {
		return idp.LoginEvent(name, idp.SystemActor(), nil, nil)
	}
	require.NoError(t, db.Repos().Events.Append(ctx, event("alone")))
	require.NoError(t, db.Repos().Events.AppendAll(ctx, []*idp.Event{event("two"), event("three")}))
	require.Equal(t, []string{"alone", "two", "three"}, heard)

	heard = nil
	require.NoError(t, db.InTx(ctx, func(tx idp.Repos) error {
		require.NoError(t, tx.Events.Append(ctx, event("within")))
		require.NoError(t, tx.Attempts.Try(ctx, func(part idp.Repos) error { return part.Events.Append(ctx, event("part")) }))
		require.Error(t, tx.Attempts.Try(ctx, func(part idp.Repos) error {
			require.NoError(t, part.Events.Append(ctx, event("part undone")))
			return errors.New("no")
		}))
		require.Empty(t, heard, "nothing is committed yet")
		return nil
	}))
	require.Equal(t, []string{"within", "part"}, heard)

	heard = nil
	require.Error(t, db.InTx(ctx, func(tx idp.Repos) error {
		require.NoError(t, tx.Events.Append(ctx, event("undone")))
		return errors.New("no")
	}))
	require.NoError(t, db.Lockdown(ctx, func(tx idp.Repos) error { return tx.Events.Append(ctx, event("reserved")) }))
	require.Equal(t, []string{"reserved"}, heard)
}

func TestJobsAreCountedByKindAndState(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	counts, err := db.JobCounts(ctx)
	require.NoError(t, err)
	require.Empty(t, counts)
	for _, u := range []idp.UserID{1, 2} {
		require.NoError(t, db.Repos().Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobSweep, User: u}))
	}
	counts, err = db.JobCounts(ctx)
	require.NoError(t, err)
	require.Equal(t, []JobCount{{Kind: "sweep", State: "scheduled", Count: 2}}, counts)
	pools := db.Pools()
	require.Equal(t, []string{"requests", "lockdowns"}, []string{pools[0].Name, pools[1].Name})
	require.Positive(t, pools[0].InUse+pools[0].Idle)
}

// What is told of statements is what they are about, and never what is in them.
func TestTheGistOfStatementsHoldsNoValues(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string][2]string{
		"SELECT s.id FROM sessions s WHERE id = $1": {"SELECT", "sessions"},
		"\n\t\tINSERT INTO events (id) VALUES ($1)": {"INSERT", "events"},
		"UPDATE users SET name = $1":                {"UPDATE", "users"},
		"delete from runs where id = 'secret'":      {"DELETE", "runs"},
		"begin":                                     {"BEGIN", ""},
		"commit":                                    {"COMMIT", ""},
		"SELECT 1":                                  {"SELECT", ""},
		"WITH x AS (SELECT id FROM users) SELECT 1 FROM x":     {"WITH", "users"},
		"SELECT x FROM (SELECT 'secret' FROM unnest($1)) AS t": {"SELECT", ""},
		"SELECT 1 FROM 'secret'":                               {"SELECT", ""},
		"":                                                     {"", ""},
		"FROM":                                                 {"FROM", ""},
	} {
		verb, table := gist(sql)
		require.Equal(t, want, [2]string{verb, table}, sql)
	}
}
