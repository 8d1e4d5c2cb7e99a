package server_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const nobody = "00000000-0000-0000-0000-000000000001"

// post, patch, put, get and drop send JSON as the administrator of the key.
type caller struct {
	*rig
	key string
}

func (c caller) send(method, where string, body any, status int) map[string]any {
	c.t.Helper()
	return c.do(request{method: method, path: where, key: c.key, body: body}).json(status)
}

func (c caller) gone(where string) {
	c.t.Helper()
	require.Equal(c.t, http.StatusNoContent, c.do(request{method: http.MethodDelete, path: where, key: c.key}).Code)
	c.send(http.MethodGet, where, nil, http.StatusNotFound)
}

func administrator(t *testing.T) caller {
	t.Helper()
	r := newRig(t)
	return caller{r, r.keyOf(r.admin)}
}

// Every kind: created with little, shown with everything, replaced, changed,
// listed, refused, used, deleted.
func TestEveryKindOfPolicy(t *testing.T) {
	t.Parallel()
	c := administrator(t)
	for _, k := range []struct {
		kind        string
		least       map[string]any // beside the name
		shows       map[string]any
		change      map[string]any
		bad         map[string]any // field → value that is refused
		model, noun string
	}{
		{"dummy", nil, map[string]any{"result": false, "wait_min": 5.0, "wait_max": 30.0}, map[string]any{"wait_min": 1.0},
			map[string]any{"wait_min": -1, "wait_max": "soon", "result": 1}, "authentik_policies_dummy.dummypolicy", "Dummy Policy"},
		{"event_matcher", nil, map[string]any{"action": nil, "client_ip": nil, "app": nil, "model": nil, "query": ""},
			map[string]any{"action": "login", "client_ip": "192.0.2.1", "app": "authentik.core", "model": "authentik_core.user"},
			map[string]any{"action": "nonsense", "client_ip": "x", "model": "x", "query": "1 +"}, "authentik_policies_event_matcher.eventmatcherpolicy", "Event Matcher Policy"},
		{"expression", map[string]any{"expression": "true"}, map[string]any{"expression": "true"}, map[string]any{"expression": "user.is_active"},
			map[string]any{"expression": "return True"}, "authentik_policies_expression.expressionpolicy", "Expression Policy"},
		{"password", nil, map[string]any{"password_field": "password", "length_min": 0.0, "check_static_rules": true, "check_have_i_been_pwned": false,
			"hibp_allowed_count": 0.0, "zxcvbn_score_threshold": 2.0}, map[string]any{"length_min": 12.0, "error_message": "Longer."},
			map[string]any{"length_min": -1, "zxcvbn_score_threshold": 9, "password_field": ""}, "authentik_policies_password.passwordpolicy", "Password Policy"},
		{"password_expiry", map[string]any{"days": 30}, map[string]any{"days": 30.0, "deny_only": false}, map[string]any{"days": 60.0},
			map[string]any{"days": -1}, "authentik_policies_expiry.passwordexpirypolicy", "Password Expiry Policy"},
		{"reputation", nil, map[string]any{"check_ip": true, "check_username": true, "threshold": -5.0}, map[string]any{"threshold": -2.0},
			map[string]any{"threshold": "low"}, "authentik_policies_reputation.reputationpolicy", "Reputation Policy"},
	} {
		base := path("/policies/%s/", k.kind)
		with := func(name string, more map[string]any) map[string]any {
			body := map[string]any{"name": name}
			for key, v := range k.least {
				body[key] = v
			}
			for key, v := range more {
				body[key] = v
			}
			return body
		}
		made := c.send(http.MethodPost, base, with(k.kind, nil), http.StatusCreated)
		require.Subset(t, made, k.shows, k.kind)
		require.Subset(t, made, map[string]any{"name": k.kind, "execution_logging": false, "meta_model_name": k.model, "verbose_name": k.noun,
			"bound_to": 0.0, "component": "ak-policy-" + strings.ReplaceAll(k.kind, "_", "-") + "-form"}, k.kind)

		one := base + made["pk"].(string) + "/"
		changed := c.send(http.MethodPatch, one, map[string]any{"execution_logging": true}, http.StatusOK)
		require.Equal(t, true, changed["execution_logging"])
		require.Subset(t, changed, k.shows, "what is absent stays: %s", k.kind)
		changed = c.send(http.MethodPatch, one, k.change, http.StatusOK)
		require.Subset(t, changed, k.change, k.kind)
		require.Equal(t, changed, c.send(http.MethodGet, one, nil, http.StatusOK))
		sent := c.send(http.MethodPut, one, changed, http.StatusOK)
		delete(sent, "last_updated")
		delete(changed, "last_updated")
		require.Equal(t, changed, sent, "what was read may be sent back")
		replaced := c.send(http.MethodPut, one, with(k.kind+" again", nil), http.StatusOK)
		require.Subset(t, replaced, k.shows, "a replacement gives defaults: %s", k.kind)
		require.Equal(t, false, replaced["execution_logging"])

		for field, v := range k.bad {
			fault := c.send(http.MethodPatch, one, map[string]any{field: v}, http.StatusBadRequest)
			require.Contains(t, fault, field, k.kind)
		}
		require.Contains(t, c.send(http.MethodPost, base, with("", nil), http.StatusBadRequest), "name")
		require.Contains(t, c.send(http.MethodPost, base, map[string]any{}, http.StatusBadRequest), "name")
		require.Contains(t, c.send(http.MethodPost, base, with("x", map[string]any{"no_such": 1}), http.StatusBadRequest), "no_such")
		require.Contains(t, c.send(http.MethodPost, base, with(k.kind+" again", nil), http.StatusBadRequest), "name")

		second := c.send(http.MethodPost, base, with("another "+k.kind, nil), http.StatusCreated)
		list := func(query string) []any {
			return results(c.send(http.MethodGet, base+query, nil, http.StatusOK), "name")
		}
		require.Equal(t, []any{"another " + k.kind, k.kind + " again"}, list("?ordering=name"))
		require.Equal(t, []any{k.kind + " again"}, list("?search=again"))
		require.Equal(t, []any{"another " + k.kind}, list("?policy_uuid="+second["pk"].(string)))
		require.Empty(t, list("?execution_logging=true"))
		require.Empty(t, must[[]any](t, c.do(request{path: one + "used_by/", key: c.key})))
		for other := range strings.SplitSeq("dummy expression", " ") {
			if other != k.kind {
				c.send(http.MethodGet, path("/policies/%s/%s/", other, made["pk"]), nil, http.StatusNotFound)
				c.send(http.MethodPatch, path("/policies/%s/%s/", other, made["pk"]), map[string]any{"name": "y"}, http.StatusNotFound)
				c.send(http.MethodDelete, path("/policies/%s/%s/", other, made["pk"]), nil, http.StatusNotFound)
			}
		}
		c.gone(one)
		own := c.keyOf(c.person)
		for method, where := range map[string]string{http.MethodGet: base, http.MethodPost: base, http.MethodDelete: base + second["pk"].(string) + "/"} {
			c.do(request{method: method, path: where, key: own, body: with("mine", nil)}).json(http.StatusForbidden)
		}
	}
	types := must[[]any](t, c.do(request{path: path("/policies/all/types/"), key: c.key}))
	require.Len(t, types, 6)
	require.Equal(t, "expressionpolicy", types[0].(map[string]any)["model_name"])
}

// What the contract has no word for is not shown to clients that would refuse
// it, and is not lost when they send back what they read.
func TestEventMatcherBeyondTheContract(t *testing.T) {
	t.Parallel()
	c := administrator(t)
	base := path("/policies/event_matcher/")
	made := c.send(http.MethodPost, base, map[string]any{"name": "alarm", "action": "account_lockdown_triggered", "app": "lockdown",
		"model": "authentik_core.user", "query": `user.pk == 7`}, http.StatusCreated)
	one := base + made["pk"].(string) + "/"
	want := map[string]any{"action": "account_lockdown_triggered", "app": "lockdown", "model": "authentik_core.user", "client_ip": ""}
	check := func(v map[string]any) {
		t.Helper()
		require.Nil(t, v["action"])
		require.Nil(t, v["app"])
		require.Equal(t, "authentik_core.user", v["model"])
		require.Equal(t, want, v["criteria"])
	}
	check(made)
	delete(made, "query") // as a client does that does not know it
	again := c.send(http.MethodPut, one, made, http.StatusOK)
	check(again)
	require.Equal(t, `user.pk == 7`, again["query"])
	changed := c.send(http.MethodPatch, one, map[string]any{"action": "login", "app": ""}, http.StatusOK)
	require.Equal(t, "login", changed["action"])
	require.Equal(t, "", changed["criteria"].(map[string]any)["app"], "what is said counts")
}

func TestAllPolicies(t *testing.T) {
	t.Parallel()
	c := administrator(t)
	made := c.send(http.MethodPost, path("/policies/expression/"), map[string]any{"name": "yes", "expression": "true"}, http.StatusCreated)
	c.send(http.MethodPost, path("/policies/dummy/"), map[string]any{"name": "waits"}, http.StatusCreated)
	pk := made["pk"].(string)
	list := func(query string) []any {
		return results(c.send(http.MethodGet, path("/policies/all/?")+query, nil, http.StatusOK), "name")
	}
	require.Equal(t, []any{"waits", "yes"}, list(""))
	require.Empty(t, list("bindings__isnull=false"))
	binding := c.send(http.MethodPost, path("/policies/bindings/"), map[string]any{"policy": pk, "target": c.flow.ID, "order": 0}, http.StatusCreated)
	require.Equal(t, []any{"yes"}, list("bindings__isnull=false"))
	require.Equal(t, []any{"waits"}, list("bindings__isnull=true"))
	require.Len(t, list("promptstage__isnull=true"), 2)

	one := path("/policies/all/%s/", pk)
	require.Equal(t, 1.0, c.send(http.MethodGet, one, nil, http.StatusOK)["bound_to"])
	require.Equal(t, 1.0, c.send(http.MethodGet, path("/policies/expression/%s/", pk), nil, http.StatusOK)["bound_to"])
	require.Equal(t, binding["pk"], must[[]any](t, c.do(request{path: one + "used_by/", key: c.key}))[0].(map[string]any)["pk"])

	try := map[string]any{"user": c.person.ID}
	c.send(http.MethodPost, one+"test/", try, http.StatusOK)
	require.Equal(t, 1.0, c.send(http.MethodGet, path("/policies/all/cache_info/"), nil, http.StatusOK)["count"])
	c.send(http.MethodPost, path("/policies/all/cache_clear/"), nil, http.StatusNoContent)
	require.Equal(t, 0.0, c.send(http.MethodGet, path("/policies/all/cache_info/"), nil, http.StatusOK)["count"])

	own := c.keyOf(c.person)
	for _, q := range []request{{path: path("/policies/all/")}, {path: one}, {path: path("/policies/all/types/")}, {path: path("/policies/all/cache_info/")},
		{method: http.MethodPost, path: path("/policies/all/cache_clear/")}, {method: http.MethodPost, path: one + "test/", body: try},
		{method: http.MethodDelete, path: one}, {path: path("/policies/bindings/")}, {path: path("/policies/reputation/scores/")}} {
		q.key = own
		c.do(q).json(http.StatusForbidden)
	}
	c.gone(one)
	c.send(http.MethodGet, path("/policies/bindings/%s/", binding["pk"]), nil, http.StatusNotFound)
	c.send(http.MethodGet, path("/policies/all/x/"), nil, http.StatusNotFound)
}

func TestTryingAPolicy(t *testing.T) {
	t.Parallel()
	c := administrator(t)
	policy := func(name, kind string, body map[string]any) string {
		body["name"] = name
		return path("/policies/all/%s/test/", c.send(http.MethodPost, path("/policies/%s/", kind), body, http.StatusCreated)["pk"])
	}
	expression := func(name, source string) string {
		return policy(name, "expression", map[string]any{"expression": source})
	}
	expression("inner", `message("asked about " + context.what) and user.username == "grace"`)
	events := func() int {
		page, err := c.db.Repos().Events.Find(t.Context(), idp.EventFilter{})
		require.NoError(t, err)
		return page.Total
	}
	for name, k := range map[string]struct {
		where    string
		user     any
		context  map[string]any
		passing  bool
		messages []any
		log      []string // parts of the log, in their order
	}{
		"passes": {expression("a", `user.username == "grace"`), c.person.ID, nil, true, []any{}, []string{"Evaluating policy “a”", "“a” passes"}},
		"says why": {expression("b", `user.is_superuser or deny("Not you, " + user.username + ".")`), c.person.ID, nil, false,
			[]any{"Not you, grace."}, []string{"Not you, grace.", "does not pass"}},
		"with a context": {expression("c", `context.what == "x" and request.debug and http_request.user.username == "root"`), c.person.ID, map[string]any{"what": "x"}, true, []any{}, nil},
		"asks another": {expression("d", `log("before") and ak_call_policy("inner", {"what": "tea"}).passing`), c.person.ID, nil, true, []any{},
			[]string{"“d”", "before", "Evaluating policy “inner”", "asked about tea", "“inner” passes", "“d” passes"}},
		"breaks": {expression("e", "true and\n  context.what.deep == 1"), c.person.ID, nil, false,
			[]any{"line 2, column 16: cannot fetch deep from nil"}, []string{"gave no answer: line 2, column 16"}},
		"of another user": {expression("f", `user.username == "grace"`), c.admin.ID, nil, false, []any{}, nil},
		"waits":           {policy("g", "dummy", map[string]any{"wait_min": 0, "wait_max": 0, "result": true}), c.person.ID, nil, true, []any{"dummy"}, nil},
		"of an event": {policy("h", "event_matcher", map[string]any{"action": "login"}), c.person.ID,
			map[string]any{"event": map[string]any{"action": "login"}}, true, []any{}, nil},
		"a password": {policy("i", "password", map[string]any{"length_min": 9}), c.person.ID, map[string]any{"password": "short"}, false,
			[]any{"The password needs at least 9 characters."}, nil},
	} {
		before := events()
		got := c.send(http.MethodPost, k.where, map[string]any{"user": k.user, "context": k.context}, http.StatusOK)
		require.Equal(t, k.passing, got["passing"], "%s: %v", name, got)
		require.Equal(t, k.messages, got["messages"], name)
		log := ""
		for _, line := range got["log_messages"].([]any) {
			log += line.(map[string]any)["event"].(string) + "\n"
		}
		rest := log
		for _, part := range k.log {
			at := strings.Index(rest, part)
			require.GreaterOrEqual(t, at, 0, "%s: %q in\n%s", name, part, log)
			rest = rest[at+len(part):]
		}
		require.Equal(t, before, events(), "trying writes nothing: %s", name)
	}
	one := expression("z", "true")
	for field, body := range map[string]map[string]any{"user": {}, "context": {"user": c.person.ID, "context": []int{1}}} {
		require.Contains(t, c.send(http.MethodPost, one, body, http.StatusBadRequest), field)
	}
	require.Contains(t, c.send(http.MethodPost, one, map[string]any{"user": 99999}, http.StatusBadRequest), "user")
	c.send(http.MethodPost, path("/policies/all/%s/test/", nobody), map[string]any{"user": c.person.ID}, http.StatusNotFound)
}

func TestPolicyBindings(t *testing.T) {
	t.Parallel()
	c := administrator(t)
	base := path("/policies/bindings/")
	made := c.send(http.MethodPost, path("/policies/expression/"), map[string]any{"name": "yes", "expression": "true"}, http.StatusCreated)
	stages, err := c.db.Repos().FlowBindings.Find(t.Context(), idp.FlowBindingFilter{FlowID: &c.flow.ID})
	require.NoError(t, err)
	stage := stages.Items[0].ID.String()
	group := c.adminGroups()[0]

	b := c.send(http.MethodPost, base, map[string]any{"policy": made["pk"], "target": c.flow.ID, "order": 5}, http.StatusCreated)
	require.Subset(t, b, map[string]any{"policy": made["pk"], "group": nil, "user": nil, "group_obj": nil, "user_obj": nil, "target": c.flow.ID.String(),
		"negate": false, "enabled": true, "order": 5.0, "timeout": 30.0, "failure_result": false})
	require.Equal(t, "yes", b["policy_obj"].(map[string]any)["name"])
	require.Equal(t, 1.0, b["policy_obj"].(map[string]any)["bound_to"])
	ofGroup := c.send(http.MethodPost, base, map[string]any{"policy": "", "group": group, "user": nil, "target": stage, "order": 6, "timeout": 3, "negate": true}, http.StatusCreated)
	require.Equal(t, "admins", ofGroup["group_obj"].(map[string]any)["name"])
	require.Equal(t, stage, ofGroup["target"])
	ofUser := c.send(http.MethodPost, base, map[string]any{"user": c.person.ID, "target": stage, "order": 7, "enabled": false, "failure_result": true}, http.StatusCreated)
	require.Equal(t, "grace", ofUser["user_obj"].(map[string]any)["username"])

	for _, k := range []struct {
		body  map[string]any
		field string
		says  string
	}{
		{map[string]any{"target": c.flow.ID, "order": 0}, "non_field_errors", "One of 'policy', 'user', 'group' must be set."},
		{map[string]any{"policy": made["pk"], "group": group, "target": c.flow.ID, "order": 0}, "non_field_errors", "Only one of 'policy', 'user', 'group' can be set."},
		{map[string]any{"policy": made["pk"], "target": c.flow.ID, "order": 5}, "non_field_errors", "The fields policy, target, order must make a unique set."},
		{map[string]any{"policy": made["pk"], "order": 5}, "target", "required"},
		{map[string]any{"policy": made["pk"], "target": c.flow.ID}, "order", "required"},
		{map[string]any{"policy": made["pk"], "target": nobody, "order": 0}, "target", "does not exist"},
		{map[string]any{"policy": nobody, "target": c.flow.ID, "order": 0}, "policy", "does not exist"},
		{map[string]any{"group": nobody, "target": c.flow.ID, "order": 0}, "group", "does not exist"},
		{map[string]any{"user": 9999, "target": c.flow.ID, "order": 0}, "user", "does not exist"},
		{map[string]any{"policy": made["pk"], "target": c.flow.ID, "order": 0, "timeout": -1}, "timeout", "greater than or equal"},
		{map[string]any{"policy": made["pk"], "target": c.flow.ID, "order": 99999999999}, "order", "valid integer"},
		{map[string]any{"policy": made["pk"], "target": "x", "order": 1}, "target", "UUID"},
		{map[string]any{"policy": made["pk"], "target": c.flow.ID, "order": 1, "dry": true}, "dry", "Unknown field"},
	} {
		fault := c.send(http.MethodPost, base, k.body, http.StatusBadRequest)
		require.Contains(t, fault, k.field)
		require.Contains(t, fault[k.field].([]any)[0], k.says)
	}

	one := base + b["pk"].(string) + "/"
	got := c.send(http.MethodPatch, one, map[string]any{"timeout": 7, "negate": true}, http.StatusOK)
	require.Subset(t, got, map[string]any{"timeout": 7.0, "negate": true, "policy": made["pk"], "order": 5.0})
	got = c.send(http.MethodPut, one, map[string]any{"user": c.person.ID, "target": stage, "order": 9}, http.StatusOK)
	require.Subset(t, got, map[string]any{"timeout": 30.0, "negate": false, "policy": nil, "policy_obj": nil, "target": stage})
	c.send(http.MethodPatch, one, map[string]any{"policy": made["pk"]}, http.StatusBadRequest)
	got = c.send(http.MethodPatch, one, map[string]any{"policy": made["pk"], "user": nil, "target": c.flow.ID}, http.StatusOK)
	require.Equal(t, "yes", got["policy_obj"].(map[string]any)["name"])

	list := func(query string) []any {
		return results(c.send(http.MethodGet, base+"?ordering=order&"+query, nil, http.StatusOK), "order")
	}
	require.Equal(t, []any{6.0, 7.0, 9.0}, list(""))
	require.Equal(t, []any{6.0, 7.0}, list("target="+stage))
	require.Equal(t, []any{9.0}, list("target_in="+c.flow.ID.String()))
	require.Equal(t, []any{6.0, 7.0, 9.0}, list("target_in="+c.flow.ID.String()+","+stage))
	require.Empty(t, list("target_in="+c.flow.ID.String()+"&target="+stage))
	require.Equal(t, []any{9.0}, list("policy="+made["pk"].(string)))
	require.Equal(t, []any{6.0, 7.0}, list("policy__isnull=true"))
	require.Equal(t, []any{7.0}, list("enabled=false"))
	require.Equal(t, []any{7.0}, list("order=7"))
	require.Equal(t, []any{6.0}, list("timeout=3"))
	require.Equal(t, []any{7.0}, list("search=grace"))
	c.send(http.MethodGet, base+"?target_in=x", nil, http.StatusBadRequest)
	require.Empty(t, must[[]any](t, c.do(request{path: one + "used_by/", key: c.key})))
	c.gone(one)
}

func TestReputationScores(t *testing.T) {
	t.Parallel()
	c := administrator(t)
	adjust := func(name, ip string, by int) {
		address, _ := netip.ParseAddr(ip)
		require.NoError(t, c.db.Repos().Reputations.Adjust(t.Context(), name, address, by))
	}
	adjust("grace", "192.0.2.1", -1)
	adjust("grace", "192.0.2.2", -3)
	adjust("root", "", 1)
	base := path("/policies/reputation/scores/")
	list := func(query string) []any {
		return results(c.send(http.MethodGet, base+"?ordering=score&"+query, nil, http.StatusOK), "score")
	}
	require.Equal(t, []any{-3.0, -1.0, 1.0}, list(""))
	require.Equal(t, []any{-3.0, -1.0}, list("identifier=grace"))
	require.Equal(t, []any{-3.0, -1.0, 1.0}, list("identifier_in=grace,root"))
	require.Equal(t, []any{-1.0}, list("ip=192.0.2.1"))
	require.Equal(t, []any{1.0}, list("score=1"))
	require.Equal(t, []any{-3.0}, list("search=192.0.2.2"))
	c.send(http.MethodGet, base+"?ip=x", nil, http.StatusBadRequest)
	first := c.send(http.MethodGet, base+"?ordering=score", nil, http.StatusOK)["results"].([]any)[0].(map[string]any)
	one := base + first["pk"].(string) + "/"
	require.Equal(t, first, c.send(http.MethodGet, one, nil, http.StatusOK))
	require.Empty(t, must[[]any](t, c.do(request{path: one + "used_by/", key: c.key})))
	c.gone(one)
	require.Equal(t, []any{-1.0, 1.0}, list(""))
	events := c.send(http.MethodGet, path("/events/events/?action=model_deleted"), nil, http.StatusOK)["results"].([]any)
	require.Equal(t, "grace from 192.0.2.2", events[0].(map[string]any)["context"].(map[string]any)["model"].(map[string]any)["name"])
	c.send(http.MethodDelete, base+nobody+"/", nil, http.StatusNotFound)
}
