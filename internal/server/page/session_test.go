package page_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// atlas knows one place and one network.
type atlas struct {
	place   idp.Place
	network idp.Network
	status  idp.DatabaseStatus
}

func (a atlas) Place(netip.Addr) (idp.Place, bool)     { return a.place, a.place != idp.Place{} }
func (a atlas) Network(netip.Addr) (idp.Network, bool) { return a.network, a.network != idp.Network{} }
func (a atlas) State() idp.WhereaboutsState {
	return idp.WhereaboutsState{Places: idp.DatabaseState{Status: a.status}, Networks: idp.DatabaseState{Status: a.status}}
}

func TestPlacesInWords(t *testing.T) {
	t.Parallel()
	loaded := func(p idp.Place) idp.Whereabouts { return atlas{place: p, status: idp.DatabaseLoaded} }
	for name, c := range map[string]struct {
		w    idp.Whereabouts
		at   string
		want string
	}{
		"city and country":        {loaded(idp.Place{Continent: "EU", Country: "DE", City: "Berlin"}), "203.0.113.9", "Berlin, Germany"},
		"country":                 {loaded(idp.Place{Continent: "AF", Country: "CI"}), "203.0.113.9", "Côte d’Ivoire"},
		"a city that is a state":  {loaded(idp.Place{Country: "SG", City: "Singapore"}), "203.0.113.9", "Singapore"},
		"continent":               {loaded(idp.Place{Continent: "OC"}), "203.0.113.9", "Oceania"},
		"a code nobody knows":     {loaded(idp.Place{Country: "qq"}), "203.0.113.9", "QQ"},
		"a continent nobody does": {loaded(idp.Place{Continent: "QQ"}), "203.0.113.9", "Unknown place"},
		"not in the database":     {loaded(idp.Place{}), "203.0.113.9", "Unknown place"},
		"private":                 {loaded(idp.Place{Country: "DE"}), "10.0.0.1", "Private network"},
		"private, mapped":         {idp.Nowhere{}, "::ffff:192.168.1.1", "Private network"},
		"loopback":                {nil, "::1", "Private network"},
		"no database":             {idp.Nowhere{}, "203.0.113.9", ""},
		"a missing one":           {atlas{status: idp.DatabaseMissing}, "203.0.113.9", ""},
		"nobody to ask":           {nil, "203.0.113.9", ""},
		"no address":              {loaded(idp.Place{Country: "DE"}), "", ""},
	} {
		at, _ := netip.ParseAddr(c.at)
		require.Equal(t, c.want, page.Place(c.w, at), name)
	}
}

func TestNetworksInWords(t *testing.T) {
	t.Parallel()
	at := netip.MustParseAddr("203.0.113.9")
	for want, n := range map[string]idp.Network{
		"AS6805 Telefonica Germany": {ASN: 6805, ASOrg: "Telefonica Germany"}, "AS6805": {ASN: 6805}, "Somebody": {ASOrg: "Somebody"},
		"": {Prefix: netip.MustParsePrefix("203.0.113.0/24")},
	} {
		require.Equal(t, want, page.Network(atlas{network: n}, at))
		require.Empty(t, page.Network(atlas{network: n}, netip.MustParseAddr("10.0.0.1")), "a private address is in nobody's network")
	}
	require.Empty(t, page.Network(nil, at))
	require.Empty(t, page.Network(idp.Nowhere{}, at))
	require.Empty(t, page.Network(atlas{network: idp.Network{ASN: 1}}, netip.Addr{}))
}

func TestBindingsInWords(t *testing.T) {
	t.Parallel()
	for want, b := range map[string]idp.SessionBinding{
		"":                                 {},
		"Bound to its provider":            {Network: idp.BindASN},
		"Bound to its address and country": {Network: idp.BindASNNetworkIP, GeoIP: idp.BindContinentCountry},
		"Bound to its city, moves are only logged": {Network: idp.NetworkUnbound, GeoIP: idp.BindContinentCountryCity, LogOnly: true},
		"Bound to where it began":                  {GeoIP: "bind_planet"},
	} {
		require.Equal(t, want, page.Bound(b))
	}
	for _, b := range idp.NetworkBindings()[1:] {
		require.NotContains(t, page.Bound(idp.SessionBinding{Network: b}), "where it began", b)
	}
	for _, b := range idp.GeoIPBindings()[1:] {
		require.NotContains(t, page.Bound(idp.SessionBinding{GeoIP: b}), "where it began", b)
	}
}

func TestDetailsOfSessions(t *testing.T) {
	t.Parallel()
	const mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15"
	for want, s := range map[string]idp.Session{
		"":                          {},
		"Signed in with a password": {AuthMethod: "password"},
		"Signed in with smart card": {AuthMethod: "smart_card"},
		"macOS 14.4 · Signed in with a link or an app password": {AuthMethod: "token", UserAgent: mac},
	} {
		require.Equal(t, want, page.Details(&s))
	}
}

func TestEndsInWords(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	seen, expires := at.Add(-time.Hour), at.Add(-time.Minute)
	for name, c := range map[string]struct {
		s    idp.Session
		text string
		raw  string
		at   time.Time
	}{
		"by a reason in words":         {idp.Session{EndedAt: &at, EndReason: "Signed out"}, "Signed out", "Signed out", at},
		"by one put in other words":    {idp.Session{EndedAt: &at, EndReason: session.ReasonBinding}, "Used from where it is not bound to", session.ReasonBinding, at},
		"with its generation":          {idp.Session{EndedAt: &at, EndReason: "generation"}, "Ended with all sessions", "generation", at},
		"with its generation just now": {idp.Session{}, "Ended with all sessions", "generation", time.Time{}},
		"in a lockdown just now":       {idp.Session{EndReason: idp.EndedByLockdown}, "The account was locked down", idp.EndedByLockdown, time.Time{}},
		"expired":                      {idp.Session{Expired: true, LastSeenAt: seen, ExpiresAt: expires}, "Its time was over", "expired", expires},
		"idle":                         {idp.Session{Expired: true, LastSeenAt: seen, ExpiresAt: expires, IdleTimeout: 90 * time.Second}, "Not used for 1m30s", "idle", seen.Add(90 * time.Second)},
		"idle for hours":               {idp.Session{Expired: true, LastSeenAt: seen, ExpiresAt: at.Add(9 * time.Hour), IdleTimeout: 2 * time.Hour}, "Not used for 2 hours", "idle", seen.Add(2 * time.Hour)},
		"expired before it was idle":   {idp.Session{Expired: true, LastSeenAt: seen, ExpiresAt: expires, IdleTimeout: 2 * time.Hour}, "Its time was over", "expired", expires},
		"by something new":             {idp.Session{EndedAt: &at, EndReason: "Comet"}, "Comet", "Comet", at},
	} {
		require.Equal(t, page.Ending{Text: c.text, Raw: c.raw}, page.EndReason(&c.s), name)
		require.Equal(t, c.at, page.EndedAt(&c.s), name)
	}
}
