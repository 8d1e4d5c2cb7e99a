package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type oauthRequests struct{ q querier }

const (
	oauthRequestColumns = `r.id, r.digest, r.provider_id, r.browser, r.params, r.user_id, r.session_id, r.generation, r.token_generation, r.scopes,
		r.approved_at, r.created_at, r.expires_at, r.expires_at <= clock_timestamp() AS expired`
	oauthCodeColumns = `c.digest, c.num, c.provider_id, c.user_id, c.session_id, c.scopes, c.nonce, c.redirect_uri, c.spent_at, c.challenge, c.auth_time,
		c.methods, c.generation, c.token_generation, c.grant_id, c.created_at, c.expires_at, c.expires_at <= clock_timestamp() AS expired`
	oauthDeviceColumns = `d.id, d.digest, d.user_code, d.provider_id, d.scopes, d.state, d.user_id, d.auth_time, d.methods, d.generation, d.token_generation,
		make_interval(secs => d.pause) AS interval, d.polled_at, d.created_at, d.expires_at, d.expires_at <= clock_timestamp() AS expired`
)

func (r oauthRequests) Create(ctx context.Context, o *idp.OAuthRequest, lifetime time.Duration) error {
	if o.ID == (idp.UUID{}) {
		o.ID = uuid.Must(uuid.NewV7())
	}
	err := r.q.QueryRow(ctx, `
		INSERT INTO oauth_requests (id, digest, provider_id, browser, params, expires_at)
		VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6::interval) RETURNING created_at, expires_at`,
		o.ID, o.Digest, o.ProviderID, o.Browser, o.Params, lifetime).Scan(&o.CreatedAt, &o.ExpiresAt)
	return wrap(err, "authorization request", "keeping an authorization request")
}

func (r oauthRequests) Get(ctx context.Context, id idp.UUID) (*idp.OAuthRequest, error) {
	return one(ctx, r.q, "authorization request", "reading an authorization request", pgx.RowToStructByName[idp.OAuthRequest],
		`SELECT `+oauthRequestColumns+` FROM oauth_requests r WHERE r.id = $1`, id)
}

func (r oauthRequests) Hold(ctx context.Context, id idp.UUID) (*idp.OAuthRequest, error) {
	return one(ctx, r.q, "authorization request", "holding an authorization request", pgx.RowToStructByName[idp.OAuthRequest],
		`SELECT `+oauthRequestColumns+` FROM oauth_requests r WHERE r.id = $1 FOR UPDATE`, id)
}

func (r oauthRequests) TakePushed(ctx context.Context, digest []byte) (*idp.OAuthRequest, error) {
	return one(ctx, r.q, "authorization request", "taking a pushed request", pgx.RowToStructByName[idp.OAuthRequest],
		`DELETE FROM oauth_requests r WHERE r.digest = $1 RETURNING `+oauthRequestColumns, digest)
}

func (r oauthRequests) Approve(ctx context.Context, o *idp.OAuthRequest) error {
	return mustChange(ctx, r.q, "authorization request", "approving an authorization request", `
		UPDATE oauth_requests SET user_id = $2, session_id = $3, generation = $4, token_generation = $5, scopes = $6, approved_at = clock_timestamp()
		 WHERE id = $1`, o.ID, o.UserID, o.SessionID, o.Generation, o.TokenGeneration, list(o.Scopes))
}

func (r oauthRequests) Delete(ctx context.Context, id idp.UUID) error {
	return mustChange(ctx, r.q, "authorization request", "deleting an authorization request", `DELETE FROM oauth_requests WHERE id = $1`, id)
}

func (r oauthRequests) CreateCode(ctx context.Context, c *idp.OAuthCode, lifetime time.Duration) error {
	err := r.q.QueryRow(ctx, `
		INSERT INTO oauth_codes (digest, provider_id, user_id, session_id, scopes, nonce, redirect_uri, challenge, auth_time, methods, generation, token_generation, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, clock_timestamp() + $13::interval) RETURNING num, created_at, expires_at`,
		c.Digest, c.ProviderID, c.UserID, c.SessionID, list(c.Scopes), printable(c.Nonce), c.RedirectURI, c.Challenge, c.AuthTime, list(c.Methods),
		c.Generation, c.TokenGeneration, lifetime).Scan(&c.Num, &c.CreatedAt, &c.ExpiresAt)
	return wrap(err, "authorization code", "making an authorization code of user %d", c.UserID)
}

func (r oauthRequests) HoldCode(ctx context.Context, digest []byte) (*idp.OAuthCode, error) {
	return one(ctx, r.q, "authorization code", "holding an authorization code", pgx.RowToStructByName[idp.OAuthCode],
		`SELECT `+oauthCodeColumns+` FROM oauth_codes c WHERE c.digest = $1 FOR NO KEY UPDATE`, digest)
}

func (r oauthRequests) SpendCode(ctx context.Context, digest []byte, grant idp.OAuthGrantID) (bool, error) {
	n, err := exec(ctx, r.q, "authorization code", "spending an authorization code",
		`UPDATE oauth_codes SET spent_at = clock_timestamp(), grant_id = $2 WHERE digest = $1 AND spent_at IS NULL`, digest, grant)
	return n > 0, err
}

var oauthCodeListing = listing{
	noun: "authorization code", alias: "c", from: "oauth_codes c", columns: oauthCodeColumns, key: "c.num",
	orders: map[string]string{"pk": "c.num", "id": "c.num", "expires": "c.expires_at", "user": "c.user_id", "provider": "c.provider_id"},
	usual:  []string{"-pk"},
}

func (r oauthRequests) FindCodes(ctx context.Context, f idp.OAuthCodeFilter) (idp.Page[idp.OAuthCode], error) {
	var w where
	w.add("c.spent_at IS NULL AND c.expires_at > clock_timestamp()")
	equal(&w, "c.num", f.Num)
	equal(&w, "c.user_id", f.UserID)
	equal(&w, "c.provider_id", f.ProviderID)
	return page(ctx, r.q, oauthCodeListing, w, f.Paging, pgx.RowToStructByName[idp.OAuthCode])
}

func (r oauthRequests) DeleteCode(ctx context.Context, num int64) error {
	return mustChange(ctx, r.q, "authorization code", "deleting an authorization code", `DELETE FROM oauth_codes WHERE num = $1`, num)
}

func (r oauthRequests) CreateDevice(ctx context.Context, d *idp.OAuthDevice, lifetime time.Duration) error {
	if d.ID == (idp.UUID{}) {
		d.ID = uuid.Must(uuid.NewV7())
	}
	err := r.q.QueryRow(ctx, `
		INSERT INTO oauth_devices (id, digest, user_code, provider_id, scopes, pause, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + $7::interval) RETURNING state, created_at, expires_at`,
		d.ID, d.Digest, d.UserCode, d.ProviderID, list(d.Scopes), int64(d.Interval/time.Second), lifetime).Scan(&d.State, &d.CreatedAt, &d.ExpiresAt)
	return wrap(err, "device request", "keeping a device's request")
}

func (r oauthRequests) GetDevice(ctx context.Context, userCode []byte) (*idp.OAuthDevice, error) {
	return one(ctx, r.q, "device request", "reading a device's request", pgx.RowToStructByNameLax[idp.OAuthDevice],
		`SELECT `+oauthDeviceColumns+` FROM oauth_devices d WHERE d.user_code = $1`, userCode)
}

func (r oauthRequests) HoldDevice(ctx context.Context, id idp.UUID) (*idp.OAuthDevice, error) {
	return one(ctx, r.q, "device request", "holding a device's request", pgx.RowToStructByNameLax[idp.OAuthDevice],
		`SELECT `+oauthDeviceColumns+` FROM oauth_devices d WHERE d.id = $1 FOR NO KEY UPDATE`, id)
}

// Poll implements idp.OAuthRequests (RFC 8628, section 3.5: slow_down).
func (r oauthRequests) Poll(ctx context.Context, digest []byte) (*idp.OAuthDevice, error) {
	return one(ctx, r.q, "device request", "asking for a device's request", pgx.RowToStructByName[idp.OAuthDevice], `
		UPDATE oauth_devices d SET polled_at = clock_timestamp(), pause = d.pause + CASE WHEN b.soon THEN 5 ELSE 0 END
		  FROM (SELECT id, coalesce(polled_at > clock_timestamp() - make_interval(secs => pause), false) AS soon FROM oauth_devices WHERE digest = $1 FOR NO KEY UPDATE) b
		 WHERE d.id = b.id RETURNING `+oauthDeviceColumns+`, b.soon AS too_soon`, digest)
}

func (r oauthRequests) Decide(ctx context.Context, d *idp.OAuthDevice) (bool, error) {
	n, err := exec(ctx, r.q, "device request", "deciding about a device", `
		UPDATE oauth_devices SET state = $2, user_id = $3, auth_time = $4, methods = $5, generation = $6, token_generation = $7, scopes = $8
		 WHERE id = $1 AND state = 'pending' AND expires_at > clock_timestamp()`, d.ID, d.State, d.UserID, d.AuthTime, list(d.Methods), d.Generation, d.TokenGeneration, list(d.Scopes))
	return n > 0, err
}

func (r oauthRequests) UseDevice(ctx context.Context, id idp.UUID) (bool, error) {
	n, err := exec(ctx, r.q, "device request", "letting a device in", `UPDATE oauth_devices SET state = 'used' WHERE id = $1 AND state = 'approved'`, id)
	return n > 0, err
}

func (r oauthRequests) Purge(ctx context.Context, kept time.Duration, limit int) (int, error) {
	total := 0
	for _, t := range []struct{ table, key string }{{"oauth_requests", "id"}, {"oauth_codes", "digest"}, {"oauth_devices", "id"}} {
		n, err := exec(ctx, r.q, "authorization request", "deleting what expired", `DELETE FROM `+t.table+` WHERE `+t.key+` IN
			(SELECT `+t.key+` FROM `+t.table+` WHERE expires_at < clock_timestamp() - $1::interval ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, kept, limit)
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}
