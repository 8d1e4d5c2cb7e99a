package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// endedByGeneration is the end_reason of sessions that a raised generation
// ended; it is the refusal's name.
const endedByGeneration = string(idp.RefusedGeneration)

type holder struct{ q querier }

// sessionsHeld counts the live sessions of user $1 in a generation by the rule of
// sessionLive, written so that the partial indexes alone can answer, because a
// lockdown waits for it: IS TRUE keeps the planner from the index over expiry
// dates.
func sessionsHeld(generation string) string {
	return `count(*) + (
			SELECT count(*) FROM sessions s
			 WHERE user_id = $1 AND ended_at IS NULL AND idle_timeout > 0 AND NOT ` + sessionExpired + `
			   AND generation = ` + generation + `)
		  FROM sessions
		 WHERE user_id = $1 AND ended_at IS NULL AND idle_timeout = 0 AND (expires_at > (SELECT clock_timestamp())) IS TRUE
		   AND generation = ` + generation
}

// Sessions implements idp.Holder.
func (r holder) Sessions(ctx context.Context, user idp.UserID, generation int64) (n int, err error) {
	err = r.q.QueryRow(ctx, `SELECT `+sessionsHeld("$2"), user, generation).Scan(&n)
	return n, wrap(err, "user", "counting the sessions of user %d", user)
}

// Holdings counts by the same rules as sessionLive and tokenLive. Invitations of an
// account that is switched off count like its tokens: they would work again with
// it, if the lockdown did not end them.
func (r holder) Holdings(ctx context.Context, user idp.UserID) (idp.Holdings, error) {
	h := idp.Holdings{Tokens: map[idp.TokenIntent]int{}}
	rows, err := r.q.Query(ctx, `
		SELECT 'session' AS what, `+sessionsHeld(`(SELECT session_generation FROM users WHERE id = $1)`)+`
		UNION ALL
		SELECT 'token ' || intent, count(*) FROM tokens
		 WHERE user_id = $1 AND revoked_at IS NULL AND (NOT expiring OR expires_at > (SELECT clock_timestamp()))
		   AND generation = (SELECT token_generation FROM users WHERE id = $1)
		 GROUP BY intent
		UNION ALL
		SELECT 'consent', count(*) FROM consents
		 WHERE user_id = $1 AND (expires_at IS NULL OR expires_at > (SELECT clock_timestamp()))
		   AND generation = (SELECT token_generation FROM users WHERE id = $1)
		UNION ALL
		SELECT 'invitation', count(*) FROM invitations
		 WHERE created_by = $1 AND (expires_at IS NULL OR expires_at > (SELECT clock_timestamp()))
		   AND generation = (SELECT token_generation FROM users WHERE id = $1)`, user)
	if err != nil {
		return h, wrap(err, "user", "counting what user %d holds", user)
	}
	var what string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&what, &n}, func() error {
		switch what {
		case "session":
			h.Sessions = n
		case "consent":
			h.Consents = n
		case "invitation":
			h.Invitations = n
		default:
			h.Tokens[idp.TokenIntent(strings.TrimPrefix(what, "token "))] = n
		}
		return nil
	})
	return h, wrap(err, "user", "counting what user %d holds", user)
}

func (r holder) SweepSessions(ctx context.Context, user idp.UserID, limit int) (int, error) {
	return exec(ctx, r.q, "session", fmt.Sprintf("sweeping the sessions of user %d", user), `
		UPDATE sessions SET ended_at = clock_timestamp(), end_reason = $3, data = ''
		 WHERE id IN (SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id
		               WHERE s.user_id = $1 AND s.ended_at IS NULL AND s.generation < u.session_generation
		               LIMIT $2 FOR UPDATE OF s SKIP LOCKED)`, user, limit, endedByGeneration)
}

func (r holder) SweepTokens(ctx context.Context, user idp.UserID, limit int) (int, error) {
	return exec(ctx, r.q, "token", fmt.Sprintf("sweeping the tokens of user %d", user), `
		UPDATE tokens SET revoked_at = clock_timestamp()
		 WHERE id IN (SELECT t.id FROM tokens t JOIN users u ON u.id = t.user_id
		               WHERE t.user_id = $1 AND t.revoked_at IS NULL AND t.generation < u.token_generation
		               LIMIT $2 FOR UPDATE OF t SKIP LOCKED)`, user, limit)
}
