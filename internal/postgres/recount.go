package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// endedThen are the sessions s that lived in a generation when it ended at that time.
// Nothing but the sweep has touched them since.
func endedThen(generation, at string) string {
	return `s.user_id = $1 AND s.generation = ` + generation + ` AND (s.ended_at IS NULL OR s.ended_at > ` + at + `) AND s.expires_at > ` + at + `
		AND NOT (s.idle_timeout > 0 AND s.last_seen_at <= ` + at + ` - make_interval(secs => s.idle_timeout))`
}

// recount counts, before the rows are swept, what the acts that ended them counted up
// to idp.CountLimit only: records of lockdowns are completed, and of sessions an event
// tells how many there were.
func (db *DB) recount(ctx context.Context, user idp.UserID) error {
	return db.InTx(ctx, func(tx idp.Repos) error {
		q := tx.Holder.(holder).q
		if err := completeLockdowns(ctx, q, user); err != nil {
			return err
		}
		rows, err := q.Query(ctx, `
			WITH due AS (UPDATE session_ends SET counted = true WHERE user_id = $1 AND NOT counted RETURNING generation, reason, ended_at)
			SELECT reason, ended_at, (SELECT count(*) FROM sessions s WHERE `+endedThen("due.generation", "due.ended_at")+`) FROM due ORDER BY generation`, user)
		if err != nil {
			return wrap(err, "user", "counting the sessions that user %d had", user)
		}
		ends, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ending])
		if err != nil {
			return wrap(err, "user", "counting the sessions that user %d had", user)
		}
		for _, e := range ends {
			if e.Sessions <= idp.CountLimit {
				continue // the act could count them
			}
			u, err := tx.Users.Get(ctx, user)
			if err != nil {
				return err
			}
			if err := tx.Events.Append(ctx, idp.ModelUpdatedEvent("session", idp.SystemActor(), u, map[string]any{
				"action_id": idp.SessionsCounted, "logout_reason": e.Reason, "sessions": e.Sessions, "ended_at": e.At.UTC().Format(time.RFC3339Nano),
				"model": map[string]any{"app": "account", "model_name": "user", "pk": int(user), "name": u.Username}})); err != nil {
				return err
			}
		}
		return nil
	})
}

// ending is the end of a generation of sessions.
type ending struct {
	Reason   string
	At       time.Time
	Sessions int
}

// grantedThen are the grants o that gave something when the lockdown l ended them.
const grantedThen = `FROM oauth_grants o LEFT JOIN sessions s ON s.id = o.session_id
	 WHERE o.user_id = $1 AND o.generation = l.tokens_of AND (o.ended_at IS NULL OR o.ended_at > l.started_at)
	   AND (o.session_id IS NULL OR o.offline OR (s.ended_at IS NULL OR s.ended_at > l.started_at) AND s.expires_at > l.started_at)
	   ` + openThen

// tiedThen are those that ended with the sessions that l ended, where tokens stayed.
const tiedThen = `FROM oauth_grants o JOIN sessions s ON s.id = o.session_id
	 WHERE o.user_id = $1 AND NOT o.offline AND s.generation = l.sessions_of AND (o.ended_at IS NULL OR o.ended_at > l.started_at)
	   AND (s.ended_at IS NULL OR s.ended_at > l.started_at) AND s.expires_at > l.started_at ` + openThen

// openThen leaves out grants whose tokens were all over then.
const openThen = `AND EXISTS (SELECT FROM oauth_tokens t WHERE t.grant_id = o.id AND t.expires_at > l.started_at AND t.replaced_at IS NULL
	                  AND (t.revoked_at IS NULL OR t.revoked_at > l.started_at))`

// completeLockdowns replaces the lower bounds in records by what there was.
func completeLockdowns(ctx context.Context, q querier, user idp.UserID) error {
	_, err := q.Exec(ctx, `
		UPDATE lockdowns l SET sessions_of = NULL, tokens_of = NULL, ended = l.ended - 'at_least' || jsonb_build_object(
			'sessions', CASE WHEN l.sessions_of IS NULL THEN l.ended -> 'sessions'
				ELSE to_jsonb((SELECT count(*) FROM sessions s WHERE `+endedThen("l.sessions_of", "l.started_at")+`)) END,
			'tokens', CASE WHEN l.tokens_of IS NULL THEN l.ended -> 'tokens'
				ELSE coalesce((SELECT jsonb_object_agg(t.intent, t.n) FROM (
					SELECT intent, count(*) AS n FROM tokens t
					 WHERE t.user_id = $1 AND t.generation = l.tokens_of AND (t.revoked_at IS NULL OR t.revoked_at > l.started_at)
					   AND (NOT t.expiring OR t.expires_at > l.started_at) GROUP BY intent) t), '{}') END,
			'grants', CASE WHEN l.tokens_of IS NOT NULL THEN to_jsonb((SELECT count(*) `+grantedThen+`))
				WHEN l.sessions_of IS NOT NULL THEN to_jsonb((SELECT count(*) `+tiedThen+`)) ELSE l.ended -> 'grants' END,
			'applications', CASE WHEN l.tokens_of IS NOT NULL THEN to_jsonb((SELECT count(DISTINCT o.application_id) `+grantedThen+`))
				WHEN l.sessions_of IS NOT NULL THEN to_jsonb((SELECT count(DISTINCT o.application_id) `+tiedThen+`)) ELSE l.ended -> 'applications' END)
		 WHERE l.user_id = $1 AND l.ended ? 'at_least'`, user)
	return wrap(err, "lockdown", "completing the records of user %d", user)
}
