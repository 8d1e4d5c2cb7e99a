package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type links struct{ q querier }

const linkColumns = `id, user_id, run_id, flow_id, stage_id, brand_id, token_id, intent, session_generation, token_generation,
	confirms, NOT single_use, state, address, lifetime, client_ip, created_at, expires_at, sent_at, expires_at <= clock_timestamp()`

func scanLink(row pgx.CollectableRow) (l idp.Link, err error) {
	var seconds int64
	err = row.Scan(&l.ID, &l.UserID, &l.RunID, &l.FlowID, &l.StageID, &l.BrandID, &l.TokenID, &l.Intent, &l.SessionGeneration,
		&l.TokenGeneration, &l.Confirms, &l.Reusable, &l.State, &l.Address, &seconds, &l.ClientIP, &l.CreatedAt, &l.ExpiresAt, &l.SentAt, &l.Expired)
	l.Lifetime = time.Duration(seconds) * time.Second
	return l, err
}

func (r links) Get(ctx context.Context, id idp.LinkID) (*idp.Link, error) {
	return one(ctx, r.q, "link", "reading link "+id.String(), scanLink, `SELECT `+linkColumns+` FROM links WHERE id = $1`, id)
}

func (r links) Hold(ctx context.Context, id idp.LinkID) (*idp.Link, error) {
	return one(ctx, r.q, "link", "holding link "+id.String(), scanLink, `SELECT `+linkColumns+` FROM links WHERE id = $1 FOR UPDATE`, id)
}

func (r links) Create(ctx context.Context, l *idp.Link) error {
	if l.ID.IsZero() {
		l.ID = idp.NewID[idp.Link]()
	}
	err := r.q.QueryRow(ctx, `
		INSERT INTO links (id, user_id, run_id, flow_id, stage_id, brand_id, intent, session_generation, token_generation,
			confirms, state, address, lifetime, client_ip, single_use, created_at, expires_at)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::bigint, $14, $15, now, now + make_interval(secs => $13::bigint)
		  FROM clock_timestamp() AS now
		RETURNING created_at, expires_at`,
		l.ID, l.UserID, l.RunID, l.FlowID, l.StageID, l.BrandID, l.Intent, l.SessionGeneration, l.TokenGeneration,
		l.Confirms, document(l.State), l.Address, int64(l.Lifetime/time.Second), l.ClientIP.Unmap().WithZone(""), !l.Reusable).Scan(&l.CreatedAt, &l.ExpiresAt)
	return wrap(err, "link", "asking for a link into flow %s", l.FlowID)
}

func (r links) Made(ctx context.Context, id idp.LinkID, token idp.TokenID, until time.Time) error {
	return mustChange(ctx, r.q, "link", "noting the token of link "+id.String(),
		`UPDATE links SET token_id = $2, expires_at = $3 WHERE id = $1`, id, token, until)
}

func (r links) Follow(ctx context.Context, token idp.TokenID, former, present int64) error {
	_, err := exec(ctx, r.q, "link", "carrying over the link of token "+token.String(),
		`UPDATE links SET session_generation = $3 WHERE token_id = $1 AND session_generation = $2 AND NOT single_use`, token, former, present)
	return err
}

func (r links) Sent(ctx context.Context, id idp.LinkID) error {
	return mustChange(ctx, r.q, "link", "noting that link "+id.String()+" was sent",
		`UPDATE links SET sent_at = clock_timestamp() WHERE id = $1`, id)
}

func (r links) Recent(ctx context.Context, f idp.LinkFilter, window time.Duration) (n int, err error) {
	err = r.q.QueryRow(ctx, `
		SELECT count(*) FROM links
		 WHERE created_at > clock_timestamp() - make_interval(secs => $1)
		   AND ($2::integer IS NULL OR user_id = $2) AND ($3::uuid IS NULL OR run_id = $3) AND ($4::uuid IS NULL OR stage_id = $4)`,
		window.Seconds(), f.UserID, f.RunID, f.StageID).Scan(&n)
	return n, wrap(err, "link", "counting the links asked for lately")
}
