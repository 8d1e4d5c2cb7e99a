package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Applications implements idp.Holder, by the rule of tell_applications (migrations/0046)
// for what is still open.
func (r holder) Applications(ctx context.Context, user idp.UserID, most int) ([]idp.HeldApplication, error) {
	rows, err := r.q.Query(ctx, `
		SELECT a.id, a.name, a.slug, count(*) FILTER (WHERE `+grantLive+`), bool_or(coalesce(`+sessionLive+`, false)), p.logout_uri <> '' AND p.logout_method = 'backchannel',
		       a.cookie_lifetime, max(o.signed_until) FILTER (WHERE o.signed_until > clock_timestamp())
		  FROM `+grantFrom+` JOIN oauth_providers p ON p.id = o.provider_id JOIN applications a ON a.id = o.application_id
		 WHERE o.user_id = $1 AND o.kind <> 'client_credentials'
		   AND CASE WHEN o.session_id IS NULL THEN o.ended_at IS NULL AND o.generation = u.token_generation
		            ELSE coalesce(`+sessionLive+`, false) OR o.offline AND o.ended_at IS NULL AND o.generation = u.token_generation END
		 GROUP BY a.id, p.id ORDER BY lower(a.name), a.id LIMIT $2`, user, most)
	if err != nil {
		return nil, wrap(err, "user", "listing the applications of user %d", user)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (h idp.HeldApplication, err error) {
		var cookie int64
		err = row.Scan(&h.ID, &h.Name, &h.Slug, &h.Grants, &h.SignedIn, &h.Told, &cookie, &h.TokensUntil)
		h.CookieLifetime = time.Duration(cookie) * time.Second
		return h, err
	})
	return found, wrap(err, "user", "listing the applications of user %d", user)
}
