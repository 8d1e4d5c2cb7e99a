package testkit

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/portcullis-idp/portcullis/internal/postgres/migration"
)

const (
	templatePrefix = "portcullis_template_"
	testPrefix     = "portcullis_test_"
	// templateLock serialises the making of templates among test binaries.
	templateLock = 0x746d706c
	// templatesKept bounds how many old schemas stay in the cache.
	templatesKept = 6
)

// makeTemplate returns the name of a migrated database that nobody is
// connected to, making it when this schema has none yet.
func makeTemplate(ctx context.Context, pool *pgxpool.Pool, serverURL string) (string, error) {
	digest, err := migration.Digest()
	if err != nil {
		return "", err
	}
	name := templatePrefix + digest
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return "", fmt.Errorf("reaching the test database: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, templateLock); err != nil {
		return "", fmt.Errorf("locking the template: %w", err)
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, templateLock) }()
	var exists bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&exists); err != nil {
		return "", fmt.Errorf("looking for the template: %w", err)
	}
	if exists {
		return name, nil
	}
	draft := templatePrefix + "draft"
	for _, sql := range []string{"DROP DATABASE IF EXISTS " + draft + " WITH (FORCE)", "CREATE DATABASE " + draft + " STRATEGY file_copy"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return "", fmt.Errorf("making the template: %w", err)
		}
	}
	if err := migration.Up(ctx, withDatabase(serverURL, draft), nil); err != nil {
		return "", err
	}
	for _, sql := range []string{
		"ALTER DATABASE " + draft + " WITH ALLOW_CONNECTIONS false", // one guest would block every copy
		"ALTER DATABASE " + draft + " RENAME TO " + name,
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return "", fmt.Errorf("making the template: %w", err)
		}
	}
	return name, forgetTemplates(ctx, conn.Conn())
}

// forgetTemplates drops the oldest templates beyond the number kept.
func forgetTemplates(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE starts_with(datname, $1) ORDER BY oid DESC OFFSET $2`, templatePrefix, templatesKept)
	if err != nil {
		return fmt.Errorf("listing templates: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("listing templates: %w", err)
	}
	for _, name := range names {
		if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name); err != nil {
			return fmt.Errorf("dropping template %s: %w", name, err)
		}
	}
	return nil
}

// sweep drops the databases of test binaries that have ended without dropping
// them; ended is one that is known to have, though its process id may linger.
func sweep(ctx context.Context, serverURL string, ended int) error {
	conn, err := pgx.Connect(ctx, serverURL)
	if err != nil {
		return fmt.Errorf("reaching the test database: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE starts_with(datname, $1)`, testPrefix)
	if err != nil {
		return fmt.Errorf("listing test databases: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("listing test databases: %w", err)
	}
	for _, name := range names {
		owner, _, _ := strings.Cut(strings.TrimPrefix(name, testPrefix), "_")
		pid, err := strconv.Atoi(owner)
		if err != nil || (pid != ended && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)) {
			continue
		}
		if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			return fmt.Errorf("dropping %s: %w", name, err)
		}
	}
	return nil
}

// withDatabase is the same server's URL for another database.
func withDatabase(serverURL, name string) string {
	u, err := url.Parse(serverURL)
	if err != nil {
		return serverURL // pgx will say what is wrong with it
	}
	u.Path = "/" + name
	return u.String()
}
