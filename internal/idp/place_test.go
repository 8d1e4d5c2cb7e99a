package idp_test

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestPlacesAndNetworksAreShownByTheNamesOfEvents(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]any{
		`{"lat": 51.2993, "city": "", "long": 9.491, "country": "DE", "continent": "EU"}`:   idp.Place{Continent: "EU", Country: "DE", Located: true, Lat: 51.2993, Long: 9.491},
		`{"lat": null, "city": "Kassel", "long": null, "country": "DE", "continent": "EU"}`: idp.Place{Continent: "EU", Country: "DE", City: "Kassel", CityID: 2892518},
		`{"asn": 6805, "as_org": "Telefonica Germany", "network": "5.4.0.0/14"}`:            idp.Network{ASN: 6805, ASOrg: "Telefonica Germany", Prefix: netip.MustParsePrefix("5.4.0.0/14")},
	} {
		got, err := json.Marshal(v)
		require.NoError(t, err)
		require.JSONEq(t, want, string(got))
	}
	for _, nothing := range []any{idp.Place{}, idp.Network{}} {
		got, err := json.Marshal(nothing)
		require.NoError(t, err)
		require.Equal(t, "{}", string(got))
	}
	require.False(t, idp.Nowhere{}.State().Places.Loaded())
	require.False(t, idp.DatabaseState{}.Loaded())
}
