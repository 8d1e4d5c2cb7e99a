package app_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
)

// TestFactsPlanner holds which stages of a flow apply to whom, and what policies
// see while that is decided.
func TestFactsPlanner(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	t.Run("what a flow and a binding are when nothing is said", func(t *testing.T) { s.within(t).usual() })
	t.Run("the words that flows take", func(t *testing.T) { s.within(t).words() })
	t.Run("what must be unique and how it is ordered", func(t *testing.T) { s.within(t).orders() })
	t.Run("what is kept of flows can be counted and dropped", func(t *testing.T) { s.within(t).keeps() })
	t.Run("what is proven, and keys of the product's own, no policy sets", func(t *testing.T) { s.within(t).reserves() })
	s.play(requirements())
	s.play(planning)
	s.play(contexts)
}

func (s *site) usual() {
	f := s.make("/flows/instances/", anyMap{"name": "plain", "slug": "plain", "title": "Plain", "designation": "enrollment"})
	for key, want := range (anyMap{"layout": "stacked", "background": "", "compatibility_mode": false, "denied_action": "message_continue",
		"authentication": "none", "policy_engine_mode": "any", "policybindingmodel_ptr_id": f["pk"], "cache_count": 0.0}) {
		require.Equal(s, want, f[key], key)
	}
	stage := s.make("/stages/dummy/", anyMap{"name": "plain"})
	b := s.make("/flows/bindings/", anyMap{"target": f["pk"], "stage": stage["pk"], "order": 0})
	for key, want := range (anyMap{"evaluate_on_plan": false, "re_evaluate_policies": true, "invalid_response_action": "retry",
		"policy_engine_mode": "any", "policybindingmodel_ptr_id": b["pk"], "target": f["pk"], "stage": stage["pk"]}) {
		require.Equal(s, want, b[key], key)
	}
}

func (s *site) words() {
	const one = "/flows/instances/plain/"
	for field, words := range map[string][]string{
		"designation":        {"authentication", "authorization", "invalidation", "unenrollment", "recovery", "stage_configuration", "enrollment"},
		"authentication":     {"require_authenticated", "require_unauthenticated", "require_superuser", "require_redirect", "require_outpost", "none"},
		"denied_action":      {"message", "continue", "message_continue"},
		"policy_engine_mode": {"all", "any"},
		"layout": {"content_left", "content_right", "sidebar_left", "sidebar_right", "sidebar_left_frame_background",
			"sidebar_right_frame_background", "stacked"},
	} {
		for _, word := range words {
			require.Equal(s, word, s.admin().api(http.StatusOK, http.MethodPatch, one, anyMap{field: word})[field])
		}
		require.Contains(s, s.admin().api(http.StatusBadRequest, http.MethodPatch, one, anyMap{field: "another"}), field)
	}
	for slug, status := range map[string]int{"a_B-9": http.StatusCreated, "a b": http.StatusBadRequest, "ä": http.StatusBadRequest, "": http.StatusBadRequest} {
		s.admin().api(status, http.MethodPost, "/flows/instances/", anyMap{"name": "x", "slug": slug, "title": "x", "designation": "recovery"})
	}
}

func (s *site) orders() {
	f := s.flow("plain").ID.String()
	require.Contains(s, s.admin().api(http.StatusBadRequest, http.MethodPost, "/flows/instances/",
		anyMap{"name": "x", "slug": "plain", "title": "x", "designation": "recovery"}), "slug")
	require.Contains(s, s.admin().api(http.StatusBadRequest, http.MethodPost, "/stages/deny/", anyMap{"name": "plain"}), "name", "of whatever kind")
	stage := s.make("/stages/deny/", anyMap{"name": "plain-deny"})["pk"]
	for _, order := range []int{7, -1, 3} {
		s.make("/flows/bindings/", anyMap{"target": f, "stage": stage, "order": order})
	}
	s.admin().api(http.StatusBadRequest, http.MethodPost, "/flows/bindings/", anyMap{"target": f, "stage": stage, "order": 7})
	var got []any
	for _, b := range s.admin().api(http.StatusOK, http.MethodGet, "/flows/bindings/?target="+f, nil)["results"].([]any) {
		got = append(got, b.(map[string]any)["order"])
	}
	require.Equal(s, []any{-1.0, 0.0, 3.0, 7.0}, got)
}

// keeps is about this server's memory, so nothing else may run meanwhile.
func (s *site) keeps() {
	count := func() [2]any {
		return [2]any{s.admin().api(http.StatusOK, http.MethodGet, "/flows/instances/cache_info/", nil)["count"],
			s.admin().api(http.StatusOK, http.MethodGet, "/flows/instances/"+signInFlow+"/", nil)["cache_count"]}
	}
	clear := func(b *browser, status int) {
		b.api(status, http.MethodPost, "/flows/instances/cache_clear/", anyMap{})
	}
	clear(s.admin(), http.StatusNoContent)
	require.Equal(s, [2]any{0.0, 0.0}, count())
	s.browser().challenge(signInFlow)
	require.Equal(s, [2]any{1.0, 1.0}, count())
	clear(s.with(s.user(unique("person"))), http.StatusForbidden)
	require.Equal(s, [2]any{1.0, 1.0}, count(), "who may not change flows drops nothing")
	clear(s.admin(), http.StatusNoContent)
	require.Equal(s, [2]any{0.0, 0.0}, count())
	s.browser().challenge(signInFlow)
	for what, change := range map[string]func(){
		"a flow":  func() { s.patch("/flows/instances/plain/", anyMap{"title": unique("t")}) },
		"a stage": func() { s.make("/stages/deny/", anyMap{"name": unique("d")}) },
		"a binding": func() {
			s.make("/flows/bindings/", anyMap{"target": s.flow("plain").ID, "stage": s.stageOf("plain-deny"), "order": serial.Add(1)})
		},
		"a policy": func() { s.make("/policies/dummy/", anyMap{"name": unique("p")}) },
	} {
		change()
		s.browser().challenge(signInFlow)
		require.Equal(s, [2]any{1.0, 1.0}, count(), "after %s changed, what was kept before is gone", what)
	}
}

func (s *site) reserves() {
	for _, name := range []string{"auth_method", "is_restored", "is_redirected", "pending_user_identifier", "outpost", "device", "source",
		"user_backend", "certificate", "captcha", "application", "goauthentik.io/x"} {
		body := anyMap{"name": unique("sets"), "expression": fmt.Sprintf("set_context(%q, true)", name)}
		require.Contains(s, s.admin().api(http.StatusBadRequest, http.MethodPost, "/policies/expression/", body), "expression", name)
	}
}

func (s *site) patch(path string, body anyMap) anyMap {
	s.Helper()
	return s.admin().api(http.StatusOK, http.MethodPatch, path, body)
}

func (s *site) stageOf(name string) any {
	s.Helper()
	return s.admin().api(http.StatusOK, http.MethodGet, "/stages/all/?name="+name, nil)["results"].([]any)[0].(map[string]any)["pk"]
}

const notForThem = "denied: Flow does not apply to current user."

// requirements are what flows ask of whoever opens them, and who meets that.
func requirements() (out []scene) {
	everybody := []string{"", "person", "administrator"}
	for _, c := range []struct {
		authentication string
		says           [3]string // as everybody
	}{
		{"none", [3]string{"in", "in", "in"}},
		{"require_authenticated", [3]string{"denied: Sign in to continue.", "in", "in"}},
		{"require_unauthenticated", [3]string{"in", notForThem, notForThem}},
		{"require_superuser", [3]string{"denied: Sign in to continue.", notForThem, "in"}},
		{"require_redirect", [3]string{notForThem, notForThem, notForThem}},
		{"require_outpost", [3]string{notForThem, notForThem, notForThem}},
	} {
		for i, as := range everybody {
			out = append(out, scene{fact: fmt.Sprintf("%s as %q", c.authentication, as), as: as, flow: anyMap{"authentication": c.authentication},
				parts: []part{{name: "in"}}, says: []string{c.says[i]}})
		}
	}
	return out
}

var onPlan, never = anyMap{"evaluate_on_plan": true, "re_evaluate_policies": false}, anyMap{"evaluate_on_plan": false, "re_evaluate_policies": false}

// planning is about which stages are left out, and when.
var planning = []scene{
	{fact: "stages follow the order of their bindings", parts: []part{{name: "b", bound: anyMap{"order": 20}}, {name: "a", bound: anyMap{"order": 10}}},
		answers: []anyMap{{}, {}}, says: []string{"a", "b", "to /"}},
	{fact: "a flow without stages is done at once", says: []string{"to /"}},
	{fact: "a flow whose stages are all left out is done at once", query: []string{"next", "/if/user/"},
		parts: []part{{when: []string{"false"}, bound: onPlan}, {when: []string{"false"}}}, says: []string{"to /if/user/"}},
	{fact: "a stage whose policies say no on planning is left out", parts: []part{{name: "a", bound: onPlan, when: []string{"false"}}, {name: "b"}},
		answers: []anyMap{{}}, says: []string{"b", "to /"}},
	{fact: "what was decided on planning stays", parts: []part{{kind: "prompt", asks: []string{"colour:text"}},
		{name: "a", bound: onPlan, when: []string{`prompt_context.colour == "blue"`}}, {name: "b"}},
		answers: []anyMap{{"colour": "blue"}}, says: []string{"prompt", "b"}},
	{fact: "a stage whose policies say no when it is reached is left out", parts: []part{{name: "a"}, {name: "b", when: []string{"false"}}, {name: "c"}},
		answers: []anyMap{{}, {}}, says: []string{"a", "c", "to /"}},
	{fact: "several in a row are left out", parts: []part{{when: []string{"false"}}, {when: []string{"false"}}, {name: "c"}}, says: []string{"c"}},
	{fact: "when it is reached, its policies see what stages before it did", parts: []part{{kind: "prompt", asks: []string{"colour:text"}},
		{name: "blue", when: []string{`prompt_context.colour == "blue"`}}, {name: "red", when: []string{`context.prompt_data.colour == "red"`}}},
		answers: []anyMap{{"colour": "red"}, {}}, says: []string{"prompt", "red", "to /"}},
	{fact: "policies of a stage that is judged neither on planning nor later are not asked", parts: []part{{name: "a", bound: never, when: []string{"false"}}},
		says: []string{"a"}},
	{fact: "any of a stage's policies is enough", parts: []part{{name: "a", when: []string{"false", "true"}}}, says: []string{"a"}},
	{fact: "all of a stage's policies where it says so", parts: []part{{name: "a", bound: anyMap{"policy_engine_mode": "all"}, when: []string{"false", "true"}},
		{name: "b"}}, says: []string{"b"}},
	{fact: "a stage whose policy gives no answer ends the flow instead of being left out", parts: []part{{name: "a", when: []string{`int("x") == 1`}}, {name: "b"}},
		says: []string{notForThem}},
	{fact: "and on planning as well", parts: []part{{name: "a", bound: onPlan, when: []string{`int("x") == 1`}}, {name: "b"}}, says: []string{notForThem}},
	{fact: "the flow's policies are asked first, and their messages shown", policies: []string{`ak_message("Not today.") and false`, `ak_message("Nor tomorrow.") and false`},
		parts: []part{{}}, says: []string{"denied: Not today.\nNor tomorrow."}},
	{fact: "any of the flow's policies is enough", policies: []string{"false", "true"}, parts: []part{{name: "a"}}, says: []string{"a"}},
	{fact: "all of the flow's policies where it says so", flow: anyMap{"policy_engine_mode": "all"}, policies: []string{"false", "true"}, parts: []part{{}},
		says: []string{notForThem}},
	{fact: "a flow's policy that gives no answer lets nobody in", policies: []string{`int("x") == 1`}, parts: []part{{}}, says: []string{notForThem}},
	{fact: "whom policies are asked about is whoever is signed in", as: "person", parts: []part{{name: "a", when: []string{`request.user.username == "{me}"`}}},
		says: []string{"a"}},
	{fact: "or, once there is one, the pending user", parts: []part{identifies(), {name: "a", when: []string{`request.user.username == "{me}"`}}},
		answers: []anyMap{{"uid_field": "{me}"}}, says: []string{"identification", "a"}},
	{fact: "who is not, while a flow is planned", parts: []part{{name: "a", bound: onPlan, when: []string{`request.user == nil`}}}, says: []string{"a"}},
}

// identifies asks for a name only.
func identifies() part {
	return part{kind: "identification", settings: anyMap{"user_fields": []string{"username", "email"}}}
}

// checks asks for the password.
func checks(settings ...anyMap) part {
	p := part{kind: "password", settings: anyMap{"backends": []string{"authentik.core.auth.InbuiltBackend"}}}
	for _, more := range settings {
		p.settings = with(p.settings, more)
	}
	return p
}

// only is a stage that shows itself only where all of this is true.
func only(name string, expressions ...string) part {
	return part{name: name, bound: anyMap{"policy_engine_mode": "all"}, when: expressions}
}

// contexts are the values of a plan's context, each by what reads or sets it.
var contexts = []scene{
	{fact: "pending_user is nobody at first, and prompt_data empty", parts: []part{only("a", "context.pending_user == nil", "len(context.prompt_data) == 0",
		"not context.is_restored", "not context.is_redirected", "not context.is_sso", `context.flow_slug == "{slug}"`)}, says: []string{"a"}},
	{fact: "flow_plan holds the same context", parts: []part{identifies(), only("a", `context.flow_plan.context.pending_user.username == "{me}"`)},
		answers: []anyMap{{"uid_field": "{me}"}}, says: []string{"identification", "a"}},
	{fact: "a policy names the pending user", parts: []part{{kind: "prompt", asks: []string{"x:text"}, when: []string{
		`set_context("pending_user", ak_user_by({"username": "{me}"}))`}}, only("a", `context.pending_user.username == "{me}"`)},
		answers: []anyMap{{"x": "y"}}, says: []string{"prompt", "a"}},
	{fact: "pending_user_identifier is what was typed where identification hides the match", parts: []part{
		{kind: "identification", settings: anyMap{"user_fields": []string{"username"}, "pretend_user_exists": true, "show_matched_user": false}},
		only("a", `context.pending_user_identifier == "nobody-at-all"`, "context.pending_user == nil")},
		answers: []anyMap{{"uid_field": "nobody-at-all"}}, says: []string{"identification", "a"}},
	{fact: "auth_method and user_backend say how somebody proved to be it", parts: []part{identifies(), only("not yet", "context.auth_method == nil", "context.user_backend == nil"),
		checks(), only("now", `context.auth_method == "password"`, `context.user_backend == "authentik.core.auth.InbuiltBackend"`, "context.auth_method_args != nil")},
		answers: []anyMap{{"uid_field": "{me}"}, {}, {"password": password}}, says: []string{"identification", "not yet", "password", "now"}},
	{fact: "redirect wins over next, and may lead elsewhere", query: []string{"next", "/if/user/"},
		policies: []string{`set_context("redirect", "https://wiki.example.org/home")`}, parts: []part{{name: "a"}},
		answers: []anyMap{{}}, says: []string{"a", "to https://wiki.example.org/home"}},
	{fact: "deny_message stands in for a deny stage's own", policies: []string{`set_context("deny_message", "Come on Monday.")`},
		parts: []part{{kind: "deny", settings: anyMap{"deny_message": "No."}}}, says: []string{"denied: Come on Monday."}},
	{fact: "redirect_stage_target stands in for a redirect stage's own", policies: []string{`set_context("redirect_stage_target", "/if/user/?x=1")`},
		parts: []part{{kind: "redirect", settings: anyMap{"mode": "static", "target_static": "/"}}}, says: []string{"to /if/user/?x=1"}},
	{fact: "and with ak-flow:// leads into another flow", policies: []string{`set_context("redirect_stage_target", "ak-flow://{other-slug}")`},
		parts: []part{{kind: "redirect", settings: anyMap{"mode": "static", "target_static": "/"}}}, leads: []part{{name: "there"}},
		says: []string{"to /if/flow/{other-slug}/"}},
	{fact: "is_redirected is set where another flow led here", parts: []part{{kind: "redirect", settings: anyMap{"mode": "flow", "target_flow": "{other}"}}},
		leads: []part{only("there", "context.is_redirected")}, says: []string{"to /if/flow/{other-slug}/"}, then: func(v visit) {
			require.Equal(v, v.slug+"-other/there", v.browser.challenge(v.slug + "-other")["name"])
		}},
	{fact: "prompt_data may bring the choices of a field and what is chosen", parts: []part{{kind: "prompt", asks: []string{"size:dropdown"}, when: []string{
		`set_context("prompt_data.size__choices", ["S", "M"]) and set_context("prompt_data.size", "M")`}}},
		says: []string{"prompt"}, then: func(v visit) {
			field := v.asks(v.last, "ak-stage-prompt")["size"]
			require.Equal(v, "M", field["initial_value"])
			require.Equal(v, []any{map[string]any{"value": "S", "label": "S"}, map[string]any{"value": "M", "label": "M"}}, field["choices"])
		}},
	{fact: "consent_header, consent_title and the permissions are shown", policies: []string{`set_context("consent_header", "Wiki wants in.") and ` +
		`set_context("consent_title", "Terms") and set_context("consent_permissions", [{"id": "email", "name": "Your address"}]) and ` +
		`set_context("consent_additional_permissions", [{"id": "groups", "name": "Your groups"}])`}, parts: []part{{kind: "consent"}},
		says: []string{"consent"}, then: func(v visit) {
			require.Equal(v, "Wiki wants in.", v.last["header_text"])
			require.Equal(v, []any{map[string]any{"id": "email", "name": "Your address"}}, v.last["permissions"])
			require.Equal(v, []any{map[string]any{"id": "groups", "name": "Your groups"}}, v.last["additional_permissions"])
		}},
	{fact: "application is what the flow signs in to, and names itself in the title", flow: anyMap{"title": "%(user)s at %(app)s"}, as: "person",
		carries: func(_ visit, run *flow.Run) {
			flow.Key[map[string]any]("application").Put(run.Vars, map[string]any{"name": "Wiki", "id": "wiki"})
		}, parts: []part{only("a", `context.application.name == "Wiki"`)}, says: []string{"a"}, then: func(v visit) {
			require.Equal(v, v.me.Username+" at Wiki", v.last["flow_info"].(map[string]any)["title"])
		}},
	{fact: "a title that cannot be filled in is shown as it is", flow: anyMap{"title": "100 % of %(app)d", "layout": "sidebar_left", "background": "/static/x.jpg"},
		parts: []part{{name: "a"}}, says: []string{"a"}, then: func(v visit) {
			info := v.last["flow_info"].(map[string]any)
			require.Equal(v, []any{"100 % of %(app)d", "sidebar_left", "/static/x.jpg", "/flows/-/cancel/"},
				[]any{info["title"], info["layout"], info["background"], info["cancel_url"]})
		}},
}
