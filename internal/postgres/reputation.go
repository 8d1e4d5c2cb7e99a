package postgres

import (
	"context"
	"net/netip"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type reputations struct{ q querier }

// Adjust counts from zero on a row that has expired but was not purged yet.
func (r reputations) Adjust(ctx context.Context, identifier string, ip netip.Addr, delta int) error {
	if identifier == "" && !ip.IsValid() {
		return nil
	}
	_, err := exec(ctx, r.q, "reputation", "adjusting the reputation of "+ip.String(), `
		INSERT INTO reputations (identifier, ip, score, expires_at)
		VALUES ($1, $2, greatest($4::integer, least($5::integer, $3::integer)), clock_timestamp() + make_interval(secs => $6))
		ON CONFLICT (identifier, ip) DO UPDATE SET
			score = greatest($4::integer, least($5::integer, $3::integer +
				CASE WHEN reputations.expires_at > clock_timestamp() THEN reputations.score ELSE 0 END)),
			updated_at = clock_timestamp(), expires_at = excluded.expires_at`,
		identifier, ip.Unmap().WithZone(""), delta, idp.ReputationLowest, idp.ReputationHighest, idp.ReputationLifetime.Seconds())
	return err
}

func (r reputations) Score(ctx context.Context, ip netip.Addr, identifier string) (int, error) {
	var score int
	err := r.q.QueryRow(ctx, `
		SELECT coalesce(sum(score), 0) FROM reputations
		 WHERE (ip = $1 OR identifier = nullif($2, '')) AND expires_at > clock_timestamp()`,
		ip.Unmap().WithZone(""), identifier).Scan(&score)
	return score, wrap(err, "reputation", "reading the reputation of %s", ip)
}
