package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var deliveryListing = listing{
	noun: "delivery", alias: "t", from: "deliveries t", key: "t.id",
	columns: `t.id, t.event_id, EXISTS (SELECT FROM events e WHERE e.id = t.event_id) AS event_kept, t.rule_id, t.rule_name, t.severity, t.transport_id, t.transport_name, t.mode, t.user_id, t.recipient,
		t.state, t.tries, t.redeliveries, t.answer, t.created_at, t.next_at, t.ended_at`,
	orders: map[string]string{"pk": "t.id", "created": "t.created_at", "state": "t.state"},
	usual:  []string{"-pk"}, filled: []string{"pk"},
}

var scanDelivery = pgx.RowToStructByName[idp.Delivery]

type deliveries struct{ q querier }

func (r deliveries) Get(ctx context.Context, id int64) (*idp.Delivery, error) {
	return one(ctx, r.q, "delivery", "reading a delivery", scanDelivery, `SELECT `+deliveryListing.columns+` FROM deliveries t WHERE t.id = $1`, id)
}

func (r deliveries) Find(ctx context.Context, f idp.DeliveryFilter) (idp.Page[idp.Delivery], error) {
	var w where
	equal(&w, "t.event_id", f.EventID)
	equal(&w, "t.rule_id", f.RuleID)
	equal(&w, "t.transport_id", f.TransportID)
	equal(&w, "t.state", f.State)
	if f.Before > 0 {
		w.with("t.id < @before", "before", f.Before)
	}
	if f.Uncounted {
		return uncounted(ctx, r.q, deliveryListing, w, f.Paging, scanDelivery)
	}
	return page(ctx, r.q, deliveryListing, w, f.Paging, scanDelivery)
}

func (r deliveries) Count(ctx context.Context) (map[idp.DeliveryState]int, error) {
	rows, err := r.q.Query(ctx, `SELECT state, count(*) FROM deliveries
		WHERE state = 'pending' OR ended_at > clock_timestamp() - interval '1 day' GROUP BY state`)
	if err != nil {
		return nil, wrap(err, "delivery", "counting deliveries")
	}
	counts := map[idp.DeliveryState]int{}
	var state idp.DeliveryState
	var n int
	_, err = pgx.ForEachRow(rows, []any{&state, &n}, func() error { counts[state] = n; return nil })
	return counts, wrap(err, "delivery", "counting deliveries")
}

func (r deliveries) Create(ctx context.Context, all []idp.Delivery) error {
	b := &pgx.Batch{}
	for i := range all {
		d := &all[i]
		lane := "-/"
		if d.RuleID != nil {
			lane = d.RuleID.String() + "/"
		}
		if d.TransportID != nil {
			lane += d.TransportID.String()
		}
		b.Queue(`INSERT INTO deliveries (lane, event_id, rule_id, rule_name, severity, transport_id, transport_name, mode, user_id, recipient)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id, created_at`,
			lane, d.EventID, d.RuleID, d.RuleName, d.Severity, d.TransportID, d.TransportName, d.Mode, d.UserID, d.Recipient).
			QueryRow(func(row pgx.Row) error { return row.Scan(&d.ID, &d.CreatedAt) })
		d.State = idp.DeliveryPending
	}
	return later(ctx, r.q, b, func(err error) error { return wrap(err, "delivery", "queueing %d deliveries", len(all)) })
}

// deliveryHeads are the first of each lane. Lanes are few, what waits in them may be
// much: each is found by one step in the index.
const deliveryHeads = `
	WITH RECURSIVE lanes AS (
		(SELECT lane FROM deliveries WHERE state = 'pending' ORDER BY lane LIMIT 1)
		UNION ALL
		SELECT (SELECT d.lane FROM deliveries d WHERE d.state = 'pending' AND d.lane > l.lane ORDER BY d.lane LIMIT 1) FROM lanes l WHERE l.lane IS NOT NULL
	), heads AS (
		SELECT h.* FROM lanes l CROSS JOIN LATERAL (SELECT d.id, d.position, greatest(d.next_at, d.taken_until) AS free_at FROM deliveries d
			WHERE d.state = 'pending' AND d.lane = l.lane ORDER BY d.position LIMIT 1) h
	)`

// deliveriesAtOnce is how many heads are tried at most.
const deliveriesAtOnce = 32

func (r deliveries) Take(ctx context.Context, lease time.Duration) (*idp.Delivery, error) {
	rows, err := r.q.Query(ctx, deliveryHeads+` SELECT id FROM heads WHERE free_at IS NULL OR free_at <= clock_timestamp() ORDER BY position LIMIT $1`, deliveriesAtOnce)
	if err != nil {
		return nil, wrap(err, "delivery", "looking for what is due")
	}
	due, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, wrap(err, "delivery", "looking for what is due")
	}
	for _, id := range due {
		d, err := one(ctx, r.q, "delivery", "taking a delivery", scanDelivery, `
			UPDATE deliveries t SET taken_until = clock_timestamp() + $2::interval
			 WHERE t.id = $1 AND t.state = 'pending' AND coalesce(greatest(t.next_at, t.taken_until) <= clock_timestamp(), true)
			RETURNING `+deliveryListing.columns, id, lease)
		if idp.Is(err, idp.CodeNotFound) {
			continue // somebody else was first
		}
		return d, err
	}
	return nil, nil
}

func (r deliveries) End(ctx context.Context, id int64, tries int, out idp.DeliveryOutcome) (bool, error) {
	n, err := exec(ctx, r.q, "delivery", "noting what came of a delivery", `
		UPDATE deliveries SET state = $3, answer = $4, tries = tries + 1, taken_until = NULL,
			next_at = CASE WHEN $3 = 'pending' THEN clock_timestamp() + $5::interval END,
			ended_at = CASE WHEN $3 <> 'pending' THEN clock_timestamp() END
		 WHERE id = $1 AND state = 'pending' AND tries = $2`, id, tries, out.State, printable(out.Answer), out.Pause)
	return n > 0, err
}

func (r deliveries) Again(ctx context.Context, id int64) (*idp.Delivery, error) {
	d, err := one(ctx, r.q, "delivery", "delivering again", scanDelivery, `
		UPDATE deliveries t SET state = 'pending', position = nextval('delivery_positions'), tries = 0, redeliveries = redeliveries + 1, next_at = NULL, taken_until = NULL, ended_at = NULL
		 WHERE t.id = $1 AND t.state <> 'pending' RETURNING `+deliveryListing.columns, id)
	if !idp.Is(err, idp.CodeNotFound) {
		return d, err
	}
	if _, err := r.Get(ctx, id); err != nil {
		return nil, err
	}
	return nil, idp.Conflict("It is waiting to be sent already.")
}

func (r deliveries) Due(ctx context.Context, most time.Duration) (time.Duration, error) {
	var ready int
	var seconds *float64
	err := r.q.QueryRow(ctx, deliveryHeads+` SELECT count(*) FILTER (WHERE coalesce(free_at <= clock_timestamp(), true)),
		extract(epoch FROM min(free_at) - clock_timestamp())::double precision FROM heads`).Scan(&ready, &seconds)
	switch {
	case err != nil:
		return most, wrap(err, "delivery", "asking when something is due")
	case ready > 0:
		return 0, nil
	case seconds == nil:
		return most, nil
	}
	return min(most, time.Duration(*seconds*float64(time.Second))), nil
}

func (r deliveries) Purge(ctx context.Context, ended time.Duration, limit int) (int, error) {
	return exec(ctx, r.q, "delivery", "deleting old deliveries", `DELETE FROM deliveries WHERE id IN
		(SELECT id FROM deliveries WHERE ended_at < clock_timestamp() - $1::interval ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, ended, limit)
}

// notifyLock is the number of the lock that whoever compares events with rules holds.
const notifyLock = 7305436424

// Compare implements idp.Deliveries. What is in the chain as history, or as written
// later than it says, nobody is told of.
func (r deliveries) Compare(ctx context.Context, limit int) (events []idp.Event, held bool, err error) {
	var ours bool
	err = r.q.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, int64(notifyLock)).Scan(&ours)
	if err != nil || !ours {
		return nil, err == nil, wrap(err, "delivery", "asking whether somebody else compares events with rules")
	}
	rows, err := r.q.Query(ctx, `SELECT `+eventColumns+` FROM notification_jobs j
		  JOIN event_seals s ON s.event_id = j.event_id AND s.origin = $2 JOIN events e ON e.id = j.event_id ORDER BY s.seq LIMIT $1`, limit, idp.SealCommit)
	if err != nil {
		return nil, false, wrap(err, "delivery", "reading new events")
	}
	events, err = pgx.CollectRows(rows, pgx.RowToStructByNameLax[idp.Event])
	return events, false, wrap(err, "delivery", "reading new events")
}

// Compared implements idp.Deliveries.
func (r deliveries) Compared(ctx context.Context, events []idp.EventID) error {
	_, err := exec(ctx, r.q, "delivery", "noting which events were compared with rules",
		`DELETE FROM notification_jobs WHERE event_id = ANY ($1)`, events)
	return err
}

// Waits implements idp.Deliveries.
func (r deliveries) Waits(ctx context.Context, event idp.EventID) (waits bool, err error) {
	err = r.q.QueryRow(ctx, `SELECT EXISTS (SELECT FROM notification_jobs WHERE event_id = $1)`, event).Scan(&waits)
	return waits, wrap(err, "delivery", "asking whether event %s is still to be compared with rules", event)
}

// PurgeJobs implements idp.Deliveries.
func (r deliveries) PurgeJobs(ctx context.Context, limit int) (int, error) {
	return exec(ctx, r.q, "delivery", "deleting what nobody is told of", `DELETE FROM notification_jobs WHERE event_id IN
		(SELECT j.event_id FROM notification_jobs j
		  WHERE NOT EXISTS (SELECT FROM events e WHERE e.id = j.event_id)
		     OR EXISTS (SELECT FROM event_seals s WHERE s.event_id = j.event_id AND s.origin <> $2) LIMIT $1 FOR UPDATE SKIP LOCKED)`, limit, idp.SealCommit)
}
