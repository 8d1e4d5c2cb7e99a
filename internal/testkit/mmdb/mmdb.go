// Package mmdb makes databases of addresses in MaxMind's format for tests.
package mmdb

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/stretchr/testify/require"
)

// Place is a record of a database of places.
type Place struct {
	Continent, Country, City string
	CityID                   uint32
	Lat, Long                float64 // both 0 = none
}

// Network is a record of a database of networks.
type Network struct {
	ASN uint32
	Org string
}

// City returns a database of places, by network.
func City(t testing.TB, rows map[string]Place) []byte {
	t.Helper()
	records := map[string]mmdbtype.DataType{}
	for prefix, p := range rows {
		r := mmdbtype.Map{"continent": mmdbtype.Map{"code": mmdbtype.String(p.Continent)}, "country": mmdbtype.Map{"iso_code": mmdbtype.String(p.Country)}}
		if p.City != "" {
			r["city"] = mmdbtype.Map{"geoname_id": mmdbtype.Uint32(p.CityID), "names": mmdbtype.Map{"en": mmdbtype.String(p.City), "de": mmdbtype.String("auf Deutsch")}}
		}
		if p.Lat != 0 || p.Long != 0 {
			r["location"] = mmdbtype.Map{"latitude": mmdbtype.Float64(p.Lat), "longitude": mmdbtype.Float64(p.Long)}
		}
		records[prefix] = r
	}
	return Build(t, "GeoLite2-City", records)
}

// ASN returns a database of networks, by network.
func ASN(t testing.TB, rows map[string]Network) []byte {
	t.Helper()
	records := map[string]mmdbtype.DataType{}
	for prefix, n := range rows {
		records[prefix] = mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(n.ASN), "autonomous_system_organization": mmdbtype.String(n.Org)}
	}
	return Build(t, "GeoLite2-ASN", records)
}

// Build returns a database of a type with any records.
func Build(t testing.TB, kind string, records map[string]mmdbtype.DataType) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, Languages: []string{"en", "de"}, IncludeReservedNetworks: true, RecordSize: 24})
	require.NoError(t, err)
	for prefix, r := range records {
		_, network, err := net.ParseCIDR(prefix)
		require.NoError(t, err)
		require.NoError(t, tree.Insert(network, r))
	}
	var out bytes.Buffer
	_, err = tree.WriteTo(&out)
	require.NoError(t, err)
	return out.Bytes()
}

// Replace puts a file in the place of another at once, as updaters do.
func Replace(t testing.TB, path string, content []byte) {
	t.Helper()
	fresh := filepath.Join(filepath.Dir(path), ".fresh-"+filepath.Base(path))
	require.NoError(t, os.WriteFile(fresh, content, 0o600))
	require.NoError(t, os.Rename(fresh, path))
}
