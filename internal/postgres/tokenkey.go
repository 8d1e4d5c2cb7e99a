package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// keyEnds is when a key stored now, for so many seconds, ends; 0 = never.
const keyEnds = `CASE WHEN $2::float8 > 0 THEN clock_timestamp() + make_interval(secs => $2::float8) END`

func (r tokens) KeepKey(ctx context.Context, id idp.TokenID, sealed []byte, lifetime time.Duration) error {
	_, err := exec(ctx, r.q, "token", "keeping the key of token "+id.String(), `
		INSERT INTO token_keys (token_id, sealed, expires_at) VALUES ($1, $3, `+keyEnds+`)
		ON CONFLICT (token_id) DO UPDATE SET sealed = excluded.sealed, expires_at = excluded.expires_at`,
		id, lifetime.Seconds(), sealed)
	return err
}

// keyOfLive joins a key k with its live token.
const keyOfLive = `k.token_id = $1 AND t.id = k.token_id AND u.id = t.user_id AND ` + tokenLive + `
	AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())`

func (r tokens) TakeKey(ctx context.Context, id idp.TokenID, stays bool) (sealed []byte, err error) {
	sql := `DELETE FROM token_keys k USING tokens t, users u WHERE ` + keyOfLive + ` RETURNING k.sealed`
	if stays {
		sql = `SELECT k.sealed FROM token_keys k, tokens t, users u WHERE ` + keyOfLive
	}
	err = r.q.QueryRow(ctx, sql, id).Scan(&sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return sealed, wrap(err, "token", "taking the key of token %s", id)
}

func (r tokens) LimitKeys(ctx context.Context, lifetime time.Duration) (int, error) {
	return exec(ctx, r.q, "token", "limiting how long keys of tokens are kept", `
		UPDATE token_keys SET expires_at = clock_timestamp() + make_interval(secs => $1) WHERE expires_at IS NULL`, lifetime.Seconds())
}
