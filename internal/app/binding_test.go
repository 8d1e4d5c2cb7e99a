package app_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/app"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/testkit/mmdb"
)

// from makes every request of a browser come from an address, as the proxy in
// front of the replicas says.
type from struct {
	http.RoundTripper
	address string
}

func (f *from) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", f.address)
	return f.RoundTripper.RoundTrip(r)
}

const (
	atHome, atWork, atSea = "192.0.2.1", "198.51.100.1", "203.0.113.1"
	behindProxy           = "127.0.0.0/8,::1/128"
)

// bindSessions changes the stage that the shipped flow ends with.
func (s *site) bindSessions(settings map[string]any) {
	s.Helper()
	stages := s.admin().api(http.StatusOK, http.MethodGet, "/stages/user_login/?name=default-authentication-login", nil)
	one := stages["results"].([]any)[0].(map[string]any)
	s.admin().api(http.StatusOK, http.MethodPatch, "/stages/user_login/"+one["pk"].(string)+"/", settings)
}

// traveller is somebody who signs in at home.
func (s *site) traveller(u *idp.User) (*browser, *from) {
	s.Helper()
	b := s.browser()
	f := &from{s.transport, atHome}
	b.client.Transport = f
	return b.signIn(u), f
}

func (s *site) eventCount(action idp.Action) int { s.Helper(); return len(s.acted(action)) }

func asnFile(t *testing.T, operator string) []byte {
	return mmdb.ASN(t, map[string]mmdb.Network{"192.0.2.0/24": {ASN: 6805, Org: operator}, "198.51.100.0/24": {ASN: 6805, Org: operator},
		"203.0.113.0/24": {ASN: 3215, Org: "Orange"}})
}

// From the stage's setting to the end of the session, over two replicas: first
// without a database, then with one that comes while both run.
func TestABoundSessionIsFollowed(t *testing.T) {
	t.Parallel()
	s := blankSite(t, testkit.Database(t))
	path := filepath.Join(t.TempDir(), "asn.mmdb")
	for range 2 {
		s.open("geoip_asn", path, "trusted_proxies", behindProxy)
	}
	a, b := s.replicas[0], s.replicas[1]
	ada := s.user("ada")
	s.bindSessions(map[string]any{"network_binding": "bind_asn"})
	wrong := s.eventCount(idp.ActionConfigError)

	// Sign-ins and moves at both replicas tell once of the database, and end nothing.
	browser, where := s.traveller(ada)
	for _, r := range s.replicas {
		for _, address := range []string{atSea, atWork, atHome} {
			where.address = address
			require.Equal(t, http.StatusOK, browser.at(r).me())
		}
	}
	s.traveller(ada)
	require.Equal(t, wrong+1, s.eventCount(idp.ActionConfigError))
	require.Zero(t, s.eventCount(idp.ActionLogout))

	require.NoError(t, os.WriteFile(path, asnFile(t, "Telefonica Germany"), 0o600))
	for _, r := range s.replicas {
		require.Eventually(t, func() bool { return r.Geo.State().Networks.Loaded() }, time.Minute, time.Millisecond)
	}
	where.address = atWork
	require.Equal(t, http.StatusOK, browser.at(a).me())
	where.address = atHome
	require.Equal(t, http.StatusOK, browser.at(b).me(), "what one replica saw the other knows")
	where.address = atSea
	require.Equal(t, "Your session has ended. Sign in again.", browser.at(a).api(http.StatusUnauthorized, http.MethodGet, "/core/users/me/", nil)["detail"])
	where.address = atHome
	require.Equal(t, http.StatusForbidden, browser.at(b).me(), "ended on one, refused by the other")
	ended := s.acted(idp.ActionLogout)
	require.Len(t, ended, 1)
	require.Equal(t, "ada", ended[0].User["username"])
	require.Equal(t, map[string]any{"previous": atHome, "new": atSea}, ended[0].Context["ip"])

	// Changing the stage changes no session that runs.
	browser, where = s.traveller(ada)
	s.bindSessions(map[string]any{"network_binding": "no_binding"})
	where.address = atSea
	page := browser.get("/if/user/")
	require.Equal(t, http.StatusSeeOther, page.status)
	require.Equal(t, "/flows/-/default/authentication/?next=%2Fif%2Fuser%2F", page.location())
	browser, where = s.traveller(ada)
	where.address = atSea
	require.Equal(t, http.StatusOK, browser.me())
}

// Whoever steals a cookie and comes at the same time as its owner ends the
// session once.
func TestABindingBrokenAtOnceOnTwoReplicas(t *testing.T) {
	t.Parallel()
	s := blankSite(t, testkit.Database(t))
	path := filepath.Join(t.TempDir(), "asn.mmdb")
	require.NoError(t, os.WriteFile(path, asnFile(t, "Telefonica Germany"), 0o600))
	for range 2 {
		s.open("geoip_asn", path, "trusted_proxies", behindProxy)
	}
	s.bindSessions(map[string]any{"network_binding": "bind_asn"})
	browser, where := s.traveller(s.user("ada"))
	where.address = atSea
	var g sync.WaitGroup
	for i := range 10 {
		g.Go(func() {
			got, err := browser.at(s.replicas[i%2]).send(http.MethodGet, "/api/v3/core/users/me/", nil)
			if err != nil || got.status != http.StatusUnauthorized && got.status != http.StatusForbidden {
				t.Errorf("%v %v", got, err)
			}
		})
	}
	g.Wait()
	require.Equal(t, 1, s.eventCount(idp.ActionLogout))
}

// The log says at the start which stages bind sessions to what cannot be checked;
// files that are not there stop nothing.
func TestTheStartTellsOfBindingsThatAreNotChecked(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	start := func(flags ...string) string {
		t.Helper()
		cfg, err := s.config(flags...)
		require.NoError(t, err)
		var log bytes.Buffer
		a, err := app.Open(t.Context(), cfg, slog.New(slog.NewTextHandler(&locked{w: &log}, &slog.HandlerOptions{Level: slog.LevelWarn})))
		require.NoError(t, err)
		require.NoError(t, a.Close())
		return log.String()
	}
	const told = "sessions are bound"
	gone := filepath.Join(t.TempDir(), "gone.mmdb")
	require.NotContains(t, start(), told)
	got := start("geoip_city", gone, "geoip_asn", gone)
	require.NotContains(t, got, told)
	require.Contains(t, got, "a database of addresses cannot be read")

	s.bindSessions(map[string]any{"geoip_binding": "bind_continent_country"})
	got = start("geoip_city", gone)
	require.Contains(t, got, told)
	require.Contains(t, got, "stage=default-authentication-login database=places option=geoip_city")
	require.NotContains(t, got, "database=networks")
	there := filepath.Join(t.TempDir(), "city.mmdb")
	require.NoError(t, os.WriteFile(there, mmdb.City(t, map[string]mmdb.Place{"192.0.2.0/24": {Continent: "EU", Country: "DE"}}), 0o600))
	require.NotContains(t, start("geoip_city", there), told)

	r := s.open("geoip_city", there)
	place, found := r.Geo.Place(netip.MustParseAddr(atHome))
	require.True(t, found)
	require.Equal(t, "DE", place.Country)
}

// locked is a writer for several goroutines.
type locked struct {
	mu sync.Mutex
	w  *bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
