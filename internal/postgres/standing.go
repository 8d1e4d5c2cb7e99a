package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Hold implements idp.Lockouts, in one round trip.
func (r lockouts) Hold(ctx context.Context, subjects []idp.Standing, wait bool) (map[idp.UUID]*idp.Standing, time.Time, error) {
	ids, users := make([]idp.UUID, len(subjects)), make([]*idp.UserID, len(subjects))
	for i, s := range subjects {
		ids[i], users[i] = s.Subject, s.UserID
	}
	skip := " SKIP LOCKED"
	if wait {
		skip = ""
	}
	held, now := map[idp.UUID]*idp.Standing{}, time.Time{}
	b := &pgx.Batch{}
	b.Queue(`INSERT INTO standings (subject, user_id) SELECT * FROM unnest($1::uuid[], $2::integer[]) s (subject, user_id)
		ORDER BY subject ON CONFLICT DO NOTHING`, ids, users)
	b.Queue(`SELECT subject, user_id, guesses, locked_until, lockouts, locked_at FROM standings
		WHERE subject = ANY($1::uuid[]) ORDER BY subject FOR UPDATE`+skip, ids).Query(func(rows pgx.Rows) error {
		all, err := pgx.CollectRows(rows, scanStanding)
		for _, s := range all {
			held[s.Subject] = s
		}
		return err
	})
	b.Queue(`SELECT clock_timestamp()`).QueryRow(func(row pgx.Row) error { return row.Scan(&now) })
	err := r.q.SendBatch(ctx, b).Close()
	return held, now, wrap(err, "standing", "holding the standings of %d subjects", len(ids))
}

func scanStanding(row pgx.CollectableRow) (*idp.Standing, error) {
	var s idp.Standing
	var guesses []byte
	if err := row.Scan(&s.Subject, &s.UserID, &guesses, &s.LockedUntil, &s.Lockouts, &s.LockedAt); err != nil {
		return nil, err
	}
	return &s, json.Unmarshal(guesses, &s.Guesses)
}

// Standings implements idp.Lockouts.
func (r lockouts) Standings(ctx context.Context, user idp.UserID) ([]idp.Standing, error) {
	rows, err := r.q.Query(ctx, `SELECT subject, user_id, guesses, locked_until, lockouts, locked_at FROM standings WHERE user_id = $1 ORDER BY touched_at DESC`, user)
	if err != nil {
		return nil, wrap(err, "standing", "reading the standings of user %d", user)
	}
	found, err := pgx.CollectRows(rows, scanStanding)
	out := make([]idp.Standing, 0, len(found))
	for _, s := range found {
		out = append(out, *s)
	}
	return out, wrap(err, "standing", "reading the standings of user %d", user)
}

// Save implements idp.Lockouts.
func (r lockouts) Save(ctx context.Context, standings []*idp.Standing) error {
	n := len(standings)
	ids, guesses := make([]idp.UUID, n), make([]string, n)
	until, began, counts := make([]*time.Time, n), make([]*time.Time, n), make([]int, n)
	for i, s := range standings {
		text, err := json.Marshal(s.Guesses)
		if err != nil {
			return err
		}
		if len(s.Guesses) == 0 {
			text = []byte("[]")
		}
		ids[i], guesses[i], until[i], began[i], counts[i] = s.Subject, string(text), s.LockedUntil, s.LockedAt, s.Lockouts
	}
	_, err := exec(ctx, r.q, "standing", "writing standings", `
		UPDATE standings s SET guesses = v.guesses::jsonb, locked_until = v.locked_until, lockouts = v.lockouts,
			locked_at = v.locked_at, touched_at = clock_timestamp()
		  FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::integer[], $5::timestamptz[])
		       v (subject, guesses, locked_until, lockouts, locked_at)
		 WHERE s.subject = v.subject`, ids, guesses, until, counts, began)
	return err
}

// Forget implements idp.Lockouts. What somebody holds is left for the next time.
func (r lockouts) Forget(ctx context.Context, untouched time.Duration, limit int) (int, error) {
	const old = `SELECT subject FROM standings WHERE touched_at < clock_timestamp() - $1::interval
		AND (locked_until IS NULL OR locked_until < clock_timestamp())`
	emptied, err := exec(ctx, r.q, "standing", "emptying old standings", `UPDATE standings SET guesses = '[]'
		WHERE subject IN (`+old+` AND guesses <> '[]' ORDER BY touched_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, untouched, limit)
	if err != nil {
		return 0, err
	}
	// How many lockouts somebody had in a row is remembered for as long as it counts.
	deleted, err := exec(ctx, r.q, "standing", "deleting old standings", `DELETE FROM standings
		WHERE subject IN (`+old+` AND guesses = '[]' AND (locked_at IS NULL OR locked_at < clock_timestamp() - interval '1 day')
			ORDER BY touched_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, untouched, limit)
	return max(emptied, deleted), err
}
