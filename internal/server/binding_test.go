package server_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/geo"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/testkit/mmdb"
)

// boundRig is a server that knows two networks in Germany and one in France.
type boundRig struct {
	*rig
	databases *geo.Databases
	asn       string // path
}

const (
	home, near, abroad = "192.0.2.1", "192.0.2.2", "203.0.113.1"
	ended              = "Your session has ended. Sign in again."
)

func networks(t *testing.T, operator string) []byte {
	return mmdb.ASN(t, map[string]mmdb.Network{"192.0.2.0/24": {ASN: 6805, Org: operator}, "203.0.113.0/24": {ASN: 3215, Org: "Orange"}})
}

func newBoundRig(t *testing.T) *boundRig {
	t.Helper()
	b := &boundRig{asn: filepath.Join(t.TempDir(), "asn.mmdb")}
	city := filepath.Join(t.TempDir(), "city.mmdb")
	require.NoError(t, os.WriteFile(b.asn, networks(t, "Telefonica Germany"), 0o600))
	require.NoError(t, os.WriteFile(city, mmdb.City(t, map[string]mmdb.Place{
		"192.0.2.0/24":   {Continent: "EU", Country: "DE", City: "Kassel", CityID: 1, Lat: 51.3, Long: 9.5},
		"203.0.113.0/24": {Continent: "EU", Country: "FR"}}), 0o600))
	b.databases = geo.Open(geo.Config{City: city, ASN: b.asn, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, b.databases.Start(t.Context()))
	t.Cleanup(b.databases.Stop)
	b.rig = newRig(t, func(d *server.Deps) {
		d.Sessions = session.New(session.Deps{Store: d.Store, Access: access.New(), Whereabouts: b.databases})
	})
	return b
}

// bound signs somebody in at home and returns the cookie.
func (b *boundRig) bound(to idp.SessionBinding) string {
	b.t.Helper()
	fresh, err := b.db.Repos().Users.Get(b.t.Context(), b.admin.ID)
	require.NoError(b.t, err)
	_, cookie, err := b.sessions.Start(b.t.Context(), idp.SystemActor(), session.Begin{User: fresh.ID, Generation: fresh.SessionGeneration,
		AuthMethod: "password", IP: netip.MustParseAddr(home), Binding: to})
	require.NoError(b.t, err)
	return cookie
}

func (b *boundRig) from(address, path, cookie string) *response {
	return b.do(request{path: path, cookie: cookie, remote: address + ":4711", header: map[string]string{"User-Agent": "curl/8.5.0"}})
}

func (b *boundRig) events(action idp.Action) []idp.Event {
	b.t.Helper()
	page, err := b.db.Repos().Events.Find(b.t.Context(), idp.EventFilter{Actions: []idp.Action{action}})
	require.NoError(b.t, err)
	return page.Items
}

var asn = idp.SessionBinding{Network: idp.BindASN}

func (a *response) clears(t *testing.T) {
	t.Helper()
	c := a.set(web.SessionCookie)
	require.NotNil(t, c, "the cookie goes")
	require.Empty(t, c.Value)
	require.Negative(t, c.MaxAge)
}

func TestABrokenBindingSendsPagesToSignIn(t *testing.T) {
	t.Parallel()
	b := newBoundRig(t)
	cookie := b.bound(asn)
	require.Equal(t, http.StatusOK, b.from(near, "/probe/private/", cookie).Code)
	got := b.from(abroad, "/probe/private/?a=1&key=secret", cookie)
	require.Equal(t, http.StatusSeeOther, got.Code)
	require.Equal(t, web.SignInPath+"?next=%2Fprobe%2Fprivate%2F%3Fa%3D1%26key%3Dsecret", got.Header().Get("Location"))
	got.clears(t)
	require.Equal(t, http.StatusSeeOther, b.from(near, "/probe/private/", cookie).Code, "ended for everybody who has the cookie")

	events := b.events(idp.ActionLogout)
	require.Len(t, events, 1)
	require.Equal(t, "root", events[0].User["username"])
	require.Equal(t, map[string]any{"path": "/probe/private/", "method": "GET", "user_agent": "curl/8.5.0",
		"args": map[string]any{"a": "1", "key": "…"}}, events[0].Context["http_request"])
	require.Equal(t, map[string]any{"previous": near, "new": abroad}, events[0].Context["ip"])
	require.Equal(t, map[string]any{"reason": "network.asn", "previous_value": 6805.0, "new_value": 3215.0}, events[0].Context["binding"])
	require.Equal(t, b.brand.ID.String(), events[0].Brand["pk"])

	// Pages that nobody in particular asks for are no different; forms come back
	// to no page.
	cookie = b.bound(asn)
	got = b.do(request{method: http.MethodPost, path: "/probe/form/", cookie: cookie, remote: abroad + ":1", body: "a=1",
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}})
	require.Equal(t, http.StatusSeeOther, got.Code)
	require.Equal(t, web.SignInPath, got.Header().Get("Location"))
	got.clears(t)
}

func TestABrokenBindingTurnsProgramsAway(t *testing.T) {
	t.Parallel()
	b := newBoundRig(t)
	for _, q := range []request{
		{path: path("/core/users/me/")}, {path: path("/root/config/")}, {path: path("/flows/executor/sign-in/")},
		{method: http.MethodPost, path: path("/core/users/"), body: map[string]any{"username": "new"}},
	} {
		q.cookie, q.remote = b.bound(asn), abroad+":1"
		got := b.do(q)
		body := got.json(http.StatusUnauthorized)
		require.Equal(t, ended, body["detail"], q.path)
		require.Equal(t, "unsigned", body["code"])
		require.NotEmpty(t, body["request_id"])
		require.Equal(t, "Bearer", got.Header().Get("WWW-Authenticate"))
		got.clears(t)
	}
	require.Len(t, b.events(idp.ActionLogout), 4)
	for _, e := range b.events(idp.ActionModelCreated) {
		require.NotEqual(t, "new", e.User["username"], "nothing was done")
	}
}

// Whoever has a page of a flow open sees it as nobody; what they had begun is
// gone with the session.
func TestABrokenBindingOnPagesOfFlows(t *testing.T) {
	t.Parallel()
	b := newBoundRig(t)
	browser := map[string]string{"Cookie": web.BrowserCookie + "=" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE"}
	sum := web.Browser(requestWith(browser["Cookie"]))
	require.NoError(t, b.db.Repos().Runs.Create(t.Context(), &idp.Run{Browser: sum, FlowID: b.flow.ID, State: []byte("{}")}, time.Hour))
	runs := func() (n int) {
		run, err := b.db.Repos().Runs.Find(t.Context(), sum, b.flow.ID)
		require.NoError(t, err)
		if run != nil {
			n = 1
		}
		return n
	}
	require.Equal(t, 1, runs())
	got := b.do(request{path: "/if/flow/sign-in/?next=/if/user/", cookie: b.bound(asn), remote: abroad + ":1", header: browser})
	require.Equal(t, http.StatusOK, got.Code)
	got.clears(t)
	require.Zero(t, runs())

	got = b.from(abroad, "/flows/-/default/authentication/?next=/if/user/", b.bound(asn))
	require.Equal(t, http.StatusFound, got.Code)
	require.Equal(t, "/if/flow/sign-in/?next=/if/user/", got.Header().Get("Location"))
	got.clears(t)
	require.Len(t, b.events(idp.ActionLogout), 2)
}

func requestWith(cookie string) *http.Request {
	r, _ := http.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Cookie", cookie)
	return r
}

func TestWhatAsksForNobodyKnowsNoBinding(t *testing.T) {
	t.Parallel()
	b := newBoundRig(t)
	cookie := b.bound(asn)
	for _, p := range []string{"/-/health/live/", "/-/health/ready/", "/static/nothing.css"} {
		require.NotEqual(t, http.StatusSeeOther, b.from(abroad, p, cookie).Code, p)
	}
	key := b.keyOf(b.admin)
	got := b.do(request{path: path("/core/users/me/"), key: key, remote: abroad + ":1"})
	require.Equal(t, http.StatusOK, got.Code, "tokens are bound to nothing")
	require.Empty(t, b.events(idp.ActionLogout))
	require.Equal(t, http.StatusOK, b.from(home, "/probe/private/", cookie).Code)
}

func TestAForgedAddressBreaksAndSavesNothing(t *testing.T) {
	t.Parallel()
	b := newBoundRig(t)
	cookie := b.bound(asn)
	forged := map[string]string{"X-Forwarded-For": abroad}
	got := b.do(request{path: "/probe/private/", cookie: cookie, remote: home + ":1", header: forged})
	require.Equal(t, http.StatusOK, got.Code, "the socket counts")
	got = b.do(request{path: "/probe/private/", cookie: cookie, remote: abroad + ":1", header: map[string]string{"X-Forwarded-For": home}})
	require.Equal(t, http.StatusSeeOther, got.Code)
}

func TestLogOnlyLetsRequestsThrough(t *testing.T) {
	t.Parallel()
	b := newBoundRig(t)
	cookie := b.bound(idp.SessionBinding{GeoIP: idp.BindContinentCountry, LogOnly: true})
	for range 3 {
		require.Equal(t, http.StatusOK, b.from(abroad, "/probe/private/", cookie).Code)
	}
	require.Empty(t, b.events(idp.ActionLogout))
	events := b.events(idp.ActionSuspicious)
	require.Len(t, events, 1)
	require.Equal(t, true, events[0].Context["log_only"])
	require.Equal(t, map[string]any{"reason": "geoip.country", "previous_value": "DE", "new_value": "FR"}, events[0].Context["binding"])
}

// A database that is replaced all the time ends nobody's session.
func TestRequestsWhileDatabasesAreReplaced(t *testing.T) {
	t.Parallel()
	b := newBoundRig(t)
	stop := make(chan struct{})
	var g sync.WaitGroup
	for i := range 4 {
		cookie := b.bound(asn)
		g.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				got := b.from(fmt.Sprintf("192.0.2.%d", 1+(n+i)%3), "/probe/private/", cookie)
				if got.Code != http.StatusOK {
					t.Errorf("the session ended: %d", got.Code)
					return
				}
			}
		})
	}
	for i := range 4 {
		operator := fmt.Sprintf("Operator %d", i)
		mmdb.Replace(t, b.asn, networks(t, operator))
		require.Eventually(t, func() bool {
			n, _ := b.databases.Network(netip.MustParseAddr(home))
			return n.ASOrg == operator
		}, time.Minute, time.Millisecond)
	}
	close(stop)
	g.Wait()
	require.Empty(t, b.events(idp.ActionLogout))
	require.Equal(t, http.StatusSeeOther, b.from(abroad, "/probe/private/", b.bound(asn)).Code)
}

// The API says where sessions are, as far as is known.
func TestSessionsOfTheAPISayWhereTheyAre(t *testing.T) {
	t.Parallel()
	b := newBoundRig(t)
	b.rest.Whereabouts = b.databases
	cookie := b.bound(asn)
	found := b.do(request{path: path("/core/authenticated_sessions/?user=%d", b.admin.ID), cookie: cookie, remote: home + ":1"}).json(http.StatusOK)
	one := found["results"].([]any)[0].(map[string]any)
	require.Equal(t, map[string]any{"continent": "EU", "country": "DE", "city": "Kassel", "lat": 51.3, "long": 9.5}, one["geo_ip"])
	require.Equal(t, map[string]any{"asn": 6805.0, "as_org": "Telefonica Germany", "network": "192.0.2.0/24"}, one["asn"])
	one = b.do(request{path: path("/core/authenticated_sessions/%s/", one["uuid"]), cookie: cookie, remote: home + ":1"}).json(http.StatusOK)
	require.Equal(t, "DE", one["geo_ip"].(map[string]any)["country"])
	require.Equal(t, []any{"can_geo_ip", "can_asn"}, b.do(request{path: path("/root/config/")}).json(http.StatusOK)["capabilities"])

	unknown := map[string]any{"continent": nil, "country": nil, "city": "", "lat": nil, "long": nil}
	for _, w := range []idp.Whereabouts{idp.Nowhere{}, nil} {
		b.rest.Whereabouts = w
		one = b.do(request{path: path("/core/authenticated_sessions/%s/", one["uuid"]), cookie: cookie, remote: home + ":1"}).json(http.StatusOK)
		require.Equal(t, unknown, one["geo_ip"])
		require.Equal(t, map[string]any{"asn": nil, "as_org": nil, "network": nil}, one["asn"])
		require.Empty(t, b.do(request{path: path("/root/config/")}).json(http.StatusOK)["capabilities"])
	}
}
