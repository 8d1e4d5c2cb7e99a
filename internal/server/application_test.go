package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// providing makes the flows that a provider needs, and returns the least body of one.
func (r *rig) providing() func(name string) fields {
	authorizes := r.addFlow("agree", idp.DesignationAuthorization, idp.AuthenticationNone, "deny", "{}").ID.String()
	invalidates := r.addFlow("leave", idp.DesignationInvalidation, idp.AuthenticationNone, "deny", "{}").ID.String()
	return func(name string) fields {
		return fields{"name": name, "authorization_flow": authorizes, "invalidation_flow": invalidates,
			"redirect_uris": []any{fields{"matching_mode": "strict", "url": "https://" + name + ".example.org/cb"}}}
	}
}

func at(path string, key any) string {
	if n, ok := key.(float64); ok {
		key = int(n)
	}
	return fmt.Sprintf("%s%v/", path, key)
}

func TestOAuthProviders(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	body := r.providing()
	mapping := c.post("/propertymappings/provider/scope/", fields{"name": "Email", "scope_name": "email", "expression": `{"email": user.email}`})["pk"]
	made := c.post("/providers/oauth2/", body("wiki"))
	require.Len(t, made["client_id"], 40)
	require.Len(t, made["client_secret"], 128)
	require.Equal(t, fields{"pk": made["pk"], "name": "wiki", "authentication_flow": nil, "authorization_flow": made["authorization_flow"],
		"invalidation_flow": made["invalidation_flow"], "property_mappings": []any{}, "component": "ak-provider-oauth2-form",
		"assigned_application_slug": nil, "assigned_application_name": nil, "assigned_backchannel_application_slug": nil,
		"assigned_backchannel_application_name": nil, "verbose_name": "OAuth2/OpenID Provider", "verbose_name_plural": "OAuth2/OpenID Providers",
		"meta_model_name": "authentik_providers_oauth2.oauth2provider", "client_type": "confidential", "client_id": made["client_id"],
		"client_secret": made["client_secret"], "access_code_validity": "minutes=1", "access_token_validity": "minutes=5",
		"refresh_token_validity": "days=30", "refresh_token_threshold": "seconds=0", "include_claims_in_id_token": true, "signing_key": nil,
		"encryption_key": nil, "redirect_uris": []any{fields{"matching_mode": "strict", "url": "https://wiki.example.org/cb"}}, "logout_uri": "",
		"logout_method": "backchannel", "sub_mode": "hashed_user_id", "issuer_mode": "per_provider", "jwt_federation_sources": []any{},
		"jwt_federation_providers": []any{}, "grant_types": []any{"authorization_code", "refresh_token"}, "access_token_format": "opaque",
		"post_logout_redirect_uris": []any{}}, made)

	one := at("/providers/oauth2/", made["pk"])
	everything := body("wiki")
	for name, v := range (fields{"authentication_flow": r.flow.ID.String(), "property_mappings": []any{mapping}, "client_type": "public", "client_id": "wiki",
		"access_code_validity": "seconds=30", "access_token_validity": "hours=1", "refresh_token_validity": "days=7", "refresh_token_threshold": "hours=1",
		"include_claims_in_id_token": false, "logout_uri": "https://wiki.example.org/out", "logout_method": "backchannel", "sub_mode": "user_email",
		"issuer_mode": "global", "grant_types": []any{"authorization_code"}, "access_token_format": "jwt", "post_logout_redirect_uris": []any{"https://wiki.example.org/"},
		"signing_key": nil, "encryption_key": nil, "jwt_federation_sources": []any{}, "jwt_federation_providers": []any{}}) {
		everything[name] = v
	}
	got := c.put(one, everything)
	require.Empty(t, got["client_secret"])
	for name, v := range everything {
		require.Equal(t, v, got[name], name)
	}
	require.Equal(t, got, c.get(one))
	require.Equal(t, "user_email", c.patch(one, fields{"name": "wiki"})["sub_mode"], "absent stays")
	got = c.put(one, body("wiki"))
	require.Equal(t, []any{"hashed_user_id", "minutes=5", "confidential", []any{}, nil, true, "wiki"}, []any{got["sub_mode"], got["access_token_validity"],
		got["client_type"], got["property_mappings"], got["authentication_flow"], got["include_claims_in_id_token"], got["client_id"]})
	secret := got["client_secret"]
	require.Equal(t, secret, c.put(one, body("wiki"))["client_secret"], "an application knows it: it stays")
	require.NotEqual(t, secret, c.patch(one, fields{"client_secret": ""})["client_secret"], "an empty one makes a new one")

	c.delete(one)
	require.Equal(t, "model_deleted", c.all("/events/events/?ordering=-created&context_model_name=oauth2provider", "action")[0])
}

func TestOAuthProvidersAreJudged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	body := r.providing()
	for field, v := range (fields{"name": "", "authorization_flow": noSuch, "invalidation_flow": r.flow.ID.String(), "property_mappings": []any{noSuch}, "client_type": "x",
		"access_code_validity": "soon", "access_token_validity": "days=2", "refresh_token_validity": "minutes=x", "refresh_token_threshold": "days=31",
		"signing_key": noSuch, "encryption_key": noSuch, "jwt_federation_sources": []any{noSuch}, "jwt_federation_providers": []any{1}, "sub_mode": "x", "issuer_mode": "x",
		"redirect_uris": []any{fields{"matching_mode": "strict", "url": "javascript:alert(1)"}}, "logout_uri": "x", "logout_method": "x", "grant_types": []any{"password"},
		"access_token_format": "x", "post_logout_redirect_uris": []any{"x#y"}, "client_secret": "ü", "client_id": "", "include_claims_in_id_token": "x"}) {
		bad := body("p-" + field)
		bad[field] = v
		c.refuse(http.MethodPost, "/providers/oauth2/", field, bad)
	}
	front := body("p")
	front["logout_method"] = "frontchannel"
	said := c.send(http.MethodPost, "/providers/oauth2/", front).json(http.StatusBadRequest)
	require.Contains(t, said["logout_method"].([]any)[0], "use back-channel logout")
	for _, v := range []any{nil, "x", []any{"x"}, []any{nil}, []any{fields{"matching_mode": "other", "url": "https://x/"}}, []any{fields{"matching_mode": 1, "url": 2}}} {
		bad := body("p")
		bad["redirect_uris"] = v
		c.refuse(http.MethodPost, "/providers/oauth2/", "redirect_uris", bad)
	}
	for _, field := range []string{"name", "authorization_flow", "invalidation_flow", "redirect_uris"} {
		bad := body("p")
		delete(bad, field)
		c.refuse(http.MethodPost, "/providers/oauth2/", field, bad)
	}
	for _, key := range []string{"0", "x", "99999999999"} {
		c.send(http.MethodGet, "/providers/oauth2/"+key+"/", nil).json(http.StatusNotFound)
	}
	require.Empty(t, c.all("/providers/oauth2/", "pk"))
}

func TestOAuthProvidersByEveryField(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	body := r.providing()
	mapping := c.post("/propertymappings/provider/scope/", fields{"name": "Email", "scope_name": "email", "expression": "{}"})["pk"]
	wanted := body("wanted")
	other := c.post("/providers/oauth2/", body("other"))
	wanted["authorization_flow"] = r.addFlow("agree-too", idp.DesignationAuthorization, idp.AuthenticationNone, "deny", "{}").ID.String()
	for name, v := range (fields{"property_mappings": []any{mapping}, "client_type": "public", "client_id": "wanted-client", "access_code_validity": "seconds=30",
		"access_token_validity": "minutes=10", "refresh_token_validity": "days=7", "include_claims_in_id_token": false, "sub_mode": "user_id", "issuer_mode": "global"}) {
		wanted[name] = v
	}
	made := c.post("/providers/oauth2/", wanted)
	app := c.post("/core/applications/", fields{"name": "Wanted", "slug": "wanted", "provider": made["pk"]})
	c.selects("/providers/oauth2/", "pk", made["pk"], other["pk"], fields{"name": "wanted", "authorization_flow": wanted["authorization_flow"],
		"property_mappings": mapping, "application": app["pk"], "client_type": "public", "client_id": "wanted-client", "access_code_validity": "seconds=30",
		"access_token_validity": "seconds=600", "refresh_token_validity": "weeks=1", "include_claims_in_id_token": false, "sub_mode": "user_id",
		"issuer_mode": "global", "search": "WANTED-CL", "signing_key": probe{value: "", without: -1}})
	require.Empty(t, c.all("/providers/oauth2/?signing_key="+noSuch, "pk"), "no provider has a key")
	c.refuse(http.MethodGet, "/providers/oauth2/?access_code_validity=soon", "access_code_validity", nil)
	c.refuse(http.MethodGet, "/providers/oauth2/?sub_mode=x", "sub_mode", nil)
	for _, by := range []string{"name", "client_id", "client_type", "access_code_validity", "access_token_validity", "refresh_token_validity",
		"include_claims_in_id_token", "sub_mode", "issuer_mode", "authorization_flow", "application", "pk"} {
		require.Len(t, c.all("/providers/oauth2/?ordering=-"+by, "pk"), 2, by)
	}
	c.selects("/providers/all/", "pk", made["pk"], other["pk"], fields{"application__isnull": false, "backchannel": probe{value: false, without: -1}, "search": "wanted"})
	require.Equal(t, []any{"other"}, c.all("/providers/all/?application__isnull=true", "name"))
	require.Empty(t, c.all("/providers/all/?backchannel=true", "pk"))
	all := at("/providers/all/", made["pk"])
	require.Equal(t, "wanted", c.get(all)["assigned_application_slug"])
	require.NotContains(t, c.get(all), "client_secret")
	require.Equal(t, []string{"authentik_core.application set_null"}, c.usedBy(all))
	require.Equal(t, []string{"authentik_core.application set_null"}, c.usedBy(at("/providers/oauth2/", made["pk"])))
	require.Contains(t, c.usedBy("/flows/instances/agree-too/"), "authentik_providers_oauth2.oauth2provider left_dangling")
	require.Contains(t, c.send(http.MethodDelete, "/flows/instances/agree-too/", nil).json(http.StatusBadRequest)["non_field_errors"], "A provider needs the authorization flow: give it another one first.")
	require.Equal(t, []string{"authentik_providers_oauth2.oauth2provider cascade_many"}, c.usedBy(at("/propertymappings/provider/scope/", mapping)))
	types := c.send(http.MethodGet, "/providers/all/types/", nil)
	require.Equal(t, http.StatusOK, types.Code)
	require.Contains(t, types.Body.String(), "oauth2provider")
	c.delete(all)
	require.Nil(t, c.get("/core/applications/wanted/")["provider"])
}

func TestScopeMappings(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	made := c.post("/propertymappings/provider/scope/", fields{"name": "Email", "scope_name": "email", "expression": `{"email": user.email}`})
	require.Equal(t, fields{"pk": made["pk"], "managed": nil, "name": "Email", "expression": `{"email": user.email}`, "scope_name": "email", "description": "",
		"component": "ak-property-mapping-provider-scope-form", "verbose_name": "Scope Mapping", "verbose_name_plural": "Scope Mappings",
		"meta_model_name": "authentik_providers_oauth2.scopemapping"}, made)
	one := at("/propertymappings/provider/scope/", made["pk"])
	got := c.put(one, fields{"name": "Mail", "scope_name": "mail", "expression": "{}", "description": "Your address", "managed": "x/mail"})
	require.Equal(t, []any{"Mail", "mail", "Your address", "x/mail"}, []any{got["name"], got["scope_name"], got["description"], got["managed"]})
	require.Equal(t, "x/mail", c.patch(one, fields{"description": "Mail"})["managed"])
	other := c.post("/propertymappings/provider/scope/", fields{"name": "Other", "scope_name": "other", "expression": "{}"})
	c.selects("/propertymappings/provider/scope/", "pk", made["pk"], other["pk"], fields{"name": "Mail", "scope_name": "mail", "managed": "x/mail",
		"managed__isnull": false, "search": "MAIL"})
	require.Equal(t, []any{"Other"}, c.all("/propertymappings/provider/scope/?managed__isnull=true", "name"))
	for field, v := range (fields{"name": "Other", "scope_name": "a b", "expression": `{"sub": 1}`, "managed": 1, "description": 1}) {
		c.refuse(http.MethodPatch, one, field, fields{field: v})
	}
	refused := c.send(http.MethodPatch, one, fields{"expression": "return {\n"}).json(http.StatusBadRequest)["expression"].([]any)[0].(string)
	require.Contains(t, refused, "line 1")
	for _, by := range []string{"name", "scope_name", "managed", "description", "expression", "pk"} {
		require.Len(t, c.all("/propertymappings/provider/scope/?ordering=-"+by, "pk"), 2, by)
	}
	c.delete(one)
}

func TestApplications(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, person := r.by(r.admin), r.by(r.person)
	body := r.providing()
	provider := c.post("/providers/oauth2/", body("wiki"))
	made := c.post("/core/applications/", fields{"name": "Wiki", "slug": "wiki"})
	require.Equal(t, fields{"pk": made["pk"], "name": "Wiki", "slug": "wiki", "provider": nil, "provider_obj": nil, "backchannel_providers": []any{},
		"backchannel_providers_obj": []any{}, "launch_url": nil, "open_in_new_tab": false, "meta_launch_url": "", "meta_icon": "", "meta_icon_url": nil,
		"meta_icon_themed_urls": nil, "meta_description": "", "meta_publisher": "", "policy_engine_mode": "any", "group": "", "forward_hosts": []any{},
		"cookie_lifetime": "seconds=0"}, made)
	everything := fields{"name": "Wiki", "slug": "wiki", "provider": provider["pk"], "backchannel_providers": []any{}, "open_in_new_tab": true,
		"meta_launch_url": "https://wiki.example.org/~%(username)s", "meta_icon": "/static/wiki.svg", "meta_description": "Pages", "meta_publisher": "Us",
		"policy_engine_mode": "all", "group": "Docs", "forward_hosts": []any{"wiki.example.org"}, "cookie_lifetime": "hours=8"}
	got := c.put("/core/applications/wiki/", everything)
	for name, v := range everything {
		require.Equal(t, v, got[name], name)
	}
	require.Equal(t, "https://wiki.example.org/~root", got["launch_url"])
	require.Equal(t, "/static/wiki.svg", got["meta_icon_url"])
	require.Equal(t, "wiki", got["provider_obj"].(fields)["assigned_application_slug"])
	require.Equal(t, got, c.get("/core/applications/wiki/"))
	require.Equal(t, "Docs", c.patch("/core/applications/wiki/", fields{"open_in_new_tab": false})["group"], "absent stays")
	got = c.put("/core/applications/wiki/", fields{"name": "Wiki", "slug": "wiki", "provider": provider["pk"]})
	require.Equal(t, "https://wiki.example.org/", got["launch_url"], "the origin of the redirect URI")

	urls := c.get(at("/providers/oauth2/", provider["pk"]) + "setup_urls/")
	base := strings.TrimSuffix(urls["authorize"].(string), "/application/o/authorize/")
	require.Equal(t, fields{"issuer": base + "/application/o/wiki/", "authorize": base + "/application/o/authorize/", "token": base + "/application/o/token/",
		"user_info": base + "/application/o/userinfo/", "provider_info": base + "/application/o/wiki/.well-known/openid-configuration",
		"logout": base + "/application/o/wiki/end-session/", "jwks": base + "/application/o/wiki/jwks/"}, urls)
	idle := c.post("/providers/oauth2/", body("idle"))
	c.send(http.MethodGet, at("/providers/oauth2/", idle["pk"])+"setup_urls/", nil).json(http.StatusNotFound)

	// An ordinary account sees what it may use, without how it is set up.
	seen := person.get("/core/applications/wiki/")
	require.Equal(t, []any{nil, nil}, []any{seen["provider"], seen["provider_obj"]})
	c.post("/policies/bindings/", fields{"target": made["pk"], "group": r.adminGroups()[0], "order": 0})
	person.send(http.MethodGet, "/core/applications/wiki/", nil).json(http.StatusNotFound)
	require.Empty(t, person.all("/core/applications/", "slug"))
	require.Equal(t, []string{"authentik_policies.policybinding cascade"}, c.usedBy("/core/applications/wiki/"))
	for _, field := range []string{"name", "slug"} {
		c.refuse(http.MethodPatch, "/core/applications/wiki/", field, fields{field: ""})
	}
	for field, v := range (fields{"provider": 99999, "backchannel_providers": []any{1}, "meta_launch_url": "javascript:x", "meta_icon": "data:text/html,x",
		"policy_engine_mode": "x", "forward_hosts": []any{"https://x"}, "cookie_lifetime": "x", "open_in_new_tab": "x"}) {
		c.refuse(http.MethodPatch, "/core/applications/wiki/", field, fields{field: v})
	}
	c.post("/core/applications/", fields{"name": "Blog", "slug": "blog"})
	c.refuse(http.MethodPatch, "/core/applications/blog/", "provider", fields{"provider": provider["pk"]})
	c.delete("/core/applications/wiki/")
}

func TestApplicationsByEveryField(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	wanted := fields{"name": "Wanted", "slug": "wanted", "group": "G", "meta_description": "D", "meta_launch_url": "https://wanted.example.org/", "meta_publisher": "P"}
	made := c.post("/core/applications/", wanted)
	other := c.post("/core/applications/", fields{"name": "Other", "slug": "other"})
	c.post("/core/applications/", fields{"name": "Hidden", "slug": "hidden", "meta_launch_url": "blank://blank"})
	probes := fields{"search": "WANTED", "only_with_launch_url": true, "for_user": probe{value: int(r.person.ID), without: "-"}, "superuser_full_list": probe{value: true, without: "-"}}
	for name, v := range wanted {
		probes[name] = v
	}
	c.selects("/core/applications/", "pk", made["pk"], other["pk"], probes)
	require.Equal(t, []any{"Wanted"}, c.all("/core/applications/?only_with_launch_url=true&superuser_full_list=true", "name"))
	for _, by := range []string{"name", "slug", "group", "provider", "meta_description", "meta_launch_url", "meta_publisher", "policy_engine_mode", "open_in_new_tab", "pk"} {
		require.Len(t, c.all("/core/applications/?ordering=-"+by, "pk"), 3, by)
		require.Len(t, c.all("/core/applications/?superuser_full_list=true&ordering="+by, "pk"), 3, by)
	}
	require.Equal(t, []any{"Other"}, c.all("/core/applications/?ordering=name&page_size=1&page=2", "name"))
	require.Equal(t, 3.0, c.get("/core/applications/?ordering=name&page_size=1&page=2")["pagination"].(fields)["count"])
}

// Policies decide, for the list, for one and for the check, and superusers are asked
// like others.
func TestWhoMayUseAnApplication(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, person := r.by(r.admin), r.by(r.person)
	wiki := c.post("/core/applications/", fields{"name": "Wiki", "slug": "wiki"})
	check := func(c client, query string) []any {
		got := c.get("/core/applications/wiki/check_access/" + query)
		return []any{got["passing"], got["messages"], len(got["log_messages"].([]any))}
	}
	require.Equal(t, []any{true, []any{}, 0}, check(person, ""), "nothing bound lets everybody in")
	rule := c.post("/policies/expression/", fields{"name": "only grace", "expression": `request.obj.slug == "wiki" and user.username == "grace" or deny("Not for " + user.username)`})
	c.post("/policies/bindings/", fields{"target": wiki["pk"], "policy": rule["pk"], "order": 0})
	require.Equal(t, []any{true, []any{}, 0}, check(person, ""))
	require.Equal(t, []any{false, []any{"Not for root"}, 1}, check(c, ""))
	require.Equal(t, []any{true, []any{}, 1}, check(c, "?for_user="+r.person.ID.String()))
	require.Equal(t, []any{"Wiki"}, person.all("/core/applications/", "name"))
	require.Empty(t, c.all("/core/applications/", "name"))
	require.Equal(t, []any{"Wiki"}, c.all("/core/applications/?superuser_full_list=true", "name"))
	require.Equal(t, []any{"Wiki"}, c.all("/core/applications/?for_user="+r.person.ID.String(), "name"))
	require.Equal(t, []any{"Wiki"}, person.all("/core/applications/?superuser_full_list=true", "name"), "more than they may use is not for everybody")
	person.send(http.MethodGet, "/core/applications/wiki/check_access/?for_user="+r.admin.ID.String(), nil).json(http.StatusForbidden)
	person.send(http.MethodGet, "/core/applications/?for_user="+r.admin.ID.String(), nil).json(http.StatusForbidden)
	c.refuse(http.MethodGet, "/core/applications/?for_user=99999", "for_user", nil)
	c.send(http.MethodGet, "/core/applications/none/check_access/", nil).json(http.StatusNotFound)

	c.patch("/policies/expression/"+rule["pk"].(string)+"/", fields{"expression": "1 / 0 > user.attributes.nothing.more"})
	got := check(person, "")
	require.Equal(t, false, got[0])
	require.Contains(t, got[1].([]any)[0], "gave no answer")
	require.Empty(t, person.all("/core/applications/", "name"), "no answer is no permission")
	require.Equal(t, http.StatusForbidden, r.do(request{path: path("/core/applications/")}).Code)
	require.Equal(t, http.StatusForbidden, r.do(request{path: path("/core/applications/wiki/check_access/")}).Code)
}

func TestPreviewOfClaims(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	body := r.providing()("wiki")
	email := c.post("/propertymappings/provider/scope/", fields{"name": "Email", "scope_name": "email", "expression": `{"email": user.email, "scopes": token.scopes}`})
	body["property_mappings"] = []any{email["pk"]}
	body["sub_mode"] = "user_username"
	p := at("/providers/oauth2/", c.post("/providers/oauth2/", body)["pk"])
	require.Equal(t, fields{"preview": fields{"email": "grace@example.org", "scopes": []any{"email"}, "sub": "grace"}}, c.get(p+"preview_user/?for_user="+r.person.ID.String()))
	require.Equal(t, "root", c.get(p + "preview_user/")["preview"].(fields)["sub"])
	c.patch(at("/propertymappings/provider/scope/", email["pk"]), fields{"expression": `{"x": user.attributes.missing.more}`})
	c.refuse(http.MethodGet, p+"preview_user/", "property_mappings", nil)
}

// What applications are set up with is for who may read it, and secrets for who may
// change them.
func TestWhoMayReadApplications(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, person := r.by(r.admin), r.by(r.person)
	p := at("/providers/oauth2/", c.post("/providers/oauth2/", r.providing()("wiki"))["pk"])
	c.post("/core/applications/", fields{"name": "Wiki", "slug": "wiki"})
	m := at("/propertymappings/provider/scope/", c.post("/propertymappings/provider/scope/", fields{"name": "m", "scope_name": "m", "expression": "{}"})["pk"])
	for _, path := range []string{"/providers/oauth2/", p, p + "used_by/", p + "setup_urls/", p + "preview_user/", "/providers/all/", "/providers/all/types/",
		"/propertymappings/provider/scope/", m, m + "used_by/", "/core/applications/wiki/used_by/"} {
		person.send(http.MethodGet, path, nil).json(http.StatusForbidden)
	}
	for _, a := range []struct {
		method, path string
		body         any
	}{{"POST", "/core/applications/", fields{"name": "x", "slug": "x"}}, {"PATCH", "/core/applications/wiki/", fields{}}, {"DELETE", "/core/applications/wiki/", nil},
		{"POST", "/providers/oauth2/", fields{"name": "x", "authorization_flow": noSuch, "invalidation_flow": noSuch, "redirect_uris": []any{}}},
		{"PATCH", p, fields{}}, {"DELETE", p, nil}, {"POST", "/propertymappings/provider/scope/", fields{"name": "x", "scope_name": "x", "expression": "{}"}},
		{"PATCH", m, fields{}}, {"DELETE", m, nil}} {
		person.send(a.method, a.path, a.body).json(http.StatusForbidden)
	}
	role := &idp.Role{Name: "looks at applications", Spec: idp.RoleSpec{Allow: idp.RoleRules{Rules: []idp.RoleRule{{Resources: []string{"application"}, Verbs: []string{"list", "read"}}}}}}
	require.NoError(t, r.db.Repos().Roles.Create(t.Context(), role))
	require.NoError(t, r.db.Repos().Roles.SetUserRoles(t.Context(), r.person.ID, []idp.RoleID{role.ID}))
	require.NoError(t, r.roles.Reset(t.Context()))
	require.Empty(t, person.get(p)["client_secret"], "who may only look does not see secrets")
	require.NotEmpty(t, c.get(p)["client_secret"])
	require.Equal(t, []any{"Wiki"}, person.all("/core/applications/?superuser_full_list=true", "name"))
}

// A consent shows the application as it is now.
func TestConsentsShowTheirApplication(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	app := c.post("/core/applications/", fields{"name": "Wiki", "slug": "wiki", "meta_launch_url": "https://wiki.example.org/"})
	for _, k := range []idp.Consent{{UserID: r.person.ID, Application: app["pk"].(string), ApplicationName: "Old", ApplicationSlug: "old"},
		{UserID: r.person.ID, Application: idp.NewID[idp.Application]().String(), ApplicationName: "Gone", ApplicationSlug: "gone"}} {
		require.NoError(t, r.db.Repos().Consents.Save(t.Context(), &k))
	}
	list := c.get("/core/user_consent/?ordering=pk")["results"].([]any)
	require.Equal(t, "Wiki", list[0].(fields)["application"].(fields)["name"])
	require.Equal(t, "https://wiki.example.org/", list[0].(fields)["application"].(fields)["launch_url"])
	require.Equal(t, "Gone", list[1].(fields)["application"].(fields)["name"])
	require.Equal(t, []string{"authentik_stages_consent.userconsent cascade"}, c.usedBy("/core/applications/wiki/"))
	c.delete("/core/applications/wiki/")
	require.Equal(t, []any{2.0}, c.all("/core/user_consent/", "pk"), "what people agreed to ends with it")
}
