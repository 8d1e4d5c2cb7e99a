package server_test

import (
	"net/http"

	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// client sends requests as somebody.
type client struct {
	*rig
	key string
}

func (r *rig) by(u *idp.User) client { return client{r, r.keyOf(u)} }

func (c client) send(method, at string, body any) *response {
	c.t.Helper()
	return c.do(request{method: method, path: path("%s", at), key: c.key, body: body})
}

func (c client) post(at string, body any) map[string]any {
	c.t.Helper()
	return c.send(http.MethodPost, at, body).json(http.StatusCreated)
}

func (c client) get(at string) map[string]any {
	c.t.Helper()
	return c.send(http.MethodGet, at, nil).json(http.StatusOK)
}

// all lists one key of a list's results.
func (c client) all(at, key string) []any {
	c.t.Helper()
	return results(c.get(at), key)
}

func (c client) put(at string, body any) map[string]any {
	c.t.Helper()
	return c.send(http.MethodPut, at, body).json(http.StatusOK)
}

func (c client) patch(at string, body any) map[string]any {
	c.t.Helper()
	return c.send(http.MethodPatch, at, body).json(http.StatusOK)
}

// refuse asks for the field that is wrong.
func (c client) refuse(method, at, field string, body any) {
	c.t.Helper()
	require.Contains(c.t, c.send(method, at, body).json(http.StatusBadRequest), field)
}

func (c client) delete(at string) {
	c.t.Helper()
	require.Equal(c.t, http.StatusNoContent, c.send(http.MethodDelete, at, nil).Code)
	c.send(http.MethodGet, at, nil).json(http.StatusNotFound)
}

// usedBy lists who refers to an object, as model and action.
func (c client) usedBy(at string) []string {
	c.t.Helper()
	a := c.send(http.MethodGet, at+"used_by/", nil)
	require.Equal(c.t, http.StatusOK, a.Code, a.Body.String())
	var list []map[string]string
	require.NoError(c.t, unmarshal(a.Body.Bytes(), &list))
	out := []string{}
	for _, one := range list {
		require.NotEmpty(c.t, one["name"])
		out = append(out, one["app"]+"."+one["model_name"]+" "+one["action"])
	}
	return out
}

type fields = map[string]any

func TestFlows(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	const base = "/flows/instances/"
	got := c.post(base, fields{"name": "Way in", "slug": "way-in", "title": "Welcome to %(app)s", "designation": "authentication",
		"pk": "ignored", "background": "/static/harbour.jpg"})
	require.Equal(t, got["pk"], got["policybindingmodel_ptr_id"])
	require.Equal(t, []any{"any", false, "stacked", "message_continue", "none", "/static/harbour.jpg", "/api/v3/flows/instances/way-in/export/"},
		[]any{got["policy_engine_mode"], got["compatibility_mode"], got["layout"], got["denied_action"], got["authentication"],
			got["background_url"], got["export_url"]})

	one := base + "way-in/"
	got = c.patch(one, fields{"layout": "sidebar_left", "denied_action": "continue", "authentication": "require_unauthenticated", "title": ""})
	require.Equal(t, []any{"sidebar_left", "continue", "/static/harbour.jpg"}, []any{got["layout"], got["denied_action"], got["background"]})
	whole := fields{"name": "Door", "slug": "door", "title": "Door", "designation": "recovery"}
	got = c.put(one, whole)
	require.Equal(t, []any{"stacked", "message_continue", "none", ""}, []any{got["layout"], got["denied_action"], got["authentication"], got["background"]},
		"a replacement sets what it does not name to its default")
	c.send(http.MethodGet, one, nil).json(http.StatusNotFound)
	one = base + "door/"
	require.Equal(t, got, c.get(one))

	require.Equal(t, []any{"door"}, c.all(base+"?designation=recovery&name=Door&denied_action=message_continue", "slug"))
	require.Equal(t, []any{"door"}, c.all(base+"?flow_uuid="+got["pk"].(string), "slug"))
	require.Equal(t, []any{"door", "sign-in"}, c.all(base+"?ordering=slug", "slug"))
	require.Equal(t, []any{"door"}, c.all(base+"?search=oor", "slug"))
	require.Equal(t, []any{"sign-in"}, c.all(base+"?page=2&page_size=1&ordering=name", "slug"))

	for field, change := range map[string]fields{"slug": {"slug": "not a slug"}, "designation": {"designation": "somewhere"},
		"layout": {"layout": "round"}, "denied_action": {"denied_action": ""}, "authentication": {"authentication": "require_luck"},
		"policy_engine_mode": {"policy_engine_mode": "most"}, "name": {"name": " "}, "background": {"background": "javascript:x"}, "stage": {"stage": 1}} {
		c.refuse(http.MethodPatch, one, field, change)
	}
	for _, field := range []string{"name", "slug", "title", "designation"} {
		short := fields{"name": "x", "slug": "x", "title": "x", "designation": "recovery"}
		delete(short, field)
		c.refuse(http.MethodPost, base, field, short)
		c.refuse(http.MethodPut, one, field, short)
	}
	c.refuse(http.MethodPost, base, "slug", whole)
	c.refuse(http.MethodGet, base+"?designation=nowhere", "designation", nil)
	c.refuse(http.MethodGet, base+"?ordering=colour", "ordering", nil)

	person := r.by(r.person)
	for _, at := range []string{base, one, one + "used_by/", one + "execute/", one + "diagram/", base + "cache_info/"} {
		person.send(http.MethodGet, at, nil).json(http.StatusForbidden)
	}
	person.send(http.MethodPatch, one, fields{"title": "mine"}).json(http.StatusForbidden)
	person.send(http.MethodDelete, one, nil).json(http.StatusForbidden)
	person.send(http.MethodPost, base+"cache_clear/", nil).json(http.StatusForbidden)

	c.delete(one)
}

// What is kept of a flow counts and can be dropped in the middle of a run, which
// goes on.
func TestFlowDefinitionsAreKeptAndForgotten(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	kept := func() any {
		count := c.get("/flows/instances/cache_info/")["count"]
		require.Equal(t, count, c.get("/flows/instances/sign-in/")["cache_count"], "it is the only one that was run")
		return count
	}
	require.Equal(t, 0.0, kept())
	b := r.browser()
	address := path("/flows/executor/sign-in/")
	require.Equal(t, "ak-stage-password", b.do(request{path: address}).json(http.StatusOK)["component"])
	require.Equal(t, 1.0, kept())
	r.by(r.person).send(http.MethodPost, "/flows/instances/cache_clear/", nil).json(http.StatusForbidden)
	require.Equal(t, 1.0, kept(), "a refused request drops nothing")
	require.Equal(t, http.StatusNoContent, c.send(http.MethodPost, "/flows/instances/cache_clear/", nil).Code)
	require.Equal(t, 0.0, kept())

	answer := b.do(request{method: http.MethodPost, path: address, body: map[string]any{"component": "ak-stage-password", "password": "open sesame"}})
	if answer.Code == http.StatusFound {
		answer = b.do(request{path: address})
	}
	require.Equal(t, "xak-flow-redirect", answer.json(http.StatusOK)["component"])
	require.Equal(t, 1.0, kept())
}

func TestWhatAFlowHas(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	const one = "/flows/instances/sign-in/"
	got := c.get(one)
	require.Len(t, got["stages"], 1)
	require.Empty(t, got["policies"])
	policy := &idp.Policy{Name: "say no", Kind: "dummy", Settings: []byte(`{}`)}
	require.NoError(t, r.db.Repos().Policies.Create(t.Context(), policy))
	binding := c.all("/flows/bindings/?target="+r.flow.ID.String(), "pk")[0].(string)
	for _, target := range []string{r.flow.ID.String(), binding} {
		id, err := idp.ParseID[any](target)
		require.NoError(t, err)
		require.NoError(t, r.db.Repos().PolicyBindings.Create(t.Context(), &idp.PolicyBinding{Target: id.UUID(), PolicyID: &policy.ID, Enabled: true}))
	}
	require.Equal(t, []any{policy.ID.String()}, c.get(one)["policies"])
	require.Equal(t, []any{policy.ID.String()}, c.all("/flows/instances/?slug=sign-in", "policies")[0])

	c.post("/stages/identification/", fields{"name": "who", "recovery_flow": r.flow.ID})
	require.Equal(t, []string{"authentik_flows.flowstagebinding cascade", "authentik_policies.policybinding cascade",
		"authentik_brands.brand set_null", "authentik_stages_identification.identificationstage set_null"}, c.usedBy(one))
	require.Equal(t, []string{"authentik_policies.policybinding cascade"}, c.usedBy("/flows/bindings/"+binding+"/"))

	c.post("/stages/deny/", fields{"name": `a "quoted" [deny]<br>`})
	deny := c.all("/stages/deny/", "pk")[0]
	c.post("/flows/bindings/", fields{"target": r.flow.ID, "stage": deny, "order": 5})
	drawn := c.get(one + "diagram/")["diagram"].(string)
	require.True(t, strings.HasPrefix(drawn, "graph TD\n"), drawn)
	for _, line := range []string{`flow[["Flow<br>sign-in"]]`, "flow --> flow_policies", "flow_policies -- denied --> denied", "flow_policies --> stage_0_policies",
		"stage_0_policies -- denied --> stage_1", "stage_0_policies -- passed --> stage_0", "stage_0 --> stage_1", "stage_1 --> done", "say no",
		`a #quot;quoted#quot; [deny]#lt;br#gt;`} {
		require.Contains(t, drawn, line)
	}
}

// The link is the flow's address. In a browser the flow is planned already, with
// whoever asks as the person it is about.
func TestExecutingAFlow(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	require.Equal(t, "http://localhost/if/flow/sign-in/", c.get("/flows/instances/sign-in/execute/")["link"])
	cookie := r.cookieOf(r.admin)
	got := r.do(request{path: path("/flows/instances/sign-in/execute/"), cookie: cookie})
	require.Equal(t, "http://localhost/if/flow/sign-in/", got.json(http.StatusOK)["link"])
	require.NotNil(t, got.set("portcullis_browser"), "%v", got.Header())
	r.addFlow("strangers", idp.DesignationEnrollment, idp.AuthenticationUnauthenticated, "deny", "{}")
	not := r.do(request{path: path("/flows/instances/strangers/execute/"), cookie: cookie}).json(http.StatusBadRequest)
	require.Contains(t, not["non_field_errors"].([]any)[0], "Flow not applicable")
	c.send(http.MethodGet, "/flows/instances/none/execute/", nil).json(http.StatusNotFound)
}

func TestFlowBindings(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	const base = "/flows/bindings/"
	stage := c.post("/stages/deny/", fields{"name": "no"})["pk"]
	got := c.post(base, fields{"target": r.flow.ID, "stage": stage, "order": 10})
	require.Equal(t, []any{false, true, "any", "retry"}, []any{got["evaluate_on_plan"], got["re_evaluate_policies"], got["policy_engine_mode"],
		got["invalid_response_action"]})
	require.Equal(t, got["pk"], got["policybindingmodel_ptr_id"])
	shown := got["stage_obj"].(map[string]any)
	require.Equal(t, []any{"no", "ak-stage-deny-form", "Deny Stage", "authentik_stages_deny.denystage", stage},
		[]any{shown["name"], shown["component"], shown["verbose_name"], shown["meta_model_name"], shown["pk"]})
	require.Equal(t, "sign-in", shown["flow_set"].([]any)[0].(map[string]any)["slug"])

	one := base + got["pk"].(string) + "/"
	got = c.patch(one, fields{"evaluate_on_plan": true, "re_evaluate_policies": false, "invalid_response_action": "restart", "policy_engine_mode": "all"})
	require.Equal(t, 10.0, got["order"])
	require.Equal(t, got, c.get(one))
	for _, query := range []string{"evaluate_on_plan=true&order=10", "re_evaluate_policies=false", "invalid_response_action=restart", "policy_engine_mode=all",
		"stage=" + stage.(string), "order=10&target=" + r.flow.ID.String(), "fsb_uuid=" + got["pk"].(string), "pbm_uuid=" + got["pk"].(string), "search=sign-in&order=10"} {
		require.Equal(t, []any{got["pk"]}, c.all(base+"?"+query, "pk"), query)
	}
	require.Equal(t, []any{10.0, 0.0}, c.all(base+"?ordering=-order", "order"))
	require.Empty(t, c.all(base+"?policies=00000000-0000-0000-0000-000000000001", "pk"))
	policy := &idp.Policy{Name: "asked", Kind: "dummy", Settings: []byte(`{}`)}
	require.NoError(t, r.db.Repos().Policies.Create(t.Context(), policy))
	target, err := idp.ParseID[any](got["pk"].(string))
	require.NoError(t, err)
	require.NoError(t, r.db.Repos().PolicyBindings.Create(t.Context(), &idp.PolicyBinding{Target: target.UUID(), PolicyID: &policy.ID, Enabled: true}))
	require.Equal(t, []any{got["pk"]}, c.all(base+"?policies="+policy.ID.String(), "pk"))
	require.Empty(t, c.all(base+"?policies="+policy.ID.String()+"&fsb_uuid=00000000-0000-0000-0000-000000000001", "pk"))

	got = c.put(one, fields{"target": r.flow.ID, "stage": stage, "order": -3, "stage_obj": nil})
	require.Equal(t, []any{false, true, "any", "retry", -3.0}, []any{got["evaluate_on_plan"], got["re_evaluate_policies"], got["policy_engine_mode"],
		got["invalid_response_action"], got["order"]})
	for field, change := range map[string]fields{"target": {"target": "00000000-0000-0000-0000-000000000001"}, "stage": {"stage": "x"}, "order": {"order": 3e10},
		"invalid_response_action": {"invalid_response_action": "laugh"}, "policy_engine_mode": {"policy_engine_mode": nil}} {
		c.refuse(http.MethodPatch, one, field, change)
	}
	for _, field := range []string{"target", "stage", "order"} {
		short := fields{"target": r.flow.ID, "stage": stage, "order": 1}
		delete(short, field)
		c.refuse(http.MethodPost, base, field, short)
	}
	c.refuse(http.MethodPost, base, "non_field_errors", fields{"target": r.flow.ID, "stage": stage, "order": -3})
	r.by(r.person).send(http.MethodGet, base, nil).json(http.StatusForbidden)
	r.by(r.person).send(http.MethodGet, one, nil).json(http.StatusForbidden)
	c.delete(one)
}

// Whoever is deleted takes along what is listed, and nothing of it to the eyes of
// others.
func TestWhatNamesPeople(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	group := c.post("/core/groups/", fields{"name": "staff", "users": []any{r.person.ID}})["pk"].(string)
	c.post("/core/groups/", fields{"name": "night shift", "parents": []any{group}})
	write := c.post("/stages/user_write/", fields{"name": "newcomers", "create_users_group": group})["pk"].(string)
	c.post("/policies/bindings/", fields{"target": r.flow.ID, "group": group, "order": 0})
	c.post("/policies/bindings/", fields{"target": r.flow.ID, "user": r.person.ID, "order": 1})
	c.post("/core/tokens/", fields{"identifier": "ci", "user": r.person.ID})
	r.cookieOf(r.person)
	one := "/core/users/" + r.person.ID.String() + "/"
	require.Equal(t, []string{"authentik_core.token cascade", "authentik_core.authenticatedsession cascade", "authentik_core.group cascade_many",
		"authentik_policies.policybinding cascade"}, c.usedBy(one))
	require.Equal(t, []string{"authentik_core.token cascade", "authentik_core.token cascade", "authentik_core.authenticatedsession cascade"},
		r.by(r.person).usedBy(one), "the second token is the one that asks")
	r.by(r.person).send(http.MethodGet, "/core/users/"+r.admin.ID.String()+"/used_by/", nil).json(http.StatusNotFound)
	at := "/core/groups/" + group + "/"
	require.Equal(t, []string{"authentik_core.group cascade_many", "authentik_policies.policybinding cascade",
		"authentik_stages_user_write.userwritestage set_null"}, c.usedBy(at))

	c.delete(at)
	require.Nil(t, c.get("/stages/user_write/" + write + "/")["create_users_group"])
	c.delete(one)
	require.Empty(t, c.all("/policies/bindings/", "pk"))
}
