package migration_test

import (
	"context"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/postgres/migration"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// files is a set of migrations by file name.
func files(pairs ...string) migration.Runner {
	set := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		set[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return migration.Runner{Files: set}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exists(t *testing.T, conn *pgx.Conn, table string) bool {
	t.Helper()
	var found bool
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT to_regclass($1) IS NOT NULL`, table).Scan(&found))
	return found
}

func status(t *testing.T, r migration.Runner, url string) migration.Status {
	t.Helper()
	s, err := r.Version(t.Context(), url)
	require.NoError(t, err)
	return s
}

func TestFiveReplicasStartAtOnce(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyDatabase(t)
	var group errgroup.Group
	for range 5 {
		group.Go(func() error { return migration.Up(t.Context(), url, nil) })
	}
	require.NoError(t, group.Wait())
	now, err := migration.Version(t.Context(), url)
	require.NoError(t, err)
	require.True(t, now.Current(), "%+v", now)
	require.NotZero(t, now.Version)
	require.NotZero(t, now.Queue)
}

func TestEachFileRunsOnce(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyDatabase(t)
	r := files(
		"0001_runs.up.sql", `CREATE TABLE runs (id int)`,
		"0002_count.up.sql", `INSERT INTO runs VALUES (2)`,
		"0003_count.up.sql", `INSERT INTO runs VALUES (3)`,
		"README.md", `not a migration`,
	)
	var group errgroup.Group
	for range 5 {
		group.Go(func() error { return r.Up(t.Context(), url) })
	}
	require.NoError(t, group.Wait())
	var runs int
	require.NoError(t, connect(t, url).QueryRow(t.Context(), `SELECT count(*) FROM runs`).Scan(&runs))
	require.Equal(t, 2, runs)
}

func TestUpDownUpLeadsToTheSameSchema(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyDatabase(t)
	conn := connect(t, url)
	require.NoError(t, migration.Up(t.Context(), url, nil))
	before := schema(t, conn)
	require.NoError(t, migration.Down(t.Context(), url, nil))
	require.Equal(t, []string{"table schema_migrations"}, schema(t, conn)[:1])
	require.NotContains(t, schema(t, conn), "table users")
	require.NotContains(t, schema(t, conn), "table river_job")
	down, err := migration.Version(t.Context(), url)
	require.NoError(t, err)
	require.Zero(t, down.Version)
	require.Zero(t, down.Queue)
	require.False(t, down.Current())
	require.NoError(t, migration.Up(t.Context(), url, nil))
	require.Empty(t, cmp.Diff(before, schema(t, conn)))
}

// schema describes every table, column, constraint, index, function, trigger,
// type and sequence of the public schema.
func schema(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
		SELECT 'table ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r','p','S','v')
		UNION ALL SELECT 'x column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
			FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
			WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r','p') AND a.attnum > 0 AND NOT a.attisdropped
		UNION ALL SELECT 'x constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
			FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
		UNION ALL SELECT 'x index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
		UNION ALL SELECT 'x function ' || proname || md5(prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
		UNION ALL SELECT 'x trigger ' || pg_get_triggerdef(g.oid) FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
			WHERE c.relnamespace = 'public'::regnamespace AND NOT g.tgisinternal
		UNION ALL SELECT 'x type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e','d')
		ORDER BY 1`)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return lines
}

func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyDatabase(t)
	one, two := `CREATE TABLE one ()`, `CREATE TABLE two ()`
	require.NoError(t, files("0001_one.up.sql", one, "0002_two.up.sql", two).Up(t.Context(), url))
	older := files("0001_one.up.sql", one, "0001_one.down.sql", `DROP TABLE one`)

	for act, err := range map[string]error{"up": older.Up(t.Context(), url), "down": older.Down(t.Context(), url), "repair": older.Repair(t.Context(), url)} {
		require.ErrorContains(t, err, "the schema is at version 2 and this build knows up to 1", act)
		require.ErrorContains(t, err, "newer Portcullis", act)
	}
	require.Equal(t, uint(2), status(t, older, url).Version)
	require.False(t, status(t, older, url).Current())
	require.True(t, exists(t, connect(t, url), "one"))
}

func TestSchemaOfAnotherBranchIsRefused(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyDatabase(t)
	require.NoError(t, files("0002_two.up.sql", `CREATE TABLE two ()`).Up(t.Context(), url))
	err := files("0001_one.up.sql", `CREATE TABLE one ()`, "0003_three.up.sql", `CREATE TABLE three ()`).Up(t.Context(), url)
	require.ErrorContains(t, err, "version 2, which this build does not know")
	require.False(t, exists(t, connect(t, url), "three"))
}

func TestNewerQueueIsRefused(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t)
	conn := connect(t, url)
	_, err := conn.Exec(t.Context(), `INSERT INTO river_migration (line, version) VALUES ('main', 999)`)
	require.NoError(t, err)
	require.ErrorContains(t, migration.Up(t.Context(), url, nil), "the job queue's schema is at version 999")
}

func TestFailedFileChangesNothing(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyDatabase(t)
	conn := connect(t, url)
	one := `CREATE TABLE one ()`
	broken := files("0001_one.up.sql", one, "0002_two.up.sql", "CREATE TABLE two ();\nALTER TABLE nowhere ADD x int;")
	err := broken.Up(t.Context(), url)
	require.ErrorContains(t, err, "migrating the database: migration 0002_two.up.sql: ERROR: relation \"nowhere\" does not exist")
	require.False(t, exists(t, conn, "two"), "half a file stayed")
	require.Equal(t, uint(1), status(t, broken, url).Version)
	require.False(t, status(t, broken, url).Dirty)

	mended := files("0001_one.up.sql", one, "0002_two.up.sql", "CREATE TABLE two (); -- mended")
	require.NoError(t, mended.Up(t.Context(), url))
	require.True(t, exists(t, conn, "two"))
	require.True(t, status(t, mended, url).Current())
}

func TestErrorNamesTheLine(t *testing.T) {
	t.Parallel()
	err := files("0001_one.up.sql", "CREATE TABLE one ();\n\nSELEKT 1;\n").Up(t.Context(), testkit.EmptyDatabase(t))
	require.ErrorContains(t, err, "migration 0001_one.up.sql, line 3: ERROR: syntax error")
	require.NotContains(t, err.Error(), "CREATE TABLE", "the file itself does not belong in the error")
}

func TestFailedWayDownChangesNothing(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyDatabase(t)
	conn := connect(t, url)
	up := []string{"0001_one.up.sql", `CREATE TABLE one ()`, "0001_one.down.sql", `DROP TABLE one`, "0002_two.up.sql", `CREATE TABLE two ()`}
	broken := files(append(up, "0002_two.down.sql", `DROP TABLE two; DROP TABLE nowhere`)...)
	require.NoError(t, broken.Up(t.Context(), url))
	require.ErrorContains(t, broken.Down(t.Context(), url), "migration 0002_two.down.sql: ERROR")
	require.True(t, exists(t, conn, "two"))
	require.Equal(t, uint(2), status(t, broken, url).Version)

	require.NoError(t, files(append(up, "0002_two.down.sql", `DROP TABLE two`)...).Down(t.Context(), url))
	require.False(t, exists(t, conn, "one"))
}

// A replica that dies in the middle of a file leaves the version before it.
func TestKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyDatabase(t)
	conn := connect(t, url)
	_, err := conn.Exec(t.Context(), `SELECT pg_advisory_lock(1)`)
	require.NoError(t, err)
	r := files(
		"0001_one.up.sql", `CREATE TABLE one ()`,
		"0002_two.up.sql", `CREATE TABLE two (); SELECT pg_advisory_xact_lock(1); CREATE TABLE three ()`,
	)
	failed := make(chan error, 1)
	go func() { failed <- r.Up(t.Context(), url) }()
	var victim int32
	require.Eventually(t, func() bool {
		return conn.QueryRow(t.Context(), `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&victim) == nil
	}, 20*time.Second, 5*time.Millisecond)
	_, err = conn.Exec(t.Context(), `SELECT pg_terminate_backend($1)`, victim)
	require.NoError(t, err)
	require.ErrorContains(t, <-failed, "0002_two.up.sql")
	require.False(t, exists(t, conn, "two"))
	require.Equal(t, uint(1), status(t, r, url).Version)

	_, err = conn.Exec(t.Context(), `SELECT pg_advisory_unlock(1)`)
	require.NoError(t, err)
	require.NoError(t, r.Up(t.Context(), url))
	require.True(t, exists(t, conn, "three"))
}

// golang-migrate's own tool marks a file before it runs and does not take the
// mark back when PostgreSQL rolled the file back.
func TestDirtyMarkOfARolledBackFileIsRepaired(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ ran, mark int }{
		"second file": {ran: 1, mark: 2},
		"first file":  {ran: 0, mark: 1},
		"way down":    {ran: 1, mark: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := testkit.EmptyDatabase(t)
			conn := connect(t, url)
			r := files("0001_one.up.sql", `CREATE TABLE one ()`, "0002_two.up.sql", "-- not CONCURRENTLY\nCREATE TABLE two ()")
			_, err := conn.Exec(t.Context(), `CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)`)
			require.NoError(t, err)
			if c.ran == 1 {
				_, err = conn.Exec(t.Context(), `CREATE TABLE one ()`)
				require.NoError(t, err)
			}
			_, err = conn.Exec(t.Context(), `INSERT INTO schema_migrations VALUES ($1, true)`, c.mark)
			require.NoError(t, err)
			require.NoError(t, r.Up(t.Context(), url))
			require.True(t, status(t, r, url).Current())
			require.True(t, exists(t, conn, "one"))
			require.True(t, exists(t, conn, "two"))
		})
	}
}

// What PostgreSQL cannot roll back waits for an operator.
func TestFailedConcurrentIndexWaitsForRepair(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyDatabase(t)
	conn := connect(t, url)
	r := files(
		"0001_one.up.sql", `CREATE TABLE one (id int); INSERT INTO one VALUES (1), (1)`,
		"0002_unique.up.sql", `CREATE UNIQUE INDEX CONCURRENTLY one_id ON one (id)`,
	)
	require.ErrorContains(t, r.Up(t.Context(), url), "0002_unique.up.sql")
	require.Equal(t, uint(2), status(t, r, url).Version)
	require.True(t, status(t, r, url).Dirty)
	require.False(t, status(t, r, url).Current())
	require.ErrorContains(t, r.Up(t.Context(), url), "migration 0002_unique.up.sql failed half-way earlier")

	_, err := conn.Exec(t.Context(), `DROP INDEX one_id`)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `DELETE FROM one WHERE ctid = (SELECT min(ctid) FROM one)`)
	require.NoError(t, err)
	require.NoError(t, r.Repair(t.Context(), url))
	require.NoError(t, r.Up(t.Context(), url))
	require.True(t, status(t, r, url).Current())
	require.NoError(t, r.Repair(t.Context(), url), "repairing what is whole does nothing")
	require.Equal(t, uint(2), status(t, r, url).Version)
}

// Whoever waits for another replica can still be told to stop.
func TestWaitingForTheLockEndsWithTheContext(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyDatabase(t)
	conn := connect(t, url)
	_, err := conn.Exec(t.Context(), `SELECT pg_advisory_lock(1)`)
	require.NoError(t, err)
	r := files("0001_one.up.sql", `SELECT pg_advisory_xact_lock(1)`)
	first := make(chan error, 1)
	go func() { first <- r.Up(t.Context(), url) }()
	waiting := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool {
			var found int
			err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&found)
			return err == nil && found == n
		}, 20*time.Second, 5*time.Millisecond)
	}
	waiting(1)
	ctx, cancel := context.WithCancel(t.Context())
	second := make(chan error, 1)
	go func() { second <- r.Up(ctx, url) }()
	waiting(2)
	cancel()
	require.ErrorIs(t, <-second, context.Canceled)
	_, err = conn.Exec(t.Context(), `SELECT pg_advisory_unlock(1)`)
	require.NoError(t, err)
	require.NoError(t, <-first)
}

func TestNothingToDoIsNoError(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t)
	require.NoError(t, migration.Up(t.Context(), url, nil))
	empty := testkit.EmptyDatabase(t)
	require.NoError(t, files().Up(t.Context(), empty))
	require.NoError(t, files().Down(t.Context(), empty))
	require.NoError(t, files().Down(t.Context(), empty))
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		run  func(context.Context) error
		want string
	}{
		"no url": {func(ctx context.Context) error {
			return migration.Up(ctx, "postgres://%zz", nil)
		}, "migrating the database: cannot parse"},
		"nobody listens": {func(ctx context.Context) error {
			return migration.Up(ctx, "postgres://x@/y?host=/nowhere", nil)
		}, "migrating the database: failed to connect"},
		"two files of one number": {func(ctx context.Context) error {
			return files("0001_a.up.sql", "", "0001_b.up.sql", "").Up(ctx, "postgres://x@/y?host=/nowhere")
		}, "have the same number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, c.run(t.Context()), c.want)
		})
	}
}
