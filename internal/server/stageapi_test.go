package server_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/api/contract"
)

// stagesOfTheContract are the endpoints of stages with a body that sets what
// the contract knows of, and a change of it.
var stagesOfTheContract = map[string]struct {
	schema       string
	body, change fields
}{
	"account_lockdown": {"AccountLockdownStage", fields{"revoke_tokens": false}, fields{"delete_sessions": false}},
	"consent":          {"ConsentStage", fields{"mode": "expiring", "consent_expire_in": "weeks=2"}, fields{"mode": "permanent"}},
	"deny":             {"DenyStage", fields{"deny_message": "Not today."}, fields{"deny_message": ""}},
	"dummy":            {"DummyStage", fields{"throw_error": false}, fields{"throw_error": true}},
	"email":            {"EmailStage", fields{"subject": "Hello", "token_expiry": "minutes=10", "single_use": false}, fields{"subject": "Hi"}},
	"identification": {"IdentificationStage", fields{"user_fields": []any{"email"}, "case_insensitive_matching": false, "show_matched_user": false,
		"pretend_user_exists": false, "password_stage": "", "enrollment_flow": nil, "sources": []any{}, "captcha_stage": nil, "webauthn_stage": ""},
		fields{"user_fields": []any{"upn", "username"}}},
	"invitation/stages": {"InvitationStage", fields{"continue_flow_without_invitation": true}, fields{"continue_flow_without_invitation": false}},
	"password": {"PasswordStage", fields{"backends": []any{"authentik.core.auth.InbuiltBackend"}, "failed_attempts_before_cancel": 3, "configure_flow": ""},
		fields{"allow_show_password": true}},
	"prompt/stages": {"PromptStage", fields{"fields": []any{}, "validation_policies": []any{}}, fields{"fields": []any{}}},
	"redirect": {"RedirectStage", fields{"mode": "static", "target_static": "https://example.org/", "target_flow": nil, "keep_context": false},
		fields{"target_static": "/if/user/"}},
	"user_delete": {"UserDeleteStage", fields{}, fields{}},
	"user_login": {"UserLoginStage", fields{"session_duration": "hours=8", "remember_me_offset": "days=1", "terminate_other_sessions": true,
		"network_binding": "bind_asn_network", "geoip_binding": "bind_continent_country_city", "remember_device": "days=30", "idle_timeout": "minutes=30",
		"binding_log_only": true, "binding_private_addresses": true}, fields{"session_duration": "seconds=0", "geoip_binding": "no_binding"}},
	"user_logout": {"UserLogoutStage", fields{}, fields{}},
	"user_write": {"UserWriteStage", fields{"user_creation_mode": "never_create", "create_users_as_inactive": false, "user_type": "internal",
		"create_users_group": nil, "user_path_template": "staff"}, fields{"user_path_template": ""}},
}

func TestStagesOfEveryKind(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	table, err := contract.Load()
	require.NoError(t, err)
	offered := kindsOf(c)
	for at, kind := range stagesOfTheContract {
		base := "/stages/" + at + "/"
		require.Contains(t, offered, strings.ToLower(kind.schema), base)
		body := fields{"name": "a " + at, "component": "ignored", "flow_set": []any{}}
		maps.Copy(body, kind.body)
		got := c.post(base, body)
		for key := range table.Objects[kind.schema] {
			require.Contains(t, got, strings.TrimSuffix(key, "*"), "%s: published clients know this key", base)
		}
		for key, sent := range kind.body {
			if sent == "" && got[key] == nil {
				continue // nobody
			}
			require.EqualValues(t, number(sent), got[key], "%s %s", base, key)
		}
		one := base + got["pk"].(string) + "/"
		require.Equal(t, got, c.get(one))
		require.Equal(t, got, c.get(base + "?name=a+" + at)["results"].([]any)[0])
		require.Equal(t, []any{got["pk"]}, c.all(base+"?stage_uuid="+got["pk"].(string)+"&no_flows=true", "pk"))
		require.Empty(t, c.all(base+"?no_flows=false", "pk"))
		c.patch(one, kind.change)
		again := c.put(one, body)
		require.Equal(t, got, again, "a replacement with the same body leads to the same")
		c.refuse(http.MethodPost, base, "name", kind.body)
		c.refuse(http.MethodPatch, one, "colour", fields{"colour": "red"})
		require.Empty(t, c.usedBy(one))
		r.by(r.person).send(http.MethodGet, one, nil).json(http.StatusForbidden)

		plain := c.get("/stages/all/" + got["pk"].(string) + "/")
		require.Equal(t, []any{got["name"], got["component"], got["meta_model_name"]}, []any{plain["name"], plain["component"], plain["meta_model_name"]})
		c.delete(one)
		c.send(http.MethodGet, "/stages/all/"+got["pk"].(string)+"/", nil).json(http.StatusNotFound)
	}
	for at, field := range map[string]string{"password": "backends", "prompt/stages": "fields", "redirect": "mode"} {
		c.refuse(http.MethodPost, "/stages/"+at+"/", field, fields{"name": "short"})
	}
}

func number(v any) any {
	if n, ok := v.(int); ok {
		return float64(n)
	}
	return v
}

func kindsOf(c client) []string {
	a := c.send(http.MethodGet, "/stages/all/types/", nil)
	var list []map[string]any
	require.NoError(c.t, unmarshal(a.Body.Bytes(), &list))
	out := []string{}
	for _, one := range list {
		out = append(out, one["model_name"].(string))
	}
	return out
}

// What is secret is never shown, stays while nobody sends another, and cannot be
// searched for.
func TestSecretsOfStages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	body := fields{"name": "mail", "use_global_settings": false, "host": "mail.example.org", "username": "ada", "password": "s3cret", "from_address": "ada@example.org"}
	one := "/stages/email/" + c.post("/stages/email/", body)["pk"].(string) + "/"
	stored := func() string {
		page, err := r.db.Repos().Stages.Find(t.Context(), idp.StageFilter{Name: ptr("mail")})
		require.NoError(t, err)
		return string(page.Items[0].Settings)
	}
	delete(body, "password")
	body["username"] = "grace"
	for _, got := range []map[string]any{c.get(one), c.put(one, body), c.patch(one, fields{"port": 2525})} {
		require.NotContains(t, got, "password")
		require.Contains(t, stored(), "s3cret")
	}
	require.Contains(t, stored(), "grace")
	require.NotContains(t, r.do(request{path: path("/events/events/"), key: c.key}).Body.String(), "s3cret")
	c.refuse(http.MethodGet, "/stages/email/?password=s3cret", "password", nil)
	c.patch(one, fields{"password": ""})
	require.NotContains(t, stored(), "s3cret")
}

func TestStagesByTheirSettings(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	prompts := []any{}
	for _, name := range []string{"first", "second", "third"} {
		prompts = append(prompts, c.post("/stages/prompt/prompts/", fields{"name": name, "field_key": name, "label": name, "type": "text"})["pk"])
	}
	c.post("/stages/prompt/stages/", fields{"name": "one field", "fields": prompts[:1]})
	c.post("/stages/prompt/stages/", fields{"name": "two fields", "fields": prompts[1:]})
	c.post("/stages/user_login/", fields{"name": "short", "session_duration": "hours=1"})
	c.post("/stages/user_login/", fields{"name": "long", "session_duration": "hours=9", "terminate_other_sessions": true})
	backends := []any{"authentik.core.auth.InbuiltBackend"}
	c.post("/stages/password/", fields{"name": "strict", "backends": backends, "failed_attempts_before_cancel": 2, "configure_flow": r.flow.ID})
	c.post("/stages/password/", fields{"name": "patient", "backends": backends})
	for at, want := range map[string][]any{
		"user_login/?session_duration=hours%3D1":                                              {"short"},
		"user_login/?terminate_other_sessions=true":                                           {"long"},
		"user_login/?terminate_other_sessions=false&session_duration=hours%3D9":               {},
		"user_login/?network_binding=no_binding&ordering=-name":                               {"short", "long"},
		"password/?failed_attempts_before_cancel=2":                                           {"strict"},
		"password/?configure_flow=" + strings.ToUpper(r.flow.ID.String()):                     {"strict"},
		"password/?allow_show_password=false&search=pat":                                      {"patient"},
		"prompt/stages/?fields=" + prompts[0].(string):                                        {"one field"},
		"prompt/stages/?fields=" + prompts[0].(string) + "&fields=" + prompts[2].(string):     {"one field", "two fields"},
		"prompt/stages/?fields=00000000-0000-0000-0000-000000000001&validation_policies=&a=b": nil,
		"all/?search=patient": {"patient"},
		"all/?name=long":      {"long"},
	} {
		if want == nil {
			c.refuse(http.MethodGet, "/stages/"+at, "a", nil)
			continue
		}
		require.Equal(t, want, c.all("/stages/"+at, "name"), at)
	}
	c.refuse(http.MethodGet, "/stages/user_login/?network_binding=string", "network_binding", nil)
	c.refuse(http.MethodGet, "/stages/password/?failed_attempts_before_cancel=two", "failed_attempts_before_cancel", nil)

	a := r.do(request{path: path("/stages/all/user_settings/"), as: r.person})
	require.JSONEq(t, `[{"object_uid":"`+c.all("/stages/password/?name=strict", "pk")[0].(string)+`","title":"sign-in","configure_url":"/if/flow/sign-in/",
		"component":"ak-user-settings-password","icon_url":""}]`, a.Body.String())
}

// What is used by a stage or prompt says what becomes of it; then it does.
func TestWhatNamesAStage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	word := c.post("/stages/password/", fields{"name": "word", "backends": []any{"authentik.core.auth.InbuiltBackend"}})["pk"].(string)
	who := c.post("/stages/identification/", fields{"name": "who", "password_stage": word})["pk"].(string)
	c.post("/flows/bindings/", fields{"target": r.flow.ID, "stage": word, "order": 7})
	require.ElementsMatch(t, []string{"authentik_flows.flowstagebinding cascade", "authentik_stages_identification.identificationstage set_null"},
		c.usedBy("/stages/password/"+word+"/"))
	require.Equal(t, c.usedBy("/stages/password/"+word+"/"), c.usedBy("/stages/all/"+word+"/"))
	c.delete("/stages/all/" + word + "/")
	require.Nil(t, c.get("/stages/identification/" + who + "/")["password_stage"])
	require.Len(t, c.all("/flows/bindings/", "pk"), 1)

	prompt := c.post("/stages/prompt/prompts/", fields{"name": "ask", "field_key": "ask", "label": "Ask", "type": "text"})["pk"].(string)
	stage := c.post("/stages/prompt/stages/", fields{"name": "asks", "fields": []any{prompt}})["pk"].(string)
	require.Equal(t, []string{"authentik_stages_prompt.promptstage cascade_many"}, c.usedBy("/stages/prompt/prompts/"+prompt+"/"))
	c.delete("/stages/prompt/prompts/" + prompt + "/")
	require.Empty(t, c.get("/stages/prompt/stages/" + stage + "/")["fields"])
	c.send(http.MethodGet, "/stages/deny/"+stage+"/", nil).json(http.StatusNotFound)
	c.send(http.MethodDelete, "/stages/deny/"+stage+"/", nil).json(http.StatusNotFound)
	c.send(http.MethodPatch, "/stages/deny/"+stage+"/", fields{"name": "other"}).json(http.StatusNotFound)
}

// A stage of a kind that this server was built without is still listed, and can
// be deleted.
func TestStagesOfAKindThatIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	gone := &idp.Stage{Name: "of old", Kind: "retired", Settings: []byte(`{"a": 1}`)}
	require.NoError(t, r.db.Repos().Stages.Create(t.Context(), gone))
	got := c.get("/stages/all/" + gone.ID.String() + "/")
	require.Equal(t, []any{"retired", ""}, []any{got["verbose_name"], got["component"]})
	require.True(t, slices.Contains(c.all("/stages/all/", "name"), any("of old")))
	c.delete("/stages/all/" + gone.ID.String() + "/")

	old := &idp.Stage{Name: "of an earlier version", Kind: "deny", Settings: []byte(`{"colour": "red"}`)}
	require.NoError(t, r.db.Repos().Stages.Create(t.Context(), old))
	one := "/stages/deny/" + old.ID.String() + "/"
	require.Equal(t, "red", c.get("/stages/deny/")["results"].([]any)[0].(map[string]any)["colour"])
	c.refuse(http.MethodPatch, one, "colour", fields{"deny_message": "No."})
	require.NotContains(t, c.put(one, fields{"name": "new", "deny_message": "No."}), "colour", "a replacement mends it")
}
