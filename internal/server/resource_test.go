package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestGroups(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key := r.keyOf(r.admin)
	post := func(body map[string]any) map[string]any {
		return r.do(request{method: http.MethodPost, path: path("/core/groups/"), key: key, body: body}).json(http.StatusCreated)
	}
	parent := post(map[string]any{"name": "staff", "attributes": map[string]any{"floor": 3}})
	child := post(map[string]any{"name": "night shift", "parents": []any{parent["pk"]}, "users": []int{int(r.person.ID)}})
	require.Equal(t, []any{float64(r.person.ID)}, child["users"])
	require.Equal(t, "grace", child["users_obj"].([]any)[0].(map[string]any)["username"])
	require.IsType(t, 0.0, child["num_pk"])

	one := path("/core/groups/%s/", parent["pk"])
	got := r.do(request{path: one + "?include_children=true", key: key}).json(http.StatusOK)
	require.Equal(t, []any{child["pk"]}, got["children"])
	require.Equal(t, "night shift", got["children_obj"].([]any)[0].(map[string]any)["name"])
	got = r.do(request{path: path("/core/groups/%s/?include_parents=true&include_users=false", child["pk"]), key: key}).json(http.StatusOK)
	require.Equal(t, "staff", got["parents_obj"].([]any)[0].(map[string]any)["name"])
	require.Nil(t, got["users_obj"])

	for _, act := range []string{"remove_user", "remove_user", "add_user", "add_user"} {
		require.Equal(t, http.StatusNoContent, r.do(request{method: http.MethodPost, path: one + act + "/", key: key, body: map[string]any{"pk": r.person.ID}}).Code)
	}
	list := func(query string) []any {
		return results(r.do(request{path: path("/core/groups/?") + query, key: key}).json(http.StatusOK), "name")
	}
	require.Equal(t, []any{"admins", "night shift", "staff"}, list("ordering=name"))
	require.Equal(t, []any{"night shift", "staff"}, list("members_by_username=grace&ordering=name"))
	require.Equal(t, []any{"staff"}, list("name=staff&include_users=false"))
	require.Empty(t, list("members_by_username=nobody"), "a member that nobody is selects nothing")
	require.Equal(t, []any{"admins"}, list("is_superuser=true"))

	got = r.do(request{method: http.MethodPatch, path: one, key: key, body: map[string]any{"name": "crew"}}).json(http.StatusOK)
	require.Equal(t, map[string]any{"floor": 3.0}, got["attributes"])
	got = r.do(request{method: http.MethodPut, path: one, key: key, body: map[string]any{"name": "crew"}}).json(http.StatusOK)
	require.Equal(t, map[string]any{}, got["attributes"])
	require.Equal(t, []any{float64(r.person.ID)}, got["users"], "members are managed apart")

	for _, bad := range []map[string]any{{"name": "crew", "parents": []any{child["pk"]}}, {"name": ""}, {"name": "x", "users": []int{9999}},
		{"name": "x", "parents": []string{"00000000-0000-0000-0000-000000000001"}}, {"name": strings.Repeat("x", 300)}} {
		r.do(request{method: http.MethodPut, path: one, key: key, body: bad}).json(http.StatusBadRequest)
	}
	r.do(request{method: http.MethodPost, path: path("/core/groups/"), key: key, body: map[string]any{"name": "crew"}}).json(http.StatusBadRequest)
	r.do(request{method: http.MethodPost, path: one + "add_user/", key: key, body: map[string]any{"pk": 9999}}).json(http.StatusBadRequest)
	require.Len(t, must[[]any](t, r.do(request{path: one + "used_by/", key: key})), 1)
	require.Equal(t, http.StatusNoContent, r.do(request{method: http.MethodDelete, path: one, key: key}).Code)
	r.do(request{path: one, key: key}).json(http.StatusNotFound)

	admins := path("/core/groups/%s/", r.adminGroups()[0])
	r.do(request{method: http.MethodPost, path: admins + "remove_user/", key: key, body: map[string]any{"pk": r.admin.ID}}).json(http.StatusBadRequest)
}

func TestBrandResource(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key := r.keyOf(r.admin)
	got := r.do(request{method: http.MethodPost, path: path("/core/brands/"), key: key, body: map[string]any{"domain": "acme.example",
		"branding_title": "Acme", "flow_lockdown": r.flow.ID, "flow_recovery": "", "web_certificate": nil, "client_certificates": []string{}}}).json(http.StatusCreated)
	require.Equal(t, r.flow.ID.String(), got["flow_lockdown"])
	require.Nil(t, got["flow_recovery"])
	one := path("/core/brands/%s/", got["brand_uuid"])
	got = r.do(request{method: http.MethodPatch, path: one, key: key, body: map[string]any{"flow_authentication": r.flow.ID}}).json(http.StatusOK)
	require.Equal(t, r.flow.ID.String(), got["flow_lockdown"], "absent stays")
	got = r.do(request{method: http.MethodPatch, path: one, key: key, body: map[string]any{"flow_lockdown": nil}}).json(http.StatusOK)
	require.Nil(t, got["flow_lockdown"], "null unsets")
	got = r.do(request{method: http.MethodPut, path: one, key: key, body: map[string]any{"domain": "acme.example"}}).json(http.StatusOK)
	require.Nil(t, got["flow_authentication"], "a replacement unsets what it does not name")
	require.Equal(t, []any{"acme.example"}, results(r.do(request{path: path("/core/brands/?domain=acme.example"), key: key}).json(http.StatusOK), "domain"))

	for field, body := range map[string]map[string]any{"flow_lockdown": {"flow_lockdown": "00000000-0000-0000-0000-000000000001"},
		"flow_recovery": {"flow_recovery": "x"}, "domain": {"domain": "localhost"}, "default": {"default": nil}} {
		require.Contains(t, r.do(request{method: http.MethodPatch, path: one, key: key, body: body}).json(http.StatusBadRequest), field)
	}
	require.Equal(t, http.StatusOK, r.do(request{path: one + "used_by/", key: key}).Code)
	require.Equal(t, http.StatusNoContent, r.do(request{method: http.MethodDelete, path: one, key: key}).Code)
	r.do(request{method: http.MethodPatch, path: one, key: key, body: map[string]any{}}).json(http.StatusNotFound)

	events := results(r.do(request{path: path("/events/events/?ordering=created&search=acme.example"), key: key}).json(http.StatusOK), "action")
	require.Equal(t, []any{"model_created", "model_updated", "model_updated", "model_updated", "model_deleted"}, events)
	for _, text := range []string{"%25", "...", "%22%7B"} {
		require.Contains(t, r.do(request{path: path("/events/events/?search=%s", text), key: key}).json(http.StatusBadRequest), "search")
	}

	current := r.do(request{path: path("/core/brands/current/")}).json(http.StatusOK)
	require.Equal(t, "sign-in", current["flow_authentication"], "slugs, and nobody need be signed in")
	require.NotContains(t, current, "flow_lockdown")
}

func TestTokens(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	admin, own := r.keyOf(r.admin), r.keyOf(r.person)
	got := r.do(request{method: http.MethodPost, path: path("/core/tokens/"), key: own, body: map[string]any{"identifier": "ci", "description": "for the pipeline"}}).json(http.StatusCreated)
	key := got["key"].(string)
	require.Equal(t, "api", got["intent"])
	require.Equal(t, true, got["expiring"])
	require.EqualValues(t, r.person.ID, got["user"])
	require.Equal(t, http.StatusOK, r.do(request{path: path("/core/users/me/"), key: key}).Code)

	one := path("/core/tokens/ci/")
	got = r.do(request{path: one, key: own}).json(http.StatusOK)
	require.NotContains(t, got, "key", "only where it was made")
	r.do(request{path: path("/core/tokens/none/view_key/"), key: own}).json(http.StatusNotFound)
	require.Equal(t, http.StatusOK, r.do(request{path: one + "used_by/", key: own}).Code)

	ends := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	got = r.do(request{method: http.MethodPatch, path: one, key: own, body: map[string]any{"expires": ends}}).json(http.StatusOK)
	require.Equal(t, ends.Format(time.RFC3339), got["expires"])
	got = r.do(request{method: http.MethodPut, path: one, key: own, body: map[string]any{"identifier": "ci", "expiring": false, "user": r.person.ID}}).json(http.StatusOK)
	require.Nil(t, got["expires"])
	require.Empty(t, got["description"], "a replacement sets what it does not name to its default")

	require.Contains(t, results(r.do(request{path: path("/core/tokens/"), key: admin}).json(http.StatusOK), "identifier"), "ci")
	require.Empty(t, results(r.do(request{path: path("/core/tokens/?user__username=root"), key: own}).json(http.StatusOK), "identifier"))
	require.Len(t, results(r.do(request{path: path("/core/tokens/?identifier=ci&intent=api&user__username=grace"), key: admin}).json(http.StatusOK), "identifier"), 1)
	require.Empty(t, results(r.do(request{path: path("/core/tokens/?user__username=nobody"), key: admin}).json(http.StatusOK), "identifier"))

	for field, body := range map[string]map[string]any{"identifier": {"identifier": "not a slug"}, "intent": {"identifier": "a", "intent": "root"},
		"user": {"identifier": "a", "user": 99999}, "expires": {"identifier": "a", "expires": "soon"}, "key": {"identifier": "a", "key": "mine"}} {
		require.Contains(t, r.do(request{method: http.MethodPost, path: path("/core/tokens/"), key: admin, body: body}).json(http.StatusBadRequest), field)
	}
	r.do(request{method: http.MethodPost, path: path("/core/tokens/"), key: own, body: map[string]any{"identifier": "a", "user": r.admin.ID}}).json(http.StatusForbidden)
	r.do(request{method: http.MethodPatch, path: one, key: own, body: map[string]any{"user": r.admin.ID}}).json(http.StatusBadRequest)
	r.do(request{method: http.MethodPost, path: path("/core/tokens/"), key: own, body: map[string]any{"identifier": "ci"}}).json(http.StatusBadRequest)

	require.Equal(t, http.StatusNoContent, r.do(request{method: http.MethodDelete, path: one, key: own}).Code)
	r.do(request{path: one, key: own}).json(http.StatusNotFound)
	r.do(request{path: path("/core/users/me/"), key: key}).json(http.StatusForbidden)
	require.NotContains(t, results(r.do(request{path: path("/core/tokens/"), key: own}).json(http.StatusOK), "identifier"), "ci")
	require.NotContains(t, r.log.String(), key)
}

func TestSessions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	cookie, other := r.cookieOf(r.person), r.cookieOf(r.person)
	r.cookieOf(r.admin)
	base := path("/core/authenticated_sessions/")
	got := r.do(request{path: base + "?ordering=created", cookie: cookie}).json(http.StatusOK)
	require.Equal(t, []any{true, false}, results(got, "current"))
	first := got["results"].([]any)[0].(map[string]any)
	require.Equal(t, "192.0.2.7", first["last_ip"])
	require.Equal(t, "curl", first["user_agent"].(map[string]any)["user_agent"].(map[string]any)["family"])

	admin := r.keyOf(r.admin)
	require.Len(t, results(r.do(request{path: base, key: admin}).json(http.StatusOK), "user"), 3)
	require.Len(t, results(r.do(request{path: base + "?user__username=grace&session__last_ip=192.0.2.7", key: admin}).json(http.StatusOK), "user"), 2)
	require.Empty(t, results(r.do(request{path: base + "?user__username=root", cookie: cookie}).json(http.StatusOK), "user"))
	require.Len(t, results(r.do(request{path: base + "?session__last_user_agent=" + url.QueryEscape(first["last_user_agent"].(string)), key: admin}).json(http.StatusOK), "user"), 3)
	require.Empty(t, results(r.do(request{path: base + "?session__last_user_agent=Lynx", key: admin}).json(http.StatusOK), "user"))

	second := base + results(got, "uuid")[1].(string) + "/"
	r.do(request{path: second, cookie: cookie}).json(http.StatusOK)
	require.Equal(t, http.StatusOK, r.do(request{path: second + "used_by/", cookie: cookie}).Code)
	require.Equal(t, http.StatusNoContent, r.do(request{method: http.MethodDelete, path: second, cookie: cookie}).Code)
	require.Empty(t, r.do(request{path: "/probe/", cookie: other}).json(http.StatusOK)["user"])
	r.do(request{path: second, cookie: cookie}).json(http.StatusNotFound)
	r.do(request{method: http.MethodDelete, path: second, cookie: cookie}).json(http.StatusNotFound)

	theirs := results(r.do(request{path: base + "?user__username=root", key: admin}).json(http.StatusOK), "uuid")[0].(string)
	r.do(request{method: http.MethodDelete, path: base + theirs + "/", cookie: cookie}).json(http.StatusNotFound)

	r.do(request{method: http.MethodDelete, path: base + "bulk_delete/", key: admin}).json(http.StatusBadRequest)
	r.do(request{method: http.MethodDelete, path: base + "bulk_delete/?user_pks=x", key: admin}).json(http.StatusBadRequest)
	bulk := base + "bulk_delete/?user_pks=" + r.admin.ID.String() + "&user_pks=" + r.person.ID.String() + "&user_pks=424242"
	r.do(request{method: http.MethodDelete, path: bulk, cookie: cookie}).json(http.StatusForbidden)
	require.Equal(t, "grace", r.do(request{path: "/probe/", cookie: cookie}).json(http.StatusOK)["user"], "all or nothing")
	got = r.do(request{method: http.MethodDelete, path: bulk, key: admin}).json(http.StatusOK)
	require.Equal(t, 2.0, got["deleted"])
	require.Empty(t, r.do(request{path: "/probe/", cookie: cookie}).json(http.StatusOK)["user"])
	got = r.do(request{method: http.MethodDelete, path: bulk, key: admin}).json(http.StatusOK)
	require.Equal(t, 0.0, got["deleted"], "sent twice")

	// Every end has its event.
	third := r.cookieOf(r.person)
	mine := results(r.do(request{path: base, cookie: third}).json(http.StatusOK), "uuid")[0].(string)
	require.Equal(t, http.StatusNoContent, r.do(request{method: http.MethodDelete, path: base + mine + "/", key: admin}).Code)
	fourth := r.cookieOf(r.person)
	mine = results(r.do(request{path: base, cookie: fourth}).json(http.StatusOK), "uuid")[0].(string)
	require.Equal(t, http.StatusNoContent, r.do(request{method: http.MethodDelete, path: base + mine + "/", cookie: fourth}).Code)
	r.do(request{path: base, cookie: fourth}).json(http.StatusForbidden)
	found, err := r.db.Repos().Events.Find(t.Context(), idp.EventFilter{Actions: []idp.Action{idp.ActionLogout}, Paging: idp.Paging{Order: []string{"created"}}})
	require.NoError(t, err)
	var told []string
	for _, e := range found.Items {
		told = append(told, fmt.Sprint(e.User["username"], ": ", e.Context["logout_reason"]))
	}
	require.Equal(t, []string{"grace: Ended by its owner", "grace: All sessions ended", "root: All sessions ended",
		"grace: Ended by an administrator", "grace: Signed out"}, told)
}

func TestEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key := r.keyOf(r.admin)
	r.do(request{method: http.MethodPatch, path: path("/core/users/%d/?", r.person.ID), key: key, remote: "203.0.113.9:1", body: map[string]any{"name": "G"}}).json(http.StatusOK)
	list := func(query string) map[string]any {
		return r.do(request{path: path("/events/events/?") + query, key: key}).json(http.StatusOK)
	}
	got := list("actions=model_updated&actions=login&client_ip=203.0.113.9")
	require.Len(t, got["results"], 1)
	event := got["results"].([]any)[0].(map[string]any)
	require.Equal(t, "localhost", event["brand"].(map[string]any)["domain"])
	require.Equal(t, "root", event["user"].(map[string]any)["authenticated_as"].(map[string]any)["username"])
	r.do(request{path: path("/events/events/%s/", event["pk"]), key: key}).json(http.StatusOK)
	require.Empty(t, list("action=custom_nothing")["results"])
	require.Empty(t, list("created__gt=2999-01-01T00:00:00Z")["results"])
	require.NotEmpty(t, list("user=" + r.person.ID.String() + "&username=grace")["results"])
	require.NotEmpty(t, must[[]any](t, r.do(request{path: path("/events/events/actions/"), key: key})))
	r.do(request{path: path("/events/events/?client_ip=x"), key: key}).json(http.StatusBadRequest)
	require.Empty(t, list("context_model_pk=x")["results"])
	r.do(request{path: path("/events/events/00000000-0000-0000-0000-000000000001/"), key: key}).json(http.StatusNotFound)
	require.Equal(t, http.StatusMethodNotAllowed, r.do(request{method: http.MethodDelete, path: path("/events/events/%s/", event["pk"]), key: key}).Code)
}

func TestLockdownStages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key := r.keyOf(r.admin)
	base := path("/stages/account_lockdown/")
	done := r.addFlow("done", idp.DesignationStageConfiguration, idp.AuthenticationNone, "question", "{}")
	closed := r.addFlow("closed", idp.DesignationStageConfiguration, idp.AuthenticationAuthenticated, "account_lockdown", "{}")
	got := r.do(request{method: http.MethodPost, path: base, key: key, body: map[string]any{"name": "lock", "revoke_tokens": false,
		"self_service_completion_flow": done.ID, "component": "ignored", "flow_set": []any{}}}).json(http.StatusCreated)
	require.Equal(t, false, got["revoke_tokens"])
	require.Equal(t, true, got["deactivate_user"])
	require.Equal(t, "ak-stage-account-lockdown-form", got["component"])
	one := base + got["pk"].(string) + "/"
	got = r.do(request{method: http.MethodPatch, path: one, key: key, body: map[string]any{"delete_sessions": false}}).json(http.StatusOK)
	require.Equal(t, []any{false, false, done.ID.String()}, []any{got["delete_sessions"], got["revoke_tokens"], got["self_service_completion_flow"]})
	got = r.do(request{method: http.MethodPut, path: one, key: key, body: map[string]any{"name": "lock", "self_service_completion_flow": ""}}).json(http.StatusOK)
	require.Equal(t, []any{true, true, nil}, []any{got["delete_sessions"], got["revoke_tokens"], got["self_service_completion_flow"]})
	for field, body := range map[string]map[string]any{
		"name": {"revoke_tokens": true}, "unknown": {"name": "lock", "unknown": 1}, "revoke_tokens": {"name": "lock", "revoke_tokens": "yes"},
		"self_service_completion_flow": {"name": "lock", "self_service_completion_flow": closed.ID},
		"deactivate_user":              {"name": "lock", "deactivate_user": nil},
	} {
		require.Contains(t, r.do(request{method: http.MethodPut, path: one, key: key, body: body}).json(http.StatusBadRequest), field)
	}
	r.do(request{method: http.MethodPost, path: base, key: key, body: map[string]any{"name": "lock"}}).json(http.StatusBadRequest)

	got = r.do(request{path: base + "?name=closed-stage", key: key}).json(http.StatusOK)
	require.Equal(t, "closed", got["results"].([]any)[0].(map[string]any)["flow_set"].([]any)[0].(map[string]any)["slug"])
	require.Len(t, must[[]any](t, r.do(request{path: base + results(got, "pk")[0].(string) + "/used_by/", key: key})), 1)
	questions, err := r.db.Repos().Stages.Find(t.Context(), idp.StageFilter{Name: ptr("done-stage")})
	require.NoError(t, err)
	r.do(request{path: base + questions.Items[0].ID.String() + "/", key: key}).json(http.StatusNotFound)
	require.Equal(t, http.StatusNoContent, r.do(request{method: http.MethodDelete, path: one, key: key}).Code)
	r.do(request{path: one, key: key}).json(http.StatusNotFound)
}

func ptr[T any](v T) *T { return &v }

// must decodes an answer that is 200.
func must[T any](t *testing.T, a *response) (v T) {
	t.Helper()
	require.Equal(t, http.StatusOK, a.Code, a.Body.String())
	require.NoError(t, unmarshal(a.Body.Bytes(), &v))
	return v
}
