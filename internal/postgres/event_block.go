package postgres

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type eventBlocks struct{ q querier }

// blockLock is the number of the lock that whoever writes blocks holds, and whoever
// purges events (migrations/0044).
const blockLock = 7305436423

// eventText is what an event is searched in, as idp.EventText has it.
const eventText = `ARRAY[e.action, e.app, coalesce(e."user" ->> 'username', ''), coalesce(host(e.client_ip), ''), e."user"::text, e.context::text]`

func textOf(columns []string) idp.EventText {
	return idp.EventText{Action: columns[0], App: columns[1], Username: columns[2], Address: columns[3], User: columns[4], Context: columns[5]}
}

func (r eventBlocks) Hold(ctx context.Context) (held bool, err error) {
	err = r.q.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, int64(blockLock)).Scan(&held)
	return held, wrap(err, "block", "asking whether somebody else writes blocks of events")
}

// queueStrays notes events that come from elsewhere: the chain may have gone on behind
// the time they say, and a search would not look there.
func queueStrays(b *pgx.Batch, all ...*idp.Event) {
	var ids []string
	for _, e := range all {
		if e.Imported {
			ids = append(ids, e.ID.String())
		}
	}
	if len(ids) > 0 {
		b.Queue(`INSERT INTO event_strays (event_id) SELECT unnest($1::text[])::uuid ON CONFLICT DO NOTHING`, ids)
	}
}

// Due implements idp.EventBlocks. Entries in front of the first block are left of one that
// was purged in part.
func (r eventBlocks) Due(ctx context.Context, limit int) (entries []idp.BlockEntry, whole bool, err error) {
	s, err := spanOf(ctx, r.q)
	if err != nil {
		return nil, false, err
	}
	from, to := s.last+1, s.newest
	if whole = s.first > 0 && s.oldest < s.first; whole {
		from, to = s.oldest, s.first-1
	}
	if from > to {
		return nil, false, nil
	}
	rows, err := r.q.Query(ctx, `SELECT s.seq, e.created_at, CASE WHEN e.id IS NOT NULL THEN `+eventText+` END
		  FROM (SELECT s.seq, s.event_id FROM event_seals s WHERE s.seq BETWEEN $1 AND $2 ORDER BY s.seq LIMIT $3) s
		  LEFT JOIN LATERAL (SELECT e.* FROM events e WHERE e.id = s.event_id OFFSET 0) e ON true ORDER BY s.seq`, from, to, limit+1)
	if err != nil {
		return nil, false, wrap(err, "block", "reading entries that are in no block")
	}
	entries, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e idp.BlockEntry, err error) {
		var at *time.Time
		var text []string
		if err = row.Scan(&e.Seq, &at, &text); err == nil && at != nil {
			e.CreatedAt, e.Text = *at, textOf(text)
		}
		return e, err
	})
	if len(entries) > limit {
		entries, whole = entries[:limit], false
	}
	return entries, whole, wrap(err, "block", "reading entries that are in no block")
}

func (r eventBlocks) Append(ctx context.Context, blocks []idp.EventBlock) error {
	b := &pgx.Batch{}
	for i := range blocks {
		e := &blocks[i]
		b.Queue(`INSERT INTO event_blocks (first_seq, last_seq, min_at, max_at, words) VALUES ($1, $2, $3, $4, array_to_tsvector($5::text[]))`,
			e.First, e.Last, e.From, e.To, e.Words)
	}
	return wrap(r.q.SendBatch(ctx, b).Close(), "block", "storing blocks of events")
}

// Strays implements idp.EventBlocks.
func (r eventBlocks) Strays(ctx context.Context, after idp.EventID, limit int) (next idp.EventID, err error) {
	s, err := spanOf(ctx, r.q)
	if err != nil {
		return next, err
	}
	if _, err := exec(ctx, r.q, "block", "forgetting events that are in a block", `
		DELETE FROM event_strays t USING event_seals s WHERE s.event_id = t.event_id AND s.seq BETWEEN $1 AND $2`, s.first, s.last); err != nil {
		return next, err
	}
	bound, chained := s.unsealed()
	if !chained {
		return next, nil
	}
	n := 0
	var last *idp.EventID
	err = r.q.QueryRow(ctx, `
		WITH part AS MATERIALIZED (SELECT e.id, e.created_at FROM events e WHERE e.id > $1 ORDER BY e.id LIMIT $2),
		     noted AS (INSERT INTO event_strays (event_id) SELECT p.id FROM part p
		                WHERE p.created_at <= $3 AND NOT EXISTS (SELECT FROM event_seals s WHERE s.event_id = p.id) ON CONFLICT DO NOTHING)
		SELECT count(*), (array_agg(p.id ORDER BY p.id DESC))[1] FROM part p`, after, limit, bound).Scan(&n, &last)
	if err != nil || n < limit || last == nil {
		return next, wrap(err, "block", "looking for events that are in no entry")
	}
	return *last, nil
}

// span says which entries of the chain there are, and which are in blocks; 0 = none.
type span struct {
	first, last    int64 // in blocks
	oldest, newest int64 // in the chain
	mark           string
}

// spanOf also asks up to where events are sealed.
func spanOf(ctx context.Context, q querier) (s span, err error) {
	err = q.QueryRow(ctx, `SELECT coalesce((SELECT first_seq FROM event_blocks ORDER BY first_seq LIMIT 1), 0),
		       coalesce((SELECT last_seq FROM event_blocks ORDER BY first_seq DESC LIMIT 1), 0),
		       coalesce((SELECT seq FROM event_seals ORDER BY seq LIMIT 1), 0), coalesce((SELECT seq FROM event_seals ORDER BY seq DESC LIMIT 1), 0),
		       coalesce((SELECT mark FROM (SELECT mark FROM event_seals ORDER BY seq DESC OFFSET 0) s WHERE mark <> '' LIMIT 1), '')`).
		Scan(&s.first, &s.last, &s.oldest, &s.newest, &s.mark)
	return s, wrap(err, "block", "asking which events are in blocks")
}

// loose is how many entries of the chain are in no block.
func (s span) loose() int64 {
	n := s.newest - max(s.last, s.oldest-1)
	if s.first > s.oldest {
		n += s.first - s.oldest
	}
	return n
}

// unsealed is when an event was created at least that is not sealed yet and is going to
// be; chained is false where that could be any.
func (s span) unsealed() (bound time.Time, chained bool) {
	var m idp.SealMark
	if strings.TrimSpace(s.mark) == "" || json.Unmarshal([]byte(s.mark), &m) != nil {
		return bound, false
	}
	bound = m.Floor.Add(-sealSlack)
	if m.More() && m.Origin == idp.SealHistory {
		return bound, false
	}
	if m.More() {
		if bound = m.UntilFrom.Add(-sealSlack); m.CreatedAt.Before(bound) {
			bound = m.CreatedAt.Add(-time.Microsecond)
		}
	}
	return bound, !bound.IsZero()
}
