package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type oauthGrants struct{ q querier }

// A grant that hangs on a session is over with it, whichever way the session ended; the
// session's row may be gone by then.
const (
	grantOver    = `(o.session_id IS NOT NULL AND NOT o.offline AND NOT coalesce(` + sessionLive + `, false))`
	grantLive    = `(o.ended_at IS NULL AND o.generation = u.token_generation AND NOT ` + grantOver + `)`
	grantColumns = `o.id, o.provider_id, o.application_id, o.user_id, o.session_id, o.offline, o.kind, o.scopes, o.issuer, o.subject, o.auth_time, o.nonce,
		o.methods, o.generation, o.created_at, o.last_used_at, o.ended_at, o.end_reason, ` + grantOver + ` AS session_over,
		coalesce(s.elevated, false) AS session_elevated,
		EXISTS (SELECT FROM policy_bindings b WHERE b.target = o.application_id AND b.enabled) AS bound,
		clock_timestamp() - o.auth_time AS auth_age`
	grantFrom = `oauth_grants o JOIN users u ON u.id = o.user_id LEFT JOIN sessions s ON s.id = o.session_id`

	oauthTokenExpired = `(t.expires_at <= clock_timestamp())`
	oauthTokenLive    = `(t.revoked_at IS NULL AND t.replaced_at IS NULL AND NOT ` + oauthTokenExpired + `)`
	oauthTokenColumns = `t.id, t.num, t.grant_id, t.kind, t.digest, t.scopes, t.created_at, t.expires_at, t.replaced_at, t.revoked_at, ` +
		oauthTokenExpired + ` AS expired, t.signed`
	heldFrom = `oauth_tokens t JOIN oauth_grants o ON o.id = t.grant_id JOIN users u ON u.id = o.user_id LEFT JOIN sessions s ON s.id = o.session_id`
)

func grantTargets(g *idp.OAuthGrant) []any {
	return []any{&g.ID, &g.ProviderID, &g.ApplicationID, &g.UserID, &g.SessionID, &g.Offline, &g.Kind, &g.Scopes, &g.Issuer, &g.Subject, &g.AuthTime, &g.Nonce,
		&g.Methods, &g.Generation, &g.CreatedAt, &g.LastUsedAt, &g.EndedAt, &g.EndReason, &g.SessionOver, &g.Elevated, &g.Bound, &g.AuthAge}
}

func oauthTokenTargets(t *idp.OAuthToken) []any {
	return []any{&t.ID, &t.Num, &t.GrantID, &t.Kind, &t.Digest, &t.Scopes, &t.CreatedAt, &t.ExpiresAt, &t.ReplacedAt, &t.RevokedAt, &t.Expired, &t.Signed}
}

func scanGrant(row pgx.CollectableRow) (g idp.OAuthGrant, err error) {
	err = row.Scan(grantTargets(&g)...)
	return g, err
}

func heldTargets(h *idp.OAuthHeld) []any {
	h.User = &idp.User{}
	return append(append(oauthTokenTargets(&h.Token), grantTargets(&h.Grant)...), userTargets(h.User)...)
}

func scanHeld(row pgx.CollectableRow) (h idp.OAuthHeld, err error) {
	err = row.Scan(heldTargets(&h)...)
	return h, err
}

var grantListing = listing{
	noun: "grant", alias: "o", from: grantFrom, join: `JOIN users u ON u.id = o.user_id LEFT JOIN sessions s ON s.id = o.session_id`, columns: grantColumns, key: "o.id",
	orders: map[string]string{"pk": "o.id", "created": "o.created_at", "last_used": "o.last_used_at", "user": "o.user_id"},
	usual:  []string{"-created"},
}

var heldListing = listing{
	noun: "OAuth token", alias: "t", from: heldFrom,
	join:    `JOIN oauth_grants o ON o.id = t.grant_id JOIN users u ON u.id = o.user_id LEFT JOIN sessions s ON s.id = o.session_id ` + userGroups,
	columns: oauthTokenColumns + `, ` + grantColumns + `, ` + userColumns, key: "t.id",
	orders: map[string]string{"pk": "t.num", "id": "t.num", "expires": "t.expires_at", "created": "t.created_at", "user": "o.user_id", "provider": "o.provider_id"},
	usual:  []string{"-created"},
}

func (r oauthGrants) Get(ctx context.Context, id idp.OAuthGrantID) (*idp.OAuthGrant, error) {
	return one(ctx, r.q, "grant", "reading grant "+id.String(), scanGrant, `SELECT `+grantColumns+` FROM `+grantFrom+` WHERE o.id = $1`, id)
}

func (r oauthGrants) Hold(ctx context.Context, id idp.OAuthGrantID) (*idp.OAuthGrant, error) {
	return one(ctx, r.q, "grant", "holding grant "+id.String(), scanGrant,
		`SELECT `+grantColumns+` FROM `+grantFrom+` WHERE o.id = $1 FOR NO KEY UPDATE OF o`, id)
}

func (r oauthGrants) Find(ctx context.Context, f idp.OAuthGrantFilter) (idp.Page[idp.OAuthGrant], error) {
	var w where
	equal(&w, "o.user_id", f.UserID)
	equal(&w, "o.provider_id", f.ProviderID)
	equal(&w, "o.application_id", f.ApplicationID)
	equal(&w, "o.session_id", f.SessionID)
	if f.Live != nil {
		w.with(`(`+grantLive+` AND EXISTS (SELECT FROM oauth_tokens t WHERE t.grant_id = o.id AND `+oauthTokenLive+`)) = @live`, "live", *f.Live)
	}
	w.search(f.Search, "u.username")
	return page(ctx, r.q, grantListing, w, f.Paging, scanGrant)
}

func (r oauthGrants) Create(ctx context.Context, g *idp.OAuthGrant) error {
	if g.ID.IsZero() {
		g.ID = idp.NewID[idp.OAuthGrant]()
	}
	err := r.q.QueryRow(ctx, `
		INSERT INTO oauth_grants (id, provider_id, application_id, user_id, session_id, offline, kind, scopes, issuer, subject, auth_time, nonce, methods, generation)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, coalesce($11, clock_timestamp()), $12, $13, $14) RETURNING created_at, auth_time`,
		g.ID, g.ProviderID, g.ApplicationID, g.UserID, g.SessionID, g.Offline, g.Kind, list(g.Scopes), g.Issuer, g.Subject, unset(g.AuthTime), printable(g.Nonce),
		list(g.Methods), g.Generation).Scan(&g.CreatedAt, &g.AuthTime)
	return wrap(err, "grant", "granting application %s something of user %d", g.ApplicationID, g.UserID)
}

func (r oauthGrants) End(ctx context.Context, id idp.OAuthGrantID, reason string) (bool, error) {
	n, err := exec(ctx, r.q, "grant", "ending grant "+id.String(),
		`UPDATE oauth_grants SET ended_at = clock_timestamp(), end_reason = $2 WHERE id = $1 AND ended_at IS NULL`, id, reason)
	return n > 0, err
}

func (r oauthGrants) EndOf(ctx context.Context, user idp.UserID, application idp.ApplicationID, reason string) (int, error) {
	return exec(ctx, r.q, "grant", "ending the grants of an application",
		`UPDATE oauth_grants SET ended_at = clock_timestamp(), end_reason = $3 WHERE user_id = $1 AND application_id = $2 AND ended_at IS NULL`, user, application, reason)
}

func (r oauthGrants) CreateToken(ctx context.Context, t *idp.OAuthToken, lifetime time.Duration) error {
	if t.ID.IsZero() {
		t.ID = idp.NewID[idp.OAuthToken]()
	}
	err := r.q.QueryRow(ctx, `
		WITH minted AS (
			INSERT INTO oauth_tokens (id, grant_id, kind, digest, scopes, signed, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + $7::interval) RETURNING num, created_at, expires_at
		), noted AS (
			UPDATE oauth_grants o SET open_until = greatest(o.open_until, m.expires_at),
			       signed_until = CASE WHEN $6 THEN greatest(o.signed_until, m.expires_at) ELSE o.signed_until END
			  FROM minted m WHERE o.id = $2
		)
		SELECT num, created_at, expires_at FROM minted`,
		t.ID, t.GrantID, t.Kind, t.Digest, list(t.Scopes), t.Signed, lifetime).Scan(&t.Num, &t.CreatedAt, &t.ExpiresAt)
	return wrap(err, "OAuth token", "minting a token of grant %s", t.GrantID)
}

const grantUnnoted = `(o.last_used_at IS NULL OR o.last_used_at < clock_timestamp() - interval '1 minute')`

// grantUse notes the use of what still counts only.
var grantUse = use[idp.OAuthHeld, idp.OAuthGrantID]{
	noun: "OAuth token",
	read: `SELECT ` + heldListing.columns + `, ` + clientVersion("o.provider_id", "o.application_id") + `, o.ended_at IS NULL AND ` + oauthTokenLive + ` AND ` + grantUnnoted + `
		FROM ` + heldFrom + ` ` + userGroups + ` WHERE t.digest = `,
	targets: func(h *idp.OAuthHeld) []any { return append(heldTargets(h), &h.ClientVersion) },
	id:      func(h *idp.OAuthHeld) idp.OAuthGrantID { return h.Grant.ID },
	note: `UPDATE oauth_grants SET last_used_at = clock_timestamp() WHERE id IN (
		SELECT o.id FROM oauth_grants o WHERE o.id = ANY ($1) AND ` + grantUnnoted + ` ORDER BY o.id FOR NO KEY UPDATE SKIP LOCKED)`,
}

func (r oauthGrants) Use(ctx context.Context, digest []byte) (*idp.OAuthHeld, error) {
	found, err := grantUse.one(ctx, r.q, digest)
	if err == nil && len(found) == 0 {
		err = idp.NotFound("OAuth token")
	}
	if err != nil {
		return nil, err
	}
	return &found[0], nil
}

func (r oauthGrants) UseMany(ctx context.Context, digests [][]byte) ([]idp.OAuthHeld, error) {
	return grantUse.many(ctx, r.q, digests)
}

func (r oauthGrants) GetToken(ctx context.Context, id idp.OAuthTokenID) (*idp.OAuthHeld, error) {
	return one(ctx, r.q, "OAuth token", "reading OAuth token "+id.String(), scanHeld, `SELECT `+heldListing.columns+` FROM `+heldFrom+` `+userGroups+` WHERE t.id = $1`, id)
}

func (r oauthGrants) GetTokenByNum(ctx context.Context, num int64) (*idp.OAuthHeld, error) {
	return one(ctx, r.q, "OAuth token", "reading an OAuth token", scanHeld, `SELECT `+heldListing.columns+` FROM `+heldFrom+` `+userGroups+` WHERE t.num = $1`, num)
}

func (r oauthGrants) FindTokens(ctx context.Context, f idp.OAuthTokenFilter) (idp.Page[idp.OAuthHeld], error) {
	var w where
	equal(&w, "o.user_id", f.UserID)
	equal(&w, "o.provider_id", f.ProviderID)
	equal(&w, "t.kind", f.Kind)
	equal(&w, "t.grant_id", f.GrantID)
	if f.Live != nil {
		w.with(`(`+oauthTokenLive+` AND `+grantLive+`) = @live`, "live", *f.Live)
	}
	w.search(f.Search, "u.username")
	return page(ctx, r.q, heldListing, w, f.Paging, scanHeld)
}

func (r oauthGrants) Replace(ctx context.Context, id idp.OAuthTokenID) (bool, error) {
	n, err := exec(ctx, r.q, "OAuth token", "replacing OAuth token "+id.String(),
		`UPDATE oauth_tokens SET replaced_at = clock_timestamp() WHERE id = $1 AND replaced_at IS NULL AND revoked_at IS NULL`, id)
	return n > 0, err
}

// revoking revokes the tokens t that a condition names and counts them; their grants are
// open for as long as what is left of them.
func revoking(condition string) string {
	return `
		WITH gone AS (
			UPDATE oauth_tokens t SET revoked_at = clock_timestamp() WHERE ` + condition + ` AND t.revoked_at IS NULL RETURNING t.id, t.grant_id
		), left_over AS (
			UPDATE oauth_grants o SET open_until = (SELECT max(t.expires_at) FROM oauth_tokens t
				WHERE t.grant_id = o.id AND t.revoked_at IS NULL AND t.replaced_at IS NULL AND t.id NOT IN (SELECT g.id FROM gone g))
			 WHERE o.id IN (SELECT g.grant_id FROM gone g)
		)
		SELECT count(*) FROM gone`
}

func (r oauthGrants) RevokeToken(ctx context.Context, id idp.OAuthTokenID) (bool, error) {
	var n int
	err := r.q.QueryRow(ctx, revoking("t.id = $1"), id).Scan(&n)
	return n > 0, wrap(err, "OAuth token", "revoking OAuth token %s", id)
}

func (r oauthGrants) RevokeKind(ctx context.Context, grant idp.OAuthGrantID, kind idp.OAuthTokenKind) (n int, err error) {
	err = r.q.QueryRow(ctx, revoking("t.grant_id = $1 AND t.kind = $2 AND t.replaced_at IS NULL"), grant, kind).Scan(&n)
	return n, wrap(err, "OAuth token", "revoking tokens of grant %s", grant)
}

// Purge implements idp.OAuthGrants. A grant stays as long as its session: its
// application is told when that is over.
func (r oauthGrants) Purge(ctx context.Context, kept time.Duration, limit int) (int, error) {
	tokens, err := exec(ctx, r.q, "OAuth token", "deleting old OAuth tokens", `DELETE FROM oauth_tokens WHERE id IN
		(SELECT id FROM oauth_tokens WHERE expires_at < clock_timestamp() - $1::interval ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, kept, limit)
	if err != nil {
		return 0, err
	}
	grants, err := exec(ctx, r.q, "grant", "deleting old grants", `DELETE FROM oauth_grants WHERE id IN
		(SELECT o.id FROM oauth_grants o LEFT JOIN sessions s ON s.id = o.session_id
		  WHERE o.created_at < clock_timestamp() - $1::interval AND NOT EXISTS (SELECT FROM oauth_tokens t WHERE t.grant_id = o.id)
		    AND (s.id IS NULL OR s.ended_at IS NOT NULL) AND coalesce(o.signed_until, o.created_at) < clock_timestamp() - $1::interval
		  ORDER BY o.created_at, o.id LIMIT $2 FOR UPDATE OF o SKIP LOCKED)`, kept, limit)
	return tokens + grants, err
}
