package geo_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/geo"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit/mmdb"
)

// told is a log that tests wait for.
type told struct{ lines chan string }

func newTold() told { return told{make(chan string, 1000)} }

func (t told) Enabled(context.Context, slog.Level) bool { return true }
func (t told) WithAttrs([]slog.Attr) slog.Handler       { return t }
func (t told) WithGroup(string) slog.Handler            { return t }
func (t told) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	t.lines <- line
	return nil
}

// wait returns the next line with the words.
func (t told) wait(tb testing.TB, words string) string {
	tb.Helper()
	for limit := time.After(30 * time.Second); ; {
		select {
		case line := <-t.lines:
			if strings.Contains(line, words) {
				return line
			}
		case <-limit:
			tb.Fatalf("the log never said %q", words)
		}
	}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

var (
	kassel  = mmdb.Place{Continent: "EU", Country: "DE", City: "Kassel", CityID: 2892518, Lat: 51.3, Long: 9.5}
	germany = mmdb.Place{Continent: "EU", Country: "DE", Lat: 51.2993, Long: 9.491}
)

func write(t *testing.T, path string, content []byte) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func opened(t *testing.T, city, asn string) (*geo.Databases, told) {
	t.Helper()
	log := newTold()
	return geo.Open(geo.Config{City: city, ASN: asn, Log: slog.New(log)}), log
}

func TestPlacesAndNetworksAreFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	city := write(t, filepath.Join(dir, "city.mmdb"), mmdb.City(t, map[string]mmdb.Place{
		"192.0.2.0/24": kassel, "198.51.100.0/24": germany, "2001:db8::/32": {Continent: "AS", Country: "JP"}, "203.0.113.0/24": {}}))
	asn := write(t, filepath.Join(dir, "asn.mmdb"), mmdb.ASN(t, map[string]mmdb.Network{
		"198.51.0.0/16": {ASN: 6805, Org: "Telefonica Germany"}, "2001:db8::/33": {ASN: 64496}, "203.0.113.0/24": {}}))
	d, _ := opened(t, city, asn)
	for ip, want := range map[string]idp.Place{
		"192.0.2.7":           {Continent: "EU", Country: "DE", City: "Kassel", CityID: 2892518, Located: true, Lat: 51.3, Long: 9.5},
		"::ffff:198.51.100.1": {Continent: "EU", Country: "DE", Located: true, Lat: 51.2993, Long: 9.491},
		"2001:db8::1":         {Continent: "AS", Country: "JP"},
		"203.0.113.1":         {}, // a record that says nothing
		"127.0.0.1":           {},
		"fe80::1%eth0":        {},
	} {
		got, ok := d.Place(addr(ip))
		require.Equal(t, want, got, ip)
		require.Equal(t, want != idp.Place{}, ok, ip)
	}
	for ip, want := range map[string]idp.Network{
		"198.51.100.1": {ASN: 6805, ASOrg: "Telefonica Germany", Prefix: netip.MustParsePrefix("198.51.0.0/16")},
		"2001:db8::1":  {ASN: 64496, Prefix: netip.MustParsePrefix("2001:db8::/33")},
		"203.0.113.1":  {},
		"10.0.0.1":     {},
	} {
		got, ok := d.Network(addr(ip))
		require.Equal(t, want, got, ip)
		require.Equal(t, want != idp.Network{}, ok, ip)
	}
	_, ok := d.Place(netip.Addr{})
	require.False(t, ok)
	state := d.State()
	require.True(t, state.Places.Loaded() && state.Networks.Loaded())
	require.Equal(t, city, state.Places.Path)
	require.WithinDuration(t, time.Now(), state.Networks.BuiltAt, time.Hour)
	require.Empty(t, state.Places.Fault)
}

func TestWhatCannotBeReadIsToldAndStopsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := mmdb.City(t, map[string]mmdb.Place{"192.0.2.0/24": kassel})
	for name, c := range map[string]struct {
		path, fault string
		status      idp.DatabaseStatus
	}{
		"not named":        {"", "", idp.DatabaseUnset},
		"not there":        {filepath.Join(dir, "no", "such.mmdb"), "no such file", idp.DatabaseMissing},
		"a directory":      {dir, "not a regular file", idp.DatabaseMissing},
		"not regular":      {"/dev/null", "not a regular file", idp.DatabaseMissing},
		"empty":            {write(t, filepath.Join(dir, "empty"), nil), "empty", idp.DatabaseMissing},
		"text":             {write(t, filepath.Join(dir, "text"), []byte("<html>not found</html>")), "invalid", idp.DatabaseMissing},
		"cut":              {write(t, filepath.Join(dir, "cut"), good[:len(good)-100]), "unexpected end", idp.DatabaseMissing},
		"another database": {write(t, filepath.Join(dir, "asn"), mmdb.ASN(t, map[string]mmdb.Network{"192.0.2.0/24": {ASN: 1}})), "type", idp.DatabaseMissing},
		"nobody in it":     {write(t, filepath.Join(dir, "nobody"), mmdb.City(t, map[string]mmdb.Place{"192.0.2.0/24": {}})), "holds no places", idp.DatabaseMissing},
		"other records": {write(t, filepath.Join(dir, "other"), mmdb.Build(t, "Some-City", map[string]mmdbtype.DataType{
			"192.0.2.0/24": mmdbtype.Map{"country": mmdbtype.String("DE")}})), "country", idp.DatabaseMissing},
	} {
		d, log := opened(t, c.path, "")
		state := d.State().Places
		require.Equal(t, c.status, state.Status, name)
		require.Contains(t, state.Fault, c.fault, name)
		require.Equal(t, idp.DatabaseUnset, d.State().Networks.Status, name)
		_, ok := d.Place(addr("192.0.2.1"))
		require.False(t, ok, name)
		if c.path != "" {
			log.wait(t, "cannot be read")
		}
	}
}

// A database that is damaged where nobody looked at first counts as missing from
// then on, not as one in which nobody is.
func TestADamagedDatabaseIsGivenUp(t *testing.T) {
	t.Parallel()
	content := mmdb.City(t, map[string]mmdb.Place{"192.0.2.0/24": kassel, "198.51.100.0/24": {Continent: "XX", Country: "YY", City: "Damaged"}})
	at := bytes.Index(content, []byte("YY"))
	require.Positive(t, at)
	content[at-1] = 0xff // the size of the text: a map now
	d, log := opened(t, write(t, filepath.Join(t.TempDir(), "city"), content), "")
	_, ok := d.Place(addr("192.0.2.1"))
	require.True(t, ok)
	var g sync.WaitGroup
	for range 8 {
		g.Go(func() {
			_, ok := d.Place(addr("198.51.100.1"))
			require.False(t, ok)
		})
	}
	g.Wait()
	log.wait(t, "damaged")
	require.Equal(t, idp.DatabaseMissing, d.State().Places.Status)
	require.NotEmpty(t, d.State().Places.Fault)
	_, ok = d.Place(addr("192.0.2.1"))
	require.False(t, ok)
}

func TestAnIPv4DatabaseHoldsNoIPv6(t *testing.T) {
	t.Parallel()
	d, _ := opened(t, "", write(t, filepath.Join(t.TempDir(), "asn"), mmdb.ASN(t, map[string]mmdb.Network{"192.0.2.0/24": {ASN: 1}})))
	_, ok := d.Network(addr("2001:db8::1"))
	require.False(t, ok)
	require.True(t, d.State().Networks.Loaded())
}
