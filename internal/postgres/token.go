package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type tokens struct{ q querier }

// tokenLive is the one definition of a token that still counts, over tokens t
// and users u.
const (
	tokenExpired = `(t.expiring AND t.expires_at <= clock_timestamp())`
	tokenLive    = `(t.revoked_at IS NULL AND NOT ` + tokenExpired + ` AND t.generation = u.token_generation)`
	tokenColumns = `t.id, t.identifier, t.intent, t.user_id, u.username, t.digest, t.generation, t.description, t.expiring,
		t.expires_at, t.created_at, t.last_used_at, t.managed, t.flow_slug, NOT t.single_use AS reusable, t.revoked_at, t.step_up_exempt, ` +
		tokenExpired + ` AS expired, ` + tokenLive + ` AS live`
	tokenUser = `JOIN users u ON u.id = t.user_id`
)

func tokenTargets(t *idp.Token) []any {
	return []any{&t.ID, &t.Identifier, &t.Intent, &t.UserID, &t.Username, &t.Digest, &t.Generation, &t.Description, &t.Expiring,
		&t.ExpiresAt, &t.CreatedAt, &t.LastUsedAt, &t.Managed, &t.FlowSlug, &t.Reusable, &t.RevokedAt, &t.StepUpExempt, &t.Expired, &t.Live}
}

func scanToken(row pgx.CollectableRow) (t idp.Token, err error) {
	err = row.Scan(tokenTargets(&t)...)
	return t, err
}

var tokenListing = listing{
	noun: "token", alias: "t", from: "tokens t " + tokenUser, join: tokenUser, columns: tokenColumns, key: "t.id",
	orders: map[string]string{
		"pk": "t.id", "identifier": "t.identifier", "intent": "t.intent", "user": "t.user_id",
		"user__username": "fold(u.username)", "description": "t.description", "expiring": "t.expiring",
		"expires": "t.expires_at", "created": "t.created_at", "last_used": "t.last_used_at", "managed": "t.managed",
	},
	usual: []string{"identifier"},
}

func (r tokens) Get(ctx context.Context, id idp.TokenID) (*idp.Token, error) {
	return r.get(ctx, "reading token "+id.String(), "t.id = $1", id)
}

func (r tokens) GetByIdentifier(ctx context.Context, identifier string) (*idp.Token, error) {
	return r.get(ctx, fmt.Sprintf("reading token “%.255s”", identifier), "t.identifier = $1", identifier)
}

func (r tokens) get(ctx context.Context, act, condition string, key any) (*idp.Token, error) {
	return one(ctx, r.q, "token", act, scanToken, `SELECT `+tokenColumns+` FROM tokens t `+tokenUser+` WHERE `+condition, key)
}

func (r tokens) Find(ctx context.Context, f idp.TokenFilter) (idp.Page[idp.Token], error) {
	var w where
	equal(&w, "t.user_id", f.UserID)
	equal(&w, "t.intent", f.Intent)
	equal(&w, "t.identifier", f.Identifier)
	equal(&w, "t.managed", f.Managed)
	equal(&w, "t.description", f.Description)
	equal(&w, "t.expiring", f.Expiring)
	if f.ExpiresAt != nil {
		w.with("t.expiring AND t.expires_at = @expires_at", "expires_at", *f.ExpiresAt)
	}
	if f.Live != nil {
		w.with(tokenLive+" = @live", "live", *f.Live)
	}
	w.search(f.Search, "t.identifier", "t.description", "u.username")
	return page(ctx, r.q, tokenListing, w, f.Paging, scanToken)
}

func (r tokens) Create(ctx context.Context, t *idp.Token) error {
	if t.ID.IsZero() {
		t.ID = idp.NewID[idp.Token]()
	}
	err := r.q.QueryRow(ctx, `
		INSERT INTO tokens (id, identifier, intent, user_id, digest, generation, description, expiring, expires_at,
			created_at, last_used_at, managed, flow_slug, revoked_at, single_use, step_up_exempt)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($10, clock_timestamp()), $11, $12, $13, $14, $15, $16)
		RETURNING created_at`,
		t.ID, t.Identifier, t.Intent, t.UserID, t.Digest, t.Generation, t.Description, t.Expiring, t.ExpiresAt,
		unset(t.CreatedAt), t.LastUsedAt, t.Managed, t.FlowSlug, t.RevokedAt, !t.Reusable, t.StepUpExempt).Scan(&t.CreatedAt)
	return wrap(err, "token", "creating token “%.255s”", t.Identifier)
}

// Update writes every stored field but the dates of creation and use. A
// revoked token stays revoked.
func (r tokens) Update(ctx context.Context, t *idp.Token) error {
	err := r.q.QueryRow(ctx, `
		UPDATE tokens SET identifier = $2, intent = $3, user_id = $4, digest = $5, generation = $6, description = $7,
			expiring = $8, expires_at = $9, managed = $10, flow_slug = $11, revoked_at = coalesce(revoked_at, $12),
			single_use = $13, step_up_exempt = $14
		 WHERE id = $1 RETURNING revoked_at`,
		t.ID, t.Identifier, t.Intent, t.UserID, t.Digest, t.Generation, t.Description,
		t.Expiring, t.ExpiresAt, t.Managed, t.FlowSlug, t.RevokedAt, !t.Reusable, t.StepUpExempt).Scan(&t.RevokedAt)
	return wrap(err, "token", "changing token %s", t.ID)
}

func (r tokens) Delete(ctx context.Context, id idp.TokenID) error {
	return mustChange(ctx, r.q, "token", "deleting token "+id.String(), `DELETE FROM tokens WHERE id = $1`, id)
}

// tokenUnnoted is that a use was not noted in the last minute.
const tokenUnnoted = `(t.last_used_at IS NULL OR t.last_used_at < clock_timestamp() - interval '1 minute')`

var tokenUse = use[idp.TokenUse, idp.TokenID]{
	noun: "token",
	read: `SELECT ` + tokenColumns + `, ` + userColumns + `, ` + tokenLive + ` AND ` + tokenUnnoted + `
		FROM tokens t ` + tokenUser + ` ` + userGroups + ` WHERE t.digest = `,
	targets: func(u *idp.TokenUse) []any { return append(tokenTargets(&u.Token), userTargets(&u.User)...) },
	id:      func(u *idp.TokenUse) idp.TokenID { return u.Token.ID },
	note: `UPDATE tokens SET last_used_at = clock_timestamp() WHERE id IN (
		SELECT t.id FROM tokens t WHERE t.id = ANY ($1) AND ` + tokenUnnoted + ` ORDER BY t.id FOR NO KEY UPDATE SKIP LOCKED)`,
}

func (r tokens) Use(ctx context.Context, digest []byte) (*idp.Token, *idp.User, error) {
	found, err := tokenUse.one(ctx, r.q, digest)
	if err == nil && len(found) == 0 {
		err = idp.NotFound("token")
	}
	if err != nil {
		return nil, nil, err
	}
	return &found[0].Token, &found[0].User, nil
}

func (r tokens) UseMany(ctx context.Context, digests [][]byte) ([]idp.TokenUse, error) {
	return tokenUse.many(ctx, r.q, digests)
}

func (r tokens) RevokeIntent(ctx context.Context, user idp.UserID, intent idp.TokenIntent, except *idp.TokenID) (int, error) {
	return exec(ctx, r.q, "token", fmt.Sprintf("revoking the %s tokens of user %d", intent, user), `
		UPDATE tokens t SET revoked_at = clock_timestamp() FROM users u
		 WHERE t.user_id = $1 AND t.intent = $2 AND ($3::uuid IS NULL OR t.id <> $3) AND u.id = t.user_id AND `+tokenLive, user, intent, except)
}

func (r tokens) Revoke(ctx context.Context, id idp.TokenID) (bool, error) {
	var existed, revoked bool
	err := r.q.QueryRow(ctx, `
		WITH done AS (
			UPDATE tokens SET revoked_at = clock_timestamp() WHERE id = $1 AND revoked_at IS NULL RETURNING id
		)
		SELECT EXISTS (SELECT FROM tokens WHERE id = $1), EXISTS (SELECT FROM done)`, id).Scan(&existed, &revoked)
	if err == nil && !existed {
		err = pgx.ErrNoRows
	}
	return revoked, wrap(err, "token", "revoking token %s", id)
}
