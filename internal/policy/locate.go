package policy

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Locating returns an engine whose expressions also see where the client's
// address is and whose network it belongs to.
func (e *Engine) Locating(w idp.Whereabouts) *Engine {
	with := *e
	with.atlas = w
	return &with
}

// locate adds context.geoip and context.asn: empty for an address that the
// database does not hold, nil where there is no database, so that a question
// about it is a fault and not an answer. What the request brings itself stays: it
// is how a policy is tried, or asked by another, for a place of one's choice.
func locate(ctx context.Context, req idp.PolicyRequest, into map[string]any) {
	a, ok := ctx.Value(askingKey{}).(*asking)
	if !ok || a.engine.atlas == nil {
		return
	}
	w := a.engine.atlas
	state := w.State()
	if _, brought := into["geoip"]; !brought && state.Places.Loaded() {
		p, _ := w.Place(req.ClientIP)
		into["geoip"] = p.Facts()
	}
	if _, brought := into["asn"]; !brought && state.Networks.Loaded() {
		n, found := w.Network(req.ClientIP)
		facts := n.Facts()
		if found {
			facts["asn"] = int(n.ASN)
		}
		into["asn"] = facts
	}
}
