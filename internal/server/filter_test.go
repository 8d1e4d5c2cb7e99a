package server_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// contractFilters are the parameters that published clients may send to a list,
// beside page, page_size, ordering and search.
var contractFilters = map[string]string{
	"/authenticators/static/":         "name",
	"/authenticators/totp/":           "name",
	"/authenticators/webauthn/":       "name",
	"/authenticators/admin/static/":   "name",
	"/authenticators/admin/totp/":     "name",
	"/authenticators/admin/webauthn/": "name",
	"/core/applications/":             "for_user group meta_description meta_launch_url meta_publisher name only_with_launch_url slug superuser_full_list",
	"/providers/all/":                 "application__isnull backchannel",
	"/providers/oauth2/": "access_code_validity access_token_validity application authorization_flow client_id client_type " +
		"include_claims_in_id_token issuer_mode name property_mappings refresh_token_validity signing_key sub_mode",
	"/propertymappings/provider/scope/": "managed managed__isnull name scope_name",

	"/core/authenticated_sessions/": "session__last_ip session__last_user_agent user__username",
	"/core/brands/": "brand_uuid branding_default_flow_background branding_favicon branding_logo branding_title client_certificates default domain " +
		"flow_authentication flow_device_code flow_invalidation flow_recovery flow_unenrollment flow_user_settings web_certificate",
	"/core/groups/":       "attributes is_superuser members_by_pk members_by_username name",
	"/core/tokens/":       "description expires expiring identifier intent managed user__username",
	"/core/user_consent/": "application user",
	"/core/users/": "attributes date_joined date_joined__gt date_joined__lt email groups_by_name groups_by_pk is_active is_superuser " +
		"last_login last_login__gt last_login__isnull last_login__lt last_updated last_updated__gt last_updated__lt name path path_startswith " +
		"roles_by_name roles_by_pk type username uuid",
	"/events/events/":        "action actions brand_name client_ip context_authorized_app context_model_app context_model_name context_model_pk username",
	"/events/notifications/": "body created event seen severity user",
	"/events/rules/":         "destination_group__name name severity",
	"/events/transports/":    "mode name send_once webhook_url",
	"/flows/bindings/": "evaluate_on_plan fsb_uuid invalid_response_action order pbm_uuid policies policy_engine_mode re_evaluate_policies " +
		"stage target",
	"/flows/instances/":          "denied_action designation flow_uuid name slug",
	"/managed/blueprints/":       "name path",
	"/policies/all/":             "bindings__isnull promptstage__isnull",
	"/policies/bindings/":        "enabled order policy policy__isnull target target_in timeout",
	"/policies/dummy/":           "created execution_logging last_updated name policy_uuid result wait_max wait_min",
	"/policies/event_matcher/":   "action app client_ip created execution_logging last_updated model name policy_uuid",
	"/policies/expression/":      "created execution_logging expression last_updated name policy_uuid",
	"/policies/password_expiry/": "created days deny_only execution_logging last_updated name policy_uuid",
	"/policies/password/": "amount_digits amount_lowercase amount_symbols amount_uppercase check_have_i_been_pwned check_static_rules check_zxcvbn " +
		"created error_message execution_logging hibp_allowed_count last_updated length_min name password_field policy_uuid symbol_charset zxcvbn_score_threshold",
	"/policies/reputation/":           "check_ip check_username created execution_logging last_updated name policy_uuid threshold",
	"/policies/reputation/scores/":    "identifier identifier_in ip score",
	"/propertymappings/notification/": "name",
	"/rbac/roles/":                    "groups inherited managed managed__isnull name users",
	"/stages/all/":                    "name",
	"/stages/authenticator/static/":   "configure_flow friendly_name name stage_uuid token_count token_length",
	"/stages/authenticator/totp/":     "configure_flow digits friendly_name name stage_uuid",
	"/stages/authenticator/validate/": "configuration_stages name not_configured_action",
	"/stages/authenticator/webauthn/": "authenticator_attachment configure_flow device_type_restrictions friendly_name max_attempts name " +
		"resident_key_requirement stage_uuid user_verification",
	"/stages/consent/": "consent_expire_in mode name stage_uuid",
	"/stages/deny/":    "deny_message name stage_uuid",
	"/stages/dummy/":   "name stage_uuid throw_error",
	"/stages/email/": "activate_user_on_success from_address host name port subject template timeout token_expiry use_global_settings use_ssl " +
		"use_tls username",
	"/stages/identification/": "captcha_stage case_insensitive_matching enrollment_flow name password_stage passwordless_flow recovery_flow " +
		"show_matched_user show_source_labels webauthn_stage",
	"/stages/invitation/invitations/": "created_by__username expires flow__slug name",
	"/stages/invitation/stages/":      "continue_flow_without_invitation name no_flows stage_uuid",
	"/stages/password/":               "allow_show_password configure_flow failed_attempts_before_cancel name",
	"/stages/prompt/prompts/":         "field_key label name placeholder type",
	"/stages/prompt/stages/":          "fields name stage_uuid validation_policies",
	"/stages/redirect/":               "name",
	"/stages/user_delete/":            "name stage_uuid",
	"/stages/user_login/": "geoip_binding name network_binding remember_device remember_me_offset session_duration stage_uuid " +
		"terminate_other_sessions",
	"/stages/user_logout/": "name stage_uuid",
	"/stages/user_write/":  "create_users_as_inactive create_users_group name stage_uuid user_creation_mode user_path_template user_type",
}

// contractSwitches choose what is shown of each row, not which rows.
var contractSwitches = map[string]string{
	"/authenticators/admin/all/": "user",
	"/core/groups/":              "include_children include_inherited_roles include_parents include_users",
	"/core/groups/{group_uuid}/": "include_children include_inherited_roles include_parents include_users",
	"/core/users/":               "include_groups include_roles",
	"/events/events/volume/": "action actions brand_name client_ip context_authorized_app context_model_app context_model_name context_model_pk " +
		"history_days ordering search username",
	"/events/events/top_per_user/": "action top_n",
	"/core/users/paths/":           "search",
	"/flows/executor/{flow_slug}/": "query",
}

// ownParameters are of what the contract does not know.
var ownParameters = []string{"/", "/access_requests/", "/core/known_devices/", "/oidc/keys/", "/events/deliveries/", "/lockdowns/", "/locks/", "/schema/browser/", "/stages/account_lockdown/", "/stages/question/"}

func TestEveryParameterOfTheContractIsTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	paths := r.json(http.StatusOK, request{path: "/api/v3/schema/"})["paths"].(object)
	taken := func(at string) (names []string) {
		require.Contains(t, paths, "/api/v3"+at)
		params, _ := paths["/api/v3"+at].(object)["get"].(object)["parameters"].([]any)
		for _, p := range params {
			names = append(names, p.(object)["name"].(string))
		}
		return names
	}
	for at, names := range contractFilters {
		require.Subset(t, taken(at), append(strings.Fields(names), "page", "page_size", "ordering", "search"), at)
	}
	for at, names := range contractSwitches {
		require.Subset(t, taken(at), strings.Fields(names), at)
	}
	for path := range paths {
		at, own := strings.CutPrefix(path, "/api/v3")
		if !own { // of another system's API
			continue
		}
		if paths[path].(object)["get"] == nil || len(taken(at)) == 0 || strings.Contains(at, "{") && !slices.Contains(taken(at), "page") {
			continue
		}
		_, filters := contractFilters[at]
		_, switches := contractSwitches[at]
		require.True(t, filters || switches || slices.Contains(ownParameters, at), "%s is missing from the tables", at)
	}
}

// probe is a value of a filter that the row wanted has, and another row that must
// not be found with it; nil = the usual one.
type probe struct {
	value   any
	without any
}

// selects asks a list for every parameter of the contract. wanted and other are
// values of key.
func (c client) selects(at, key string, wanted, other any, probes map[string]any) {
	c.t.Helper()
	names := strings.Fields(contractFilters[at])
	require.Subset(c.t, slices.Collect(maps.Keys(probes)), names, "%s: every filter is tried", at)
	for name, p := range probes {
		one, ok := p.(probe)
		if !ok {
			one = probe{value: p}
		}
		if one.without == nil {
			one.without = other
		}
		found := c.all(at+"?page_size=100&"+name+"="+url.QueryEscape(text(one.value)), key)
		require.Contains(c.t, found, wanted, "%s?%s=%v", at, name, one.value)
		require.NotContains(c.t, found, one.without, "%s?%s=%v", at, name, one.value)
	}
}

// Settings of policies, stored or left at what they are without.
func TestPoliciesByTheirSettings(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	for kind, k := range map[string]struct {
		wanted, other fields
		more          fields // filters beside those of wanted
	}{
		"dummy": {wanted: fields{"result": true, "wait_min": 1, "wait_max": 2}, other: fields{}},
		"event_matcher": {wanted: fields{"action": "login", "client_ip": "192.0.2.1", "app": "authentik.core", "model": "authentik_core.user"},
			other: fields{"client_ip": "192.0.2.2"}, more: fields{"query": probe{}}},
		"expression": {wanted: fields{"expression": "user.pk == 1 && true"}, other: fields{"expression": "true"}},
		"password": {wanted: fields{"password_field": "pw", "check_static_rules": false, "length_min": 9, "amount_digits": 1, "amount_lowercase": 2,
			"amount_uppercase": 3, "amount_symbols": 4, "symbol_charset": "!?", "error_message": "Longer.", "check_have_i_been_pwned": true,
			"hibp_allowed_count": 3, "check_zxcvbn": true, "zxcvbn_score_threshold": 3}, other: fields{}},
		"password_expiry": {wanted: fields{"days": 60, "deny_only": true}, other: fields{"days": 6}},
		"reputation":      {wanted: fields{"check_ip": false, "threshold": -2}, other: fields{"check_username": false}, more: fields{"check_username": true}},
	} {
		base := "/policies/" + kind + "/"
		body := func(name string, settings fields) fields {
			b := maps.Clone(settings)
			b["name"] = name
			return b
		}
		other := c.post(base, body("other "+kind, k.other))
		wanted := body(kind, k.wanted)
		wanted["execution_logging"] = true
		made := c.post(base, wanted)
		probes := maps.Clone(wanted)
		probes["policy_uuid"], probes["created"], probes["last_updated"] = made["pk"], made["created"], made["last_updated"]
		maps.Copy(probes, k.more)
		delete(probes, "query")
		c.selects(base, "pk", made["pk"], other["pk"], probes)
		c.selects("/policies/all/", "pk", made["pk"], nobody, map[string]any{"bindings__isnull": true, "promptstage__isnull": true})
		require.Empty(t, c.all(base+"?name=x&created=2999-01-01", "pk"))
	}
	for at, field := range map[string]string{"dummy/?wait_min=soon": "wait_min", "dummy/?result=maybe": "result", "dummy/?created=once": "created",
		"event_matcher/?client_ip=here": "client_ip", "event_matcher/?action=nonsense": "action", "password/?length_min=1.5": "length_min",
		"reputation/?threshold=low": "threshold", "expression/?policy_uuid=1": "policy_uuid", "expression/?query=x": "query"} {
		c.refuse(http.MethodGet, "/policies/"+at, field, nil)
	}
}

func TestStagesByEverySetting(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	id := func() string { return uuidOf(r) }
	for path, wanted := range map[string]fields{
		"authenticator/static":   {"configure_flow": id(), "friendly_name": "Codes", "token_count": 9, "token_length": 14},
		"authenticator/totp":     {"configure_flow": id(), "friendly_name": "App", "digits": "8"},
		"authenticator/validate": {"configuration_stages": []string{id()}, "not_configured_action": "deny"},
		"authenticator/webauthn": {"authenticator_attachment": "platform", "configure_flow": id(), "device_type_restrictions": []string{id()},
			"friendly_name": "Key", "max_attempts": 4, "resident_key_requirement": "required", "user_verification": "required"},
		"consent":           {"mode": "permanent", "consent_expire_in": "hours=9"},
		"deny":              {"deny_message": "Not today & never."},
		"dummy":             {"throw_error": true},
		"email":             {"activate_user_on_success": true, "from_address": "a@example.org", "host": "mail.example.org", "port": 26, "subject": "Hello", "template": "email/setup.html", "timeout": 3, "token_expiry": "minutes=3", "use_global_settings": false, "use_ssl": true, "use_tls": true, "username": "ada"},
		"identification":    {"captcha_stage": id(), "case_insensitive_matching": false, "enrollment_flow": id(), "password_stage": id(), "passwordless_flow": id(), "recovery_flow": id(), "show_matched_user": false, "show_source_labels": true, "webauthn_stage": id()},
		"invitation/stages": {"continue_flow_without_invitation": true},
		"password":          {"allow_show_password": true, "configure_flow": id(), "failed_attempts_before_cancel": 9},
		"prompt/stages":     {"fields": []string{id()}, "validation_policies": []string{id()}},
		"redirect":          {},
		"user_delete":       {},
		"user_login":        {"geoip_binding": "bind_continent", "network_binding": "bind_asn", "remember_device": "days=2", "remember_me_offset": "days=3", "session_duration": "days=4", "terminate_other_sessions": true},
		"user_logout":       {},
		"user_write":        {"create_users_as_inactive": false, "create_users_group": id(), "user_creation_mode": "always_create", "user_path_template": "a/b", "user_type": "external"},
	} {
		kind, _, _ := strings.Cut(path, "/")
		if kind == "authenticator" {
			kind = strings.ReplaceAll(path, "/", "_")
		}
		made, other := r.addStage("wanted "+kind, kind, wanted), r.addStage("other "+kind, kind, fields{})
		probes := fields{"name": "wanted " + kind, "stage_uuid": made}
		for name, value := range wanted {
			if list, many := value.([]string); many {
				value = list[0]
			}
			probes[name] = value
		}
		if path == "invitation/stages" {
			f := r.addFlow("bound", "enrollment", "none", "deny", "{}")
			r.bind(f.ID, other)
			probes["no_flows"] = true
		}
		c.selects("/stages/"+path+"/", "pk", made, other, probes)
		c.selects("/stages/all/", "pk", made, other, fields{"name": "wanted " + kind})
	}
}
