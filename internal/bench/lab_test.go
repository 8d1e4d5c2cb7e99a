package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/embedded"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/postgres/migration"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

func TestLab(t *testing.T) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "portcullis-lab")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	edb, err := embedded.Start(ctx, embedded.Config{DataDir: dir, Settings: map[string]string{"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "all"}})
	require.NoError(t, err)
	defer func() { _ = edb.Stop(ctx) }()
	require.NoError(t, migration.Up(ctx, edb.URL(), slog.New(slog.DiscardHandler)))
	db, err := postgres.Open(ctx, edb.URL(), postgres.Options{})
	require.NoError(t, err)
	defer db.Close()
	keys, err := secret.NewSealer([]byte(secret.Token()))
	require.NoError(t, err)
	view := lockout.NewView(db)
	view.Follow(lasting{})
	s := lockout.New(lockout.Deps{Store: db, Access: access.New(), View: view, Keys: keys})
	pool, err := pgxpool.New(ctx, edb.URL())
	require.NoError(t, err)
	defer pool.Close()
	_, err = pool.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements; CREATE TABLE hot (n bigint); INSERT INTO hot VALUES (0)")
	require.NoError(t, err)
	for range 3 {
		h := rate(func(int) error { _, err := pool.Exec(ctx, "UPDATE hot SET n = n + 1"); return err })
		_, _ = pool.Exec(ctx, "SELECT pg_stat_statements_reset()")
		cpu, _ := ownCPU()
		began := time.Now()
		d := rate(func(i int) error { return attempt(ctx, s, uuid.New(), "", false) })
		cpu2, _ := ownCPU()
		fmt.Printf("hot %.0f/s failed %.0f/s ratio %.2f own cpu %.0f%% of wall, %.1f µs each\n", h, d, d/h, 100*float64(cpu2-cpu)/float64(time.Since(began)), float64(cpu2-cpu)/float64(time.Microsecond)/(d*guessing.Seconds()))
	}
	rows, err := pool.Query(ctx, "SELECT calls, rows, round(total_exec_time::numeric,1)::text, left(regexp_replace(query, '\\s+', ' ', 'g'), 110) FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 16")
	require.NoError(t, err)
	for rows.Next() {
		var calls, n int64
		var ms, q string
		require.NoError(t, rows.Scan(&calls, &n, &ms, &q))
		fmt.Printf("%7d calls %8d rows %9s ms  %s\n", calls, n, ms, q)
	}
}
