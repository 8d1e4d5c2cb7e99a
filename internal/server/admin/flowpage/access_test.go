package flowpage_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

// furnished is a site with one of everything that the routes name.
func furnished(t *testing.T) (*site, *strings.Replacer) {
	t.Helper()
	s := open(t)
	f := s.makeFlow("one-of-all", func(f *idp.Flow) { f.Name = "Secret name" })
	b := s.add(f, s.makeStage("a stage", "deny", `{}`), 10)
	rule := s.bind(idp.PolicyBinding{Target: b.ID.UUID(), UserID: &s.Boss.ID, Enabled: true})
	return s, strings.NewReplacer("{flow}", f.ID.String(), "{binding}", b.ID.String(), "{rule}", rule.ID.String())
}

func (s *site) events() int {
	s.t.Helper()
	found, err := s.Store.Repos().Events.Find(s.t.Context(), idp.EventFilter{})
	require.NoError(s.t, err)
	return found.Total
}

func TestEveryRouteAsksWhoComes(t *testing.T) {
	t.Parallel()
	s, names := furnished(t)
	plain := s.As(s.User("plain"))
	routes := s.Routes("/if/admin/flows/")
	require.Len(t, routes, 22)
	before := s.events()
	for _, route := range routes {
		method, pattern, _ := strings.Cut(route, " ")
		path := names.Replace(pattern)
		require.NotContains(t, path, "{", "a route without an example: %s", route)
		visit := func(b *pagetest.Browser) *pagetest.Page {
			if method == http.MethodPost {
				return b.Post(path, "confirmed", "1", "name", "x", "slug", "x", "designation", "recovery")
			}
			return b.Get(path)
		}
		stranger := visit(s.Stranger())
		require.Equal(t, http.StatusSeeOther, stranger.Status, route)
		u, err := url.Parse(stranger.Location)
		require.NoError(t, err)
		require.Equal(t, "/flows/-/default/authentication/", u.Path, route)
		refused := visit(plain)
		require.Equal(t, http.StatusForbidden, refused.Status, route)
		require.NotContains(t, refused.Body, "Secret name", route)
	}
	require.Equal(t, before, s.events(), "a refused request left a trace")
	for _, route := range routes {
		method, pattern, _ := strings.Cut(route, " ")
		if method != http.MethodGet {
			continue
		}
		p := s.boss.Get(names.Replace(pattern))
		if p.Status == http.StatusSeeOther { // a refused form's address, loaded again
			require.Equal(t, names.Replace("/if/admin/flows/{flow}/"), p.Location, route)
			continue
		}
		require.Equal(t, http.StatusOK, p.Status, "%s: %s", route, p.Text())
		require.Empty(t, p.Faults(), route)
		require.Equal(t, "no-store", p.Header.Get("Cache-Control"), route)
	}
	require.Equal(t, before, s.events(), "reading changes nothing")
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	s, real := furnished(t)
	const nobody = "00000000-0000-7000-8000-000000000000"
	before := s.events()
	for _, id := range []string{nobody, "x", "'", "%00", "%FF", "-1", "new-", strings.Repeat("a", 300)} {
		for _, name := range []string{"{flow}", "{binding}", "{rule}"} {
			for _, route := range s.Routes("/if/admin/flows/{flow}/") {
				method, pattern, _ := strings.Cut(route, " ")
				if !strings.Contains(pattern, name) {
					continue
				}
				path := real.Replace(strings.ReplaceAll(pattern, name, id))
				p := s.boss.Get(path)
				if method == http.MethodPost {
					p = s.boss.Post(path, "confirmed", "1", "name", "x", "slug", "x", "designation", "recovery")
				} else if name != "{flow}" && p.Status == http.StatusSeeOther {
					continue // a refused form's address
				}
				require.Contains(t, []int{http.StatusNotFound, http.StatusBadRequest}, p.Status, "%s %s", method, path)
				require.Empty(t, p.Faults(), path)
			}
		}
	}
	require.Equal(t, before, s.events())
}

// What belongs to another flow is not found under this one.
func TestAnotherFlowsPartsAreNotFound(t *testing.T) {
	t.Parallel()
	s, names := furnished(t)
	other := s.makeFlow("other")
	theirs := s.add(other, s.makeStage("b stage", "deny", `{}`), 10)
	rule := s.bind(idp.PolicyBinding{Target: theirs.ID.UUID(), UserID: &s.Boss.ID, Enabled: true})
	before := s.events()
	for _, path := range []string{"stages/" + theirs.ID.String() + "/", "stages/" + theirs.ID.String() + "/remove/",
		"policies/" + rule.ID.String() + "/", "policies/" + rule.ID.String() + "/unbind/"} {
		require.Equal(t, http.StatusNotFound, s.boss.Post(names.Replace("/if/admin/flows/{flow}/")+path, "confirmed", "1").Status, path)
	}
	p := s.boss.Post(names.Replace("/if/admin/flows/{flow}/policies/"), "target", theirs.ID.String(), "subject", "user", "user", "plain")
	require.Equal(t, http.StatusSeeOther, p.Status)
	require.Contains(t, s.page(p.Location).Main(), "no part of the flow any more")
	require.Equal(t, before, s.events())
}

// Whatever is sent, the answer says what is wrong with it, and nothing is half
// done.
func TestStrangeInput(t *testing.T) {
	t.Parallel()
	s, names := furnished(t)
	before := s.events()
	strange := []string{"", " ", "\x00", "\xff", "\u202e", "9e99", "-2147483649", "2147483648", "null", "[]", "'; --", "<script>", "../..", "true",
		strings.Repeat("ä", 3000), "00000000-0000-7000-8000-000000000000"}
	fields := []string{"name", "slug", "title", "designation", "authentication", "denied_action", "layout", "policy_engine_mode", "background", "stage", "order",
		"invalid_response_action", "target", "subject", "policy", "group", "user", "timeout", "failure_result", "binding", "move", "seen"}
	for _, route := range s.Routes("/if/admin/flows/") {
		method, pattern, _ := strings.Cut(route, " ")
		path := names.Replace(pattern)
		if method == http.MethodGet {
			for _, q := range strange {
				query := url.Values{"open": {q}, "search": {q}, "designation": {q}, "ordering": {q}, "page": {q}, "moved": {q}, "stage": {q}}
				require.Less(t, s.boss.Get(path+"?"+query.Encode()).Status, http.StatusInternalServerError, "%s %q", path, q)
			}
			continue
		}
		for _, v := range strange {
			if strings.HasSuffix(pattern, "{rule}/") && strings.TrimSpace(v) == "" {
				continue // a form with nothing ticked: that is no strange input
			}
			form := []string{"target", names.Replace("{flow}")}
			for _, f := range fields {
				form = append(form, f, v)
			}
			p := s.boss.Post(path, form...)
			require.Less(t, p.Status, http.StatusInternalServerError, "%s %q: %s", path, v, p.Main())
		}
		for media, body := range map[string]string{"application/json": `{}`, "application/x-www-form-urlencoded": "%zz", "text/plain": "name=x", "": ""} {
			p := s.boss.PostBody(path, media, body)
			require.Less(t, p.Status, http.StatusInternalServerError, "%s as %s", path, media)
		}
	}
	require.Equal(t, before, s.events(), "nothing was changed")
}
