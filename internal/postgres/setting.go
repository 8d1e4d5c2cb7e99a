package postgres

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"
)

type settings struct{ q querier }

func (r settings) Get(ctx context.Context, name string) (json.RawMessage, error) {
	var value json.RawMessage
	err := r.q.QueryRow(ctx, `SELECT value FROM settings WHERE name = $1`, name).Scan(&value)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return value, wrap(err, "setting", "reading the setting %s", name)
}

func (r settings) Set(ctx context.Context, name string, value json.RawMessage) error {
	_, err := exec(ctx, r.q, "setting", "changing the setting "+name, `
		INSERT INTO settings (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = clock_timestamp()`, name, value)
	return err
}

func (r settings) Delete(ctx context.Context, name string) error {
	_, err := exec(ctx, r.q, "setting", "deleting the setting "+name, `DELETE FROM settings WHERE name = $1`, name)
	return err
}

// settingLocks keeps the advisory locks of setting names apart from others.
const settingLocks = 0x73657474

func (r settings) Hold(ctx context.Context, name string) error {
	_, err := exec(ctx, r.q, "setting", "holding the setting "+name,
		`SELECT pg_advisory_xact_lock($1::integer, hashtext($2))`, settingLocks, name)
	return err
}
