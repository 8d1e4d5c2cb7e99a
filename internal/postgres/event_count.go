package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func (r events) Volume(ctx context.Context, f idp.EventFilter, days int) ([]idp.EventCount, error) {
	w, branches, err := eventConditions(f)
	if err != nil {
		return nil, err
	}
	if len(branches) > 0 {
		w.add("(" + strings.Join(branches, " OR ") + ")")
	}
	w.with("e.created_at >= statement_timestamp() - make_interval(days => @days::integer)", "days", days)
	if strings.TrimSpace(f.Search) != "" {
		found, err := r.within(ctx, f, days)
		if err != nil {
			return nil, err
		}
		w.with("e.id = ANY(@ids::uuid[])", "ids", found)
	}
	rows, err := r.q.Query(ctx, `
		SELECT date_bin('6 hours', e.created_at, '2000-01-01T00:00:00Z') AS day, e.action, count(*) AS count
		  FROM events e`+w.String()+` GROUP BY 1, 2 ORDER BY 1, 2`, w.args)
	if err != nil {
		return nil, wrap(err, "event", "counting events")
	}
	counts, err := pgx.CollectRows(rows, pgx.RowToStructByName[idp.EventCount])
	return counts, wrap(err, "event", "counting events")
}

// within finds the events of the last days that have what is searched for.
func (r events) within(ctx context.Context, f idp.EventFilter, days int) ([]string, error) {
	since := time.Time{}
	err := r.q.QueryRow(ctx, `SELECT statement_timestamp() - make_interval(days => $1::integer)`, days).Scan(&since)
	if err != nil {
		return nil, wrap(err, "event", "asking for the time")
	}
	if f.After == nil || f.After.Before(since) {
		f.After = &since
	}
	s, err := newEventSearch(r.q, f)
	if err == nil {
		err = s.collect(ctx, 1<<60)
	}
	if err != nil {
		return nil, err
	}
	return idsOf(s.found), nil
}

func (r events) Applications(ctx context.Context, action idp.Action, most int) ([]idp.ApplicationCount, error) {
	rows, err := r.q.Query(ctx, `
		SELECT e.context -> 'authorized_application' AS application, count(*) AS events,
		       count(DISTINCT e."user" ->> 'pk') AS users
		  FROM events e
		 WHERE e.action = $1 AND jsonb_typeof(e.context -> 'authorized_application') = 'object'
		 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $2`, action, most)
	if err != nil {
		return nil, wrap(err, "event", "counting events per application")
	}
	counts, err := pgx.CollectRows(rows, pgx.RowToStructByName[idp.ApplicationCount])
	return counts, wrap(err, "event", "counting events per application")
}
