package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

const (
	wikiHost    = "wiki.example.org"
	publicHost  = "id.example.org"
	forwardPath = "/outpost/forward-auth/"
	pass        = "__Host-portcullis_forward"
)

// proxied is a site behind a reverse proxy of this machine, with an application of two
// hosts.
func proxied(t *testing.T) (*site, *idp.Application) {
	t.Helper()
	s := blankSite(t, testkit.Database(t))
	s.open("trusted_proxies", "127.0.0.0/8", "public_url", "https://"+publicHost)
	a := &idp.Application{Name: "Wiki", Slug: "wiki", ForwardHosts: []string{wikiHost, "docs.example.org:8443"}}
	require.NoError(t, s.repos().Applications.Create(t.Context(), a))
	return s, a
}

// behind asks as the proxy of a host does for a browser with those cookies.
func (s *site) behind(host, path string, cookies map[string]string, header ...string) *answer {
	s.Helper()
	b := s.browser()
	var jar []string
	for name, value := range cookies {
		jar = append(jar, name+"="+value)
	}
	given := []string{"X-Forwarded-Host", host, "X-Forwarded-Proto", "https", "X-Forwarded-For", "203.0.113.9", "Accept", "text/html"}
	if len(jar) > 0 {
		given = append(given, "Cookie", strings.Join(jar, "; "))
	}
	return b.do(http.MethodGet, path, nil, append(given, header...)...)
}

func set(a *answer, name string) string {
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// passFor takes a browser with a session all the way to a pass at the host.
func (s *site) passFor(host, session, back string) string {
	s.Helper()
	first := s.behind(host, forwardPath+"traefik/", nil, "X-Forwarded-Uri", back)
	require.Equal(s, http.StatusFound, first.status, "%s", first.body)
	start := strings.TrimPrefix(first.header.Get("Location"), "https://"+host)
	began := s.behind(host, start, nil)
	require.Equal(s, http.StatusFound, began.status, "%s", began.body)
	nonce := set(began, "__Host-portcullis_forward_state")
	require.NotEmpty(s, nonce)
	authorize := strings.TrimPrefix(began.header.Get("Location"), "https://"+publicHost)
	asked := s.behind(publicHost, authorize, map[string]string{"authentik_session": session})
	require.Equal(s, http.StatusOK, asked.status, "%s", asked.body)
	target := strings.TrimPrefix(asked.header.Get("Refresh"), "0; url=https://"+host)
	require.Contains(s, string(asked.body), ">Continue</a>")

	stolen := s.behind(host, target, nil)
	require.Equal(s, http.StatusForbidden, stolen.status, "a code is good in another browser")
	elsewhere := s.behind("docs.example.org:8443", target, map[string]string{"__Host-portcullis_forward_state": nonce})
	require.Equal(s, http.StatusForbidden, elsewhere.status, "a code is good at another host")

	done := s.behind(host, target, map[string]string{"__Host-portcullis_forward_state": nonce})
	require.Equal(s, http.StatusSeeOther, done.status, "%s", done.body)
	require.Equal(s, back, done.header.Get("Location"))
	got := set(done, pass)
	require.NotEmpty(s, got)
	require.Empty(s, set(done, "__Host-portcullis_forward_state"))
	return got
}

func TestForwardAuthLetsInWhoeverIsSignedIn(t *testing.T) {
	t.Parallel()
	s, _ := proxied(t)
	ada := s.user("ada")
	group := &idp.Group{Name: "ops"}
	odd := &idp.Group{Name: "a|admins,root"}
	for _, g := range []*idp.Group{group, odd} {
		require.NoError(t, s.repos().Groups.Create(t.Context(), g))
		s.admin().api(http.StatusNoContent, http.MethodPost, "/core/groups/"+g.ID.String()+"/add_user/", map[string]any{"pk": ada.ID})
	}
	_, cookie := s.cookie(ada)
	got := s.passFor(wikiHost, cookie, "/page?x=1")
	for _, proxy := range []string{"traefik", "caddy", "nginx"} {
		in := s.behind(wikiHost, forwardPath+proxy+"/", map[string]string{pass: got})
		require.Equal(t, http.StatusOK, in.status, "%s: %s", proxy, in.body)
		for name, value := range map[string]string{"X-Authentik-Username": "ada", "X-Authentik-Email": "ada@example.org", "X-Authentik-Groups": "ops",
			"Remote-User": "ada", "Remote-Groups": "ops", "Remote-Name": "Ada", "X-Authentik-Uid": ada.UUID.String()} {
			require.Equal(t, value, in.header.Get(name), "%s: %s", proxy, name)
		}
	}
	// A pass is of one host, and nothing that anybody could make.
	for name, cookies := range map[string]map[string]string{"none": nil, "made up": {pass: "x"}, "the session's own": {pass: cookie}, "changed": {pass: got[:len(got)-2] + "AA"},
		"a huge one": {pass: strings.Repeat("A", 5000)}} {
		require.Equal(t, http.StatusFound, s.behind(wikiHost, forwardPath+"caddy/", cookies).status, name)
	}
	require.Equal(t, http.StatusFound, s.behind("docs.example.org:8443", forwardPath+"traefik/", map[string]string{pass: got}).status)

	// How each is told no.
	no := s.behind(wikiHost, forwardPath+"nginx/", nil, "X-Original-URL", "https://"+wikiHost+"/a?b=c")
	require.Equal(t, http.StatusUnauthorized, no.status)
	require.Equal(t, "https://"+wikiHost+forwardPath+"start/?rd="+url.QueryEscape("/a?b=c"), no.header.Get("X-Portcullis-Sign-In"))
	for name, header := range map[string][]string{"a program": {"Accept", "application/json"}, "a form": {"X-Forwarded-Method", "POST"}} {
		a := s.behind(wikiHost, forwardPath+"traefik/", nil, header...)
		require.Equal(t, http.StatusUnauthorized, a.status, name)
		require.Empty(t, a.header.Get("Location"), name)
	}
	unknown := s.behind("evil.example.org", forwardPath+"traefik/", map[string]string{pass: got})
	require.Equal(t, http.StatusForbidden, unknown.status)
	require.Contains(t, string(unknown.body), "No application has the host evil.example.org")
	direct := s.browser().do(http.MethodGet, forwardPath+"traefik/", nil, "Cookie", pass+"="+got)
	require.Equal(t, http.StatusForbidden, direct.status)
}

func TestForwardAuthLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	s, _ := proxied(t)
	ada := s.user("ada")
	_, cookie := s.cookie(ada)
	for _, uri := range []string{"//evil.org/", "https://evil.org/", "/\\evil.org", "/" + strings.Repeat("a", 3000), forwardPath + "start/"} {
		a := s.behind(wikiHost, forwardPath+"traefik/", nil, "X-Forwarded-Uri", uri)
		require.Equal(t, "https://"+wikiHost+forwardPath+"start/?rd=%2F", a.header.Get("Location"), uri)
	}
	state := strings.Repeat("A", 43)
	for _, to := range []string{"https://evil.org", "http://" + wikiHost, "https://" + wikiHost + "@evil.org", "https://" + wikiHost + "/x", "javascript:alert(1)", "", "//" + wikiHost} {
		a := s.behind(publicHost, forwardPath+"authorize/?"+url.Values{"to": {to}, "rd": {"/"}, "state": {state}}.Encode(), map[string]string{"authentik_session": cookie})
		require.Contains(t, []int{http.StatusBadRequest, http.StatusNotFound}, a.status, to)
		require.Empty(t, a.header.Get("Refresh"), to)
	}
	// Whoever is not signed in signs in first, and comes back.
	a := s.behind(publicHost, forwardPath+"authorize/?"+url.Values{"to": {"https://" + wikiHost}, "rd": {"/"}, "state": {state}}.Encode(), nil)
	require.Equal(t, http.StatusSeeOther, a.status)
	require.Regexp(t, regexp.MustCompile(`^/flows/-/default/authentication/\?next=%2Foutpost%2Fforward-auth%2Fauthorize%2F`), a.header.Get("Location"))
}

// Whatever ends a session, shuts an account out or closes an application ends passes with
// the next request.
func TestForwardAuthEndsAtOnce(t *testing.T) {
	t.Parallel()
	s, application := proxied(t)
	works := func(got string) int {
		return s.behind(wikiHost, forwardPath+"traefik/", map[string]string{pass: got}).status
	}
	somebody := func(name string) (*idp.User, *idp.Session, string) {
		u := s.user(name)
		in, cookie := s.cookie(u)
		got := s.passFor(wikiHost, cookie, "/")
		require.Equal(t, http.StatusOK, works(got))
		return u, in, got
	}
	for name, end := range map[string]func(u *idp.User, in *idp.Session){
		"lockdown": func(u *idp.User, _ *idp.Session) { s.admin().contain(map[string]any{"users": []idp.UserID{u.ID}}) },
		"session": func(_ *idp.User, in *idp.Session) {
			s.admin().api(http.StatusNoContent, http.MethodDelete, "/core/authenticated_sessions/"+in.ID.String()+"/", nil)
		},
		"deactivation": func(u *idp.User, _ *idp.Session) {
			s.admin().api(http.StatusOK, http.MethodPatch, fmt.Sprintf("/core/users/%d/", u.ID), map[string]any{"is_active": false})
		},
		"deletion": func(u *idp.User, _ *idp.Session) {
			s.admin().api(http.StatusNoContent, http.MethodDelete, fmt.Sprintf("/core/users/%d/", u.ID), nil)
		},
	} {
		u, in, got := somebody("gone" + name)
		end(u, in)
		require.Equal(t, http.StatusFound, works(got), name)
		if name == "lockdown" {
			s.admin().api(http.StatusOK, http.MethodPatch, fmt.Sprintf("/core/users/%d/", u.ID), map[string]any{"is_active": true})
			require.Equal(t, http.StatusFound, works(got), "reactivation revived a pass")
		}
	}
	u, _, got := somebody("barred")
	l := s.lock(anyMap{"user": u.Username})
	locked := s.behind(wikiHost, forwardPath+"traefik/", map[string]string{pass: got})
	require.Equal(t, http.StatusForbidden, locked.status, "%s", locked.body)
	s.lift(l)
	require.Equal(t, http.StatusOK, works(got))

	policy := s.admin().api(http.StatusCreated, http.MethodPost, "/policies/expression/", map[string]any{"name": "nobody", "expression": `message("Not today.") == nil && false`})
	s.admin().api(http.StatusCreated, http.MethodPost, "/policies/bindings/", map[string]any{"target": application.ID.String(), "policy": policy["pk"], "order": 0})
	require.Eventually(t, func() bool { return works(got) == http.StatusForbidden }, 10e9, 20e6, "a policy was not heard of")
}
