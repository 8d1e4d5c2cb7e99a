package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type logoutNotices struct{ q querier }

var noticeListing = listing{
	noun: "logout notice", alias: "t", from: "logout_notices t",
	columns: `t.id, t.provider_id, t.application_id, t.application_name, t.client_id, t.uri, t.user_id, t.username, t.issuer, t.subject, t.session_id, t.cause,
		t.lockdown_id, t.state, t.tries, t.answer, t.created_at, t.next_at, t.ended_at, t.exposed_until, t.tokens_until`,
	key:    "t.id",
	orders: map[string]string{"pk": "t.id", "created": "t.created_at", "state": "t.state", "application": "t.application_name", "user": "t.username"},
	usual:  []string{"-created"}, filled: []string{"created"},
}

var scanNotice = pgx.RowToStructByName[idp.LogoutNotice]

func (r logoutNotices) Get(ctx context.Context, id idp.LogoutNoticeID) (*idp.LogoutNotice, error) {
	return one(ctx, r.q, noticeListing.noun, "reading logout notice "+id.String(), scanNotice, `SELECT `+noticeListing.columns+` FROM logout_notices t WHERE t.id = $1`, id)
}

// settle writes the notices that are owed (migrations/0060), one account after the
// other, each in a transaction of its own where there is none: notices of an act are
// there for whoever looks after it.
func (r logoutNotices) settle(ctx context.Context) error {
	for more := true; more; {
		if err := r.q.QueryRow(ctx, `SELECT settle_logouts()`).Scan(&more); err != nil {
			return wrap(err, noticeListing.noun, "writing the logout notices that are owed")
		}
	}
	return nil
}

func (r logoutNotices) Find(ctx context.Context, f idp.LogoutNoticeFilter) (idp.Page[idp.LogoutNotice], error) {
	if err := r.settle(ctx); err != nil {
		return idp.Page[idp.LogoutNotice]{}, err
	}
	var w where
	equal(&w, "t.user_id", f.UserID)
	equal(&w, "t.session_id", f.SessionID)
	if f.SessionIDs != nil {
		w.with("t.session_id = ANY(@sessions)", "sessions", f.SessionIDs)
	}
	equal(&w, "t.application_id", f.ApplicationID)
	equal(&w, "t.lockdown_id", f.LockdownID)
	equal(&w, "t.state", f.State)
	w.search(f.Search, "t.application_name", "t.username")
	return page(ctx, r.q, noticeListing, w, f.Paging, scanNotice)
}

func (r logoutNotices) Take(ctx context.Context, lease time.Duration, busy []string) (*idp.LogoutNotice, error) {
	if err := r.settle(ctx); err != nil {
		return nil, err
	}
	rows, err := r.q.Query(ctx, `
		UPDATE logout_notices t SET taken_until = clock_timestamp() + $1::interval
		 WHERE t.id = (SELECT id FROM logout_notices WHERE state = 'pending' AND next_at <= clock_timestamp()
		                AND coalesce(taken_until <= clock_timestamp(), true)
		                AND client_id <> ALL ($2::text[]) ORDER BY next_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
		RETURNING `+noticeListing.columns, lease, list(busy))
	if err != nil {
		return nil, wrap(err, noticeListing.noun, "taking a logout notice")
	}
	found, err := pgx.CollectRows(rows, scanNotice)
	if err != nil || len(found) == 0 {
		return nil, wrap(err, noticeListing.noun, "taking a logout notice")
	}
	return &found[0], nil
}

func (r logoutNotices) End(ctx context.Context, id idp.LogoutNoticeID, tries int, out idp.NoticeOutcome) (bool, error) {
	n, err := exec(ctx, r.q, noticeListing.noun, "noting what came of a logout notice", `
		UPDATE logout_notices SET state = $3, answer = $4, tries = tries + 1, taken_until = NULL,
			next_at = CASE WHEN $3 = 'pending' THEN clock_timestamp() + $5::interval ELSE next_at END,
			ended_at = CASE WHEN $3 <> 'pending' THEN clock_timestamp() END
		 WHERE id = $1 AND state = 'pending' AND tries = $2`, id, tries, out.State, printable(out.Answer), out.Pause)
	return n > 0, err
}

func (r logoutNotices) Again(ctx context.Context, id idp.LogoutNoticeID) (bool, error) {
	n, err := exec(ctx, r.q, noticeListing.noun, "telling an application again", `
		UPDATE logout_notices SET state = 'pending', tries = 0, next_at = clock_timestamp(), taken_until = NULL, ended_at = NULL
		 WHERE id = $1 AND state IN ('delivered', 'failed')`, id)
	return n > 0, err
}

func (r logoutNotices) Due(ctx context.Context, most time.Duration) (time.Duration, error) {
	if err := r.settle(ctx); err != nil {
		return 0, err
	}
	var seconds *float64
	err := r.q.QueryRow(ctx, `SELECT extract(epoch FROM min(greatest(next_at, taken_until)) - clock_timestamp())::double precision
		FROM logout_notices WHERE state = 'pending'`).Scan(&seconds)
	if err != nil || seconds == nil {
		return most, wrap(err, noticeListing.noun, "asking when a logout notice is due")
	}
	return max(0, min(most, time.Duration(*seconds*float64(time.Second)))), nil
}

func (r logoutNotices) Count(ctx context.Context) (map[idp.NoticeState]int, error) {
	if err := r.settle(ctx); err != nil {
		return nil, err
	}
	rows, err := r.q.Query(ctx, `SELECT state, count(*) FROM logout_notices
		WHERE state = 'pending' OR created_at > clock_timestamp() - interval '1 day' GROUP BY state`)
	if err != nil {
		return nil, wrap(err, noticeListing.noun, "counting logout notices")
	}
	counts := map[idp.NoticeState]int{}
	var state idp.NoticeState
	var n int
	_, err = pgx.ForEachRow(rows, []any{&state, &n}, func() error {
		counts[state] = n
		return nil
	})
	return counts, wrap(err, noticeListing.noun, "counting logout notices")
}

func (r logoutNotices) Purge(ctx context.Context, ended time.Duration, limit int) (int, error) {
	return exec(ctx, r.q, noticeListing.noun, "deleting old logout notices", `DELETE FROM logout_notices WHERE id IN
		(SELECT id FROM logout_notices WHERE ended_at < clock_timestamp() - $1::interval ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, ended, limit)
}
