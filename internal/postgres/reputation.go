package postgres

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type reputations struct {
	q      querier
	limits idp.ReputationLimits
}

// Adjust counts from zero on a row that has expired but was not purged yet.
func (r reputations) Adjust(ctx context.Context, identifier string, ip netip.Addr, delta int) error {
	if identifier == "" && !ip.IsValid() {
		return nil
	}
	_, err := exec(ctx, r.q, "reputation", "adjusting the reputation of "+ip.String(), reputationAdjust, r.adjustment(identifier, ip, delta)...)
	return err
}

func (r reputations) AdjustAll(ctx context.Context, deltas map[idp.ReputationPair]int) error {
	pairs := slices.SortedFunc(maps.Keys(deltas), func(a, b idp.ReputationPair) int {
		return cmp.Or(cmp.Compare(a.Identifier, b.Identifier), a.IP.Compare(b.IP))
	})
	b := &pgx.Batch{}
	for _, p := range pairs {
		if p.Identifier != "" || p.IP.IsValid() {
			b.Queue(reputationAdjust, r.adjustment(p.Identifier, p.IP, deltas[p])...)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return wrap(r.q.SendBatch(ctx, b).Close(), "reputation", "adjusting %d reputations", b.Len())
}

func (r reputations) adjustment(identifier string, ip netip.Addr, delta int) []any {
	lowest, highest := r.limits.Or()
	return []any{identifier, ip.Unmap().WithZone(""), delta, lowest, highest, idp.ReputationLifetime.Seconds()}
}

const reputationAdjust = `
		INSERT INTO reputations (identifier, ip, score, expires_at)
		VALUES ($1, $2, greatest($4::integer, least($5::integer, $3::integer)), clock_timestamp() + make_interval(secs => $6))
		ON CONFLICT (identifier, ip) DO UPDATE SET
			score = greatest($4::integer, least($5::integer, $3::integer +
				CASE WHEN reputations.expires_at > clock_timestamp() THEN reputations.score ELSE 0 END)),
			updated_at = clock_timestamp(), expires_at = excluded.expires_at`

func (r reputations) Score(ctx context.Context, ip netip.Addr, identifier string) (int, error) {
	var score int
	err := r.q.QueryRow(ctx, `
		SELECT coalesce(sum(score), 0) FROM reputations
		 WHERE (ip = $1 OR identifier = nullif($2, '')) AND expires_at > clock_timestamp()`,
		ip.Unmap().WithZone(""), identifier).Scan(&score)
	return score, wrap(err, "reputation", "reading the reputation of %s", ip)
}

const reputationLive = `t.expires_at > clock_timestamp()`

var reputationListing = listing{
	noun: "reputation", alias: "t", from: "reputations t", key: "t.id",
	columns: `t.id, t.identifier, t.ip, t.score, t.updated_at, t.expires_at`,
	orders: map[string]string{"pk": "t.id", "identifier": "t.identifier", "ip": "t.ip", "score": "t.score", "updated": "t.updated_at",
		"expires": "t.expires_at"},
	usual: []string{"-updated"},
}

func scanReputation(row pgx.CollectableRow) (p idp.Reputation, err error) {
	var ip *netip.Addr
	err = row.Scan(&p.ID, &p.Identifier, &ip, &p.Score, &p.UpdatedAt, &p.ExpiresAt)
	if ip != nil {
		p.IP = *ip
	}
	return p, err
}

func (r reputations) Get(ctx context.Context, id idp.ReputationID) (*idp.Reputation, error) {
	return one(ctx, r.q, "reputation", "reading reputation "+id.String(), scanReputation,
		`SELECT `+reputationListing.columns+` FROM reputations t WHERE t.id = $1 AND `+reputationLive, id)
}

func (r reputations) Find(ctx context.Context, f idp.ReputationFilter) (idp.Page[idp.Reputation], error) {
	var w where
	w.add(reputationLive)
	equal(&w, "t.identifier", f.Identifier)
	equal(&w, "t.score", f.Score)
	if f.Identifiers != nil {
		w.with("t.identifier = ANY(@identifiers)", "identifiers", f.Identifiers)
	}
	if f.IP != nil {
		w.with("t.ip = @ip", "ip", f.IP.Unmap().WithZone(""))
	}
	w.search(f.Search, "t.identifier", "host(t.ip)")
	return page(ctx, r.q, reputationListing, w, f.Paging, scanReputation)
}

func (r reputations) Delete(ctx context.Context, id idp.ReputationID) error {
	return mustChange(ctx, r.q, "reputation", "deleting reputation "+id.String(), `DELETE FROM reputations WHERE id = $1`, id)
}
