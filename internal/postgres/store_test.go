package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

func TestInTxKeepsAllOrNothing(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	boom := errors.New("boom")
	for name, run := range map[string]func(context.Context, func(idp.Repos) error) error{"in_tx": db.InTx, "lockdown": db.Lockdown} {
		add := func(tx idp.Repos) error { return tx.Users.Create(ctx, &idp.User{Username: name}) }
		require.ErrorIs(t, run(ctx, func(tx idp.Repos) error { return errors.Join(add(tx), boom) }), boom)
		require.Panics(t, func() {
			_ = run(ctx, func(tx idp.Repos) error { _ = add(tx); panic("boom") })
		})
		require.Zero(t, scalar[int](t, db, `SELECT count(*) FROM users WHERE username = $1`, name))
		require.NoError(t, run(ctx, add))
		require.Equal(t, 1, scalar[int](t, db, `SELECT count(*) FROM users WHERE username = $1`, name))

		// An error that fn swallowed has spoilt the transaction.
		err := run(ctx, func(tx idp.Repos) error { _ = add(tx); return nil })
		requireCode(t, idp.CodeInternal, err)
	}
	require.Zero(t, db.pool.Stat().AcquiredConns())
	require.Zero(t, db.reserved.Stat().AcquiredConns())
}

func TestInTxTriesAgainAfterALostRace(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	lost := wrap(&pgconn.PgError{Code: serialisationFailure}, "x", "doing it")
	tries := 0
	require.NoError(t, db.InTx(ctx, func(idp.Repos) error {
		if tries++; tries < 3 {
			return lost
		}
		return nil
	}))
	require.Equal(t, 3, tries)
	tries = 0
	err := db.Lockdown(ctx, func(idp.Repos) error { tries++; return lost })
	requireCode(t, idp.CodeBusy, err)
	require.Equal(t, txAttempts, tries)

	tries = 0
	ctx, cancel := context.WithCancel(ctx)
	err = db.InTx(ctx, func(idp.Repos) error { tries++; cancel(); return lost })
	require.Error(t, err)
	require.Equal(t, 1, tries, "whoever asked has gone")
}

// Two transactions that lock two users in opposite order: PostgreSQL ends one,
// and it is run again.
func TestDeadlockIsResolved(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	a, b := addUser(t, db, "a"), addUser(t, db, "b")
	var both sync.WaitGroup
	both.Add(2)
	meet := []*sync.Once{{}, {}}
	lock := func(n int, first, second idp.UserID) error {
		return db.InTx(ctx, func(tx idp.Repos) error {
			if _, err := tx.Users.Hold(ctx, first); err != nil {
				return err
			}
			meet[n].Do(func() { both.Done(); both.Wait() })
			_, err := tx.Users.Hold(ctx, second)
			return err
		})
	}
	done := make(chan error)
	go func() { done <- lock(0, a.ID, b.ID) }()
	require.NoError(t, lock(1, b.ID, a.ID))
	require.NoError(t, <-done)
}

func TestPing(t *testing.T) {
	t.Parallel()
	db := open(t)
	require.NoError(t, db.Ping(t.Context()))
	now, err := db.Now(t.Context())
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), now, time.Minute)

	db.schema++
	err = db.Ping(t.Context())
	requireCode(t, idp.CodeUnavailable, err)
	require.ErrorContains(t, err, "not migrated")
	db.pool.Close()
	err = db.Ping(t.Context())
	requireCode(t, idp.CodeUnavailable, err)
	require.ErrorContains(t, err, "cannot be reached")
}

func TestOpenWithoutASchema(t *testing.T) {
	t.Parallel()
	db := openURL(t, testkit.EmptyDatabase(t))
	err := db.Ping(t.Context())
	requireCode(t, idp.CodeUnavailable, err)
	require.ErrorContains(t, err, "not migrated")
	require.NotEqual(t, "portcullis_app", scalar[string](t, db, `SELECT current_user::text`))
}

func TestOpenNobody(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), "postgres:///x?host=/nowhere/at/all", Options{})
	requireCode(t, idp.CodeUnavailable, err)
	_, err = Open(t.Context(), "postgres://%zz", Options{})
	requireCode(t, idp.CodeInvalid, err)
}

// A pool whose every connection is taken must not delay a lockdown.
func TestLockdownDoesNotWaitForThePool(t *testing.T) {
	t.Parallel()
	db := open(t)
	u := addUser(t, db, "u")
	for range db.pool.Config().MaxConns {
		conn, err := db.pool.Acquire(t.Context())
		require.NoError(t, err)
		defer conn.Release()
	}
	raise(t, db, u.ID)
}

// The reserved connection comes back, warm, after the server cut it; without
// any the pool has to do.
func TestLockdownSurvivesACutConnection(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	u := addUser(t, db, "u")
	raise(t, db, u.ID)
	owner, err := pgx.ConnectConfig(ctx, db.pool.Config().ConnConfig)
	require.NoError(t, err)
	defer func() { require.NoError(t, owner.Close(ctx)) }()
	for _, pool := range []*pgxpool.Pool{db.reserved, db.pool} {
		for _, c := range pool.AcquireAllIdle(ctx) {
			pid := c.Conn().PgConn().PID()
			c.Release()
			_, err := owner.Exec(ctx, `SELECT pg_terminate_backend($1, 10000)`, pid)
			require.NoError(t, err)
		}
	}
	raise(t, db, u.ID)
	require.NoError(t, db.InTx(ctx, func(tx idp.Repos) error { return tx.Users.TouchLogin(ctx, u.ID) }))
	db.reserved.Close()
	raise(t, db, u.ID)
	require.EqualValues(t, 3, scalar[int](t, db, `SELECT session_generation FROM users`))
}

func TestReservedConnectionIsWarm(t *testing.T) {
	t.Parallel()
	db := open(t)
	conn, err := db.reserved.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	require.NoError(t, db.warm(t.Context(), conn.Conn()))
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FOR UPDATE%'
		OR statement LIKE '%INTO lockdowns%' OR statement LIKE '%INTO events%' OR statement LIKE '%UPDATE users%'`).Scan(&n))
	require.GreaterOrEqual(t, n, 4)
	require.Zero(t, scalar[int](t, db, `SELECT (SELECT count(*) FROM lockdowns) + (SELECT count(*) FROM events) + (SELECT count(*) FROM river_job)`))
}

func TestStatementsAreBounded(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), testkit.Database(t), Options{StatementTimeout: 50 * time.Millisecond})
	require.NoError(t, err)
	defer db.Close()
	_, err = db.pool.Exec(t.Context(), `SELECT pg_sleep(60)`)
	requireCode(t, idp.CodeBusy, translate(err, "x"))
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]idp.Code{
		"40001": idp.CodeBusy, "40P01": idp.CodeBusy, "55P03": idp.CodeBusy, "57014": idp.CodeBusy,
		"57P01": idp.CodeUnavailable, "53300": idp.CodeUnavailable, "08006": idp.CodeUnavailable, "25006": idp.CodeUnavailable,
		"22021": idp.CodeInvalid, "22P05": idp.CodeInvalid, "22003": idp.CodeInvalid, "22008": idp.CodeInvalid,
		"22P02": idp.CodeInvalid, "22001": idp.CodeInvalid, "22012": idp.CodeInvalid,
		"42601": idp.CodeInternal, "23505": idp.CodeInternal, "": idp.CodeInternal,
	} {
		err := wrap(&pgconn.PgError{Code: code}, "user", "reading user %d", 3)
		require.Equal(t, want, idp.CodeOf(err), code)
		require.ErrorContains(t, err, "reading user 3: ")
		require.Equal(t, code, sqlState(err), "the cause stays in the chain")
	}
	require.NoError(t, wrap(nil, "x", "y"))
	requireCode(t, idp.CodeNotFound, wrap(pgx.ErrNoRows, "user", "x"))
	requireCode(t, idp.CodeUnavailable, wrap(context.DeadlineExceeded, "user", "x"))
	requireCode(t, idp.CodeInternal, wrap(errors.New("?"), "user", "x"))
	requireField(t, wrap(&pgconn.PgError{Code: "23502", ColumnName: "name"}, "user", "x"), "name", "null")
	requireCode(t, idp.CodeConflict, wrap(&pgconn.PgError{Code: "23505", ConstraintName: "users_pkey"}, "user", "x"))
	require.ErrorIs(t, wrap(context.Canceled, "user", "x"), context.Canceled)
}

// Every named constraint and unique index answers with a code and a field.
func TestEveryConstraintHasAnAnswer(t *testing.T) {
	t.Parallel()
	db := open(t)
	rows, err := db.pool.Query(t.Context(), `
		SELECT c.conname::text FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
		 WHERE c.connamespace = 'public'::regnamespace AND t.relname !~ '^(river_|schema_)' AND c.contype IN ('c', 'f', 'u', 'p')
		 UNION
		SELECT i.relname::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
		 WHERE x.indisunique AND i.relnamespace = 'public'::regnamespace AND t.relname !~ '^(river_|schema_)'
		 ORDER BY 1`)
	require.NoError(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	var named []string
	for _, name := range names {
		if _, ok := rules[name]; ok || !isPrimary(name) {
			named = append(named, name)
		}
	}
	require.Greater(t, len(named), 60)
	require.Equal(t, slices.Sorted(maps.Keys(rules)), slices.Sorted(slices.Values(named)))
}

func isPrimary(name string) bool { return len(name) > 5 && name[len(name)-5:] == "_pkey" }
