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

// sessionsHeld lists the live sessions of user $1 in a generation by the rule of
// sessionLive, written so that the partial indexes alone can answer, because a
// lockdown waits for it: IS TRUE keeps the planner from the index over expiry
// dates.
func sessionsHeld(generation string) string {
	return `
		SELECT FROM sessions
		 WHERE user_id = $1 AND ended_at IS NULL AND idle_timeout = 0 AND (expires_at > (SELECT clock_timestamp())) IS TRUE
		   AND generation = ` + generation + `
		UNION ALL
		SELECT FROM sessions s
		 WHERE user_id = $1 AND ended_at IS NULL AND idle_timeout > 0 AND NOT ` + sessionExpired + `
		   AND generation = ` + generation
}

// Sessions implements idp.Holder.
func (r holder) Sessions(ctx context.Context, user idp.UserID, generation int64) (n int, err error) {
	err = r.q.QueryRow(ctx, `SELECT count(*) FROM (`+sessionsHeld("$2")+` LIMIT $3) held`, user, generation, idp.CountLimit+1).Scan(&n)
	return n, wrap(err, "user", "counting the sessions of user %d", user)
}

// Holdings implements idp.Holder.
func (r holder) Holdings(ctx context.Context, user idp.UserID) (idp.Holdings, error) {
	return r.holdings(ctx, user, nil)
}

// Ending implements idp.Holder.
func (r holder) Ending(ctx context.Context, user idp.UserID) (idp.Holdings, error) {
	most := idp.CountLimit + 1
	return r.holdings(ctx, user, &most)
}

// granted lists the grants of user $1 that still give something, each with its
// application.
const granted = `
		SELECT o.application_id FROM ` + grantFrom + `
		 WHERE o.user_id = $1 AND ` + grantLive + ` AND o.open_until > (SELECT clock_timestamp())`

// tied are those of granted that end with a session.
const tied = granted + ` AND o.session_id IS NOT NULL AND NOT o.offline`

// holdings counts by the same rules as sessionLive, tokenLive and grantLive, sessions,
// each intent of tokens, and grants with their applications to a limit; nil = all. Invitations of an account that is switched
// off count like its tokens: they would work again with it, if the lockdown did not
// end them.
func (r holder) holdings(ctx context.Context, user idp.UserID, most *int) (idp.Holdings, error) {
	h := idp.Holdings{Tokens: map[idp.TokenIntent]int{}}
	rows, err := r.q.Query(ctx, `
		WITH granted AS MATERIALIZED (`+granted+` LIMIT $3), tied AS MATERIALIZED (`+tied+` LIMIT $3)
		SELECT 'session' AS what, (SELECT count(*) FROM (`+sessionsHeld(`(SELECT session_generation FROM users WHERE id = $1)`)+` LIMIT $3) held)
		UNION ALL
		SELECT 'token ' || i, (SELECT count(*) FROM (
			SELECT FROM tokens
			 WHERE user_id = $1 AND intent = i AND revoked_at IS NULL AND (NOT expiring OR expires_at > (SELECT clock_timestamp()))
			   AND generation = (SELECT token_generation FROM users WHERE id = $1) LIMIT $3) held)
		  FROM unnest($2::text[]) i
		UNION ALL
		SELECT 'consent', count(*) FROM consents
		 WHERE user_id = $1 AND (expires_at IS NULL OR expires_at > (SELECT clock_timestamp()))
		   AND generation = (SELECT token_generation FROM users WHERE id = $1)
		UNION ALL
		SELECT 'invitation', count(*) FROM invitations
		 WHERE created_by = $1 AND (expires_at IS NULL OR expires_at > (SELECT clock_timestamp()))
		   AND generation = (SELECT token_generation FROM users WHERE id = $1)
		UNION ALL
		SELECT 'grant', count(*) FROM granted
		UNION ALL
		SELECT 'application', count(DISTINCT application_id) FROM granted
		UNION ALL
		SELECT 'session grant', count(*) FROM tied
		UNION ALL
		SELECT 'session application', count(DISTINCT application_id) FROM tied`, user, idp.TokenIntents(), most)
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
		case "grant":
			h.Grants = n
		case "application":
			h.Applications = n
		case "session grant":
			h.SessionGrants = n
		case "session application":
			h.SessionApplications = n
		default:
			if n > 0 {
				h.Tokens[idp.TokenIntent(strings.TrimPrefix(what, "token "))] = n
			}
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
