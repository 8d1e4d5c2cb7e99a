package testkit_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/postgres/migration"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func TestDatabaseIsMigratedAndFresh(t *testing.T) {
	t.Parallel()
	for range 3 {
		url := testkit.Database(t)
		status, err := migration.Version(t.Context(), url)
		require.NoError(t, err)
		require.True(t, status.Current(), "%+v", status)
		_, err = connect(t, url).Exec(t.Context(), `CREATE TABLE trace (id int)`)
		require.NoError(t, err, "a trace of an earlier test is there")
	}
}

func TestEmptyDatabaseHasNoTables(t *testing.T) {
	t.Parallel()
	var tables int
	err := connect(t, testkit.EmptyDatabase(t)).QueryRow(t.Context(),
		`SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`).Scan(&tables)
	require.NoError(t, err)
	require.Zero(t, tables)
}

// A test that ends drops its database, even with a connection left open.
func TestDatabaseIsDroppedWithTheTest(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("inner", func(t *testing.T) {
		conn, err := pgx.Connect(t.Context(), testkit.Database(t))
		require.NoError(t, err)
		name = conn.Config().Database
	})
	var exists bool
	err := connect(t, testkit.EmptyDatabase(t)).QueryRow(t.Context(),
		`SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&exists)
	require.NoError(t, err)
	require.False(t, exists)
}

func BenchmarkDatabase(b *testing.B) {
	testkit.Database(b)
	for b.Loop() {
		testkit.Database(b)
	}
}
