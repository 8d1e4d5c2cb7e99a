package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type seals struct{ q querier }

const (
	// sealLimit is how many events Unsealed returns at once.
	sealLimit = 1000
	// sealSlack is how far the database's clock may have been set back.
	sealSlack = 10 * time.Second
	// sealLock is the number of the lock that whoever seals holds.
	sealLock = 7305436422
	// eventRow writes an event's row out, in a way that no setting of a connection
	// changes and that a copy of the database gives again.
	eventRow = `ARRAY[e.id::text, e.action, e.app, e."user"::text, e.context::text, e.client_ip::text, e.brand::text,
		extract(epoch FROM e.created_at)::text, extract(epoch FROM e.expires_at)::text, e.xact::text]`
	// eventSealed is asked for each event by itself, after what is cheaper to know.
	eventSealed = `(SELECT s.seq FROM event_seals s WHERE s.event_id = e.id)`
	sealColumns = `s.seq, s.event_id, s.origin, s.method, s.key_mark, s.sealed_at, s.mark, s.seal`
)

func (r seals) Hold(ctx context.Context, wait bool) (held bool, err error) {
	if wait {
		_, err = r.q.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(sealLock))
		return err == nil, wrap(err, "seal", "waiting for whoever seals events")
	}
	err = r.q.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, int64(sealLock)).Scan(&held)
	return held, wrap(err, "seal", "asking whether somebody else seals events")
}

func sealInto(s *idp.Seal) []any {
	return []any{&s.Seq, &s.EventID, &s.Origin, &s.Method, &s.KeyMark, &s.SealedAt, &s.Mark, &s.Value}
}

func (r seals) Last(ctx context.Context) (*idp.Seal, *idp.SealMark, error) {
	var last idp.Seal
	err := r.q.QueryRow(ctx, `SELECT `+sealColumns+` FROM event_seals s ORDER BY s.seq DESC LIMIT 1`).Scan(sealInto(&last)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, wrap(err, "seal", "reading the newest seal")
	}
	text := last.Mark
	if text == "" { // somebody removed what was behind it
		err = r.q.QueryRow(ctx, `SELECT s.mark FROM event_seals s WHERE s.mark <> '' ORDER BY s.seq DESC LIMIT 1`).Scan(&text)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return nil, nil, wrap(err, "seal", "reading up to where events are sealed")
		}
	}
	var m idp.SealMark
	if text == "" || json.Unmarshal([]byte(text), &m) != nil {
		return &last, nil, nil
	}
	return &last, &m, nil
}

// Unsealed implements idp.Seals, as events.Tail does. Where the mark cannot tell
// what is new, at the beginning and in an older copy of the database, every event
// that it could be is looked at.
func (r seals) Unsealed(ctx context.Context, m idp.SealMark) ([]idp.EventRow, idp.SealMark, time.Time, error) {
	var now string
	var at time.Time
	replaced, ended := false, false
	err := r.q.QueryRow(ctx, `SELECT pg_current_snapshot()::text, clock_timestamp(), coalesce(greatest(pg_snapshot_xmax(nullif($1, '')::pg_snapshot),
			pg_snapshot_xmax(nullif($2, '')::pg_snapshot)) > pg_snapshot_xmax(pg_current_snapshot()), false),
			coalesce(pg_snapshot_xmin(pg_current_snapshot()) >= pg_snapshot_xmax(nullif($1, '')::pg_snapshot), false)`, m.Since, m.Until).
		Scan(&now, &at, &replaced, &ended)
	if err != nil {
		return nil, m, at, wrap(err, "event", "asking what is committed")
	}
	if !m.More() && m.Since != "" {
		m.CreatedAt, m.ID = m.Floor.Add(-sealSlack), idp.EventID{}
	}
	if replaced {
		m.Since, m.Until = "", ""
	}
	if !m.More() {
		m.Until, m.UntilAt, m.UntilFrom = now, at, at.Add(-idp.SealSpan)
		if ended && m.At.After(m.UntilFrom) { // whoever was at work then, and what is at work now began since
			m.UntilFrom = m.At
		} else if m.Floor.After(m.UntilFrom) {
			m.UntilFrom = m.Floor
		}
	}
	committed, args := "", []any{m.CreatedAt, m.ID, sealLimit + 1}
	if m.Since != "" {
		committed = `AND NOT pg_visible_in_snapshot(e.xact, $4::text::pg_snapshot) AND pg_visible_in_snapshot(e.xact, $5::text::pg_snapshot)`
		args = append(args, m.Since, m.Until)
	}
	rows, err := r.q.Query(ctx, `SELECT e.id, e.created_at, `+eventRow+` FROM events e
		 WHERE (e.created_at, e.id) > ($1, $2) `+committed+` AND `+eventSealed+` IS NULL
		 ORDER BY e.created_at, e.id LIMIT $3`, args...)
	if err != nil {
		return nil, m, at, wrap(err, "event", "reading what is not sealed")
	}
	found, err := pgx.CollectRows(rows, scanEventRow)
	if err != nil {
		return nil, m, at, wrap(err, "event", "reading what is not sealed")
	}
	if len(found) <= sealLimit {
		return found, idp.SealMark{Since: m.Until, At: m.UntilAt, Floor: m.UntilFrom}, at, nil
	}
	found = found[:sealLimit]
	last := &found[sealLimit-1]
	m.CreatedAt, m.ID = last.CreatedAt, last.ID
	return found, m, at, nil
}

func scanEventRow(row pgx.CollectableRow) (e idp.EventRow, err error) {
	err = row.Scan(&e.ID, &e.CreatedAt, &e.Columns)
	return e, err
}

func (r seals) Strays(ctx context.Context, before time.Time, after idp.EventID, limit int) ([]idp.EventRow, error) {
	rows, err := r.q.Query(ctx, `SELECT e.id, e.created_at, `+eventRow+` FROM events e
		 WHERE e.id > $1 AND e.created_at <= $2 AND NOT EXISTS (SELECT FROM event_seals s WHERE s.event_id = e.id)
		 ORDER BY e.id LIMIT $3`, after, before, limit)
	if err != nil {
		return nil, wrap(err, "event", "looking for events that are in no entry")
	}
	found, err := pgx.CollectRows(rows, scanEventRow)
	return found, wrap(err, "event", "looking for events that are in no entry")
}

func (r seals) Pending(ctx context.Context, since time.Time) (n int, err error) {
	err = r.q.QueryRow(ctx, `SELECT count(*) FROM events e WHERE e.created_at > $1 AND `+eventSealed+` IS NULL`, since).Scan(&n)
	return n, wrap(err, "event", "counting events that are not sealed yet")
}

func (r seals) Append(ctx context.Context, entries []idp.Seal) error {
	n := len(entries)
	seqs, at, values := make([]int64, n), make([]time.Time, n), make([][]byte, n)
	var texts [5][]string
	for i := range entries {
		s := &entries[i]
		seqs[i], at[i], values[i] = s.Seq, s.SealedAt, s.Value
		for k, text := range []string{s.EventID.String(), string(s.Origin), s.Method, s.KeyMark, s.Mark} {
			texts[k] = append(texts[k], text)
		}
	}
	_, err := exec(ctx, r.q, "seal", "storing seals", `
		INSERT INTO event_seals (seq, event_id, origin, method, key_mark, mark, sealed_at, seal)
		SELECT v.seq, v.event_id::uuid, v.origin, v.method, v.key_mark, v.mark, v.sealed_at, v.seal
		  FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::bytea[])
		       v (seq, event_id, origin, method, key_mark, mark, sealed_at, seal)`,
		seqs, texts[0], texts[1], texts[2], texts[3], texts[4], at, values)
	return err
}

func (r seals) From(ctx context.Context, seq int64, limit int) ([]idp.SealedEvent, error) {
	rows, err := r.q.Query(ctx, `SELECT `+sealColumns+`, CASE WHEN e.id IS NOT NULL THEN `+eventRow+` END
		  FROM event_seals s LEFT JOIN events e ON e.id = s.event_id WHERE s.seq >= $1 ORDER BY s.seq LIMIT $2`, seq, limit)
	if err != nil {
		return nil, wrap(err, "seal", "reading the chain from entry %d on", seq)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e idp.SealedEvent, err error) {
		err = row.Scan(append(sealInto(&e.Seal), &e.Columns)...)
		return e, err
	})
	return found, wrap(err, "seal", "reading the chain from entry %d on", seq)
}
