package api

import (
	"net/netip"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Reputation is the score of one pair of account and address. IP is "" when the
// address was not known.
type Reputation struct {
	PK         idp.ReputationID `json:"pk"`
	Identifier string           `json:"identifier"`
	IP         string           `json:"ip"`
	GeoData    map[string]any   `json:"ip_geo_data"`
	ASNData    map[string]any   `json:"ip_asn_data"`
	Score      int              `json:"score"`
	Updated    time.Time        `json:"updated"`
	Expires    time.Time        `json:"expires"`
}

func reputationView(r *idp.Reputation) Reputation {
	v := Reputation{PK: r.ID, Identifier: r.Identifier, GeoData: map[string]any{}, ASNData: map[string]any{}, Score: r.Score,
		Updated: r.UpdatedAt.UTC(), Expires: r.ExpiresAt.UTC()}
	if r.IP.IsValid() {
		v.IP = r.IP.String()
	}
	return v
}

func (a *API) reputationScores() resource[Reputation, struct{}] {
	return resource[Reputation, struct{}]{
		path: "/policies/reputation/scores/", key: "reputation_uuid", name: "Reputation", id: "policies_reputation_scores",
		plural: "scores", tag: "policies",
		filters: slices.Concat([]param{{name: "identifier", kind: text}, {name: "identifier_in", kind: text, many: true},
			{name: "ip", kind: text}, {name: "score", kind: integer}}),
		ordering: []string{"identifier", "ip", "score", "updated", "expires", "pk"},
		list:     a.listScores, get: a.getScore, destroy: a.deleteScore, usedBy: func(c *call, _ string) ([]UsedBy, error) {
			_, err := a.getScore(c, "")
			return nil, err // nothing refers to a score
		},
	}
}

func (a *API) listScores(c *call, p idp.Paging) ([]Reputation, int, error) {
	if err := a.mayPolicy(c, idp.VerbList); err != nil {
		return nil, 0, err
	}
	f := idp.ReputationFilter{Paging: p, Identifier: c.query.text("identifier"), Identifiers: texts(c.query, "identifier_in")}
	if n := c.query.ints("score"); len(n) > 0 {
		f.Score = &n[0]
	}
	if s := c.query.text("ip"); s != nil {
		ip, err := netip.ParseAddr(*s)
		if err != nil {
			return nil, 0, idp.Invalid("ip", "Enter a valid IPv4 or IPv6 address.")
		}
		f.IP = &ip
	}
	page, err := a.Store.Repos().Reputations.Find(c, f)
	if err != nil {
		return nil, 0, err
	}
	views := make([]Reputation, 0, len(page.Items))
	for i := range page.Items {
		views = append(views, reputationView(&page.Items[i]))
	}
	return views, page.Total, nil
}

func scoreKey(c *call) (idp.ReputationID, error) {
	return web.IDParam[idp.Reputation](c.r, "reputation_uuid", "reputation")
}

func (a *API) getScore(c *call, _ string) (*Reputation, error) {
	id, err := scoreKey(c)
	if err != nil {
		return nil, err
	}
	if err := a.mayPolicy(c, idp.VerbRead); err != nil {
		return nil, err
	}
	r, err := a.Store.Repos().Reputations.Get(c, id)
	if err != nil {
		return nil, err
	}
	v := reputationView(r)
	return &v, nil
}

func (a *API) deleteScore(c *call, _ string) error {
	id, err := scoreKey(c)
	if err != nil {
		return err
	}
	return a.Configure.DeleteReputation(c, c.actor, id)
}
