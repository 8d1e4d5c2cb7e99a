package app_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// An event says where its request came from, as far as databases of addresses tell.
func TestEventsSayWhereFrom(t *testing.T) {
	t.Parallel()
	s := blankSite(t, testkit.Database(t))
	path := filepath.Join(t.TempDir(), "asn.mmdb")
	require.NoError(t, os.WriteFile(path, asnFile(t, "Somebody"), 0o600))
	s.open("geoip_asn", path, "trusted_proxies", behindProxy)
	ada := s.user("ada")
	s.traveller(ada)
	in := s.acted(idp.ActionLogin)
	require.NotEmpty(t, in)
	require.Equal(t, netip.MustParseAddr(atHome), in[0].ClientIP)
	network, _ := in[0].Context["asn"].(map[string]any)
	require.EqualValues(t, 6805, network["asn"])
	require.Equal(t, "Somebody", network["as_org"])
	require.NotContains(t, in[0].Context, "geo", "there is no database of places")
	require.Equal(t, "POST", in[0].Context["http_request"].(map[string]any)["method"])
}
