package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	// tailLimit is how many events Tail returns at once.
	tailLimit = 500
	// tailSpan is longer than any transaction of ours lasts after it has written
	// an event: a statement takes half of it at most.
	tailSpan = time.Minute
)

// Tail implements idp.Events. What a snapshot of the database shows and an
// earlier one did not is what was committed in between, whatever the times of
// the events say.
func (r events) Tail(ctx context.Context, m idp.EventMark) ([]idp.Event, idp.EventMark, error) {
	var now string
	var at time.Time
	replaced := false // by an older copy of the database, whose transactions begin at lower numbers
	err := r.q.QueryRow(ctx, `SELECT pg_current_snapshot()::text, clock_timestamp(),
			coalesce(pg_snapshot_xmax(nullif($1, '')::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()), false)`, m.Since).
		Scan(&now, &at, &replaced)
	if err != nil {
		return nil, m, wrap(err, "event", "asking what is committed")
	}
	if m.Since == "" || replaced {
		return nil, idp.EventMark{Since: now, At: at}, nil
	}
	if !m.More() {
		m.Until, m.CreatedAt, m.ID = now, m.At.Add(-tailSpan), idp.EventID{}
	}
	rows, err := r.q.Query(ctx, `
		SELECT `+eventColumns+` FROM events e
		 WHERE (e.created_at, e.id) > ($1, $2)
		   AND NOT pg_visible_in_snapshot(e.xact, $3::text::pg_snapshot) AND pg_visible_in_snapshot(e.xact, $4::text::pg_snapshot)
		 ORDER BY e.created_at, e.id LIMIT $5`, m.CreatedAt, m.ID, m.Since, m.Until, tailLimit)
	if err != nil {
		return nil, m, wrap(err, "event", "reading what was committed")
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByNameLax[idp.Event])
	if err != nil {
		return nil, m, wrap(err, "event", "reading what was committed")
	}
	if len(found) < tailLimit {
		return found, idp.EventMark{Since: m.Until, At: at}, nil
	}
	last := &found[len(found)-1]
	m.CreatedAt, m.ID = last.CreatedAt, last.ID
	return found, m, nil
}

// WatchEvents says whether the server wants to be told of events as they are
// committed; see FeedSource.HearEvents. It is nothing that outlives a crash of
// the database: who wants to be told says so now and then.
func (db *DB) WatchEvents(ctx context.Context, me feed.ReplicaID, on bool) error {
	_, err := db.pool.Exec(ctx, `UPDATE replicas SET watching = $2 WHERE id = $1 AND watching <> $2`, me, on)
	return wrap(err, "database", "asking to be told of events")
}
