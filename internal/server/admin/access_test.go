package admin_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

// world is a site with one of everything that routes name.
type world struct {
	*pagetest.Site
	ada   *idp.User // holds a session and a token, is in a group
	names *strings.Replacer
}

func furnished(t testing.TB) world {
	t.Helper()
	s := open(t)
	g, err := s.Accounts.CreateGroup(t.Context(), idp.SystemActor(), account.NewGroup{Name: "Research"})
	require.NoError(t, err)
	ada := s.User("ada", func(n *account.NewUser) { n.Name, n.Groups = "Ada Lovelace", []idp.GroupID{g.ID} })
	browser := s.Known(ada)
	token := s.Token(ada, "nightly")
	eve := s.User("eve")
	done, err := s.Lockdowns.Contain(t.Context(), idp.SystemActor(), lockdown.Request{Users: []idp.UserID{eve.ID}, Reason: "Phishing", Switches: idp.AllSwitches()})
	require.NoError(t, err)
	events, err := s.Store.Repos().Events.Find(t.Context(), idp.EventFilter{})
	require.NoError(t, err)
	return world{s, ada, strings.NewReplacer("{user}", ada.ID.String(), "{session}", browser.Session.ID.String(), "{device}", browser.Session.DeviceID.String(), "{factor}", s.Factor(ada, idp.FactorTOTP, "Phone").ID.String(),
		"{token}", token.ID.String(), "{group}", g.ID.String(), "{lockdown}", done[0].Lockdown.ID.String(),
		"{event}", events.Items[0].ID.String(), "{brand}", s.Brand.ID.String(),
		"{notice}", idp.NewID[idp.LogoutNotice]().String())}
}

// TestEveryRouteAsksWhoComes sends every route a stranger, a plain user and an
// administrator.
func TestEveryRouteAsksWhoComes(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	plain, boss := s.As(s.User("plain")), s.As(s.Boss)
	routes := slices.DeleteFunc(s.Routes("/if/admin/"), func(route string) bool {
		_, pattern, _ := strings.Cut(route, " ")
		return slices.Contains(elsewhere, pattern)
	})
	require.Greater(t, len(routes), 50)
	before, err := s.Store.Repos().Events.Find(t.Context(), idp.EventFilter{})
	require.NoError(t, err)
	for _, route := range routes {
		method, pattern, _ := strings.Cut(route, " ")
		path := s.names.Replace(pattern)
		require.NotContains(t, path, "{", "a route without an example: %s", route)
		visit := func(b *pagetest.Browser) *pagetest.Page {
			if method == http.MethodPost {
				return b.Post(path, "confirmed", "1", "username", "x", "act", "deactivate", "users", s.ada.ID.String())
			}
			return b.Get(path)
		}
		stranger := visit(s.Stranger())
		require.Equal(t, http.StatusSeeOther, stranger.Status, route)
		require.True(t, strings.HasPrefix(stranger.Location, "/flows/-/default/authentication/"), route)
		if method == http.MethodGet {
			u, err := url.Parse(stranger.Location)
			require.NoError(t, err)
			require.Equal(t, path, u.Query().Get("next"), "comes back after signing in: %s", route)
		}
		refused := visit(plain)
		require.Equal(t, http.StatusForbidden, refused.Status, route)
		require.Contains(t, refused.Main(), "You do not have permission to open the console", route)
		require.NotContains(t, refused.Body, "Ada Lovelace", route)
	}
	after, err := s.Store.Repos().Events.Find(t.Context(), idp.EventFilter{})
	require.NoError(t, err)
	require.Equal(t, before.Total, after.Total, "a refused request left a trace")
	require.True(t, s.Reload(s.ada).IsActive)

	for _, route := range routes {
		if method, pattern, _ := strings.Cut(route, " "); method == http.MethodGet {
			p := boss.Get(s.names.Replace(pattern))
			if strings.HasSuffix(pattern, "/recovery-email/") { // the recovery flow here sends none
				require.Contains(t, p.Follow().Text(), "The recovery flow of this brand has no email stage.")
				continue
			}
			require.Equal(t, http.StatusOK, p.Status, "%s: %s", route, p.Text())
			if pattern != "/if/admin/events/export/" { // a file, no page
				require.Empty(t, p.Faults(), route)
			}
			require.Equal(t, "no-store", p.Header.Get("Cache-Control"), route)
		}
	}
}

// TestWhatIsNotThereIsNotFound asks every route for things nobody has.
func TestWhatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	const nobody = "00000000-0000-7000-8000-000000000000"
	for _, names := range []*strings.Replacer{
		strings.NewReplacer("{user}", "99999999", "{session}", nobody, "{device}", nobody, "{factor}", nobody, "{token}", nobody, "{group}", nobody,
			"{lockdown}", nobody, "{event}", nobody, "{brand}", nobody, "{notice}", nobody),
		strings.NewReplacer("{user}", "ada", "{session}", "x", "{device}", "x", "{factor}", "x", "{token}", "x", "{group}", "x", "{lockdown}", "x", "{event}", "x", "{brand}", "x", "{notice}", "x"),
		strings.NewReplacer("{user}", "99999999999999999999", "{session}", "%00", "{device}", "%00", "{factor}", "%00", "{token}", "%FF", "{group}", "'", "{lockdown}", "%2e%2e",
			"{event}", "-1", "{brand}", "{}", "{notice}", "0"),
	} {
		for _, route := range s.Routes("/if/admin/") {
			method, pattern, _ := strings.Cut(route, " ")
			if !strings.Contains(pattern, "{") || slices.Contains(elsewhere, pattern) {
				continue
			}
			path := names.Replace(pattern)
			var p *pagetest.Page
			if method == http.MethodPost {
				p = boss.Post(path, "confirmed", "1")
			} else {
				p = boss.Get(path)
			}
			require.Contains(t, []int{http.StatusNotFound, http.StatusBadRequest}, p.Status, "%s %s", method, path)
			require.Empty(t, p.Faults(), path)
		}
	}
}

// TestAnothersThingsAreNotFound: what belongs to somebody else is not found
// under this user.
func TestAnothersThingsAreNotFound(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss, bob := s.As(s.Boss), s.User("bob")
	theirs, mine := s.Token(bob, "bobs"), s.As(bob)
	at := "/if/admin/users/" + s.ada.ID.String()
	for _, path := range []string{"/tokens/" + theirs.ID.String() + "/revoke/", "/sessions/" + mine.Session.ID.String() + "/end/"} {
		require.Equal(t, http.StatusNotFound, boss.Post(at+path, "confirmed", "1").Status, path)
	}
	require.Equal(t, http.StatusOK, mine.Get("/if/user/").Status)
}
