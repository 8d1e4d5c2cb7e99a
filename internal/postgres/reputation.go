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
	return r.AdjustAll(ctx, map[idp.ReputationPair]int{{Identifier: identifier, IP: ip}: delta})
}

// AdjustAll takes the rows in one order, whoever adjusts several of them. Changes
// that lie between the limits, as failed attempts do, are made by one statement.
func (r reputations) AdjustAll(ctx context.Context, deltas map[idp.ReputationPair]int) error {
	pairs := slices.SortedFunc(maps.Keys(deltas), func(a, b idp.ReputationPair) int {
		return cmp.Or(cmp.Compare(a.Identifier, b.Identifier), a.IP.Compare(b.IP))
	})
	lowest, highest := r.limits.Or()
	lifetime := idp.ReputationLifetime.Seconds()
	var identifiers, addresses []string
	var small []int32
	b := &pgx.Batch{}
	for _, p := range pairs {
		delta, ip := deltas[p], p.IP.Unmap().WithZone("")
		switch {
		case p.Identifier == "" && !p.IP.IsValid():
		case lowest <= delta && delta <= highest:
			address := ""
			if ip.IsValid() {
				address = ip.String()
			}
			identifiers, addresses, small = append(identifiers, p.Identifier), append(addresses, address), append(small, int32(delta))
		default:
			b.Queue(reputationAdjust, p.Identifier, ip, delta, lowest, highest, lifetime)
		}
	}
	if len(small) > 0 {
		b.Queue(reputationAdjustAll, identifiers, addresses, small, lowest, highest, lifetime)
	}
	if b.Len() == 0 {
		return nil
	}
	return later(ctx, r.q, b, func(err error) error { return wrap(err, "reputation", "adjusting %d reputations", len(deltas)) })
}

const reputationAdjust = `
		INSERT INTO reputations AS r (identifier, ip, score, expires_at)
		VALUES ($1, $2, greatest($4::integer, least($5::integer, $3::integer)), clock_timestamp() + make_interval(secs => $6))
		ON CONFLICT (identifier, ip) DO UPDATE SET
			score = greatest($4::integer, least($5::integer, $3::integer + CASE WHEN r.expires_at > clock_timestamp() THEN r.score ELSE 0 END)),
			updated_at = clock_timestamp(), expires_at = excluded.expires_at`

// reputationAdjustAll adds changes that are scores themselves, which is where a row
// that is there finds them.
const reputationAdjustAll = `
		INSERT INTO reputations AS r (identifier, ip, score, expires_at)
		SELECT v.identifier, nullif(v.ip, '')::inet, v.delta, clock_timestamp() + make_interval(secs => $6)
		  FROM unnest($1::text[], $2::text[], $3::integer[]) v (identifier, ip, delta)
		ON CONFLICT (identifier, ip) DO UPDATE SET
			score = greatest($4::integer, least($5::integer, excluded.score + CASE WHEN r.expires_at > clock_timestamp() THEN r.score ELSE 0 END)),
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
