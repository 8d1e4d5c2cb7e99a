package stages_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/stages"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// kinds are all kinds of stages, good for whatever runs nothing.
func kinds() []flow.Kind { return stages.All(stages.Deps{}) }

// folder is where a kind lives.
func folder(k flow.Kind) string { return strings.ReplaceAll(k.Name, "_", "") }

// TestGoldenChallenges draws every example of every kind both ways. Run it
// with -update after a change that is meant.
func TestGoldenChallenges(t *testing.T) {
	t.Parallel()
	info := flow.Info{Title: "Title", CancelURL: flow.CancelURL, Layout: "stacked"}
	for _, k := range kinds() {
		for i, c := range k.Examples {
			name := filepath.Join(folder(k), "testdata", fmt.Sprintf("example-%d", i+1))
			raw, err := flow.MarshalChallenge(c, info, nil)
			require.NoError(t, err)
			var pretty bytes.Buffer
			require.NoError(t, json.Indent(&pretty, raw, "", "  "))
			golden(t, name+".json", append(pretty.Bytes(), '\n'))

			faults := map[string][]flow.FieldError{idp.NonField: {{String: "All of it is wrong.", Code: "invalid"}},
				"password": {{String: "Not this one.", Code: "invalid"}}, "lockdown_reason": {{String: "This field is required.", Code: "required"}}}
			for variant, page := range map[string]flow.Page{
				"": {}, "-wrong": {Errors: faults, Submitted: flow.Input{"uid_field": "<ada>", "lockdown_reason": "a & b", "password": "never shown"}},
			} {
				page.Info, page.Action = info, "/if/flow/f/?next=%2F"
				page.Hidden = []flow.Hidden{{Name: "component", Value: c.Component()}, {Name: "_step", Value: "1-2"}}
				var html bytes.Buffer
				require.NoError(t, k.View(c, page).Render(t.Context(), &html))
				require.NotContains(t, html.String(), "never shown")
				golden(t, name+variant+".html", lines(html.Bytes()))
			}
		}
	}
}

// hashed are addresses of assets, which change with their content.
var hashed = regexp.MustCompile(`/static/[^"#]+`)

// lines puts every element on a line of its own, so that a change shows where
// it is.
func lines(html []byte) []byte {
	html = hashed.ReplaceAll(html, []byte("/static/…"))
	return append(bytes.ReplaceAll(html, []byte("><"), []byte(">\n<")), '\n')
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, got, 0o644))
		return
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// required are the keys that published clients refuse a challenge without.
var required = map[string][]string{
	"ak-stage-identification": {"flow_designation", "password_fields", "primary_action", "show_source_labels", "user_fields"},
	"ak-stage-password":       {"pending_user", "pending_user_avatar"},
	"ak-stage-prompt":         {"fields"},
	"ak-stage-user-login":     {"pending_user", "pending_user_avatar"},
	"ak-stage-consent":        {"additional_permissions", "pending_user", "pending_user_avatar", "permissions", "token"},
	"ak-stage-dummy":          {"name"},

	"ak-stage-authenticator-totp":     {"config_url", "pending_user", "pending_user_avatar"},
	"ak-stage-authenticator-static":   {"codes", "pending_user", "pending_user_avatar"},
	"ak-stage-authenticator-webauthn": {"registration", "pending_user", "pending_user_avatar"},
	"ak-stage-authenticator-validate": {"configuration_stages", "device_challenges", "pending_user", "pending_user_avatar"},

	"ak-stage-email":         {},
	"ak-stage-access-denied": {"pending_user", "pending_user_avatar"},
	"ak-stage-flow-error":    {"request_id"},
	"xak-flow-redirect":      {"to"},
}

// engines are the challenges of the engine itself.
func engines() []flow.Challenge {
	return []flow.Challenge{flow.AccessDenied{UserInfo: flow.NewUserInfo("ada"), ErrorMessage: "Request has been denied."},
		flow.FlowError{RequestID: "0f3c"}, flow.FlowError{RequestID: "0f3c", Error: "for superusers"}, flow.FlowRedirect{To: "/if/user/"},
		flow.FlowError{RequestID: "0f3c", Error: "panic: no", Traceback: "*flow.crash: panic: no\n\ngoroutine 1 [running]:\n"}}
}

// TestGoldenEngineChallenges are those that no stage asks.
func TestGoldenEngineChallenges(t *testing.T) {
	t.Parallel()
	for i, c := range engines() {
		raw, err := flow.MarshalChallenge(c, flow.Info{Title: "Title", CancelURL: flow.CancelURL, Layout: "stacked"}, nil)
		require.NoError(t, err)
		var pretty bytes.Buffer
		require.NoError(t, json.Indent(&pretty, raw, "", "  "))
		golden(t, filepath.Join("testdata", fmt.Sprintf("engine-%d.json", i+1)), append(pretty.Bytes(), '\n'))
	}
}

func TestChallengesHaveWhatClientsRequire(t *testing.T) {
	t.Parallel()
	challenges := append(engines(), flow.AccessDenied{}, flow.FlowError{}, flow.FlowRedirect{})
	for _, k := range kinds() {
		challenges = append(challenges, k.Examples...)
	}
	for _, c := range challenges {
		keys, known := required[c.Component()]
		require.True(t, known, "%s is missing from the table", c.Component())
		raw, err := flow.MarshalChallenge(c, flow.Info{CancelURL: flow.CancelURL, Layout: "stacked"}, nil)
		require.NoError(t, err)
		var got map[string]any
		require.NoError(t, json.Unmarshal(raw, &got))
		for _, key := range append(keys, "component", "flow_info") {
			require.Contains(t, got, key, c.Component())
		}
		require.Subset(t, got["flow_info"], map[string]any{"cancel_url": "/flows/-/cancel/", "layout": "stacked"})
		fields, _ := got["fields"].([]any)
		for _, f := range fields {
			for _, key := range []string{"choices", "field_key", "initial_value", "label", "order", "placeholder", "required", "sub_text", "type"} {
				require.Contains(t, f, key)
			}
		}
	}
}

// TestKinds holds what everything that is derived from a kind relies on.
func TestKinds(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range kinds() {
		for what, v := range map[string]string{"name": k.Name, "model": k.Model, "form": k.Form, "verbose": k.Verbose, "plural": k.VerbosePlural, "summary": k.Summary} {
			require.NotEmpty(t, v, "%s of %s", what, k.Name)
			require.False(t, seen[what+v], "%s %q occurs twice", what, v)
			seen[what+v] = true
		}
		require.Equal(t, "authentik_stages_"+k.Name+"."+folder(k)+"stage", k.Model)
		require.DirExists(t, folder(k))
		require.Equal(t, k.Headless, len(k.Examples) == 0 && k.View == nil, k.Name)
		for _, s := range k.Describe() {
			require.NotEmpty(t, s.Help, "help of %s.%s", k.Name, s.Name)
			require.Contains(t, []string{"string", "boolean", "integer", "uuid"}, s.Type)
			named := !slices.Contains([]string{"sources", "device_type_restrictions", "webauthn_allowed_device_types"}, s.Name)
			require.Equal(t, s.Type == "uuid" && named, s.Ref != "", "reference of %s.%s", k.Name, s.Name)
		}
		defaults, err := json.Marshal(k.Settings())
		require.NoError(t, err)
		_, err = k.Decode(defaults)
		require.NoError(t, err, "%s does not take its own defaults", k.Name)
	}
}

// TestSettingsOfTheContract are the settings that published clients send, by
// kind, and what each becomes.
func TestSettingsOfTheContract(t *testing.T) {
	t.Parallel()
	id := idp.NewID[idp.Flow]().String()
	for _, c := range []struct {
		kind, settings string
		wrong          []string // fields
	}{
		{"identification", `{"user_fields": ["email"], "password_stage": "", "captcha_stage": null, "case_insensitive_matching": true, "show_matched_user": true,
			"enrollment_flow": "", "recovery_flow": "` + id + `", "passwordless_flow": null, "sources": [], "show_source_labels": false,
			"pretend_user_exists": true, "enable_remember_me": false, "webauthn_stage": null}`, nil},
		{"identification", `{"user_fields": ["phone"]}`, []string{"user_fields"}},
		{"identification", `{"user_fields": [], "passwordless_flow": "` + id + `"}`, nil},
		{"identification", `{"user_fields": [], "passwordless_flow": "` + id + `", "password_stage": "` + id + `"}`, []string{"password_stage"}},
		{"identification", `{"user_fields": [], "captcha_stage": "` + id + `", "webauthn_stage": null, "sources": ["` + id + `"]}`,
			[]string{"captcha_stage", "sources", "user_fields"}},
		{"password", `{"backends": ["authentik.core.auth.InbuiltBackend", "authentik.sources.ldap.auth.LDAPBackend"], "configure_flow": null,
			"failed_attempts_before_cancel": 5, "allow_show_password": true}`, nil},
		{"password", `{"backends": ["authentik.sources.ldap.auth.LDAPBackend"]}`, []string{"backends"}},
		{"password", `{"backends": ["mine"], "failed_attempts_before_cancel": 0}`, []string{"backends", "failed_attempts_before_cancel"}},
		{"user_login", `{"session_duration": "hours=1,minutes=2", "terminate_other_sessions": true, "remember_me_offset": "0", "network_binding": "no_binding",
			"geoip_binding": "no_binding", "remember_device": "weeks=1"}`, nil},
		{"user_login", `{"session_duration": "1h", "remember_me_offset": "", "network_binding": "bind_asn", "geoip_binding": "moon"}`,
			[]string{"geoip_binding", "remember_me_offset", "session_duration"}},
		{"user_login", `{"network_binding": "bind_asn_network_ip", "geoip_binding": "bind_continent_country_city", "binding_log_only": true,
			"binding_private_addresses": true, "idle_timeout": "minutes=1", "session_duration": "seconds=1"}`, nil},
		{"user_login", `{"idle_timeout": "seconds=59", "session_duration": "milliseconds=5", "remember_device": "microseconds=1",
			"remember_me_offset": "seconds=0.5", "binding_log_only": "often"}`,
			[]string{"binding_log_only"}},
		{"user_login", `{"idle_timeout": "seconds=59", "session_duration": "milliseconds=5", "remember_device": "microseconds=1",
			"remember_me_offset": "seconds=0.5"}`, []string{"idle_timeout", "remember_device", "remember_me_offset", "session_duration"}},
		{"user_login", `{"session_duration": "weeks=16000", "remember_me_offset": "weeks=1e9"}`, []string{"remember_me_offset", "session_duration"}},
		{"user_login", `{"session_duration": "weeks=9000", "remember_me_offset": "weeks=9000"}`, []string{"remember_me_offset"}},
		{"user_logout", `{}`, nil},
		{"user_logout", `{"x": 1}`, []string{"x"}},
		{"user_write", `{"user_creation_mode": "never_create", "create_users_as_inactive": true, "create_users_group": null, "user_type": "external", "user_path_template": ""}`, nil},
		{"user_write", `{"user_creation_mode": "always_create", "create_users_as_inactive": false, "create_users_group": "` + id + `", "user_type": "internal", "user_path_template": "a/%(b)s"}`, nil},
		{"user_write", `{"user_creation_mode": "sometimes", "user_path_template": "/"}`, []string{"user_creation_mode"}},
		{"user_delete", `{}`, nil},
		{"user_delete", `{"name": "x"}`, []string{"name"}},
		{"invitation", `{"continue_flow_without_invitation": true}`, nil},
		{"invitation", `{"continue_flow_without_invitation": "often"}`, []string{"continue_flow_without_invitation"}},
		{"consent", `{"mode": "expiring", "consent_expire_in": "weeks=4"}`, nil},
		{"consent", `{"mode": "permanent", "consent_expire_in": "seconds=0"}`, nil},
		{"consent", `{"mode": "never", "consent_expire_in": "soon"}`, []string{"consent_expire_in", "mode"}},
		{"consent", `{"mode": "expiring", "consent_expire_in": "seconds=0"}`, []string{"consent_expire_in"}},
		{"dummy", `{"throw_error": false}`, nil},
		{"dummy", `{"throw_error": null}`, []string{"throw_error"}},
		{"user_write", `{"user_type": "robot"}`, []string{"user_type"}},
		{"prompt", `{"fields": ["` + id + `"], "validation_policies": []}`, nil},
		{"prompt", `{"fields": "` + id + `"}`, []string{"fields"}},
		{"account_lockdown", `{"deactivate_user": false, "set_unusable_password": false, "delete_sessions": false, "revoke_tokens": false, "self_service_completion_flow": ""}`, nil},
		{"account_lockdown", `{"deactivate_user": "no", "self_service_completion_flow": "x"}`, []string{"deactivate_user", "self_service_completion_flow"}},
		{"deny", `{"deny_message": "No."}`, nil},
		{"redirect", `{"keep_context": true, "mode": "flow", "target_static": "", "target_flow": "` + id + `"}`, nil},
		{"redirect", `{"mode": "static", "target_static": "https://example.org/"}`, nil},
		{"redirect", `{"mode": "static", "target_static": "javascript:alert(1)"}`, []string{"target_static"}},
		{"redirect", `{"mode": "static", "target_static": "//example.org"}`, []string{"target_static"}},
		{"redirect", `{"mode": "static"}`, []string{"target_static"}},
		{"redirect", `{"mode": "flow"}`, []string{"target_flow"}},
		{"authenticator_totp", `{"configure_flow": "` + id + `", "friendly_name": "App", "digits": "8"}`, nil},
		{"authenticator_totp", `{"configure_flow": null, "digits": "7"}`, []string{"digits"}},
		{"authenticator_static", `{"configure_flow": "", "token_count": 6, "token_length": 12}`, nil},
		{"authenticator_static", `{"token_count": 51, "token_length": 65}`, []string{"token_count", "token_length"}},
		{"authenticator_static", `{"token_count": 0, "token_length": 4}`, []string{"token_count", "token_length"}},
		{"authenticator_webauthn", `{"user_verification": "required", "authenticator_attachment": "platform", "resident_key_requirement": "discouraged",
			"device_type_restrictions": [], "max_attempts": 3}`, nil},
		{"authenticator_webauthn", `{"authenticator_attachment": null}`, nil},
		{"authenticator_webauthn", `{"user_verification": "maybe", "device_type_restrictions": 3, "max_attempts": -1}`, []string{"device_type_restrictions", "max_attempts", "user_verification"}},
		{"authenticator_webauthn", `{"authenticator_attachment": "roaming", "device_type_restrictions": ["` + id + `"]}`, []string{"authenticator_attachment", "device_type_restrictions"}},
		{"authenticator_validate", `{"not_configured_action": "deny", "device_classes": ["totp", "duo", "sms", "email"], "configuration_stages": [],
			"last_auth_threshold": "hours=1", "webauthn_user_verification": "discouraged", "webauthn_allowed_device_types": []}`, nil},
		{"authenticator_validate", `{"device_classes": ["sms"], "not_configured_action": "configure"}`, []string{"device_classes", "not_configured_action"}},
		{"authenticator_validate", `{"device_classes": ["fax"], "last_auth_threshold": "soon", "webauthn_user_verification": ""}`,
			[]string{"device_classes", "last_auth_threshold", "webauthn_user_verification"}},
	} {
		for _, k := range kinds() {
			if k.Name != c.kind {
				continue
			}
			_, err := k.Validate(t.Context(), nil, json.RawMessage(c.settings))
			require.Equal(t, c.wrong, faulty(err), "%s %s: %v", c.kind, c.settings, err)
		}
	}
}

func faulty(err error) []string {
	var e *idp.Error
	if !asError(err, &e) {
		return nil
	}
	var out []string
	for field := range e.Fields {
		out = append(out, field)
	}
	sortStrings(out)
	return out
}
