package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFactsURL holds the addresses around flows. Which flow is the usual one and
// which brand answers is a matter of the whole installation, so the rows follow
// one another.
func TestFactsURL(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	for _, row := range []struct {
		fact  string
		prove func(*site)
	}{
		{"the usual flow of a designation is the first by slug that lets the visitor in", (*site).usualFlow},
		{"a brand's flows come first", (*site).brandFlow},
		{"a flow that shows nothing is gone through at once", (*site).straight},
		{"cancelling leads where next says, else out", (*site).cancels},
		{"a stage is configured in its own flow, by whoever is signed in", (*site).configures},
		{"a flow's page, and what asks for another look of it", (*site).shell},
		{"the inspector is for whoever may inspect flows", (*site).inspects},
		{"a flow is executed over the API by its address", (*site).executes},
		{"a name that nobody has lowers the reputation of the address", (*site).distrusts},
		{"the brand is that of the longest domain that the host ends in", (*site).chooses},
	} {
		t.Run(row.fact, func(t *testing.T) { row.prove(s.within(t)) })
	}
}

const usualFlows = "/flows/-/default/"

func (s *site) usualFlow() {
	s.lay("c-join", scene{flow: anyMap{"designation": "enrollment"}, parts: []part{{}}}, strings.Clone)
	s.lay("b-join", scene{flow: anyMap{"designation": "enrollment"}, policies: []string{`request.http_request.path != ""`}, parts: []part{{}}}, strings.Clone)
	s.lay("a-join", scene{flow: anyMap{"designation": "enrollment"}, policies: []string{"false"}, parts: []part{{}}}, strings.Clone)
	b := s.browser()
	for designation, want := range map[string]string{"enrollment": "b-join", "authentication": signInFlow} {
		got := b.get(usualFlows + designation + "/?next=/if/user/&a=b")
		require.Equal(s, []any{http.StatusFound, "/if/flow/" + want + "/?next=/if/user/&a=b"}, []any{got.status, got.location()})
		require.Contains(s, got.header.Get("Cache-Control"), "no-store")
		require.Equal(s, "/if/flow/"+want+"/", b.get(usualFlows+designation+"/").location())
	}
	for _, designation := range []string{"unenrollment", "authorization", "stage_configuration", "nonsense"} {
		require.Equal(s, http.StatusNotFound, b.get(usualFlows+designation+"/").status, designation)
	}
}

func (s *site) brandFlow() {
	for designation, field := range map[string]string{"authentication": "flow_authentication", "invalidation": "flow_invalidation",
		"recovery": "flow_recovery", "unenrollment": "flow_unenrollment"} {
		pk := s.lay("z-"+designation, scene{flow: anyMap{"designation": designation}, policies: []string{"false"}, parts: []part{{}}}, strings.Clone)
		before := s.admin().api(http.StatusOK, http.MethodGet, "/core/brands/", nil)["results"].([]any)[0].(map[string]any)[field]
		s.brand(anyMap{field: pk})
		require.Equal(s, "/if/flow/z-"+designation+"/", s.browser().get(usualFlows+designation+"/").location(), "whatever its policies say")
		s.brand(anyMap{field: before})
	}
}

func (s *site) straight() {
	pk := s.lay("a-out", scene{flow: anyMap{"designation": "invalidation"}, parts: []part{{kind: "user_logout"}}}, strings.Clone)
	s.brand(anyMap{"flow_invalidation": pk})
	u := s.user(unique("visitor"))
	b := s.with(u)
	require.Equal(s, "/if/flow/x/", b.get(usualFlows+"invalidation/?next=/if/flow/x/").location())
	require.False(s, b.works())

	binding := s.admin().api(http.StatusOK, http.MethodGet, "/flows/bindings/?target="+pk, nil)["results"].([]any)[0].(map[string]any)["pk"].(string)
	s.judge(binding, []string{"true"}, strings.Clone)
	b = s.with(u)
	got := b.get(usualFlows + "invalidation/?next=/if/flow/x/")
	require.Equal(s, []any{http.StatusFound, "/if/flow/a-out/?next=/if/flow/x/"}, []any{got.status, got.location()}, "a policy is to be asked when the stage is reached")
	require.True(s, b.works())
}

func (s *site) cancels() {
	slug := unique("cancelled")
	s.lay(slug, scene{parts: []part{{name: "a"}, {name: "b"}}}, strings.Clone)
	for query, want := range map[string]string{"": usualFlows + "invalidation/", "?next=/if/user/%3Fa": "/if/user/?a",
		"?next=https://evil.example/": usualFlows + "invalidation/", "?next=//evil.example/": usualFlows + "invalidation/"} {
		b := s.browser()
		require.Equal(s, slug+"/b", b.solve(slug, anyMap{})["name"])
		require.Equal(s, want, b.get("/flows/-/cancel/"+query).location(), query)
		require.Equal(s, slug+"/a", b.challenge(slug)["name"], "the plan is dropped")
	}
}

func (s *site) configures() {
	for slug, flow := range map[string]anyMap{"set-up": nil, "set-up-roots": {"authentication": "require_superuser"}} {
		s.lay(slug, scene{flow: flow, parts: []part{only("own", "context.pending_user.username == request.http_request.user.username")}}, strings.Clone)
	}
	at := func(flow any) string {
		made := s.make("/stages/password/", anyMap{"name": unique("set-up"), "backends": []string{"authentik.core.auth.InbuiltBackend"}, "configure_flow": flow})
		return "/flows/-/configure/" + made["pk"].(string) + "/"
	}
	own := at(s.flow("set-up").ID)
	stranger := s.browser().get(own)
	require.Equal(s, usualFlows+"authentication/?next="+strings.ReplaceAll(own, "/", "%2F"), stranger.location())
	b := s.with(s.user(unique("visitor")))
	require.Equal(s, "/if/flow/set-up/?next=/if/user/", b.get(own+"?next=/if/user/").location())
	require.Equal(s, "set-up/own", b.challenge("set-up")["name"])
	require.Equal(s, http.StatusForbidden, b.get(at(s.flow("set-up-roots").ID)).status)
	for _, path := range []string{at(nil), "/flows/-/configure/00000000-0000-0000-0000-000000000001/", "/flows/-/configure/x/"} {
		require.Equal(s, http.StatusNotFound, b.get(path).status, path)
	}
}

func (s *site) shell() {
	b := s.browser()
	for _, query := range []string{"", "?sfe", "?inspector"} {
		page := b.get("/if/flow/" + signInFlow + "/" + query)
		require.Equal(s, http.StatusOK, page.status)
		require.Contains(s, page.header.Get("Content-Type"), "text/html")
		require.Contains(s, string(page.body), `name="uid_field"`)
		require.NotContains(s, string(page.body), `aria-label="Inspector"`, "not for strangers")
	}
	old := b.do(http.MethodGet, "/if/flow/"+signInFlow+"/", nil, "User-Agent", "Mozilla/5.0 (Windows NT 10.0; Trident/7.0; rv:11.0) like Gecko PKeyAuth/1.0")
	require.Contains(s, string(old.body), `name="uid_field"`)
	require.Contains(s, string(s.with(s.named("admin")).get("/if/flow/"+signInFlow+"/?inspector").body), `aria-label="Inspector"`)
	require.Equal(s, http.StatusNotFound, b.get("/if/flow/none/").status)
	b.api(http.StatusNotFound, http.MethodGet, executor("none"), nil)
}

func (s *site) inspects() {
	slug := unique("inspected")
	s.lay(slug, scene{parts: []part{{kind: "prompt", asks: []string{"password:password", "colour:text"}}, {name: "b"}, {name: "c"}}}, strings.Clone)
	path := "/flows/inspector/" + slug + "/"
	for _, b := range []*browser{s.browser(), s.with(s.user(unique("visitor")))} {
		b.challenge(slug, "inspector", "")
		b.api(http.StatusNotFound, http.MethodGet, path, nil)
	}
	b := s.with(s.named("admin"))
	b.api(http.StatusBadRequest, http.MethodGet, path, nil)
	b.challenge(slug, "inspector", "")
	b.solve(slug, anyMap{"password": "hunter22", "colour": "blue"}, "inspector", "")
	got := b.api(http.StatusOK, http.MethodGet, path, nil)
	require.Equal(s, false, got["is_completed"])
	require.Len(s, got["plans"], 1)
	now := got["current_plan"].(map[string]any)
	stage := func(of string) any { return now[of].(map[string]any)["stage_obj"].(map[string]any)["name"] }
	require.Equal(s, []any{slug + "/b", slug + "/c"}, []any{stage("current_stage"), stage("next_planned_stage")})
	require.Regexp(s, "^[0-9a-f]{64}$", now["session_id"])
	data := now["plan_context"].(map[string]any)["prompt_data"].(map[string]any)
	require.Equal(s, []any{"blue", "********************"}, []any{data["colour"], data["password"]})
}

func (s *site) executes() {
	path := "/flows/instances/z-recovery/execute/"
	require.Equal(s, s.replicas[0].base+"/if/flow/z-recovery/", s.admin().api(http.StatusOK, http.MethodGet, path, nil)["link"])
	refused := s.with(s.named("admin")).api(http.StatusBadRequest, http.MethodGet, path, nil)
	require.Contains(s, refused["non_field_errors"].([]any)[0], "Flow not applicable to current user/request")
	s.with(s.user(unique("visitor"))).api(http.StatusForbidden, http.MethodGet, path, nil)
}

func (s *site) distrusts() {
	slug := unique("named")
	s.lay(slug, scene{parts: []part{{kind: "identification", settings: anyMap{"user_fields": []string{"username"}, "pretend_user_exists": false}}}}, strings.Clone)
	score := func() (sum float64) {
		for _, one := range s.admin().api(http.StatusOK, http.MethodGet, "/policies/reputation/scores/", nil)["results"].([]any) {
			if one.(map[string]any)["identifier"] == "" {
				sum += one.(map[string]any)["score"].(float64)
			}
		}
		return sum
	}
	before := score()
	s.browser().solve(slug, anyMap{"uid_field": "nobody-at-all"})
	require.Equal(s, before-1, score())
	s.browser().solve(slug, anyMap{"uid_field": "admin"})
	require.Equal(s, before-1, score(), "naming somebody proves nothing, and costs nothing")
}

func (s *site) chooses() {
	s.make("/core/brands/", anyMap{"domain": "example.org", "branding_title": "Example"})
	s.make("/core/brands/", anyMap{"domain": "Wiki.Example.org", "branding_title": "Wiki"})
	usual := s.brandOf("elsewhere.test")
	for host, want := range map[string]string{"example.org": "example.org", "ID.EXAMPLE.ORG:8443": "example.org", "a.b.example.org": "example.org",
		"wiki.example.org": "Wiki.Example.org", "id.wiki.example.org": "Wiki.Example.org", "badexample.org": usual, "org": usual, "127.0.0.1": usual} {
		require.True(s, strings.EqualFold(want, s.brandOf(host)), "%s: %s", host, s.brandOf(host))
	}
	for _, one := range s.admin().api(http.StatusOK, http.MethodGet, "/core/brands/?default=true", nil)["results"].([]any) {
		s.admin().api(http.StatusNoContent, http.MethodDelete, "/core/brands/"+one.(map[string]any)["brand_uuid"].(string)+"/", nil)
	}
	require.Equal(s, "fallback", s.brandOf("elsewhere.test"))
	require.Equal(s, "example.org", s.brandOf("example.org"))
}

// brandOf is the domain of the brand that a host is answered with.
func (s *site) brandOf(host string) string {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.replicas[0].base+"/api/v3/core/brands/current/", nil)
	require.NoError(s, err)
	r.Host = host
	response, err := s.browser().client.Do(r)
	require.NoError(s, err)
	defer response.Body.Close()
	var got struct {
		Domain string `json:"matched_domain"`
	}
	require.NoError(s, json.NewDecoder(response.Body).Decode(&got))
	return got.Domain
}
