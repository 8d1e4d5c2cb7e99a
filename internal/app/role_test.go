package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// selfService are the routes that somebody without any role may use: what is
// everybody's, or judged by whose it is. A route that is not here and answers
// anything but a refusal fails the walk.
var selfService = []string{
	"GET /api/v3/ ", "GET /api/v3/schema/", "GET /api/v3/core/users/me/", "GET /api/v3/core/brands/current/", "GET /api/v3/root/config/",
	"GET /api/v3/core/users/ ", "GET /api/v3/core/tokens/ ", "POST /api/v3/core/tokens/ ", "GET /api/v3/core/authenticated_sessions/ ",
	"GET /api/v3/access_requests/ ", "GET /api/v3/access_requests/groups/", "POST /api/v3/access_requests/ ", // asked for oneself
	"DELETE /api/v3/core/authenticated_sessions/bulk_delete/", "GET /api/v3/core/user_consent/ ",
	"GET /api/v3/core/applications/ ",
	"GET /api/v3/authenticators/all/", "GET /api/v3/authenticators/static/ ", "GET /api/v3/authenticators/totp/ ", "GET /api/v3/authenticators/webauthn/ ", // one's own
	"GET /api/v3/core/known_devices/ ", "DELETE /api/v3/core/known_devices/bulk_delete/", // one's own
	"GET /api/v3/events/notifications/ ", "POST /api/v3/events/notifications/mark_all_seen/", // one's own
	"GET /api/v3/admin/version/", "GET /api/v3/events/events/actions/", "GET /api/v3/stages/all/user_settings/", // lists of the product, and one's own settings
	"GET /api/v3/flows/executor/", "POST /api/v3/flows/executor/", "POST /api/v3/core/users/account_lockdown/",
}

// hidden are things whose very existence is none of a stranger's business: they
// are not found instead of forbidden.
var hidden = []string{"/api/v3/core/users/{id}/", "/api/v3/core/tokens/{identifier}/", "/api/v3/core/authenticated_sessions/{uuid}/",
	"/api/v3/core/applications/{slug}/", "/api/v3/core/user_consent/{id}/", "/api/v3/access_requests/{uuid}/", "/api/v3/events/notifications/{uuid}/",
	"/api/v3/authenticators/static/{id}/", "/api/v3/authenticators/totp/{id}/", "/api/v3/authenticators/webauthn/{id}/",
	"/api/v3/authenticators/admin/static/{id}/", "/api/v3/authenticators/admin/totp/{id}/", "/api/v3/authenticators/admin/webauthn/{id}/",
	"/api/v3/core/known_devices/{uuid}/", "/api/v3/flows/inspector/{flow_slug}/"}

// sensible are bodies and queries where the least that is described is refused
// before anybody asks who sends it.
func (g *gauntlet) sensible() map[string]shot {
	one, target := g.names["user"], `{"target": {"user": "x"}}`
	const boundary = "multipart/form-data; boundary=xx"
	file := "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.yaml\"\r\nContent-Type: application/yaml\r\n\r\nversion: 1\nentries: []\n\r\n--xx--\r\n"
	return map[string]shot{
		"DELETE /api/v3/locks/":                          {query: "user=x"},
		"POST /api/v3/locks/":                            {body: target},
		"POST /api/v3/locks/bulk/":                       {body: `{"locks": [` + target + `]}`},
		"POST /api/v3/locks/preview/":                    {body: target},
		"PUT /api/v3/locks/{lock_name}/":                 {body: target},
		"POST /api/v3/lockdowns/":                        {body: `{"users": [` + one + `]}`},
		"POST /api/v3/core/users/account_lockdown_bulk/": {body: `{"users": [` + one + `]}`},
		"POST /api/v3/flows/instances/import/":           {body: file, media: boundary},
		"POST /api/v3/managed/blueprints/import/":        {body: file, media: boundary},
	}
}

// TestNothingIsDoneWithoutARight walks every route of the console and of the API
// as somebody without any role.
func TestNothingIsDoneWithoutARight(t *testing.T) {
	t.Parallel()
	g := newGauntlet(t)
	_, mia := g.cookie(g.user(unique("mia")))
	bodies, sensible := g.bodies(), g.sensible()
	walked := 0
	for _, route := range g.replicas[0].routes() {
		method, pattern, _ := strings.Cut(route, " ")
		if !strings.HasPrefix(pattern, "/if/admin/") && !strings.HasPrefix(pattern, "/api/v3/") ||
			slices.ContainsFunc(selfService, func(own string) bool { return strings.HasPrefix(route+" ", own) }) {
			continue
		}
		walked++
		s := shot{method: method, path: fill(pattern, g.names, "00000000-0000-4000-8000-00000000000f"), cookie: mia, header: map[string]string{}}
		if method != http.MethodGet {
			s.media, s.body = asForm, "confirmed=1&act=deactivate&users="+g.names["user"]
			if strings.HasPrefix(pattern, "/api/") {
				s.media, s.body = asJSON, bodies[method+" "+pattern]
				s.header["X-Portcullis-CSRF"] = "x"
				if s.body == "" {
					s.body = "{}"
				}
			}
		}
		if better, known := sensible[route]; known {
			s.query, s.body = better.query, nonEmpty(better.body, s.body)
			s.media = nonEmpty(better.media, s.media)
		}
		code := g.fire(s)
		if code != http.StatusForbidden && (code != http.StatusNotFound || !slices.ContainsFunc(hidden, func(p string) bool { return strings.HasPrefix(pattern, p) })) {
			t.Errorf("%s answers somebody without any role with %d: it asks no access check first, or belongs to selfService. Sent: %.300s", route, code, s.body)
		}
	}
	require.Greater(t, walked, 250)
}

// held is what the built-in roles may do, resource by resource. "-" in front of
// nothing: what is not here is refused.
var held = map[string]map[string]string{
	"administrator": {"*": "list read create update delete"},
	"locksmith":     {"lock": "list read create update delete"},
	"helpdesk": {"user": "list read", "group": "list read", "session": "list read", "event": "list read",
		"device": "list read", "mfa_device": "list read", "access_request": "list read",
		"lockdown": "list read", "recovery": "create"},
	"auditor": {"*": "list read"},
	"viewer": {"user": "list read", "group": "list read", "role": "list read", "session": "list read", "lockdown": "list read", "lock": "list read",
		"device": "list read", "mfa_device": "list read", "access_request": "list read"},
}

// probe is a call of the API that takes a right.
type probe struct {
	on, verb, method, path string
	body                   any
}

// TestBuiltInRolesOverTheAPI tries every role on every resource.
func TestBuiltInRolesOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	for role, rights := range held {
		u := s.withRoles(role)
		_, key := s.key(u, idp.IntentAPI)
		b := s.program(key)
		for _, p := range s.probes() {
			verbs := rights[p.on]
			if verbs == "" {
				verbs = rights["*"]
			}
			a := b.do(p.method, "/api/v3"+p.path, p.body)
			what := fmt.Sprintf("%s: %s %s (%s %s): %.200s", role, p.verb, p.on, p.method, p.path, a.body)
			if slices.Contains(strings.Fields(verbs), p.verb) {
				require.Less(t, a.status, 300, what)
				continue
			}
			require.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, a.status, what)
			if a.status == http.StatusForbidden && p.on != "lockdown" { // that refusal has a text of its own in the API's contract
				require.Contains(t, string(a.body), "access denied to perform action", what)
			}
		}
	}
}

// withRoles makes somebody who has roles.
func (s *site) withRoles(roles ...string) *idp.User {
	s.Helper()
	u := s.user(unique("holder"))
	require.NoError(s, s.replicas[0].RoleService.SetUserRoles(s.Context(), idp.SystemActor(), u.ID, roles))
	return s.now(u)
}

// probes are calls on things made for them.
func (s *site) probes() []probe {
	s.Helper()
	sys, ctx, app := idp.SystemActor(), s.Context(), s.replicas[0]
	mia, zoe := s.user(unique("mia")), s.user(unique("zoe"))
	session, _ := s.cookie(zoe)
	token, _ := s.key(zoe, idp.IntentAPI)
	group, err := app.Accounts.CreateGroup(ctx, sys, account.NewGroup{Name: unique("crew")})
	require.NoError(s, err)
	admin := s.admin()
	lock := admin.api(http.StatusCreated, http.MethodPost, "/locks/", anyMap{"target": anyMap{"login": unique("x")}})
	role := admin.api(http.StatusCreated, http.MethodPost, "/rbac/roles/", anyMap{"name": unique("role")})
	brand := admin.api(http.StatusCreated, http.MethodPost, "/core/brands/", anyMap{"domain": unique("b") + ".example"})
	flow := anyMap{"name": unique("f"), "slug": unique("f"), "title": "F", "designation": "stage_configuration"}
	made := admin.api(http.StatusCreated, http.MethodPost, "/flows/instances/", flow)
	stage := admin.api(http.StatusCreated, http.MethodPost, "/stages/user_logout/", anyMap{"name": unique("s")})
	policy := admin.api(http.StatusCreated, http.MethodPost, "/policies/dummy/", anyMap{"name": unique("p")})
	rule := admin.api(http.StatusCreated, http.MethodPost, "/events/rules/", anyMap{"name": unique("n")})
	bell := admin.api(http.StatusCreated, http.MethodPost, "/events/transports/", anyMap{"name": unique("n")})
	scope := admin.api(http.StatusCreated, http.MethodPost, "/propertymappings/provider/scope/", anyMap{"name": unique("m"), "scope_name": "m", "expression": "{}"})
	wiki := admin.api(http.StatusCreated, http.MethodPost, "/core/applications/", anyMap{"name": unique("a"), "slug": unique("a")})
	second, browser, asked := s.personal(zoe)
	one := "/core/users/" + mia.ID.String() + "/"
	crew := "/core/groups/" + group.ID.String() + "/"
	return []probe{
		{"user", "list", "GET", "/core/users/paths/", nil}, {"user", "read", "GET", one, nil},
		{"user", "create", "POST", "/core/users/", anyMap{"username": unique("new"), "name": "N"}},
		{"user", "update", "PATCH", one, anyMap{"name": "Other"}}, {"recovery", "create", "POST", one + "recovery/", anyMap{}},
		{"user", "delete", "DELETE", one, nil},
		{"group", "list", "GET", "/core/groups/", nil}, {"group", "read", "GET", crew, nil}, {"group", "create", "POST", "/core/groups/", anyMap{"name": unique("g")}},
		{"group", "update", "PATCH", crew, anyMap{"attributes": anyMap{"a": 1}}}, {"group", "delete", "DELETE", crew, nil},
		{"role", "list", "GET", "/rbac/roles/", nil}, {"role", "read", "GET", "/rbac/roles/" + role["pk"].(string) + "/", nil},
		{"role", "create", "POST", "/rbac/roles/", anyMap{"name": unique("r")}}, {"role", "update", "PATCH", "/rbac/roles/" + role["pk"].(string) + "/", anyMap{"description": "x"}},
		{"role", "delete", "DELETE", "/rbac/roles/" + role["pk"].(string) + "/", nil},
		{"session", "read", "GET", "/core/authenticated_sessions/" + session.ID.String() + "/", nil},
		{"session", "delete", "DELETE", "/core/authenticated_sessions/" + session.ID.String() + "/", nil},
		{"device", "read", "GET", browser, nil}, {"device", "delete", "DELETE", browser, nil},
		{"mfa_device", "list", "GET", "/authenticators/admin/all/", nil}, {"mfa_device", "read", "GET", second, nil},
		{"mfa_device", "update", "PATCH", second, anyMap{"name": "Other"}}, {"mfa_device", "delete", "DELETE", second, nil},
		{"access_request", "read", "GET", asked, nil}, {"access_request", "update", "POST", asked + "deny/", nil},
		{"token", "read", "GET", "/core/tokens/" + token.Identifier + "/", nil},
		{"token", "create", "POST", "/core/tokens/", anyMap{"identifier": unique("t"), "user": zoe.ID}},
		{"token", "update", "PATCH", "/core/tokens/" + token.Identifier + "/", anyMap{"description": "x"}},
		{"token", "delete", "DELETE", "/core/tokens/" + token.Identifier + "/", nil},
		{"lock", "list", "GET", "/locks/", nil}, {"lock", "read", "GET", "/locks/" + lock["name"].(string) + "/", nil},
		{"lock", "create", "POST", "/locks/", anyMap{"target": anyMap{"login": unique("y")}}},
		{"lock", "update", "PATCH", "/locks/" + lock["name"].(string) + "/", anyMap{"message": "m"}},
		{"lock", "delete", "DELETE", "/locks/" + lock["name"].(string) + "/", nil},
		{"lockdown", "list", "GET", "/lockdowns/", nil}, {"lockdown", "create", "POST", "/lockdowns/", anyMap{"users": []idp.UserID{zoe.ID}}},
		{"event", "list", "GET", "/events/events/", nil},
		{"brand", "list", "GET", "/core/brands/", nil}, {"brand", "create", "POST", "/core/brands/", anyMap{"domain": unique("c") + ".example"}},
		{"brand", "update", "PATCH", "/core/brands/" + brand["brand_uuid"].(string) + "/", anyMap{"branding_title": "T"}},
		{"brand", "delete", "DELETE", "/core/brands/" + brand["brand_uuid"].(string) + "/", nil},
		{"flow", "list", "GET", "/flows/instances/", nil}, {"flow", "create", "POST", "/flows/instances/", anyMap{"name": "F", "slug": unique("f"), "title": "F", "designation": "stage_configuration"}},
		{"flow", "update", "PATCH", "/flows/instances/" + made["slug"].(string) + "/", anyMap{"title": "T"}}, {"flow", "delete", "DELETE", "/flows/instances/" + made["slug"].(string) + "/", nil},
		{"stage", "list", "GET", "/stages/all/", nil}, {"stage", "create", "POST", "/stages/user_logout/", anyMap{"name": unique("s")}},
		{"stage", "delete", "DELETE", "/stages/all/" + stage["pk"].(string) + "/", nil},
		{"policy", "list", "GET", "/policies/all/", nil}, {"policy", "create", "POST", "/policies/dummy/", anyMap{"name": unique("p")}},
		{"policy", "delete", "DELETE", "/policies/all/" + policy["pk"].(string) + "/", nil},
		{"notification", "list", "GET", "/events/rules/", nil}, {"notification", "list", "GET", "/events/transports/", nil},
		{"notification", "list", "GET", "/events/deliveries/", nil}, {"notification", "list", "GET", "/propertymappings/notification/", nil},
		{"notification", "read", "GET", "/events/rules/" + rule["pk"].(string) + "/", nil},
		{"notification", "create", "POST", "/events/rules/", anyMap{"name": unique("n")}},
		{"notification", "create", "POST", "/propertymappings/notification/", anyMap{"name": unique("n"), "expression": "{}"}},
		{"notification", "update", "PATCH", "/events/rules/" + rule["pk"].(string) + "/", anyMap{"enabled": false}},
		{"notification", "update", "POST", "/events/transports/" + bell["pk"].(string) + "/test/", nil},
		{"notification", "delete", "DELETE", "/events/transports/" + bell["pk"].(string) + "/", nil},
		{"application", "list", "GET", "/providers/oauth2/", nil}, {"application", "list", "GET", "/providers/all/", nil},
		{"application", "list", "GET", "/propertymappings/provider/scope/", nil},
		{"application", "read", "GET", "/propertymappings/provider/scope/" + scope["pk"].(string) + "/", nil},
		{"application", "read", "GET", "/core/applications/" + wiki["slug"].(string) + "/used_by/", nil},
		{"application", "create", "POST", "/core/applications/", anyMap{"name": unique("a"), "slug": unique("a")}},
		{"application", "update", "PATCH", "/core/applications/" + wiki["slug"].(string) + "/", anyMap{"group": "g"}},
		{"application", "update", "PATCH", "/propertymappings/provider/scope/" + scope["pk"].(string) + "/", anyMap{"description": "d"}},
		{"application", "delete", "DELETE", "/core/applications/" + wiki["slug"].(string) + "/", nil},
		{"invitation", "list", "GET", "/stages/invitation/invitations/", nil}, {"invitation", "create", "POST", "/stages/invitation/invitations/", anyMap{"name": unique("i")}},
		{"blueprint", "list", "GET", "/managed/blueprints/", nil},
		{"cluster_auth_preference", "read", "GET", "/cluster_auth_preference/", nil},
		{"system", "read", "GET", "/oidc/keys/", nil}, {"system", "update", "POST", "/oidc/keys/rotate/", nil},
		{"cluster_auth_preference", "update", "PATCH", "/cluster_auth_preference/", anyMap{"locking_mode": "best_effort"}},
	}
}

// bodies are the least that each operation takes, by its own description.
func (g *gauntlet) bodies() map[string]string {
	g.Helper()
	doc := g.admin().api(http.StatusOK, http.MethodGet, "/schema/", nil)
	parts, _ := doc["components"].(map[string]any)
	schemas, _ := parts["schemas"].(map[string]any)
	out := map[string]string{}
	for path, item := range doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			operation, _ := op.(map[string]any)
			content, _ := dig(operation, "requestBody", "content", "application/json", "schema").(map[string]any)
			if content == nil {
				continue
			}
			pattern := path
			if !strings.HasPrefix(pattern, "/api/v3") {
				pattern = "/api/v3" + path
			}
			out[strings.ToUpper(method)+" "+pattern] = g.least(content, schemas)
		}
	}
	return out
}

func dig(v any, names ...string) any {
	for _, n := range names {
		m, _ := v.(map[string]any)
		v = m[n]
	}
	return v
}

// least is a value that a schema allows, with what is required only.
func (g *gauntlet) least(schema map[string]any, all map[string]any) string {
	if ref, ok := schema["$ref"].(string); ok {
		return g.least(all[ref[strings.LastIndex(ref, "/")+1:]].(map[string]any), all)
	}
	if values, ok := schema["enum"].([]any); ok && len(values) > 0 {
		return fmt.Sprintf("%q", fmt.Sprint(values[0]))
	}
	kind := fmt.Sprint(schema["type"])
	switch {
	case strings.Contains(kind, "object"):
		var parts []string
		required, _ := schema["required"].([]any)
		for _, name := range required {
			field, _ := dig(schema, "properties", name.(string)).(map[string]any)
			parts = append(parts, fmt.Sprintf("%q:%s", name, g.least(field, all)))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case strings.Contains(kind, "array"):
		return "[]"
	case strings.Contains(kind, "integer"), strings.Contains(kind, "number"):
		return g.names["user"]
	case strings.Contains(kind, "boolean"):
		return "true"
	case schema["format"] == "uuid":
		return `"00000000-0000-4000-8000-00000000000f"`
	}
	return `"least-value"`
}
