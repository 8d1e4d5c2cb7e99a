package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type signingKeys struct{ q querier }

// signingKeyLock makes those who change keys follow one another.
const signingKeyLock = 7305436431

func (r signingKeys) All(ctx context.Context) ([]idp.SigningKey, error) {
	rows, err := r.q.Query(ctx, `SELECT id, algorithm, private, public, created_at, signs_from, retired_at FROM signing_keys ORDER BY created_at, id`)
	if err != nil {
		return nil, wrap(err, "signing key", "reading the signing keys")
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByName[idp.SigningKey])
	return keys, wrap(err, "signing key", "reading the signing keys")
}

func (r signingKeys) Hold(ctx context.Context) error {
	_, err := exec(ctx, r.q, "signing key", "holding the signing keys", `SELECT pg_advisory_xact_lock($1)`, signingKeyLock)
	return err
}

func (r signingKeys) Create(ctx context.Context, k *idp.SigningKey, signsIn time.Duration) error {
	err := r.q.QueryRow(ctx, `INSERT INTO signing_keys (id, algorithm, private, public, signs_from)
		VALUES ($1, $2, $3, $4, clock_timestamp() + $5::interval) RETURNING created_at, signs_from`, k.ID, k.Algorithm, k.Private, k.Public, signsIn).
		Scan(&k.CreatedAt, &k.SignsFrom)
	return wrap(err, "signing key", "keeping a signing key")
}

func (r signingKeys) Retire(ctx context.Context, id string) error {
	return mustChange(ctx, r.q, "signing key", "retiring signing key "+id, `UPDATE signing_keys SET retired_at = coalesce(retired_at, clock_timestamp()) WHERE id = $1`, id)
}

func (r signingKeys) Delete(ctx context.Context, id string) error {
	return mustChange(ctx, r.q, "signing key", "deleting signing key "+id, `DELETE FROM signing_keys WHERE id = $1`, id)
}
