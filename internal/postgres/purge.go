package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const purgeColumns = `p.n, p.first_seq, p.last_seq, p.anchor, p.made_by, p.until, p.days, p.purged_at, p.method, p.key_mark, p.seal`

func purgeInto(p *idp.Purge) []any {
	return []any{&p.N, &p.First, &p.Last, &p.Anchor, &p.AnchorMethod, &p.Until, &p.Days, &p.At, &p.Method, &p.KeyMark, &p.Value}
}

func (r seals) Purges(ctx context.Context, after int64, limit int) ([]idp.Purge, error) {
	rows, err := r.q.Query(ctx, `SELECT `+purgeColumns+` FROM event_purges p WHERE p.n > $1 ORDER BY p.n LIMIT $2`, after, limit)
	if err != nil {
		return nil, wrap(err, "seal", "reading what was purged")
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p idp.Purge, err error) {
		err = row.Scan(purgeInto(&p)...)
		return p, err
	})
	return found, wrap(err, "seal", "reading what was purged")
}

func (r seals) LastPurge(ctx context.Context) (*idp.Purge, error) {
	var p idp.Purge
	err := r.q.QueryRow(ctx, `SELECT `+purgeColumns+` FROM event_purges p ORDER BY p.n DESC LIMIT 1`).Scan(purgeInto(&p)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &p, wrap(err, "seal", "reading what was purged last")
}

func (r seals) Due(ctx context.Context, after int64, days, limit int) (found []idp.SealedEvent, until, at time.Time, err error) {
	if err = r.q.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&at); err != nil {
		return nil, until, at, wrap(err, "seal", "asking for the time")
	}
	rows, err := r.q.Query(ctx, `SELECT `+sealColumns+`, CASE WHEN e.id IS NOT NULL THEN `+eventRow+` END, e.created_at,
		       e.id IS NULL OR event_due(e.created_at, e.expires_at, $2)
		  FROM event_seals s LEFT JOIN events e ON e.id = s.event_id
		 WHERE s.seq > $1 AND s.seq < (SELECT m.seq FROM event_seals m WHERE m.mark <> '' ORDER BY m.seq DESC LIMIT 1)
		 ORDER BY s.seq LIMIT $3`, after, days, limit)
	if err != nil {
		return nil, until, at, wrap(err, "seal", "reading what is to be purged")
	}
	ended := false
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e idp.SealedEvent, err error) {
		var created *time.Time
		due := false
		err = row.Scan(append(sealInto(&e.Seal), &e.Columns, &created, &due)...)
		if ended = ended || !due; ended || err != nil {
			return e, err
		}
		if created != nil && created.After(until) {
			until = *created
		}
		found = append(found, e)
		return e, nil
	})
	return found, until, at, wrap(err, "seal", "reading what is to be purged")
}

// Purge implements idp.Seals. The function it calls belongs to who migrates, and checks
// for itself (see migrations/0043 and 0049).
func (r seals) Purge(ctx context.Context, p *idp.Purge) error {
	_, err := exec(ctx, r.q, "seal", "purging events", `SELECT purge_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		p.N, p.First, p.Last, p.Anchor, p.AnchorMethod, p.Until, p.Days, p.At, p.Method, p.KeyMark, p.Value, p.Past)
	return err
}
