package app_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

const bindingsPath = "/policies/bindings/"

// shop is a stage that shows its name and no more.
func (w workshop) shop() string {
	w.Helper()
	return w.make("/stages/dummy/", anyMap{"name": unique("dummy")})
}

// bind binds something to a target.
func (w workshop) bind(target string, order int, what anyMap) string {
	w.Helper()
	body := anyMap{"target": target, "order": order}
	maps.Copy(body, what)
	return w.make(bindingsPath, body)
}

// TestPolicyBindingsOverTheAPI is about what a binding is and is not.
func TestPolicyBindingsOverTheAPI(t *testing.T) {
	t.Parallel()
	w := workshop{newSite(t, 1)}
	ada := w.user("ada")
	group := w.make("/core/groups/", anyMap{"name": "readers"})
	_, target, stages := w.flowOf(nil, w.shop())
	yes := w.expression("true")

	const one, both = "One of 'policy', 'user', 'group' must be set.", "Only one of 'policy', 'user', 'group' can be set."
	nobody := "00000000-0000-4000-8000-000000000000"
	w.bind(target, 77, anyMap{"policy": yes})
	for name, c := range map[string]struct {
		body        anyMap
		field, says string
	}{
		"nothing is bound":                  {anyMap{}, "non_field_errors", one},
		"nothing, said with null":           {anyMap{"policy": nil, "group": nil, "user": nil}, "non_field_errors", one},
		"nothing, said with empty text":     {anyMap{"policy": "", "group": ""}, "non_field_errors", one},
		"a policy and a group":              {anyMap{"policy": yes, "group": group}, "non_field_errors", both},
		"a policy and a user":               {anyMap{"policy": yes, "user": ada.ID}, "non_field_errors", both},
		"a group and a user":                {anyMap{"group": group, "user": ada.ID}, "non_field_errors", both},
		"all three":                         {anyMap{"policy": yes, "group": group, "user": ada.ID}, "non_field_errors", both},
		"the same policy at the same order": {anyMap{"policy": yes, "order": 77}, "non_field_errors", "The fields policy, target, order must make a unique set."},
		"a target that does not exist":      {anyMap{"policy": yes, "target": nobody}, "target", `Invalid pk "` + nobody + `" - object does not exist.`},
		"a target that is no key":           {anyMap{"policy": yes, "target": "home"}, "target", "UUID"},
		"no target":                         {anyMap{"policy": yes, "target": nil}, "target", "null"},
		"no order":                          {anyMap{"policy": yes, "order": nil}, "order", "null"},
		"a policy that does not exist":      {anyMap{"policy": nobody}, "policy", "does not exist"},
		"a group that does not exist":       {anyMap{"group": nobody}, "group", "does not exist"},
		"a user that does not exist":        {anyMap{"user": 999999}, "user", "does not exist"},
		"a timeout below nothing":           {anyMap{"policy": yes, "timeout": -1}, "timeout", "greater than or equal to 0"},
		"a timeout that is no number":       {anyMap{"policy": yes, "timeout": "soon"}, "timeout", "integer"},
		"negate that is neither":            {anyMap{"policy": yes, "negate": "maybe"}, "negate", "boolean"},
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			t.Parallel()
			w := w.at(t)
			body := anyMap{"target": target, "order": 0}
			maps.Copy(body, c.body)
			require.Contains(t, w.refused(http.MethodPost, bindingsPath, c.field, body), c.says)
		})
	}

	for name, row := range map[string]func(t *testing.T, w workshop){
		"a binding has defaults": func(t *testing.T, w workshop) {
			got := w.admin().api(http.StatusCreated, http.MethodPost, bindingsPath, anyMap{"policy": yes, "target": target, "order": 1})
			require.Subset(t, got, anyMap{"negate": false, "enabled": true, "timeout": 30.0, "failure_result": false,
				"policy": yes, "group": nil, "user": nil, "group_obj": nil, "user_obj": nil, "target": target, "order": 1.0})
			require.Equal(t, yes, got["policy_obj"].(anyMap)["pk"])
		},
		"a group": func(t *testing.T, w workshop) {
			got := w.admin().api(http.StatusCreated, http.MethodPost, bindingsPath, anyMap{"group": group, "target": target, "order": 2, "policy": "", "user": nil})
			require.Equal(t, "readers", got["group_obj"].(anyMap)["name"])
			require.Nil(t, got["policy_obj"])
		},
		"a user is a number": func(t *testing.T, w workshop) {
			got := w.admin().api(http.StatusCreated, http.MethodPost, bindingsPath, anyMap{"user": ada.ID, "target": target, "order": 3})
			require.EqualValues(t, ada.ID, got["user"])
			require.Equal(t, "ada", got["user_obj"].(anyMap)["username"])
		},
		"groups and users are bound twice at the same order if need be": func(t *testing.T, w workshop) {
			for range 2 {
				w.bind(target, 4, anyMap{"group": group})
				w.bind(target, 4, anyMap{"user": ada.ID})
			}
		},
		"the same policy at another order, and at another target": func(t *testing.T, w workshop) {
			w.bind(target, 5, anyMap{"policy": yes})
			w.bind(target, 6, anyMap{"policy": yes})
			w.bind(stages[0], 5, anyMap{"policy": yes})
		},
		"a target is named by its own key and by the one for policies, which are one": func(t *testing.T, w workshop) {
			slug, own, bindings := w.flowOf(nil, w.shop())
			f := w.admin().api(http.StatusOK, http.MethodGet, "/flows/instances/"+slug+"/", nil)
			for i, key := range []string{f["pk"].(string), f["policybindingmodel_ptr_id"].(string)} {
				pk := w.bind(key, i, anyMap{"policy": yes})
				got := w.admin().api(http.StatusOK, http.MethodGet, bindingsPath+pk+"/", nil)
				require.Equal(t, own, got["target"], "the object's own key comes back")
			}
			b := w.admin().api(http.StatusOK, http.MethodGet, "/flows/bindings/"+bindings[0]+"/", nil)
			for i, key := range []string{b["pk"].(string), b["policybindingmodel_ptr_id"].(string)} {
				pk := w.bind(key, i, anyMap{"policy": yes})
				require.Equal(t, bindings[0], w.admin().api(http.StatusOK, http.MethodGet, bindingsPath+pk+"/", nil)["target"])
			}
			for _, key := range []string{"pk", "policybindingmodel_ptr_id"} {
				require.Len(t, w.list("?target_in="+f[key].(string)), 2)
				require.Len(t, w.list("?target_in="+f[key].(string)+"&target_in="+b[key].(string)), 4)
			}
			require.Len(t, w.list("?target="+own), 2)
		},
		"filters": func(t *testing.T, w workshop) {
			_, target, _ := w.flowOf(nil, w.shop())
			p := w.expression("true")
			w.bind(target, 1, anyMap{"policy": p, "enabled": false})
			w.bind(target, 2, anyMap{"policy": p, "timeout": 3})
			w.bind(target, 3, anyMap{"group": group})
			for query, want := range map[string][]any{"": {1.0, 2.0, 3.0}, "&enabled=false": {1.0}, "&policy=" + p: {1.0, 2.0}, "&policy__isnull=true": {3.0},
				"&order=3": {3.0}, "&timeout=3": {2.0}} {
				orders := []any{}
				for _, b := range w.list("?ordering=order&target=" + target + query) {
					orders = append(orders, b.(anyMap)["order"])
				}
				require.Equal(t, want, orders, query)
			}
		},
		"a replacement gives defaults, a change leaves what it does not name": func(t *testing.T, w workshop) {
			pk := w.bind(target, 8, anyMap{"policy": yes, "negate": true, "timeout": 7, "enabled": false, "failure_result": true})
			got := w.admin().api(http.StatusOK, http.MethodPatch, bindingsPath+pk+"/", anyMap{"order": 9})
			require.Subset(t, got, anyMap{"negate": true, "timeout": 7.0, "enabled": false, "failure_result": true, "order": 9.0})
			got = w.admin().api(http.StatusOK, http.MethodPut, bindingsPath+pk+"/", anyMap{"user": ada.ID, "target": target, "order": 9})
			require.Subset(t, got, anyMap{"negate": false, "timeout": 30.0, "enabled": true, "failure_result": false, "policy": nil, "policy_obj": nil})
			require.Equal(t, both, w.refused(http.MethodPatch, bindingsPath+pk+"/", "non_field_errors", anyMap{"policy": yes}))
			require.Equal(t, one, w.refused(http.MethodPatch, bindingsPath+pk+"/", "non_field_errors", anyMap{"user": nil}))
		},
		"bindings go with what they bind": func(t *testing.T, w workshop) {
			p := w.expression("true")
			pk := w.bind(target, 10, anyMap{"policy": p})
			require.Equal(t, 1.0, w.admin().api(http.StatusOK, http.MethodGet, "/policies/all/"+p+"/", nil)["bound_to"])
			w.admin().api(http.StatusNoContent, http.MethodDelete, "/policies/all/"+p+"/", nil)
			w.admin().api(http.StatusNotFound, http.MethodGet, bindingsPath+pk+"/", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row(t, w.at(t))
		})
	}
}

// list are the bindings of a query.
func (w workshop) list(query string) []any {
	w.Helper()
	return w.admin().api(http.StatusOK, http.MethodGet, bindingsPath+query, nil)["results"].([]any)
}

// The sources of policies that the rows of the engine bind.
const (
	passes = `message("passes")`
	fails  = `deny("fails")`
	breaks = `context.none.at.all == 1`
)

// policyAnswers say what becomes of a flow with these bindings, in their order.
// who is nobody, or holds the names of groups of ada.
var policyAnswers = []struct {
	name  string
	mode  string // "" = any
	binds []anyMap
	who   string // nobody, ada
	in    bool
	says  string // to whoever is not let in
}{
	{"nothing bound passes", "", nil, "nobody", true, ""},
	{"nothing bound passes where all must", "all", nil, "nobody", true, ""},
	{"nothing enabled passes", "", []anyMap{{"source": fails, "enabled": false}}, "nobody", true, ""},
	{"nothing enabled passes where all must", "all", []anyMap{{"source": fails, "enabled": false}}, "nobody", true, ""},
	{"one that passes", "", []anyMap{{"source": passes}}, "nobody", true, ""},
	{"one that fails", "", []anyMap{{"source": fails}}, "nobody", false, "fails"},
	{"any is enough", "", []anyMap{{"source": fails}, {"source": passes}}, "nobody", true, ""},
	{"any of them, and none passes", "", []anyMap{{"source": fails}, {"source": `deny("fails too")`}}, "nobody", false, "fails\nfails too"},
	{"all of them", "all", []anyMap{{"source": passes}, {"source": "true"}}, "nobody", true, ""},
	{"all but one are not enough, and every message is told", "all", []anyMap{{"source": passes}, {"source": fails}}, "nobody", false, "passes\nfails"},
	{"messages come in the order of the bindings", "all", []anyMap{{"source": `deny("third")`, "order": 3}, {"source": `deny("first")`, "order": 1}, {"source": `deny("second")`, "order": 2}},
		"nobody", false, "first\nsecond\nthird"},
	{"negated, what fails passes", "", []anyMap{{"source": fails, "negate": true}}, "nobody", true, ""},
	{"negated, what passes fails, and its message stays", "", []anyMap{{"source": passes, "negate": true}}, "nobody", false, "passes"},
	{"nil fails", "", []anyMap{{"source": "nil"}}, "nobody", false, unapplied},
	{"nil fails, and negated passes", "", []anyMap{{"source": "nil", "negate": true}}, "nobody", true, ""},

	{"a member of the group", "", []anyMap{{"group": "child"}}, "ada", true, ""},
	{"a member of a group in the group", "", []anyMap{{"group": "parent"}}, "ada", true, ""},
	{"no member of the group", "", []anyMap{{"group": "other"}}, "ada", false, unapplied},
	{"nobody is a member", "", []anyMap{{"group": "child"}}, "nobody", false, unapplied},
	{"no member, negated", "", []anyMap{{"group": "other", "negate": true}}, "ada", true, ""},
	{"a member, negated", "", []anyMap{{"group": "parent", "negate": true}}, "ada", false, unapplied},
	{"the user", "", []anyMap{{"user": "ada"}}, "ada", true, ""},
	{"another user", "", []anyMap{{"user": "eve"}}, "ada", false, unapplied},
	{"nobody is the user", "", []anyMap{{"user": "ada"}}, "nobody", false, unapplied},
	{"another user, negated", "", []anyMap{{"user": "eve", "negate": true}}, "ada", true, ""},
	{"a user or a policy", "", []anyMap{{"user": "eve"}, {"source": passes}}, "ada", true, ""},
	{"a user and a policy", "all", []anyMap{{"user": "ada"}, {"source": fails}}, "ada", false, "fails"},

	{"a fault fails", "", []anyMap{{"source": breaks}}, "nobody", false, unapplied},
	{"a fault fails, and is not negated", "", []anyMap{{"source": breaks, "negate": true}}, "nobody", false, unapplied},
	{"a fault is the failure result", "", []anyMap{{"source": breaks, "failure_result": true}}, "nobody", true, ""},
	{"a failure result is not negated", "", []anyMap{{"source": breaks, "failure_result": true, "negate": true}}, "nobody", true, ""},
	{"a failure result is for faults alone", "", []anyMap{{"source": fails, "failure_result": true}}, "nobody", false, "fails"},
	{"beside a fault any other is enough", "", []anyMap{{"source": breaks}, {"source": passes}}, "nobody", true, ""},
	{"a fault among all", "all", []anyMap{{"source": passes}, {"source": breaks}}, "nobody", false, unapplied},
	{"what is neither true nor false is a fault", "", []anyMap{{"source": `context["flow_slug"]`, "negate": true}}, "nobody", false, unapplied},
	{"no answer in time is a fault", "", []anyMap{{"wait": 3000, "timeout": 1, "negate": true}}, "nobody", false, unapplied},
	{"no answer in time is the failure result", "", []anyMap{{"wait": 3000, "timeout": 1, "failure_result": true}}, "nobody", true, ""},
}

const unapplied = "Flow does not apply to current user."

// TestBindingsDecideOverTheAPI opens flows with bindings.
func TestBindingsDecideOverTheAPI(t *testing.T) {
	t.Parallel()
	w := workshop{newSite(t, 1)}
	groups := anyMap{"parent": w.make("/core/groups/", anyMap{"name": "parent"}), "other": w.make("/core/groups/", anyMap{"name": "other"})}
	groups["child"] = w.make("/core/groups/", anyMap{"name": "child", "parents": []any{groups["parent"]}})
	child, err := idp.ParseID[idp.Group](groups["child"].(string))
	require.NoError(t, err)
	ada := w.user("ada", func(n *account.NewUser) { n.Groups = []idp.GroupID{child} })
	users := map[string]*idp.User{"ada": ada, "eve": w.user("eve")}

	for _, c := range policyAnswers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := w.at(t)
			slug, pk, _ := w.flowOf(anyMap{"policy_engine_mode": nonEmpty(c.mode, "any")}, w.shop())
			for i, b := range c.binds {
				w.bindRow(pk, i, b, groups, users)
			}
			b := w.browser()
			if c.who == "ada" {
				b = w.with(ada)
			}
			got := b.challenge(slug)
			if c.in {
				require.Equal(t, "ak-stage-dummy", got["component"], "%v", got)
				return
			}
			require.Equal(t, "ak-stage-access-denied", got["component"], "%v", got)
			require.Equal(t, c.says, got["error_message"])
		})
	}
}

// bindRow makes what a row binds, by name, and binds it.
func (w workshop) bindRow(target string, order int, row, groups anyMap, users map[string]*idp.User) {
	w.Helper()
	body := maps.Clone(row)
	if row["order"] == nil {
		body["order"] = order
	}
	delete(body, "source")
	delete(body, "wait")
	if source, ok := row["source"].(string); ok {
		body["policy"] = w.expression(source)
	}
	if seconds, ok := row["wait"].(int); ok {
		body["policy"] = w.make("/policies/dummy/", anyMap{"name": unique("waits"), "wait_min": seconds, "wait_max": seconds, "result": true})
	}
	if name, ok := row["group"].(string); ok {
		body["group"] = groups[name]
	}
	if name, ok := row["user"].(string); ok {
		body["user"] = users[name].ID
	}
	body["target"] = target
	w.make(bindingsPath, body)
}

// TestPoliciesLeaveEventsOverTheAPI is about what evaluations leave behind, and
// about the binding of a stage.
func TestPoliciesLeaveEventsOverTheAPI(t *testing.T) {
	t.Parallel()
	w := workshop{newSite(t, 1)}
	named := func(w workshop, source string, logging bool) (name, pk string) {
		name = unique("policy")
		return name, w.make("/policies/expression/", anyMap{"name": name, "expression": source, "execution_logging": logging})
	}
	for name, row := range map[string]func(t *testing.T, w workshop){
		"a fault is an event, however it counts": func(t *testing.T, w workshop) {
			for _, result := range []bool{false, true} {
				name, p := named(w, breaks, false)
				slug, pk, _ := w.flowOf(nil, w.shop())
				w.bind(pk, 0, anyMap{"policy": p, "failure_result": result})
				w.browser().challenge(slug)
				got := w.told("policy_exception", name)
				require.Len(t, got, 1)
				require.Contains(t, got[0]["context"].(anyMap)["error"], "cannot fetch at from nil")
				require.Equal(t, result, got[0]["context"].(anyMap)["passing"])
				require.Equal(t, "authentik.policies", got[0]["app"])
			}
		},
		"a policy that asks for it writes an event each time": func(t *testing.T, w workshop) {
			name, p := named(w, passes, true)
			quiet, q := named(w, passes, false)
			slug, pk, _ := w.flowOf(anyMap{"policy_engine_mode": "all"}, w.shop())
			w.bind(pk, 0, anyMap{"policy": p})
			w.bind(pk, 1, anyMap{"policy": q})
			w.browser().challenge(slug)
			got := w.told("policy_execution", name)
			require.Len(t, got, 1)
			require.Equal(t, []any{"passes"}, got[0]["context"].(anyMap)["messages"])
			require.Equal(t, true, got[0]["context"].(anyMap)["passing"])
			w.browser().challenge(slug)
			require.Len(t, w.told("policy_execution", name), 2)
			require.Empty(t, w.told("policy_execution", quiet))
		},
		"trying a policy writes none": func(t *testing.T, w workshop) {
			for _, source := range []string{passes, breaks} {
				name, p := named(w, source, true)
				w.admin().api(http.StatusOK, http.MethodPost, "/policies/all/"+p+"/test/", anyMap{"user": w.named("admin").ID})
				require.Empty(t, w.told("policy_execution", name))
				require.Empty(t, w.told("policy_exception", name))
			}
		},
		"a binding whose policy fails leaves its stage out": func(t *testing.T, w workshop) {
			slug, _, bindings := w.flowOf(nil, w.shop(), w.seeing())
			_, p := named(w, fails, false)
			w.bind(bindings[0], 0, anyMap{"policy": p})
			require.Equal(t, "ak-stage-prompt", w.browser().challenge(slug)["component"])
		},
		"a binding whose policy fails to evaluate leaves nothing out": func(t *testing.T, w workshop) {
			slug, _, bindings := w.flowOf(nil, w.shop(), w.seeing())
			name, p := named(w, breaks, false)
			w.bind(bindings[0], 0, anyMap{"policy": p})
			got := w.browser().challenge(slug)
			require.Equal(t, "ak-stage-access-denied", got["component"], "%v", got)
			require.NotEmpty(t, w.told("policy_exception", name))
		},
		"a binding whose failure result is true keeps its stage": func(t *testing.T, w workshop) {
			slug, _, bindings := w.flowOf(nil, w.shop(), w.seeing())
			_, p := named(w, breaks, false)
			w.bind(bindings[0], 0, anyMap{"policy": p, "failure_result": true})
			require.Equal(t, "ak-stage-dummy", w.browser().challenge(slug)["component"])
		},
		"nobody but operators hears of a fault": func(t *testing.T, w workshop) {
			slug, pk, _ := w.flowOf(nil, w.shop())
			_, p := named(w, breaks, false)
			w.bind(pk, 0, anyMap{"policy": p})
			a := w.browser().get("/api/v3" + executor(slug))
			require.False(t, strings.Contains(string(a.body), "nil"), "%s", a.body)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row(t, w.at(t))
		})
	}
}
