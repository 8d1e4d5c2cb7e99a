package session_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// atlas is idp.Whereabouts by hand.
type atlas struct {
	mu       sync.Mutex
	places   map[string]idp.Place
	networks map[string]idp.Network
	state    idp.WhereaboutsState
}

func (a *atlas) Place(ip netip.Addr) (idp.Place, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.places[ip.String()]
	return p, ok && a.state.Places.Loaded()
}

func (a *atlas) Network(ip netip.Addr) (idp.Network, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, ok := a.networks[ip.String()]
	return n, ok && a.state.Networks.Loaded()
}

func (a *atlas) State() idp.WhereaboutsState {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

const (
	home, near, street, abroad, overseas = "192.0.2.1", "192.0.2.2", "198.51.100.1", "203.0.113.1", "203.0.113.2"
	nowhere                              = "203.0.113.99"
	chrome                               = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
)

func earth() *atlas {
	loaded := idp.DatabaseState{Status: idp.DatabaseLoaded}
	in := func(asn uint, org, prefix string) idp.Network {
		return idp.Network{ASN: asn, ASOrg: org, Prefix: netip.MustParsePrefix(prefix)}
	}
	return &atlas{state: idp.WhereaboutsState{Places: loaded, Networks: loaded},
		networks: map[string]idp.Network{
			home: in(6805, "Telefonica Germany", "192.0.2.0/24"), near: in(6805, "Telefonica Germany", "192.0.2.0/24"),
			street: in(6805, "Telefonica Germany", "198.51.100.0/24"), abroad: in(3215, "Orange", "203.0.113.0/31"),
			overseas: in(7018, "AT&T", "203.0.113.2/31"),
		},
		places: map[string]idp.Place{
			home: {Continent: "EU", Country: "DE", City: "Kassel", CityID: 1}, near: {Continent: "EU", Country: "DE", City: "Kassel", CityID: 1},
			street: {Continent: "EU", Country: "DE", Located: true, Lat: 51.2993, Long: 9.491},
			abroad: {Continent: "EU", Country: "FR", City: "Paris", CityID: 2}, overseas: {Continent: "NA", Country: "US", City: "Paris", CityID: 3},
		}}
}

// traveller is a session with a binding, and the requests it makes.
type traveller struct {
	*world
	atlas  *atlas
	user   *idp.User
	cookie string
}

func (w *world) travels(from string, b idp.SessionBinding) *traveller {
	w.Helper()
	t := &traveller{world: w, atlas: earth(), user: w.user("mia")}
	w.sessions = session.New(session.Deps{Store: w.db, Access: access.New(), Whereabouts: t.atlas})
	_, t.cookie = w.start(t.user, func(begin *session.Begin) {
		begin.Binding = b
		begin.IP, _ = netip.ParseAddr(from)
	})
	return t
}

// from is one request from an address; the error is what Visit or Follow says.
func (t *traveller) from(address string) error {
	s, u, err := t.sessions.Visit(t.ctx, t.cookie)
	if err != nil {
		return err
	}
	return t.follow(s, u, address)
}

func (t *traveller) follow(s *idp.Session, u *idp.User, address string) error {
	ip, _ := netip.ParseAddr(address)
	actor := idp.Actor{User: u, Session: s, Request: &idp.RequestInfo{ID: "0123456789", Method: "GET", Path: "/if/admin/",
		UserAgent: chrome, ClientIP: ip}}
	return t.sessions.Follow(t.ctx, actor, s, u, ip)
}

func (t *traveller) last() string {
	t.Helper()
	s, _, err := t.sessions.Visit(t.ctx, t.cookie)
	require.NoError(t, err)
	return idp.AddressText(s.IP)
}

func (t *traveller) errorsAre(err error, want idp.Refusal) {
	t.Helper()
	require.Equal(t, want, refused(t.T, err).Reason)
	require.Equal(t, "Your session has ended. Sign in again.", refused(t.T, err).Message)
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

const request = `"http_request": {"args": {}, "path": "/if/admin/", "method": "GET", "user_agent": "` + chrome + `"}`

func TestABrokenBindingEndsTheSessionWithItsEvent(t *testing.T) {
	t.Parallel()
	const (
		telefonica = `{"asn": 6805, "as_org": "Telefonica Germany", "network": "198.51.100.0/24"}`
		athome     = `{"asn": 6805, "as_org": "Telefonica Germany", "network": "192.0.2.0/24"}`
		orange     = `{"asn": 3215, "as_org": "Orange", "network": "203.0.113.0/31"}`
		atnt       = `{"asn": 7018, "as_org": "AT&T", "network": "203.0.113.2/31"}`
		germany    = `{"lat": 51.2993, "city": "", "long": 9.491, "country": "DE", "continent": "EU"}`
		kassel     = `{"lat": null, "city": "Kassel", "long": null, "country": "DE", "continent": "EU"}`
		paris      = `{"lat": null, "city": "Paris", "long": null, "country": "FR", "continent": "EU"}`
		paristexas = `{"lat": null, "city": "Paris", "long": null, "country": "US", "continent": "NA"}`
	)
	for reason, c := range map[string]struct {
		binding         idp.SessionBinding
		from, to        string
		asn, geo        string
		previous, value string
	}{
		"network.missing":     {idp.SessionBinding{Network: idp.BindASN}, nowhere, street, telefonica, germany, `{}`, telefonica},
		"network.asn":         {idp.SessionBinding{Network: idp.BindASN}, home, abroad, orange, paris, `6805`, `3215`},
		"network.asn_network": {idp.SessionBinding{Network: idp.BindASNNetwork}, home, street, telefonica, germany, `"192.0.2.0/24"`, `"198.51.100.0/24"`},
		"network.ip":          {idp.SessionBinding{Network: idp.BindASNNetworkIP}, home, near, athome, kassel, `"192.0.2.1"`, `"192.0.2.2"`},
		"geoip.missing":       {idp.SessionBinding{GeoIP: idp.BindContinent}, home, nowhere, `{}`, `{}`, kassel, `{}`},
		"geoip.continent":     {idp.SessionBinding{GeoIP: idp.BindContinent}, home, overseas, atnt, paristexas, `"EU"`, `"NA"`},
		"geoip.country":       {idp.SessionBinding{GeoIP: idp.BindContinentCountry}, home, abroad, orange, paris, `"DE"`, `"FR"`},
		"geoip.city":          {idp.SessionBinding{GeoIP: idp.BindContinentCountryCity}, home, street, telefonica, germany, `"Kassel"`, `""`},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t).travels(c.from, c.binding)
			require.NoError(t, w.from(c.from))
			w.errorsAre(w.from(c.to), idp.RefusedBinding)
			w.errorsAre(w.from(c.from), idp.RefusedEnded)
			events := w.events(idp.ActionLogout)
			require.Len(t, events, 1)
			require.JSONEq(t, `{"asn": `+c.asn+`, "geo": `+c.geo+`, "binding": {"reason": "`+reason+`", "previous_value": `+c.previous+`, "new_value": `+c.value+`},
				"ip": {"previous": "`+c.from+`", "new": "`+c.to+`"}, `+request+`, "logout_reason": "Session binding broken"}`, asJSON(t, events[0].Context))
			require.JSONEq(t, asJSON(t, idp.EventUser(w.user)), asJSON(t, events[0].User))
			require.Equal(t, c.to, events[0].ClientIP.String())
			require.Zero(t, w.live(w.user))
		})
	}
}

func TestWhatTheBindingAllowsBecomesTheLastAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t).travels(home, idp.SessionBinding{Network: idp.BindASN, GeoIP: idp.BindContinentCountry})
	require.NoError(t, w.from(home))
	require.NoError(t, w.from(street))
	require.Equal(t, street, w.last())
	require.NoError(t, w.from("::ffff:"+near))
	require.Equal(t, near, w.last())
	w.errorsAre(w.from(abroad), idp.RefusedBinding)
	require.Equal(t, near, w.events(idp.ActionLogout)[0].Context["ip"].(map[string]any)["previous"])
}

func TestWhoeverIsBoundToNothingGoesAnywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t).travels(home, idp.SessionBinding{Network: idp.NetworkUnbound, GeoIP: idp.GeoUnbound, Private: true})
	for _, address := range []string{overseas, nowhere, "", home} {
		require.NoError(t, w.from(address))
	}
	require.Empty(t, w.events(idp.ActionLogout))
}

func TestAnAddressNobodyKnowsBreaksABinding(t *testing.T) {
	t.Parallel()
	w := newWorld(t).travels(home, idp.SessionBinding{Network: idp.BindASN})
	w.errorsAre(w.from(""), idp.RefusedBinding)
	require.Equal(t, map[string]any{"previous": home, "new": ""}, w.events(idp.ActionLogout)[0].Context["ip"])
}

func TestPrivateAddresses(t *testing.T) {
	t.Parallel()
	b := idp.SessionBinding{Network: idp.BindASNNetworkIP, GeoIP: idp.BindContinentCountryCity}
	w := newWorld(t).travels("10.0.0.1", b)
	for _, address := range []string{"192.168.1.1", "127.0.0.1", "100.64.0.9", "fd00::1"} {
		require.NoError(t, w.from(address))
		require.Equal(t, address, w.last())
	}
	w.errorsAre(w.from(home), idp.RefusedBinding)

	b.Private = true
	w = newWorld(t).travels("10.0.0.1", b)
	w.errorsAre(w.from("10.0.0.2"), idp.RefusedBinding)
	require.Equal(t, "network.missing", w.events(idp.ActionLogout)[0].Context["binding"].(map[string]any)["reason"])
}

func TestLogOnlyWritesOneEventForEachAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t).travels(home, idp.SessionBinding{Network: idp.BindASN, LogOnly: true})
	for range 3 {
		for _, address := range []string{overseas, overseas, home, near} {
			require.NoError(t, w.from(address))
		}
	}
	require.Equal(t, near, w.last())
	require.Empty(t, w.events(idp.ActionLogout))
	events := w.events(idp.ActionSuspicious)
	require.Len(t, events, 2, "overseas, and home from there")
	s, _, err := w.sessions.Visit(t.Context(), w.cookie)
	require.NoError(t, err)
	require.JSONEq(t, `{"asn": {"asn": 7018, "as_org": "AT&T", "network": "203.0.113.2/31"},
		"geo": {"lat": null, "city": "Paris", "long": null, "country": "US", "continent": "NA"},
		"binding": {"reason": "network.asn", "previous_value": 6805, "new_value": 7018}, "ip": {"previous": "`+home+`", "new": "`+overseas+`"},
		`+request+`, "message": "Session binding broken", "log_only": true, "session": "`+s.ID.String()+`"}`, asJSON(t, events[0].Context))
	require.Equal(t, "mia", events[0].User["username"])

	// What another session was seen doing does not count for this one.
	_, w.cookie = w.start(w.user, func(b *session.Begin) {
		b.Binding, b.IP = s.Binding, netip.MustParseAddr(home)
	})
	require.NoError(t, w.from(overseas))
	require.Len(t, w.events(idp.ActionSuspicious), 3)
}

func TestRequestsAtOnceWriteOneEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t).travels(home, idp.SessionBinding{Network: idp.BindASN})
	require.Equal(t, 16, w.atOnce(overseas, idp.RefusedBinding))
	require.Len(t, w.events(idp.ActionLogout), 1)

	w = newWorld(t).travels(home, idp.SessionBinding{Network: idp.BindASN, LogOnly: true})
	for i, address := range []string{overseas, nowhere, abroad, "203.0.113.98", street, "203.0.113.97"} {
		require.Zero(t, w.atOnce(address, idp.RefusedBinding))
		require.Len(t, w.events(idp.ActionSuspicious), i+1)
	}
}

// atOnce makes 16 requests from an address at the same time, and returns how many
// were refused for the reason.
func (t *traveller) atOnce(address string, reason idp.Refusal) int {
	t.Helper()
	s, u, err := t.sessions.Visit(t.ctx, t.cookie)
	require.NoError(t, err)
	var g errgroup.Group
	var n atomic.Int64
	start := make(chan struct{})
	for range 16 {
		g.Go(func() error {
			<-start
			err := t.follow(s, u, address)
			if refused := new(idp.Error); errors.As(err, &refused) && refused.Reason == reason {
				n.Add(1)
				return nil
			}
			return err
		})
	}
	close(start)
	require.NoError(t, g.Wait())
	return int(n.Load())
}

// What was read of the session before it moved or ended does not decide.
func TestAnOldViewOfTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t).travels(home, idp.SessionBinding{Network: idp.BindASNNetwork})
	old, u, err := w.sessions.Visit(t.Context(), w.cookie)
	require.NoError(t, err)
	require.NoError(t, w.db.Repos().Sessions.Move(t.Context(), old.ID, netip.MustParseAddr(street)))
	require.NoError(t, w.follow(old, u, street), "it is there already")
	require.Empty(t, w.events(idp.ActionLogout))

	require.NoError(t, w.sessions.End(t.Context(), idp.SystemActor(), old.ID, ""))
	w.errorsAre(w.follow(old, u, overseas), idp.RefusedEnded)
	require.Len(t, w.events(idp.ActionLogout), 1, "ended once")
	require.NoError(t, w.db.Repos().Sessions.Move(t.Context(), old.ID, netip.MustParseAddr(home)))
	gone, err := w.db.Repos().Sessions.Get(t.Context(), old.ID)
	require.NoError(t, err)
	require.Equal(t, street, gone.IP.String(), "an ended session moves no more")

	old.ID = idp.NewID[idp.Session]()
	w.errorsAre(w.follow(old, u, overseas), idp.RefusedUnknown)
}

// Without a database sessions go on, and the operator is told once an hour.
func TestAMissingDatabaseIsToldAndEndsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t).travels(home, idp.SessionBinding{})
	w.atlas.mu.Lock()
	w.atlas.state = idp.WhereaboutsState{Places: idp.DatabaseState{Status: idp.DatabaseMissing}}
	w.atlas.mu.Unlock()
	bound := idp.SessionBinding{Network: idp.BindASN, GeoIP: idp.BindContinent}
	sign := func(b idp.SessionBinding) {
		_, w.cookie = w.start(w.user, func(begin *session.Begin) {
			begin.Binding, begin.IP = b, netip.MustParseAddr(home)
		})
	}
	told := func() []idp.Event { return w.events(idp.ActionConfigError) }
	require.Empty(t, told())
	sign(idp.SessionBinding{Network: idp.BindASN})
	require.Len(t, told(), 1)
	for range 3 {
		sign(bound)
	}
	require.Len(t, told(), 2, "one for each database")
	require.Equal(t, "geoip_city", told()[1].Context["option"])
	require.Equal(t, "geoip_asn", told()[0].Context["option"])
	require.Equal(t, "networks", told()[0].Context["database"])
	require.Contains(t, told()[0].Context["message"], "no database of networks")
	require.Empty(t, told()[0].User)

	for _, address := range []string{overseas, nowhere, abroad} {
		require.NoError(t, w.from(address))
		require.Equal(t, address, w.last(), "it is known where it is when a database comes")
	}
	require.Empty(t, w.events(idp.ActionLogout))
	require.Len(t, told(), 2)

	// An hour later one of many tells again.
	past, err := json.Marshal(time.Now().Add(-61 * time.Minute))
	require.NoError(t, err)
	for _, name := range []string{"session/unchecked/networks", "session/unchecked/places"} {
		require.NoError(t, w.db.Repos().Settings.Set(t.Context(), name, past))
	}
	var g errgroup.Group
	for i := range 8 {
		u := w.world.user(fmt.Sprintf("user%d", i))
		g.Go(func() error {
			_, _, err := w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: u.ID, Binding: bound, IP: netip.MustParseAddr(home)})
			return err
		})
	}
	require.NoError(t, g.Wait())
	require.Len(t, told(), 4)

	require.NoError(t, w.from(home))
	w.atlas.mu.Lock()
	w.atlas.state = earth().state
	w.atlas.mu.Unlock()
	require.NoError(t, w.from(near))
	w.errorsAre(w.from(overseas), idp.RefusedBinding)
}
