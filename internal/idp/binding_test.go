package idp_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// atlas is Whereabouts by hand.
type atlas struct {
	places   map[string]idp.Place
	networks map[string]idp.Network
	state    idp.WhereaboutsState
	swap     func() // called on every look at a place
}

func (a *atlas) Place(ip netip.Addr) (idp.Place, bool) {
	if a.swap != nil {
		a.swap()
	}
	p, ok := a.places[ip.String()]
	return p, ok && a.state.Places.Loaded()
}

func (a *atlas) Network(ip netip.Addr) (idp.Network, bool) {
	n, ok := a.networks[ip.String()]
	return n, ok && a.state.Networks.Loaded()
}

func (a *atlas) State() idp.WhereaboutsState { return a.state }

var loaded = idp.DatabaseState{Status: idp.DatabaseLoaded}

func network(asn uint, prefix string) idp.Network {
	return idp.Network{ASN: asn, ASOrg: "Example", Prefix: netip.MustParsePrefix(prefix)}
}

func world() *atlas {
	kassel := idp.Place{Continent: "EU", Country: "DE", City: "Kassel", CityID: 1}
	return &atlas{state: idp.WhereaboutsState{Places: loaded, Networks: loaded},
		networks: map[string]idp.Network{
			"192.0.2.1": network(1, "192.0.2.0/24"), "192.0.2.2": network(1, "192.0.2.0/24"),
			"198.51.100.1": network(1, "198.51.100.0/24"), "203.0.113.1": network(2, "203.0.113.0/24"),
			"2001:db8::1": network(1, "2001:db8::/32"), "203.0.113.9": network(1, "203.0.113.0/24"),
		},
		places: map[string]idp.Place{
			"192.0.2.1": kassel, "192.0.2.2": {Continent: "EU", Country: "DE", City: "Kassel", Located: true, Lat: 51},
			"192.0.2.3": {Continent: "EU", Country: "DE", City: "Kassel", CityID: 2}, "192.0.2.4": {Continent: "EU", Country: "DE"},
			"192.0.2.5": {Continent: "EU", Country: "DE"}, "198.51.100.1": {Continent: "EU", Country: "FR", City: "Paris"},
			"203.0.113.1": {Continent: "NA", Country: "US", City: "Paris"}, "2001:db8::1": kassel,
		}}
}

func TestEveryReasonToBreak(t *testing.T) {
	t.Parallel()
	nothing := map[string]any{}
	known := network(1, "192.0.2.0/24").Facts()
	place := map[string]any{"continent": "EU", "country": "DE", "city": "Kassel", "lat": nil, "long": nil}
	asn, prefix, ip := idp.BindASN, idp.BindASNNetwork, idp.BindASNNetworkIP
	seen := map[idp.BreakReason]bool{}
	continent, country, city := idp.BindContinent, idp.BindContinentCountry, idp.BindContinentCountryCity
	for _, c := range []struct {
		network  idp.NetworkBinding
		geo      idp.GeoIPBinding
		from, to string
		want     *idp.Break
	}{
		{asn, "", "192.0.2.1", "192.0.2.1", nil},
		{asn, "", "10.0.0.99", "10.0.0.99", nil},
		{asn, "", "192.0.2.1", "::ffff:192.0.2.1", nil},
		{ip, city, "fe80::1", "fe80::1%eth0", nil},
		{"", "", "192.0.2.1", "203.0.113.1", nil},
		{idp.NetworkUnbound, idp.GeoUnbound, "192.0.2.1", "203.0.113.1", nil},

		{asn, "", "192.0.2.1", "192.0.2.2", nil},
		{asn, "", "192.0.2.1", "198.51.100.1", nil},
		{asn, "", "192.0.2.1", "2001:db8::1", nil},
		{asn, "", "192.0.2.1", "203.0.113.1", &idp.Break{"network.asn", uint(1), uint(2)}},
		{asn, "", "192.0.2.1", "192.0.2.77", &idp.Break{"network.missing", known, nothing}},
		{asn, "", "192.0.2.77", "192.0.2.1", &idp.Break{"network.missing", nothing, known}},
		{asn, "", "192.0.2.77", "192.0.2.78", &idp.Break{"network.missing", nothing, nothing}},
		{asn, "", "192.0.2.1", "10.0.0.1", &idp.Break{"network.missing", known, nothing}},
		{asn, "", "192.0.2.1", "", &idp.Break{"network.missing", known, nothing}},
		{asn, "", "", "192.0.2.1", &idp.Break{"network.missing", nothing, known}},
		{prefix, "", "192.0.2.1", "192.0.2.2", nil},
		{prefix, "", "192.0.2.1", "198.51.100.1", &idp.Break{"network.asn_network", "192.0.2.0/24", "198.51.100.0/24"}},
		{prefix, "", "203.0.113.9", "203.0.113.1", &idp.Break{"network.asn", uint(1), uint(2)}},
		{ip, "", "192.0.2.1", "192.0.2.2", &idp.Break{"network.ip", "192.0.2.1", "192.0.2.2"}},
		{ip, "", "192.0.2.1", "198.51.100.1", &idp.Break{"network.asn_network", "192.0.2.0/24", "198.51.100.0/24"}},
		{ip, "", "192.0.2.1", "192.0.2.77", &idp.Break{"network.missing", known, nothing}},
		{"bind_something", "", "192.0.2.1", "192.0.2.2", &idp.Break{"network.ip", "192.0.2.1", "192.0.2.2"}},

		{"", continent, "192.0.2.1", "198.51.100.1", nil},
		{"", continent, "192.0.2.1", "203.0.113.1", &idp.Break{"geoip.continent", "EU", "NA"}},
		{"", continent, "192.0.2.1", "192.0.2.77", &idp.Break{"geoip.missing", place, nothing}},
		{"", continent, "192.0.2.77", "192.0.2.1", &idp.Break{"geoip.missing", nothing, place}},
		{"", country, "192.0.2.1", "192.0.2.4", nil},
		{"", country, "192.0.2.1", "198.51.100.1", &idp.Break{"geoip.country", "DE", "FR"}},
		{"", city, "192.0.2.1", "192.0.2.2", nil},
		{"", city, "192.0.2.1", "192.0.2.3", &idp.Break{"geoip.city", "Kassel", "Kassel"}},
		{"", city, "192.0.2.1", "192.0.2.4", &idp.Break{"geoip.city", "Kassel", ""}},
		{"", city, "192.0.2.4", "192.0.2.5", nil},
		{"", city, "198.51.100.1", "203.0.113.1", &idp.Break{"geoip.continent", "EU", "NA"}},
		{"", "bind_something", "192.0.2.1", "192.0.2.3", &idp.Break{"geoip.city", "Kassel", "Kassel"}},

		{asn, continent, "192.0.2.1", "203.0.113.1", &idp.Break{"network.asn", uint(1), uint(2)}}, // the network comes first
		{asn, country, "192.0.2.1", "198.51.100.1", &idp.Break{"geoip.country", "DE", "FR"}},
	} {
		name := string(c.network) + "/" + string(c.geo) + " " + c.from + " → " + c.to
		b := idp.SessionBinding{Network: c.network, GeoIP: c.geo}
		from, _ := netip.ParseAddr(c.from)
		to, _ := netip.ParseAddr(c.to)
		got, unchecked := b.Check(world(), from, to)
		require.Empty(t, unchecked, name)
		require.Equal(t, c.want, got, name)
		if got != nil {
			seen[got.Reason] = true
		}
	}
	for _, reason := range idp.BreakReasons() {
		require.True(t, seen[reason], "nothing above breaks a binding with %s", reason)
	}
}

func TestMovesBetweenInternalAddresses(t *testing.T) {
	t.Parallel()
	internal := []string{"10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.0.1", "100.64.0.1", "100.127.255.254",
		"::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1"}
	bound := idp.SessionBinding{Network: idp.BindASNNetworkIP, GeoIP: idp.BindContinent}
	strict := bound
	strict.Private = true
	for i, a := range internal {
		from, to := netip.MustParseAddr(a), netip.MustParseAddr(internal[(i+1)%len(internal)])
		require.True(t, idp.IsInternal(from), a)
		broken, unchecked := bound.Check(world(), from, to)
		require.Nil(t, broken, a)
		require.Empty(t, unchecked)
		broken, _ = strict.Check(world(), from, to)
		require.Equal(t, idp.BreakNetworkMissing, broken.Reason, a)
		broken, _ = bound.Check(world(), from, netip.MustParseAddr("192.0.2.1"))
		require.Equal(t, idp.BreakNetworkMissing, broken.Reason, "out of the private networks: %s", a)
	}
	for _, a := range []string{"192.0.2.1", "100.63.255.255", "100.128.0.0", "172.32.0.1", "2001:db8::1", "fe00::1"} {
		require.False(t, idp.IsInternal(netip.MustParseAddr(a)), a)
	}
	require.False(t, idp.IsInternal(netip.Addr{}))
}

// Without a database nobody is nowhere: what needs it is not checked.
func TestWhatNeedsAMissingDatabaseIsNotChecked(t *testing.T) {
	t.Parallel()
	from, to := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("203.0.113.1")
	check := func(w *atlas, network idp.NetworkBinding, geo idp.GeoIPBinding) (*idp.Break, []idp.AddressDatabase) {
		return idp.SessionBinding{Network: network, GeoIP: geo}.Check(w, from, to)
	}
	for _, status := range []idp.DatabaseStatus{"", idp.DatabaseUnset, idp.DatabaseMissing} {
		w := world()
		w.state.Networks.Status = status
		broken, unchecked := check(w, idp.BindASN, "")
		require.Nil(t, broken)
		require.Equal(t, []idp.AddressDatabase{idp.DatabaseNetworks}, unchecked)
		broken, unchecked = check(w, idp.BindASN, idp.BindContinent)
		require.Equal(t, idp.BreakPlaceContinent, broken.Reason, "the other database still answers")
		require.Equal(t, []idp.AddressDatabase{idp.DatabaseNetworks}, unchecked)
		broken, _ = check(w, idp.BindASNNetworkIP, "")
		require.Equal(t, idp.BreakNetworkIP, broken.Reason, "an address is another one without any database")

		w = world()
		w.state.Places.Status = status
		broken, unchecked = check(w, "", idp.BindContinentCountryCity)
		require.Nil(t, broken)
		require.Equal(t, []idp.AddressDatabase{idp.DatabasePlaces}, unchecked)
	}
	_, unchecked := check(&atlas{}, idp.BindASN, idp.BindContinent)
	require.Equal(t, []idp.AddressDatabase{idp.DatabaseNetworks, idp.DatabasePlaces}, unchecked)
	require.Empty(t, idp.SessionBinding{}.Needs())
}

// A database that comes while it is asked must not make the first answer, which
// was “nowhere”, count.
func TestDatabasesReplacedWhileTheyAreAsked(t *testing.T) {
	t.Parallel()
	from, to := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	b := idp.SessionBinding{GeoIP: idp.BindContinent}
	w := world()
	w.state.Places.Status = idp.DatabaseMissing
	looks := 0
	w.swap = func() {
		if looks++; looks == 2 {
			w.state.Places = loaded
		}
	}
	broken, unchecked := b.Check(w, from, to)
	require.Nil(t, broken)
	require.Empty(t, unchecked)

	w = world()
	w.swap = func() { w.state.Places.Path += "x" }
	w.places = nil
	broken, unchecked = b.Check(w, from, to)
	require.Nil(t, broken, "without rest there is no answer")
	require.Equal(t, []idp.AddressDatabase{idp.DatabasePlaces}, unchecked)
}
