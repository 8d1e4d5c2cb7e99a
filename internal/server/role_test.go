package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// roleClient asks and expects a status.
type roleClient struct {
	t *testing.T
	c client
}

func (c roleClient) json(method, at string, body any, status int) map[string]any {
	c.t.Helper()
	a := c.c.send(method, strings.TrimPrefix(at, "/api/v3"), body)
	require.Equal(c.t, status, a.Code, "%s %s: %s", method, at, a.Body)
	out := map[string]any{}
	if status != http.StatusNoContent {
		require.NoError(c.t, json.Unmarshal(a.Body.Bytes(), &out))
	}
	return out
}

func (c roleClient) list(at string) (out []any) {
	c.t.Helper()
	require.NoError(c.t, json.Unmarshal(c.c.send(http.MethodGet, strings.TrimPrefix(at, "/api/v3"), nil).Body.Bytes(), &out))
	return out
}

func TestRolesOverTheAPI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	admin := roleClient{t, r.by(r.admin)}
	const roles = "/api/v3/rbac/roles/"

	// What published clients send: a name and nothing else.
	made := admin.json(http.MethodPost, roles, map[string]any{"name": "night shift"}, http.StatusCreated)
	require.Equal(t, "night shift", made["name"])
	require.Nil(t, made["managed"])
	at := roles + made["pk"].(string) + "/"
	require.Equal(t, map[string]any{"allow": map[string]any{"rules": []any{}}, "deny": map[string]any{"rules": []any{}}, "options": map[string]any{}}, made["spec"])

	spec := map[string]any{"allow": map[string]any{"rules": []any{map[string]any{"resources": []any{"lock"}, "verbs": []any{"create"},
		"where": `lock.target.role == "contractor"`}}}, "options": map[string]any{"lock": "strict"}}
	changed := admin.json(http.MethodPatch, at, map[string]any{"description": "Locks out contractors", "spec": spec}, http.StatusOK)
	require.Equal(t, "Locks out contractors", changed["description"])
	require.Equal(t, "strict", changed["spec"].(map[string]any)["options"].(map[string]any)["lock"])

	// A client that replaces the name leaves the rules alone.
	changed = admin.json(http.MethodPut, at, map[string]any{"name": "late shift"}, http.StatusOK)
	require.Equal(t, "late shift", changed["name"])
	require.Len(t, changed["spec"].(map[string]any)["allow"].(map[string]any)["rules"], 1)

	for name, body := range map[string]map[string]any{
		"name":              {"name": ""},
		"spec.allow.rules":  {"spec": map[string]any{"allow": map[string]any{"rules": []any{map[string]any{"resources": []any{"nothing"}, "verbs": []any{"read"}}}}}},
		"spec.deny.rules":   {"spec": map[string]any{"deny": map[string]any{"rules": []any{map[string]any{"resources": []any{"lock"}, "verbs": []any{"read"}, "where": "lock.target.rolle"}}}}},
		"spec.options.lock": {"spec": map[string]any{"options": map[string]any{"lock": "lax"}}},
	} {
		refused := admin.json(http.MethodPatch, at, body, http.StatusBadRequest)
		require.Contains(t, refused, name, refused)
	}
	faulty := admin.json(http.MethodPatch, at, map[string]any{"spec": map[string]any{"deny": map[string]any{"rules": []any{map[string]any{
		"resources": []any{"lock"}, "verbs": []any{"read"}, "where": "lock.target.rolle == 'x'"}}}}}, http.StatusBadRequest)
	require.Contains(t, faulty["spec.deny.rules"].([]any)[0], "Rule 1, where: line 1, column")

	require.Equal(t, 5.0, admin.json(http.MethodGet, roles+"?managed__isnull=false", nil, http.StatusOK)["pagination"].(map[string]any)["count"])
	locksmith := admin.json(http.MethodGet, roles+"?name=locksmith", nil, http.StatusOK)["results"].([]any)[0].(map[string]any)
	require.Equal(t, []any{map[string]any{"resources": []any{"lock"}, "verbs": []any{"list", "create", "read", "update", "delete"}}},
		locksmith["spec"].(map[string]any)["allow"].(map[string]any)["rules"], "the seed's rule")
	require.NotEmpty(t, locksmith["managed"])
	builtIn := roles + locksmith["pk"].(string) + "/"
	refused := admin.json(http.MethodDelete, builtIn, nil, http.StatusBadRequest)
	require.Contains(t, refused["non_field_errors"].([]any)[0], "built in")
	admin.json(http.MethodPatch, builtIn, map[string]any{"name": "smith"}, http.StatusBadRequest)

	// Users and groups, by what published clients send.
	grace := "/api/v3/core/users/" + r.person.ID.String() + "/"
	user := admin.json(http.MethodPatch, grace, map[string]any{"roles": []any{made["pk"], locksmith["pk"]}}, http.StatusOK)
	require.Equal(t, []any{made["pk"], locksmith["pk"]}, user["roles"])
	require.Equal(t, "late shift", user["roles_obj"].([]any)[0].(map[string]any)["name"])
	user = admin.json(http.MethodPut, grace, map[string]any{"username": "grace", "name": "Grace"}, http.StatusOK)
	require.Len(t, user["roles"], 2, "who does not mention roles leaves them")
	require.Contains(t, admin.json(http.MethodPatch, grace, map[string]any{"roles": []any{"nothing"}}, http.StatusBadRequest), "roles")
	admin.json(http.MethodPost, at+"remove_user/", map[string]any{"pk": r.person.ID}, http.StatusNoContent)
	require.Equal(t, []any{locksmith["pk"]}, admin.json(http.MethodGet, grace, nil, http.StatusOK)["roles"])
	admin.json(http.MethodPost, at+"add_user/", map[string]any{"pk": r.person.ID}, http.StatusNoContent)
	used := admin.list(at + "used_by/")
	require.Equal(t, "grace", used[0].(map[string]any)["name"])

	group, err := r.accounts.CreateGroup(t.Context(), idp.SystemActor(), account.NewGroup{Name: "crew", Users: []idp.UserID{r.person.ID}})
	require.NoError(t, err)
	crew := "/api/v3/core/groups/" + group.ID.String() + "/"
	shown := admin.json(http.MethodPatch, crew, map[string]any{"roles": []any{made["pk"]}}, http.StatusOK)
	require.Equal(t, []any{made["pk"]}, shown["roles"])
	child := admin.json(http.MethodPost, "/api/v3/core/groups/", map[string]any{"name": "child", "parents": []any{group.ID.String()}, "roles": []any{locksmith["pk"]}}, http.StatusCreated)
	shown = admin.json(http.MethodGet, "/api/v3/core/groups/"+child["pk"].(string)+"/?include_inherited_roles=true", nil, http.StatusOK)
	require.Equal(t, "late shift", shown["inherited_roles_obj"].([]any)[0].(map[string]any)["name"])
	require.Equal(t, []any{locksmith["pk"]}, shown["roles"])

	me := (roleClient{t, r.by(r.person)}).json(http.MethodGet, "/api/v3/core/users/me/", nil, http.StatusOK)["user"].(map[string]any)
	require.Len(t, me["roles"], 2)
	admin.json(http.MethodDelete, at, nil, http.StatusNoContent)
	require.Len(t, (roleClient{t, r.by(r.person)}).json(http.MethodGet, "/api/v3/core/users/me/", nil, http.StatusOK)["user"].(map[string]any)["roles"], 1)
}
