package migration

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// queue is the job queue's own schema (River's main line).
type queue struct {
	pool     *pgxpool.Pool
	migrator *rivermigrate.Migrator[pgx.Tx]
	version  int
}

func openQueue(ctx context.Context, url string) (*queue, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns, config.MinConns = 2, 0
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("preparing the job queue's migrations: %w", err)
	}
	return &queue{pool: pool, migrator: migrator}, nil
}

func (q *queue) close() {
	if q != nil {
		q.pool.Close()
	}
}

// latest is the newest version the build carries.
func (q *queue) latest() int {
	latest := 0
	for _, m := range q.migrator.AllVersions() {
		latest = max(latest, m.Version)
	}
	return latest
}

// read asks the table itself: River's own call fails on versions it does not
// know, which is what we want to name.
func (q *queue) read(ctx context.Context) error {
	var exists bool
	if err := q.pool.QueryRow(ctx, `SELECT to_regclass('river_migration') IS NOT NULL`).Scan(&exists); err != nil {
		return fmt.Errorf("looking for the job queue's version: %w", err)
	}
	q.version = 0
	if !exists {
		return nil
	}
	if err := q.pool.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM river_migration`).Scan(&q.version); err != nil {
		return fmt.Errorf("reading the job queue's version: %w", err)
	}
	return nil
}

func (q *queue) up(ctx context.Context) error {
	if q.version == q.latest() {
		return nil
	}
	if _, err := q.migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrating the job queue: %w", err)
	}
	return nil
}

func (q *queue) down(ctx context.Context) error {
	if q.version == 0 {
		return nil
	}
	if _, err := q.migrator.Migrate(ctx, rivermigrate.DirectionDown, &rivermigrate.MigrateOpts{TargetVersion: -1}); err != nil {
		return fmt.Errorf("removing the job queue's tables: %w", err)
	}
	return nil
}
