package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/testkit/mmdb"
)

// expressionNames are expressions that pass when each name means what it means
// elsewhere. They are tried for ada, by the administrator, from atHome, with the
// context of TestExpressionNamesOverTheAPI. %s is the name of a policy that says
// what its context holds.
var expressionNames = map[string][]string{
	"request":                   {`request.user.username == "ada"`, `request.http_request.user.username == "admin"`, `request.obj == nil`, `request.debug`, `request.context.n == 7`},
	"context":                   {`context.n == 7`, `context == request.context`, `context.unheard == nil`, `context.prompt_data.answer == "yes"`},
	"http_request":              {`http_request.user.is_superuser`, `http_request.method == "POST"`, `http_request.path endsWith "/test/"`, `http_request.query == {}`},
	"ak_client_ip":              {`ak_client_ip == "192.0.2.1"`, `cidr_contains("192.0.2.0/24", ak_client_ip)`, `ak_client_ip in ip_network("192.0.2.0/24")`},
	"ak_is_sso_flow":            {`ak_is_sso_flow == true`},
	"ak_message":                {`ak_message("told")`},
	"log":                       {`log("noted")`},
	"ak_call_policy":            {`ak_call_policy("%s", {"given": 3}).passing`, `ak_call_policy("%s", {"given": 3}).messages == ["given 3"]`, `not ak_call_policy("%s", {"given": 4}).passing`},
	"ak_is_group_member":        {`ak_is_group_member(request.user, "child")`, `ak_is_group_member(request.user, {"name": "parent"})`, `not ak_is_group_member(http_request.user, {"name": "child"})`, `not ak_is_group_member(nil, "child")`},
	"ak_user_by":                {`ak_user_by({"username": "ADA"}).pk == user.pk`, `ak_user_by({"email": "ada@example.org", "is_active": true}) != nil`, `ak_user_by({"username": "nobody"}) == nil`, `ak_user_by("uuid", user.uuid).username == "ada"`},
	"ak_create_event":           {`ak_create_event("suspicious_request", {"why": "far"})`},
	"ak_send_email":             {`ak_send_email("a@example.org", "Hello", {"body": "Text"}) in [true, false]`},
	"ip_address":                {`ip_address("192.0.2.1") == ak_client_ip`},
	"ak_user_has_authenticator": {`not ak_user_has_authenticator(user)`, `not ak_user_has_authenticator(user, "totp")`},
	"ip_network":                {`ip_address("10.1.2.3") in ip_network("10.0.0.0/8")`, `not ("192.0.2.1" in ip_network("10.0.0.0/8"))`},
	"list_flatten":              {`list_flatten([[1], [2, [3]]]) == [1, 2, 3]`},
	"regex_match":               {`regex_match("portcullis", "^port")`, `not regex_match("portcullis", "^cullis")`},
	"regex_replace":             {`regex_replace("a-b", "-", "+") == "a+b"`},
	"resolve_dns":               {`resolve_dns("192.0.2.9") == ["192.0.2.9"]`, `resolve_dns("192.0.2.9", 6) == []`},
	"reverse_dns":               {`reverse_dns("no address") == "no address"`},
	"slugify":                   {`slugify("A Name!") == "a-name"`},
	"set_context":               {`set_context("company", "x") and context["flow_plan"].context["company"] == "x"`},
	"context.geoip":             {`context.geoip.continent == "EU"`, `context.geoip.country == "DE"`, `context.geoip.city == "Berlin"`, `context.geoip.lat > 52`, `context.geoip.long > 13`},
	"context.asn":               {`context.asn.asn == 6805`, `context.asn.as_org == "Telefonica Germany"`, `context.asn.network == "192.0.2.0/24"`},
	"context.flow_plan":         {`context["flow_plan"].context["n"] == 7`, `context.flow_plan.context.pending_user.username == "eve"`},
}

// absentNames are names that policies of other products use and that are left
// out, with a part of what whoever uses one is told.
var absentNames = map[string]struct{ expression, python, says string }{
	"requests":          {`requests.get("https://example.org/").ok`, `return requests.get("https://example.org/").ok`, "must not call other servers"},
	"ak_create_jwt":     {`ak_create_jwt(user, "p", ["openid"]) != nil`, `return ak_create_jwt(request.user, "p", ["openid"]) is not None`, "come with OpenID Connect"},
	"ak_create_jwt_raw": {`ak_create_jwt_raw({"sub": "x"}) != nil`, `return ak_create_jwt_raw(sub="x") is not None`, "come with OpenID Connect"},
	"ak_logger":         {`ak_logger.info("x")`, "", "log(value)"},
	"auth_method":       {`set_context("auth_method", "password")`, "", `"auth_method" is set by the product alone`},
	"is_restored":       {`set_context("is_restored", true)`, "", `"is_restored" is set by the product alone`},
	"application":       {`set_context("application", "x")`, "", `"application" is set by the product alone`},
}

func TestExpressionNamesOverTheAPI(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	city, asn := filepath.Join(dir, "city.mmdb"), filepath.Join(dir, "asn.mmdb")
	require.NoError(t, os.WriteFile(city, mmdb.City(t, map[string]mmdb.Place{"192.0.2.0/24": {Continent: "EU", Country: "DE", City: "Berlin", Lat: 52.5, Long: 13.4}}), 0o600))
	require.NoError(t, os.WriteFile(asn, asnFile(t, "Telefonica Germany"), 0o600))
	w := workshop{blankSite(t, testkit.Database(t))}
	w.open("geoip_city", city, "geoip_asn", asn, "trusted_proxies", behindProxy)
	parent := w.make("/core/groups/", anyMap{"name": "parent"})
	child, err := idp.ParseID[idp.Group](w.make("/core/groups/", anyMap{"name": "child", "parents": []any{parent}}))
	require.NoError(t, err)
	ada := w.user("ada", func(n *account.NewUser) { n.Groups = []idp.GroupID{child} })
	eve := w.user("eve")
	given := unique("given")
	w.make("/policies/expression/", anyMap{"name": given, "expression": `message("given " + string(context.given)) and context.given == 3`})
	context := anyMap{"n": 7, "is_sso": true, "prompt_data": anyMap{"answer": "yes"}, "pending_user": eve.Facts()}
	events := w.eventCount(idp.ActionSuspicious)

	for name, sources := range expressionNames {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.at(t)
			require.True(t, slices.ContainsFunc(policy.Environment(), func(e policy.Entry) bool { return strings.HasPrefix(e.Name, name) }), "documentation has no word of it")
			for _, source := range sources {
				if strings.Contains(source, "%s") {
					source = fmt.Sprintf(source, given)
				}
				got := w.admin().api(http.StatusOK, http.MethodPost, "/policies/all/"+w.expression(source)+"/test/", anyMap{"user": ada.ID, "context": context},
					"X-Forwarded-For", atHome)
				require.Equal(t, true, got["passing"], "%s: %v", source, got)
			}
			if name == "ak_create_event" {
				require.Equal(t, events, w.eventCount(idp.ActionSuspicious), "trying writes nothing")
			}
		})
	}
	for name, c := range absentNames {
		t.Run("left out: "+name, func(t *testing.T) {
			t.Parallel()
			w := w.at(t)
			for _, source := range []string{c.expression, c.python} {
				if source == "" {
					continue
				}
				body := anyMap{"name": unique("absent"), "expression": source}
				said := w.refused(http.MethodPost, "/policies/expression/", "expression", body)
				require.Contains(t, said, c.says)
				require.Regexp(t, `[Ll]ine 1`, said)
				require.Contains(t, said, name)
				inPrompt := c.says
				if strings.HasPrefix(source, "set_context") {
					inPrompt = "set_context is not available in prompts"
				}
				require.Contains(t, w.refused(http.MethodPost, "/stages/prompt/prompts/", "initial_value", anyMap{"name": unique("absent"), "field_key": "k",
					"label": "L", "type": "text", "initial_value": source, "initial_value_expression": true}), inPrompt)
				told := w.imports(source)
				require.Contains(t, told, c.says, "importing it")
				require.Contains(t, told, "expression")
			}
		})
	}
}

// imports is what is told of a blueprint with a policy of that expression, which
// is not taken.
func (w workshop) imports(source string) string {
	w.Helper()
	name := unique("imported")
	content := "version: 1\nentries:\n  - model: authentik_policies_expression.expressionpolicy\n    identifiers: {name: " + name + "}\n    attrs:\n      expression: |\n        " +
		strings.ReplaceAll(source, "\n", "\n        ") + "\n"
	body := "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.yaml\"\r\nContent-Type: application/yaml\r\n\r\n" + content + "\r\n--xx--\r\n"
	a := w.admin().do(http.MethodPost, "/api/v3/managed/blueprints/import/", raw{"multipart/form-data; boundary=xx", body})
	var got anyMap
	require.NoError(w, json.Unmarshal(a.body, &got), "%s", a.body)
	require.Equal(w, false, got["success"])
	found := w.admin().api(http.StatusOK, http.MethodGet, "/policies/expression/?name="+name, nil)
	require.Empty(w, found["results"], "nothing is half done")
	return fmt.Sprint(got)
}

// What an expression gives decides; what it sees of a flow is another matter
// than what it sees of a trial.
func TestExpressionsInFlowsOverTheAPI(t *testing.T) {
	t.Parallel()
	w := workshop{newSite(t, 1)}
	ada, eve := w.user("ada"), w.user("eve")
	try := func(w workshop, source string) anyMap {
		return w.admin().api(http.StatusOK, http.MethodPost, "/policies/all/"+w.expression(source)+"/test/", anyMap{"user": ada.ID})
	}
	for name, row := range map[string]func(t *testing.T, w workshop){
		"true passes, false and nil do not": func(t *testing.T, w workshop) {
			require.Equal(t, true, try(w, "true")["passing"])
			require.Equal(t, false, try(w, "false")["passing"])
			require.Equal(t, false, try(w, "nil")["passing"])
		},
		"what is something else is no answer, and truthy makes it one": func(t *testing.T, w workshop) {
			got := try(w, `context["n"] ?? "x"`)
			require.Equal(t, false, got["passing"])
			require.Contains(t, got["messages"].([]any)[0], "must give true or false")
			require.Equal(t, true, try(w, `truthy(context["n"] ?? "x")`)["passing"])
			require.Equal(t, false, try(w, `truthy("")`)["passing"])
		},
		"what can only be something else is not saved": func(t *testing.T, w workshop) {
			require.Contains(t, w.refused(http.MethodPost, "/policies/expression/", "expression", anyMap{"name": "x", "expression": `"x"`}), "must give true or false")
		},
		"a fault tells its place": func(t *testing.T, w workshop) {
			require.Contains(t, w.refused(http.MethodPost, "/policies/expression/", "expression", anyMap{"name": "x", "expression": "true and\n  user.nickname"}), "line 2, column 8")
		},
		"before anybody signed in the user is nobody": func(t *testing.T, w workshop) {
			w.sees(w.browser(), `request.user == nil and http_request.user == nil and context.pending_user == nil`)
		},
		"then it is who signed in": func(t *testing.T, w workshop) {
			w.sees(w.with(eve), `request.user.username == "eve" and http_request.user.username == "eve"`)
		},
		"a policy names the pending user, whom what follows asks about": func(t *testing.T, w workshop) {
			slug, pk, bindings := w.flowOf(nil, w.shop())
			w.bind(pk, 0, anyMap{"policy": w.expression(`set_context("pending_user", ak_user_by("username", "ada"))`)})
			w.bind(bindings[0], 0, anyMap{"policy": w.expression(`request.user.username == "ada" and http_request.user.username == "eve" and context.pending_user.pk == user.pk`)})
			require.Equal(t, "ak-stage-dummy", w.with(eve).challenge(slug)["component"])
		},
		"a policy sees what it is bound to": func(t *testing.T, w workshop) {
			slug, pk, bindings := w.flowOf(anyMap{"policy_engine_mode": "all"}, w.shop())
			w.bind(pk, 0, anyMap{"policy": w.expression(fmt.Sprintf(`request.obj.slug == %q and request.obj.pk == %q and request.obj.designation == "stage_configuration"`, slug, pk))})
			w.bind(pk, 1, anyMap{"policy": w.expression(fmt.Sprintf(`context.flow_slug == %q and not request.debug and context.is_restored == false and context.is_redirected == false`, slug))})
			w.bind(bindings[0], 0, anyMap{"policy": w.expression(fmt.Sprintf(`request.obj.target.slug == %q and request.obj.stage.kind == "dummy" and request.obj.order == 0`, slug))})
			require.Equal(t, "ak-stage-dummy", w.browser().challenge(slug)["component"])
		},
		"the query is that of the browser": func(t *testing.T, w workshop) {
			slug, pk, _ := w.flowOf(nil, w.shop())
			w.bind(pk, 0, anyMap{"policy": w.expression(`http_request.query.colour == "green"`)})
			require.Equal(t, "ak-stage-dummy", w.browser().challenge(slug, "colour", "green")["component"])
			require.Equal(t, "ak-stage-access-denied", w.browser().challenge(slug, "colour", "red")["component"])
		},
		"an event and its facts": func(t *testing.T, w workshop) {
			name := unique("acts")
			p := w.make("/policies/expression/", anyMap{"name": name, "expression": `ak_create_event("suspicious_request", {"why": "far"})`})
			slug, pk, _ := w.flowOf(nil, w.shop())
			w.bind(pk, 0, anyMap{"policy": p})
			w.browser().challenge(slug)
			got := w.told("suspicious_request", name)
			require.NotEmpty(t, got)
			require.Equal(t, "far", got[0]["context"].(anyMap)["why"])
		},
		"Python is refused, with how it is written here": func(t *testing.T, w workshop) {
			said := w.refused(http.MethodPost, "/policies/expression/", "expression", anyMap{"name": "x", "expression": "return request.user.is_active"})
			require.Contains(t, said, "Python")
			require.Contains(t, said, "request.user.is_active")
			require.Contains(t, w.imports("return request.user.is_active"), "Python")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row(t, w.at(t))
		})
	}
}

// sees requires that an expression holds for whoever opens a flow.
func (w workshop) sees(b *browser, source string) {
	w.Helper()
	slug, pk, _ := w.flowOf(nil, w.shop())
	w.bind(pk, 0, anyMap{"policy": w.expression(source)})
	got := b.challenge(slug)
	require.Equal(w, "ak-stage-dummy", got["component"], "%v", got)
}
