package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type consents struct{ q querier }

// consentLive is the one definition of a consent that still counts, over
// consents c and users u.
const (
	consentLive    = `((c.expires_at IS NULL OR c.expires_at > clock_timestamp()) AND c.generation = u.token_generation)`
	consentColumns = `c.id, c.user_id, u.username, c.application, c.application_name, c.application_slug, c.permissions,
		c.expires_at, c.generation, c.created_at, ` + consentLive + ` AS live`
	consentUser = `JOIN users u ON u.id = c.user_id`
)

var consentListing = listing{
	noun: "consent", alias: "c", from: "consents c " + consentUser, join: consentUser, columns: consentColumns, key: "c.id",
	orders: map[string]string{"pk": "c.id", "application": "fold(c.application_name)", "expires": "c.expires_at", "created": "c.created_at"},
	usual:  []string{"application"},
}

func (r consents) Get(ctx context.Context, id idp.ConsentID) (*idp.Consent, error) {
	return one(ctx, r.q, "consent", fmt.Sprintf("reading consent %d", id), pgx.RowToStructByName[idp.Consent],
		`SELECT `+consentColumns+` FROM consents c `+consentUser+` WHERE c.id = $1`, id)
}

func (r consents) Find(ctx context.Context, f idp.ConsentFilter) (idp.Page[idp.Consent], error) {
	var w where
	equal(&w, "c.user_id", f.UserID)
	equal(&w, "c.application", f.Application)
	if f.Live != nil {
		w.with(consentLive+" = @live", "live", *f.Live)
	}
	w.search(f.Search, "c.application_name", "c.application_slug")
	return page(ctx, r.q, consentListing, w, f.Paging, pgx.RowToStructByName[idp.Consent])
}

func (r consents) Save(ctx context.Context, c *idp.Consent) error {
	c.Permissions = idp.PermissionSet(c.Permissions)
	if c.Permissions == nil {
		c.Permissions = []string{}
	}
	err := r.q.QueryRow(ctx, `
		INSERT INTO consents (user_id, application, application_name, application_slug, permissions, expires_at, generation)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT ON CONSTRAINT consents_application_key DO UPDATE
		SET application_name = excluded.application_name, application_slug = excluded.application_slug,
		    permissions = excluded.permissions, expires_at = excluded.expires_at, generation = excluded.generation,
		    created_at = clock_timestamp()
		RETURNING id, created_at`,
		c.UserID, c.Application, c.ApplicationName, c.ApplicationSlug, c.Permissions, c.ExpiresAt, c.Generation).
		Scan(&c.ID, &c.CreatedAt)
	return wrap(err, "consent", "saving a consent of user %d", c.UserID)
}

func (r consents) Delete(ctx context.Context, id idp.ConsentID) error {
	return mustChange(ctx, r.q, "consent", fmt.Sprintf("deleting consent %d", id), `DELETE FROM consents WHERE id = $1`, id)
}

// sweepGrants removes up to limit consents and invitations, and ends grants, of an account whose
// generation was raised: they count for nothing any more.
func (db *DB) sweepGrants(ctx context.Context, user idp.UserID, limit int) (int, error) {
	consents, err := exec(ctx, db.pool, "consent", fmt.Sprintf("sweeping the consents of user %d", user), `
		DELETE FROM consents WHERE id IN (SELECT c.id FROM consents c JOIN users u ON u.id = c.user_id
		 WHERE c.user_id = $1 AND c.generation < u.token_generation LIMIT $2 FOR UPDATE OF c SKIP LOCKED)`, user, limit)
	if err != nil {
		return 0, err
	}
	invitations, err := exec(ctx, db.pool, "invitation", fmt.Sprintf("sweeping the invitations of user %d", user), `
		DELETE FROM invitations WHERE id IN (SELECT i.id FROM invitations i JOIN users u ON u.id = i.created_by
		 WHERE i.created_by = $1 AND i.generation < u.token_generation LIMIT $2 FOR UPDATE OF i SKIP LOCKED)`, user, limit)
	if err != nil {
		return consents, err
	}
	grants, err := exec(ctx, db.pool, "grant", fmt.Sprintf("sweeping the grants of user %d", user), `
		UPDATE oauth_grants SET ended_at = clock_timestamp(), end_reason = $3
		 WHERE id IN (SELECT o.id FROM oauth_grants o JOIN users u ON u.id = o.user_id
		               WHERE o.user_id = $1 AND o.ended_at IS NULL AND o.generation < u.token_generation
		               LIMIT $2 FOR UPDATE OF o SKIP LOCKED)`, user, limit, endedByGeneration)
	return consents + invitations + grants, err
}
