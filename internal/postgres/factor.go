package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type factors struct{ q querier }

const (
	factorColumns = `f.id, f.num, f.user_id, u.username, f.kind, f.name, f.created_at, f.updated_at, f.last_used_at, f.secret, f.digits,
		f.last_step, f.credential_id, f.credential, coalesce(f.aaguid, '00000000-0000-0000-0000-000000000000'),
		(SELECT count(*) FROM factor_codes c WHERE c.factor_id = f.id AND c.used_at IS NULL)::int AS codes_left`
	factorUser = `JOIN users u ON u.id = f.user_id`
)

func scanFactor(row pgx.CollectableRow) (f idp.Factor, err error) {
	err = row.Scan(&f.ID, &f.Num, &f.UserID, &f.Username, &f.Kind, &f.Name, &f.CreatedAt, &f.UpdatedAt, &f.LastUsedAt, &f.Secret, &f.Digits,
		&f.LastStep, &f.CredentialID, &f.Credential, &f.AAGUID, &f.CodesLeft)
	return f, err
}

var factorListing = listing{
	noun: "second factor", alias: "f", from: "factors f " + factorUser, join: factorUser, columns: factorColumns, key: "f.id",
	orders: map[string]string{"pk": "f.num", "id": "f.num", "name": "f.name", "user": "f.user_id", "user__username": "fold(u.username)", "created": "f.created_at", "last_used": "f.last_used_at"},
	usual:  []string{"name"},
}

func (r factors) get(ctx context.Context, act, condition string, args ...any) (*idp.Factor, error) {
	return one(ctx, r.q, "second factor", act, scanFactor, `SELECT `+factorColumns+` FROM factors f `+factorUser+` WHERE `+condition, args...)
}

func (r factors) Get(ctx context.Context, id idp.FactorID) (*idp.Factor, error) {
	return r.get(ctx, "reading second factor "+id.String(), "f.id = $1", id)
}

func (r factors) GetByNum(ctx context.Context, kind idp.FactorKind, num int32) (*idp.Factor, error) {
	return r.get(ctx, "reading a second factor by its number", "f.num = $1 AND f.kind = $2", num, kind)
}

func (r factors) GetByCredential(ctx context.Context, credentialID []byte) (*idp.Factor, error) {
	return r.get(ctx, "reading a passkey", "f.credential_id = $1", credentialID)
}

func (r factors) Find(ctx context.Context, f idp.FactorFilter) (idp.Page[idp.Factor], error) {
	var w where
	equal(&w, "f.user_id", f.UserID)
	equal(&w, "f.kind", f.Kind)
	equal(&w, "f.num", f.Num)
	equal(&w, "f.name", f.Name)
	w.search(f.Search, "f.name", "u.username")
	return page(ctx, r.q, factorListing, w, f.Paging, scanFactor)
}

func (r factors) Of(ctx context.Context, user idp.UserID) ([]idp.Factor, error) {
	rows, err := r.q.Query(ctx, `SELECT `+factorColumns+` FROM factors f `+factorUser+` WHERE f.user_id = $1 ORDER BY f.created_at, f.id`, user)
	if err != nil {
		return nil, wrap(err, "second factor", "reading the second factors of user %d", user)
	}
	found, err := pgx.CollectRows(rows, scanFactor)
	return found, wrap(err, "second factor", "reading the second factors of user %d", user)
}

func (r factors) Create(ctx context.Context, f *idp.Factor, codes [][]byte) error {
	if f.ID.IsZero() {
		f.ID = idp.NewID[idp.Factor]()
	}
	err := r.q.QueryRow(ctx, `
		WITH made AS (
			INSERT INTO factors (id, user_id, kind, name, secret, digits, last_step, credential_id, credential, aaguid)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING num, created_at, updated_at
		), coded AS (
			INSERT INTO factor_codes (factor_id, digest) SELECT $1, digest FROM unnest($11::bytea[]) AS digest
		)
		SELECT num, created_at, updated_at FROM made`,
		f.ID, f.UserID, f.Kind, f.Name, f.Secret, f.Digits, f.LastStep, orNull(f.CredentialID), orNull(f.Credential), f.AAGUID, codes).
		Scan(&f.Num, &f.CreatedAt, &f.UpdatedAt)
	f.CodesLeft = len(codes)
	return wrap(err, "second factor", "creating a second factor of user %d", f.UserID)
}

// orNull is NULL for what is empty.
func orNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

func (r factors) Rename(ctx context.Context, id idp.FactorID, name string) error {
	return mustChange(ctx, r.q, "second factor", "renaming second factor "+id.String(),
		`UPDATE factors SET name = $2, updated_at = clock_timestamp() WHERE id = $1`, id, name)
}

func (r factors) Delete(ctx context.Context, id idp.FactorID) error {
	return mustChange(ctx, r.q, "second factor", "removing second factor "+id.String(), `DELETE FROM factors WHERE id = $1`, id)
}

func (r factors) Step(ctx context.Context, id idp.FactorID, step int64) (bool, error) {
	n, err := exec(ctx, r.q, "second factor", "noting a code of "+id.String(),
		`UPDATE factors SET last_step = $2, last_used_at = clock_timestamp() WHERE id = $1 AND last_step < $2`, id, step)
	return n == 1, err
}

func (r factors) HasCode(ctx context.Context, id idp.FactorID, digest []byte) (has bool, err error) {
	err = r.q.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM factor_codes WHERE factor_id = $1 AND digest = $2 AND used_at IS NULL)`, id, digest).Scan(&has)
	return has, wrap(err, "second factor", "looking for a recovery code of %s", id)
}

func (r factors) UseCode(ctx context.Context, id idp.FactorID, digest []byte) (bool, error) {
	n, err := exec(ctx, r.q, "second factor", "using up a recovery code of "+id.String(), `
		WITH used AS (
			UPDATE factor_codes SET used_at = clock_timestamp() WHERE factor_id = $1 AND digest = $2 AND used_at IS NULL RETURNING factor_id
		)
		UPDATE factors SET last_used_at = clock_timestamp() FROM used WHERE id = used.factor_id`, id, digest)
	return n == 1, err
}

func (r factors) Sign(ctx context.Context, id idp.FactorID, former, credential []byte) (bool, error) {
	n, err := exec(ctx, r.q, "second factor", "noting a use of passkey "+id.String(),
		`UPDATE factors SET credential = $3::jsonb, last_used_at = clock_timestamp() WHERE id = $1 AND credential = $2::jsonb`, id, former, credential)
	return n == 1, err
}

func (r factors) Prove(ctx context.Context, id idp.FactorID, browser []byte, generation int64) error {
	_, err := exec(ctx, r.q, "second factor", "noting where "+id.String()+" was proved", `
		INSERT INTO factor_proofs (factor_id, browser, generation) VALUES ($1, $2, $3)
		ON CONFLICT (factor_id, browser) DO UPDATE SET generation = excluded.generation, proved_at = clock_timestamp()`, id, browser, generation)
	return err
}

func (r factors) ProvedWithin(ctx context.Context, user idp.UserID, browser []byte, within time.Duration) (*idp.Factor, error) {
	return r.get(ctx, "asking where a second factor was proved", `f.user_id = $1 AND f.id = (
		SELECT p.factor_id FROM factor_proofs p JOIN factors o ON o.id = p.factor_id
		 WHERE o.user_id = $1 AND p.browser = $2 AND p.generation = u.session_generation
		   AND p.proved_at > clock_timestamp() - $3::interval ORDER BY p.proved_at DESC LIMIT 1)`, user, browser, within)
}
