package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Hold implements idp.Lockouts, in one round trip. That a row is locked by somebody
// else is told from its absence by a look that locks nothing.
func (r lockouts) Hold(ctx context.Context, subjects []idp.Standing, wait bool) (map[idp.UUID]*idp.Standing, time.Time, error) {
	ids := make([]pgtype.UUID, len(subjects))
	for i, s := range subjects {
		ids[i] = pgtype.UUID{Bytes: s.Subject, Valid: true}
	}
	skip := " SKIP LOCKED"
	if wait {
		skip = ""
	}
	held, now := map[idp.UUID]*idp.Standing{}, time.Time{}
	b := &pgx.Batch{}
	// A plan made while the table was nearly empty would read all of it, and be kept
	// while attackers fill it.
	b.Queue(`SET LOCAL enable_seqscan = off`)
	b.Queue(`SELECT subject, user_id, guesses, locked_until, lockouts, locked_at FROM standings
		WHERE subject = ANY($1::uuid[]) ORDER BY subject FOR UPDATE`+skip, ids).Query(func(rows pgx.Rows) error {
		all, err := pgx.CollectRows(rows, scanStanding)
		for _, s := range all {
			held[s.Subject] = s
		}
		return err
	})
	b.Queue(`SELECT subject, clock_timestamp() FROM (SELECT NULL::uuid AS subject UNION ALL
		SELECT subject FROM standings WHERE subject = ANY($1::uuid[])) s`, ids).Query(func(rows pgx.Rows) error {
		taken := map[idp.UUID]bool{}
		var id pgtype.UUID
		if _, err := pgx.ForEachRow(rows, []any{&id, &now}, func() error { taken[id.Bytes] = true; return nil }); err != nil {
			return err
		}
		for _, s := range subjects {
			switch {
			case held[s.Subject] != nil:
			case !taken[s.Subject]:
				held[s.Subject] = &idp.Standing{Subject: s.Subject, UserID: s.UserID, Fresh: true}
			case wait:
				return errLostRace // it was stored between the two looks
			}
		}
		return nil
	})
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

// Save implements idp.Lockouts. Rows are looked up one by one by their key, whatever
// the planner would think of a table that was empty a minute ago. Whoever finds that
// somebody else was the first to store a standing has lost a race, and begins anew.
func (r lockouts) Save(ctx context.Context, standings []*idp.Standing) error {
	slices.SortFunc(standings, func(a, b *idp.Standing) int { return bytes.Compare(a.Subject[:], b.Subject[:]) })
	var fresh, old rowsOfStandings
	for _, s := range standings {
		rows := &old
		if s.Fresh {
			rows = &fresh
		}
		if err := rows.add(s); err != nil {
			return err
		}
	}
	b := &pgx.Batch{}
	if n := len(fresh.ids); n > 0 {
		b.Queue(standingInsert+` ON CONFLICT DO NOTHING`, fresh.values()...).Exec(func(tag pgconn.CommandTag) error {
			if int(tag.RowsAffected()) < n {
				return errLostRace
			}
			return nil
		})
	}
	if len(old.ids) > 0 {
		b.Queue(standingInsert+` ON CONFLICT (subject) DO UPDATE SET guesses = excluded.guesses, locked_until = excluded.locked_until,
			lockouts = excluded.lockouts, locked_at = excluded.locked_at, touched_at = excluded.touched_at`, old.values()...)
	}
	return later(ctx, r.q, b, func(err error) error { return wrap(err, "standing", "writing %d standings", len(standings)) })
}

// touched is when standings are touched, to within ten minutes: what an index has of
// a row does not change with every attempt.
const touched = `date_bin('10 minutes', clock_timestamp(), 'epoch')`

const standingInsert = `
	INSERT INTO standings AS s (subject, user_id, guesses, locked_until, lockouts, locked_at, touched_at)
	SELECT v.subject, v.user_id, v.guesses::jsonb, v.locked_until, v.lockouts, v.locked_at, ` + touched + `
	  FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::timestamptz[], $5::integer[], $6::timestamptz[])
	       v (subject, user_id, guesses, locked_until, lockouts, locked_at)`

// rowsOfStandings are the columns of several.
type rowsOfStandings struct {
	ids          []pgtype.UUID
	users        []*int32
	guesses      []string
	until, began []*time.Time
	counts       []int32
}

func (r *rowsOfStandings) add(s *idp.Standing) error {
	text := []byte("[]")
	if len(s.Guesses) > 0 {
		var err error
		if text, err = json.Marshal(s.Guesses); err != nil {
			return err
		}
	}
	var user *int32
	if s.UserID != nil {
		id := int32(*s.UserID)
		user = &id
	}
	r.ids, r.users, r.guesses = append(r.ids, pgtype.UUID{Bytes: s.Subject, Valid: true}), append(r.users, user), append(r.guesses, string(text))
	r.until, r.began, r.counts = append(r.until, s.LockedUntil), append(r.began, s.LockedAt), append(r.counts, int32(s.Lockouts))
	return nil
}

func (r *rowsOfStandings) values() []any {
	return []any{r.ids, r.users, r.guesses, r.until, r.counts, r.began}
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
