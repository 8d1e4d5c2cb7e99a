package policy

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// kassel is Whereabouts that knows one address.
type kassel struct{ state idp.WhereaboutsState }

var known = netip.MustParseAddr("192.0.2.1")

func (k kassel) Place(ip netip.Addr) (idp.Place, bool) {
	if ip != known || !k.state.Places.Loaded() {
		return idp.Place{}, false
	}
	return idp.Place{Continent: "EU", Country: "DE", City: "Kassel", Located: true, Lat: 51.3, Long: 9.5}, true
}

func (k kassel) Network(ip netip.Addr) (idp.Network, bool) {
	if ip != known || !k.state.Networks.Loaded() {
		return idp.Network{}, false
	}
	return idp.Network{ASN: 6805, ASOrg: "Telefonica Germany", Prefix: netip.MustParsePrefix("192.0.2.0/24")}, true
}

func (k kassel) State() idp.WhereaboutsState { return k.state }

func TestExpressionsSeeWhereTheClientIs(t *testing.T) {
	t.Parallel()
	loaded := idp.DatabaseState{Status: idp.DatabaseLoaded}
	both := kassel{idp.WhereaboutsState{Places: loaded, Networks: loaded}}
	answer := func(w idp.Whereabouts, ip, source string, context map[string]any) any {
		t.Helper()
		e := actingEngine(nil, nil).Locating(w)
		addr, _ := netip.ParseAddr(ip)
		got, err := e.EvaluatePolicy(t.Context(), asPolicy(source), idp.PolicyRequest{ClientIP: addr, Context: context})
		if err != nil {
			return "fault"
		}
		return got.Passing
	}
	for source, want := range map[string][3]any{ // at a known address, at an unknown one, without databases
		`context.geoip.country == "DE"`:                                      {true, false, "fault"},
		`context.geoip.continent == "EU" and context.geoip.city == "Kassel"`: {true, false, "fault"},
		`context.geoip.lat > 51 and context.geoip.long < 10`:                 {true, "fault", "fault"},
		`context.asn.asn == 6805`:                                            {true, false, "fault"},
		`context.asn.asn in [6805, 3215]`:                                    {true, false, "fault"},
		`context.asn.as_org contains "Telefonica"`:                           {true, false, "fault"},
		`context.asn.network == "192.0.2.0/24"`:                              {true, false, "fault"},
		`request.context.geoip.country == "DE"`:                              {true, false, "fault"},
		`context.flow_plan.context.geoip.country == "DE"`:                    {true, false, "fault"},
		`context.geoip == nil`:                                               {false, false, true},
		`context.asn == nil`:                                                 {false, false, true},
		`context.geoip?.country == "DE"`:                                     {true, false, false},
	} {
		require.Equal(t, want[0], answer(both, "192.0.2.1", source, nil), source)
		require.Equal(t, want[1], answer(both, "198.51.100.1", source, nil), source)
		require.Equal(t, want[1], answer(both, "", source, nil), source)
		require.Equal(t, want[2], answer(kassel{}, "192.0.2.1", source, nil), source)
		require.Equal(t, want[2], answer(idp.Nowhere{}, "192.0.2.1", source, nil), source)
	}
	require.Equal(t, true, answer(both, "192.0.2.1", `context.geoip.country == "FR" and context.asn.asn == 1`,
		map[string]any{"geoip": map[string]any{"country": "FR"}, "asn": map[string]any{"asn": 1}}), "tried for another place")
}
