package postgres

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestATransactionSendsWhatItMustAndNoMore(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	conn, err := db.pool.Acquire(ctx)
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(ctx, `CREATE TEMPORARY TABLE notes (n integer PRIMARY KEY)`)
	require.NoError(t, err)
	note := func(tx *transaction, n int) error {
		b := &pgx.Batch{}
		b.Queue(`INSERT INTO notes VALUES ($1)`, n)
		return later(ctx, tx, b, func(err error) error { return wrap(err, "note", "noting %d", n) })
	}
	notes := func(q querier) (all []int) {
		rows, err := q.Query(ctx, `SELECT n FROM notes ORDER BY n`)
		require.NoError(t, err)
		all, err = pgx.CollectRows(rows, pgx.RowTo[int])
		require.NoError(t, err)
		return all
	}

	tx := &transaction{conn: conn.Conn()}
	require.NoError(t, tx.Commit(ctx))
	require.Nil(t, tx.tx, "nothing was asked, so nothing is sent")

	tx = &transaction{conn: conn.Conn()}
	require.NoError(t, note(tx, 1))
	require.Nil(t, tx.tx, "it waits")
	require.NoError(t, tx.Rollback(ctx))
	require.Empty(t, notes(conn), "and was never sent")

	tx = &transaction{conn: conn.Conn()}
	require.NoError(t, note(tx, 1))
	require.Equal(t, []int{1}, notes(tx), "what is read comes after what was written before")
	require.NoError(t, note(tx, 2))
	var n int
	require.NoError(t, tx.QueryRow(ctx, `SELECT count(*) FROM notes`).Scan(&n))
	require.Equal(t, 2, n)
	require.ErrorIs(t, tx.QueryRow(ctx, `SELECT n FROM notes WHERE n = 7`).Scan(&n), pgx.ErrNoRows)
	require.NoError(t, note(tx, 3))
	require.ErrorIs(t, tx.QueryRow(ctx, `SELECT n FROM notes WHERE n = 7`).Scan(&n), pgx.ErrNoRows)
	require.NoError(t, note(tx, 4))
	tag, err := tx.Exec(ctx, `UPDATE notes SET n = n + 10`)
	require.NoError(t, err)
	require.EqualValues(t, 4, tag.RowsAffected())
	require.NoError(t, note(tx, 5))
	part, err := tx.Begin(ctx)
	require.NoError(t, err)
	_, err = part.Exec(ctx, `DELETE FROM notes`)
	require.NoError(t, err)
	require.NoError(t, part.Rollback(ctx), "what was written before the part stays")
	require.NoError(t, note(tx, 6))
	require.NoError(t, tx.Commit(ctx))
	require.Equal(t, []int{5, 6, 11, 12, 13, 14}, notes(conn))

	tx = &transaction{conn: conn.Conn()}
	rows, err := tx.Query(ctx, `SELECT n FROM notes`)
	require.NoError(t, err)
	require.True(t, rows.Next())
	rows.Close() // somebody has seen enough
	require.NoError(t, note(tx, 7))
	require.NoError(t, tx.Commit(ctx))
	require.Contains(t, notes(conn), 7)
}

// asOwner runs statements that the server's role may not.
func asOwner(t *testing.T, db *DB, statements string) {
	t.Helper()
	owner, err := pgx.ConnectConfig(t.Context(), db.pool.Config().ConnConfig)
	require.NoError(t, err)
	defer func() { _ = owner.Close(context.WithoutCancel(t.Context())) }()
	_, err = owner.PgConn().Exec(t.Context(), statements).ReadAll()
	require.NoError(t, err)
}

func TestWritesNobodyWaitsForFailTheirTransaction(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	asOwner(t, db, `CREATE TABLE notes (n integer CONSTRAINT notes_pkey PRIMARY KEY); INSERT INTO notes VALUES (1); GRANT ALL ON notes TO PUBLIC`)
	again := func(tx idp.Repos) error {
		b := &pgx.Batch{}
		b.Queue(`INSERT INTO notes VALUES (2)`)
		b.Queue(`INSERT INTO notes VALUES (1)`)
		return later(ctx, tx.Events.(events).q, b, func(err error) error { return wrap(err, "note", "noting it twice") })
	}
	for name, next := range map[string]func(tx idp.Repos) error{
		"at the commit":  func(idp.Repos) error { return nil },
		"at a statement": func(tx idp.Repos) error { _, err := tx.Users.Get(ctx, 1); return err },
		"at a batch":     func(tx idp.Repos) error { _, err := tx.Users.Hold(ctx, 1); return err },
		"at a part":      func(tx idp.Repos) error { return tx.Attempts.Try(ctx, func(idp.Repos) error { return nil }) },
	} {
		err := db.InTx(ctx, func(tx idp.Repos) error {
			if err := again(tx); err != nil {
				return err
			}
			return next(tx)
		})
		require.ErrorContains(t, err, "noting it twice", name)
		require.Equal(t, 1, scalar[int](t, db, `SELECT count(*)::integer FROM notes`), "%s: all or nothing", name)
	}
}

func TestConnectionsThatBrokeArePassedOver(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	held := make([]interface{ Release() }, 0, 8)
	for range 8 {
		conn, err := db.pool.Acquire(ctx)
		require.NoError(t, err)
		held = append(held, conn)
	}
	for _, conn := range held {
		conn.Release() // all of them are idle, and too fresh to be looked after
	}
	other, err := pgx.Connect(ctx, db.pool.Config().ConnString())
	require.NoError(t, err)
	defer func() { _ = other.Close(context.WithoutCancel(ctx)) }()
	_, err = other.Exec(ctx, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	require.NoError(t, err)
	require.NoError(t, db.InTx(ctx, func(tx idp.Repos) error { return tx.Users.Create(ctx, &idp.User{Username: "ada"}) }))
	require.Equal(t, 1, scalar[int](t, db, `SELECT count(*)::integer FROM users WHERE username = 'ada'`))
}

func TestACommitThatGotNoAnswerIsNotRepeated(t *testing.T) {
	t.Parallel()
	db := open(t)
	asOwner(t, db, `CREATE FUNCTION cut_off() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
		CREATE TRIGGER cut_off BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION cut_off()`)
	tries := 0
	err := db.InTx(t.Context(), func(tx idp.Repos) error {
		tries++
		return tx.Events.Append(t.Context(), idp.LoginEvent("test", idp.Actor{}, nil, nil))
	})
	require.Error(t, err)
	require.Equal(t, 1, tries, "nobody knows whether it was kept")
}
