package postgres

import (
	"context"
	"net/netip"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func (r sessions) Hold(ctx context.Context, id idp.SessionID) (*idp.Session, error) {
	return one(ctx, r.q, "session", "holding session "+id.String(), scanSession,
		`SELECT `+sessionColumns+` FROM sessions s `+sessionUser+` WHERE s.id = $1 FOR NO KEY UPDATE OF s`, id)
}

func (r sessions) Prove(ctx context.Context, id idp.SessionID, factor *idp.FactorID) error {
	_, err := exec(ctx, r.q, "session", "noting a proof in session "+id.String(),
		`UPDATE sessions SET proved_at = clock_timestamp(), factor_id = coalesce($2, factor_id) WHERE id = $1 AND ended_at IS NULL`, id, factor)
	return err
}

func (r sessions) Move(ctx context.Context, id idp.SessionID, to netip.Addr) error {
	_, err := exec(ctx, r.q, "session", "moving session "+id.String(), `
		UPDATE sessions SET ip = $2, last_seen_at = clock_timestamp() WHERE id = $1 AND ended_at IS NULL`,
		id, to.Unmap().WithZone(""))
	return err
}
