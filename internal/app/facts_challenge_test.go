package app_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/server/api/contract"
)

// asked is how a flow comes to ask something of a program, what that looks like
// and how it is answered. Texts may hold what asks fills in.
type asked struct {
	fact      string
	component string
	as        string // "" = nobody, "person", "administrator"
	flow      anyMap // what is not usual about it
	parts     []part
	before    []anyMap // answers on the way there
	has       anyMap   // among the rest
	lacks     []string // of what is there only sometimes
	ours      []string // beside what is published
	answer    anyMap   // the whole body that is published for it
	leads     string   // the component that follows; "" = it is not answered
}

var (
	identified = part{kind: "identification", settings: anyMap{"user_fields": []string{"username"}, "recovery_flow": "{elsewhere}"}}
	inbuilt    = []string{"authentik.core.auth.InbuiltBackend"}
	proving    = part{kind: "password", settings: anyMap{"backends": inbuilt}}
	naming     = anyMap{"component": "ak-stage-identification", "uid_field": "{me}"}
	everything = `set_context("consent_header", "Wiki wants to know you.") and set_context("consent_title", "Wiki") and
		set_context("consent_permissions", [{"id": "openid", "name": "Know who you are"}]) and
		set_context("consent_additional_permissions", [{"id": "groups", "name": "See your groups"}])`
)

// challenges has a row for each component, and more where it has several looks.
var challenges = []asked{
	{fact: "identification: every key, and links to the flows beside it", component: "ak-stage-identification",
		flow: anyMap{"designation": "authentication"},
		parts: []part{{kind: "identification", settings: anyMap{"user_fields": []string{"email", "username", "upn"}, "enable_remember_me": true,
			"enrollment_flow": "{elsewhere}", "recovery_flow": "{elsewhere}", "passwordless_flow": "{elsewhere}", "show_source_labels": true}}, {}},
		has: anyMap{"user_fields": []any{"email", "username", "upn"}, "password_fields": false, "allow_show_password": false, "sources": []any{},
			"flow_designation": "authentication", "primary_action": "Continue", "show_source_labels": true, "enable_remember_me": true,
			"enroll_url": "/if/flow/elsewhere/", "recovery_url": "/if/flow/elsewhere/", "passwordless_url": "/if/flow/elsewhere/"},
		lacks:  []string{"pending_user_identifier", "application_pre", "application_pre_launch"},
		answer: anyMap{"uid_field": "{me}", "password": nil, "captcha_token": nil, "passkey": nil}, leads: "ak-stage-dummy"},
	{fact: "identification: with the password on the same page", component: "ak-stage-identification",
		flow: anyMap{"designation": "authentication"},
		parts: []part{{kind: "identification", settings: anyMap{"user_fields": []string{"username"}, "password_stage": "{password}",
			"enable_remember_me": false}}, {}},
		has: anyMap{"password_fields": true, "allow_show_password": true, "primary_action": "Log in", "enable_remember_me": false,
			"show_source_labels": false},
		lacks:  []string{"enroll_url", "recovery_url", "passwordless_url"},
		answer: anyMap{"uid_field": "{me}", "password": password, "captcha_token": nil, "passkey": nil}, leads: "ak-stage-dummy"},
	{fact: "identification: a page that takes no names has null for a list of fields", component: "ak-stage-identification",
		parts: []part{{kind: "identification", settings: anyMap{"user_fields": []string{}, "passwordless_flow": "{elsewhere}"}}},
		has:   anyMap{"user_fields": nil, "flow_designation": "stage_configuration"}},
	{fact: "identification: who was named before is there to be named again", component: "ak-stage-identification",
		parts:  []part{identified, {kind: "password", settings: anyMap{"backends": inbuilt}, bound: anyMap{"invalid_response_action": "restart_with_context"}}},
		before: []anyMap{naming, {"component": "ak-stage-password", "password": "wrong"}},
		has:    anyMap{"pending_user_identifier": "{me}"}},
	{fact: "password", component: "ak-stage-password", parts: []part{identified, {kind: "password", settings: anyMap{"backends": inbuilt, "allow_show_password": true}}, {}},
		before: []anyMap{naming}, has: anyMap{"pending_user": "{me}", "allow_show_password": true, "recovery_url": "/if/flow/elsewhere/"},
		answer: anyMap{"password": password}, leads: "ak-stage-dummy"},
	{fact: "password: without what it can do without", component: "ak-stage-password", as: "person", parts: []part{proving},
		has: anyMap{"pending_user": "{me}", "allow_show_password": false}, lacks: []string{"recovery_url"}},
	{fact: "prompt: a field of every type, with choices where it has them and else null", component: "ak-stage-prompt",
		parts: []part{{kind: "prompt/stages", asks: everyType()}, {}}, answer: anyMap{"text": "x", "number": 7, "checkbox": true, "anything": nil},
		leads: "ak-stage-dummy"},
	{fact: "user-login: asks only whether to stay", component: "ak-stage-user-login",
		parts:  []part{identified, proving, {kind: "user_login", settings: anyMap{"remember_me_offset": "days=1"}}},
		before: []anyMap{naming, {"component": "ak-stage-password", "password": password}}, has: anyMap{"pending_user": "{me}"},
		answer: anyMap{"remember_me": true}, leads: "xak-flow-redirect"},
	{fact: "consent: with everything that can be said", component: "ak-stage-consent", as: "person",
		parts: []part{{kind: "consent", when: []string{everything}}, {}}, ours: []string{"consent_title"},
		has: anyMap{"pending_user": "{me}", "header_text": "Wiki wants to know you.", "permissions": []any{anyMap{"id": "openid", "name": "Know who you are"}},
			"additional_permissions": []any{anyMap{"id": "groups", "name": "See your groups"}}},
		answer: anyMap{"token": "{token}"}, leads: "ak-stage-dummy"},
	{fact: "consent: with nothing said, lists are empty and not null", component: "ak-stage-consent", parts: []part{{kind: "consent"}},
		has: anyMap{"pending_user": "", "permissions": []any{}, "additional_permissions": []any{}}, lacks: []string{"header_text", "consent_title"}},
	{fact: "email: no keys of its own, and an empty answer sends another", component: "ak-stage-email", parts: []part{identified, {kind: "email"}},
		before: []anyMap{naming}, answer: anyMap{}, leads: "ak-stage-email"},
	{fact: "dummy", component: "ak-stage-dummy", parts: []part{{name: "one"}, {kind: "deny"}}, has: anyMap{"name": "{slug}/one"}, answer: anyMap{},
		leads: "ak-stage-access-denied"},
	{fact: "authenticator-totp: an address for apps", component: "ak-stage-authenticator-totp", as: "person",
		parts: []part{{kind: "authenticator/totp", settings: anyMap{"digits": "6"}}}, has: anyMap{"pending_user": "{me}"}},
	{fact: "authenticator-static: the codes, and an empty answer", component: "ak-stage-authenticator-static", as: "person",
		parts: []part{{kind: "authenticator/static"}, {}}, has: anyMap{"pending_user": "{me}"}, answer: anyMap{}, leads: "ak-stage-dummy"},
	{fact: "authenticator-validate: whoever has no account is asked as others are", component: "ak-stage-authenticator-validate",
		parts:  []part{identified, {kind: "authenticator/validate"}},
		before: []anyMap{{"component": "ak-stage-identification", "uid_field": "nobody-has-this-name"}},
		has: anyMap{"pending_user": "nobody-has-this-name", "configuration_stages": []any{}, "device_challenges": []any{
			anyMap{"device_class": "totp", "device_uid": "1", "challenge": anyMap{}, "last_used": nil}}}},
	{fact: "access-denied: with a message", component: "ak-stage-access-denied", as: "person",
		parts: []part{{kind: "deny", settings: anyMap{"deny_message": "Not you."}}}, has: anyMap{"pending_user": "{me}", "error_message": "Not you."}},
	{fact: "access-denied: shows to a stranger nobody, with a picture all the same", component: "ak-stage-access-denied",
		parts: []part{{kind: "deny"}}, has: anyMap{"pending_user": ""}},
	{fact: "flow-error: a stranger is told the request alone", component: "ak-stage-flow-error", parts: []part{broken},
		lacks: []string{"error", "traceback"}},
	{fact: "flow-error: so is somebody signed in", component: "ak-stage-flow-error", as: "person", parts: []part{broken},
		lacks: []string{"error", "traceback"}},
	{fact: "flow-error: a superuser sees why", component: "ak-stage-flow-error", as: "administrator", parts: []part{broken},
		has: anyMap{"error": "the dummy stage is told to fail", "traceback": "*errors.errorString: the dummy stage is told to fail\n"}},
	{fact: "redirect: where a flow leads that is done; an answer to it does nothing", component: "xak-flow-redirect",
		parts: []part{{kind: "redirect", settings: anyMap{"mode": "static", "target_static": "https://example.org/a?b=c"}}},
		has:   anyMap{"to": "https://example.org/a?b=c"}, answer: anyMap{"to": "https://example.org/a?b=c"}, leads: "xak-flow-redirect"},
}

var broken = part{settings: anyMap{"throw_error": true}}

// everyType is a prompt of every type that the contract knows.
func everyType() []string {
	table, err := contract.Load()
	if err != nil {
		panic(err)
	}
	out := []string{}
	for _, kind := range table.Enums["PromptTypeEnum"] {
		out = append(out, strings.ReplaceAll(kind, "-", "_")+":"+kind)
	}
	return out
}

// TestFactsChallenge holds every challenge to its published shape, key by key,
// and its published answer to what it does.
func TestFactsChallenge(t *testing.T) {
	t.Parallel()
	table, err := contract.Load()
	require.NoError(t, err)
	s, _ := newMailSite(t, "secret_key", "a-secret-of-at-least-thirty-two-bytes")
	names := []string{"{elsewhere}", s.lay("elsewhere", scene{parts: []part{{}}}, strings.NewReplacer().Replace),
		"{password}", s.make("/stages/password/", anyMap{"name": "on-the-same-page", "allow_show_password": true, "backends": inbuilt})["pk"].(string)}
	for _, c := range challenges {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			s.within(t).asksOf(table, c, names)
		})
	}
	t.Run("every component that anything asks with has a row, and its answer is given in one", func(t *testing.T) {
		// No browser has passkeys at this address: the stages' own tests go through that one.
		const passkeys = "ak-stage-authenticator-webauthn"
		rows, answered := map[string]bool{passkeys: true}, map[string]bool{passkeys: true, // and codes are theirs, too
			"ak-stage-authenticator-totp": true, "ak-stage-authenticator-validate": true}
		for _, c := range challenges {
			rows[c.component] = true
			answered[c.component] = answered[c.component] || c.leads != ""
		}
		for _, k := range s.replicas[0].Flows.Kinds() {
			for _, example := range k.Examples {
				require.True(t, rows[example.Component()], example.Component())
			}
		}
		for _, own := range []flow.Challenge{flow.AccessDenied{}, flow.FlowError{}, flow.FlowRedirect{}} {
			require.True(t, rows[own.Component()], own.Component())
		}
		require.Equal(t, slices.Sorted(maps.Keys(table.Challenges)), slices.Sorted(maps.Keys(rows)), "and nothing else is said to be offered")
		for component := range rows {
			_, published := table.Solutions[component]
			require.Equal(t, published, answered[component], component)
		}
	})
}

func (s *site) asksOf(table *contract.Table, c asked, names []string) {
	s.Helper()
	slug, b := unique("asked"), s.browser()
	me := s.user(unique("visitor"), func(n *account.NewUser) {
		if c.as == "administrator" {
			s.administers(n)
		}
	})
	if c.as != "" {
		b = s.with(me)
	}
	names = append(slices.Clone(names), "{slug}", slug, "{me}", me.Username)
	insert := strings.NewReplacer(names...).Replace
	s.lay(slug, scene{flow: c.flow, parts: c.parts}, insert)

	got := b.challenge(slug)
	for _, in := range c.before {
		got = b.solve(slug, s.filled(in, insert))
	}
	require.Equal(s, c.component, got["component"], "%v", got)
	s.exactly(table, got, c.ours)
	want := s.filled(c.has, insert)
	for key := range c.has {
		require.Equal(s, want[key], got[key], key)
	}
	for _, key := range c.lacks {
		require.NotContains(s, got, key)
	}
	if _, person := got["pending_user_avatar"]; person {
		require.Regexp(s, `^data:image/`, got["pending_user_avatar"], "it is an address of a picture")
	}
	if c.leads == "" {
		return
	}
	for key := range table.Solutions[c.component] {
		name, required := strings.CutSuffix(key, "*")
		require.Contains(s, c.answer, name, "the whole of the published body")
		if required && strings.HasPrefix(c.component, "ak-stage-") {
			again := b.solve(slug, anyMap{"component": c.component})
			require.Equal(s, anyMap{name: []any{anyMap{"string": "This field is required.", "code": "required"}}}, again["response_errors"])
			s.exactly(table, again, c.ours)
		}
	}
	token, _ := got["token"].(string)
	body := with(anyMap{"component": c.component}, s.filled(c.answer, strings.NewReplacer(append(names, "{token}", token)...).Replace))
	next := b.solve(slug, body)
	require.Equal(s, c.leads, next["component"], "%v", next)
	require.NotContains(s, next, "response_errors")
	s.exactly(table, next, nil)
}

// exactly requires that a challenge is as it is published: what must be there is,
// of its type, and nothing else but what is ours.
func (s *site) exactly(table *contract.Table, got anyMap, ours []string) {
	s.Helper()
	body, err := json.Marshal(got)
	require.NoError(s, err)
	require.NoError(s, table.Check(http.MethodGet, "/api/v3/flows/executor/x/", http.StatusOK, "application/json", body))
	component, _ := got["component"].(string)
	known := maps.Clone(got)
	for _, key := range ours {
		delete(known, key)
	}
	require.Empty(s, unpublished(table, table.Challenges[component], known))
}

// unpublished lists the keys, at any depth, that the contract does not know.
func unpublished(table *contract.Table, kind string, v any) (out []string) {
	kind = strings.TrimSuffix(kind, "?")
	if inner, ok := strings.CutPrefix(kind, "map<"); ok {
		for _, item := range v.(anyMap) {
			out = append(out, unpublished(table, strings.TrimSuffix(inner, ">"), item)...)
		}
		return out
	}
	if inner, ok := strings.CutPrefix(kind, "["); ok {
		list, _ := v.([]any)
		for _, item := range list {
			out = append(out, unpublished(table, strings.TrimSuffix(inner, "]"), item)...)
		}
		return out
	}
	fields, object := table.Objects[kind]
	got, there := v.(anyMap)
	if !object || !there {
		return nil
	}
	for key, item := range got {
		of, known := fields[key]
		if !known {
			of, known = fields[key+"*"]
		}
		if !known {
			out = append(out, kind+"."+key)
			continue
		}
		out = append(out, unpublished(table, of, item)...)
	}
	return out
}
