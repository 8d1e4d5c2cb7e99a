package admin_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/admin"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// told is Whereabouts in a certain state.
type told struct {
	idp.Nowhere
	state idp.WhereaboutsState
}

func (t *told) State() idp.WhereaboutsState { return t.state }

// The overview says, to whoever may put it right, that what is sealed is lost.
func TestOverviewWarnsOfASecretThatDoesNotLast(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	const title = "This installation has no secret that lasts"
	s := pagetest.New(t, db)
	for _, lost := range []bool{false, true} {
		console := admin.New(admin.Deps{Store: db, Accounts: s.Accounts, Sessions: s.Sessions, Tokens: s.Tokens,
			Lockdowns: s.Lockdowns, Configure: s.Configure, Flow: s.Lockdown, SecretLost: lost})
		s.Open(db.NewSessionStore(blank), console.Routes, neighbours)
		page := s.As(s.Boss).Get("/if/admin/")
		require.Equal(t, lost, strings.Contains(page.Text(), title))
	}
}

// The overview says when sessions are bound to what cannot be checked.
func TestOverviewWarnsOfBindingsThatAreNotChecked(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	s, atlas := pagetest.New(t, db), &told{}
	console := admin.New(admin.Deps{Store: db, Accounts: s.Accounts, Sessions: s.Sessions, Tokens: s.Tokens,
		Lockdowns: s.Lockdowns, Configure: s.Configure, Flow: s.Lockdown, Whereabouts: atlas})
	s.Open(db.NewSessionStore(blank), console.Routes, neighbours)
	boss := s.As(s.Boss)
	const title = "Sessions are bound, but not checked"
	warnings := func(state idp.WhereaboutsState) string {
		t.Helper()
		atlas.state = state
		return boss.Get("/if/admin/").Text()
	}
	stage := func(name, settings string) {
		t.Helper()
		require.NoError(t, db.Repos().Stages.Create(t.Context(), &idp.Stage{Name: name, Kind: "user_login", Settings: []byte(settings)}))
	}
	stage("free", `{"network_binding": "no_binding", "geoip_binding": "no_binding"}`)
	stage("bare", `{}`)
	require.NotContains(t, warnings(idp.WhereaboutsState{}), title)

	stage("tight", `{"network_binding": "bind_asn_network", "geoip_binding": "bind_continent"}`)
	got := warnings(idp.WhereaboutsState{Places: idp.DatabaseState{Status: idp.DatabaseMissing, Path: "/srv/city.mmdb", Fault: "no such file or directory"}})
	require.Equal(t, 2, strings.Count(got, title))
	require.Contains(t, got, "The stage “tight” binds sessions to networks. No database of networks is configured: name one with the option geoip_asn.")
	require.Contains(t, got, "The database of places, /srv/city.mmdb, is not loaded: no such file or directory.")

	loaded := idp.DatabaseState{Status: idp.DatabaseLoaded, Path: "/srv/x.mmdb", Fault: "the new file is broken"}
	require.Equal(t, 1, strings.Count(warnings(idp.WhereaboutsState{Places: loaded}), title))
	require.NotContains(t, warnings(idp.WhereaboutsState{Places: loaded, Networks: loaded}), title)
}
