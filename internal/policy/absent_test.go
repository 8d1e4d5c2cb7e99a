package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Names that are left out say why, and what to do instead.
func TestAbsentNamesSayWhy(t *testing.T) {
	t.Parallel()
	const jwt, http = "come with OpenID Connect", "must not call other servers"
	for source, says := range map[string][]string{
		`ak_create_jwt(user, "x", ["openid"])`:                    {"line 1, column 1: ak_create_jwt is not offered", jwt, "API token"},
		`ak_create_jwt_raw({"sub": "x"})`:                         {"line 1, column 1: ak_create_jwt_raw is not offered", jwt},
		`requests.get("https://example.org").ok`:                  {"requests is not offered", http, "user.attributes"},
		`true and requests`:                                       {"line 1, column 10: requests is not offered", http},
		`any([1], requests.get(#).ok)`:                            {"requests is not offered", http},
		`return requests.get("x").ok`:                             {LooksLikePython, http},
		"import requests\nreturn requests.get(\"x\").ok":          {"Line 1 looks like Python", http},
		"if user:\n  return ak_create_jwt(user)":                  {"Line 1 looks like Python", "Line 2: ak_create_jwt is not offered", jwt},
		"x = ak_create_jwt(user, 'p', [])\nreturn bool(x)":        {"Line 1 looks like Python", jwt},
		"return True and ak_create_jwt_raw(a=1) # not requests.x": {jwt},
	} {
		_, err := CompileCondition(source)
		require.Error(t, err, source)
		for _, part := range says {
			require.ErrorContains(t, err, part, source)
		}
		_, ok := Translate(source, true)
		require.False(t, ok, source)
	}
	// Said once, and not of Python where there is none.
	_, err := Compile(`ak_create_jwt(user, "x", [])`)
	require.NotContains(t, err.Error(), LooksLikePython)
	var fault *Error
	require.ErrorAs(t, err, &fault)
	require.Empty(t, fault.Hint)
	_, err = CompileCondition(`ak_logger.info("x")`) // which Translate turns into a note
	require.ErrorContains(t, err, "ak_logger is not offered: write log(value)")
	// Names of one's own, comments and texts are free.
	for _, source := range []string{`let requests = 2; requests > 1`, `"requests.get(" != ""`, `context.requests == nil // requests.get("x")`} {
		_, err := CompileCondition(source)
		require.NoError(t, err, source)
	}
	_, err = Compile(`let requests = {"get": 1}; requests.get(1)`)
	require.ErrorContains(t, err, "methods cannot be called")
	for line, absent := range map[string]bool{
		`x = requests.post(url)`: true, `from requests import get`: true, `import requests`: true, `y = my_requests.get(1)`: false,
		`# requests.get(1)`: false, `say("requests.get(1)")`: false, `requests_seen = 1`: false, `if ak_create_jwt(user):`: true,
	} {
		require.Equal(t, absent, absentLine(line) != "", line)
	}
	require.Equal(t, []Idiom{{2, "return requests.get(1)", "nothing: " + whyAbsent("requests")}}, Python("1\nreturn requests.get(1)"))
}

// What could never run is not saved.
func TestArgumentsAreJudgedWhenSaved(t *testing.T) {
	t.Parallel()
	for source, says := range map[string]string{
		`ak_create_event("custom_login")`: `line 1, column 17: "custom_login" is not an action of events; choose one of`,
		`ak_create_event(7)`:              "cannot use",
		`ak_create_event()`:               "not enough arguments",
		`ak_send_email(user, "x", {"body": "y", "template": "z.html"})`:    `line 1, column 26: a mail has either "body" or "template", not both`,
		`ak_send_email(user, "x", {"body": "y", "context": {}})`:           `"context" is what a template is filled in with`,
		`ak_send_email(user, "x", {"cc": "y@example.org"})`:                `a mail needs a "body" that is text, or the name of a "template"`,
		`ak_send_email(user, "x", {"body": nil, "template": nil})`:         `a mail needs a "body" that is text, or the name of a "template"`,
		`ak_send_email(user, "x", {"body": "y", "from": 1})`:               `a mail has no "from"`,
		`ak_send_email(user, "x")`:                                         "not enough arguments",
		`set_context("auth_method", "password")`:                           `line 1, column 13: "auth_method" is set by the product alone`,
		`set_context("email", 7)`:                                          `"email": one mail address is expected`,
		`set_context("prompt_data", nil)`:                                  `prompt_data is set one answer at a time`,
		`set_context("a-b", context.x)`:                                    `is no name in the context`,
		`resolve_dns("a", 5) == []`:                                        "the IP version is 4, 6 or nil",
		`resolve_dns("a", "v4") == []`:                                     "the IP version is 4, 6 or nil",
		`resolve_dns() == []`:                                              "not enough arguments",
		`ak_create_event("login") and ak_create_event("login", {}, 1)`:     "too many arguments",
		`any([1], ak_create_event("nope"))`:                                `"nope" is not an action`,
		`ak_send_email(user, "x", {"body": "y"}) and reverse_dns() == "x"`: "not enough arguments",
	} {
		_, err := CompileCondition(source)
		require.ErrorContains(t, err, says, source)
	}
	for _, source := range []string{`ak_create_event("login")`, `ak_send_email("a@example.org", "x", {"body": "y"})`} {
		_, err := CompileEvent(source)
		require.ErrorContains(t, err, "is not available in conditions over events", source)
		require.ErrorContains(t, NewRoleConditions().Check(source), "is not available in conditions of roles", source)
	}
	for _, source := range []string{`set_context("a", 1)`, `ak_user_by("username", "x")`, `ak_call_policy("x").passing`, `resolve_dns("x") == []`} {
		_, err := CompilePrompt(source)
		require.ErrorContains(t, err, "is not available in prompts", source)
	}
	for _, e := range PromptEnvironment() {
		require.NotContains(t, []string{"set_context", "ak_user_by", "ak_call_policy", "resolve_dns", "ak_send_email"}, e.Name)
	}
	require.Less(t, len(PromptEnvironment()), len(Environment()))
	_, err := CompilePrompt(`log(user.username) and is_group_member(user, "x")`)
	require.NoError(t, err)
}

func TestTranslateWhatActs(t *testing.T) {
	t.Parallel()
	for python, want := range map[string]string{
		"ak_create_event(\"suspicious_request\", why=\"far\", who=user.pk)\nreturn True":                 "ak_create_event(\"suspicious_request\", {\"who\": user.pk, \"why\": \"far\"});\ntrue",
		"ak_create_event(\"login\")\nreturn True":                                                        "ak_create_event(\"login\");\ntrue",
		"ak_send_email(\"a@example.org\", \"Hi\", body=\"Text\")\nreturn True":                           "ak_send_email(\"a@example.org\", \"Hi\", {\"body\": \"Text\"});\ntrue",
		"return ak_send_email([\"a@example.org\", user.email], \"Hi\", body=user.username)":              "ak_send_email([\"a@example.org\", user.email], \"Hi\", {\"body\": user.username})",
		"context[\"flow_plan\"].context[\"email\"] = \"a@example.org\"\nreturn True":                     "set_context(\"email\", \"a@example.org\");\ntrue",
		"request.context[\"flow_plan\"].context[\"prompt_data\"][\"team\"] = user.username\nreturn True": "set_context(\"prompt_data.team\", user.username);\ntrue",
		"if user.is_active:\n    context[\"flow_plan\"].context[\"n\"] = 3\nreturn False":                "if user.is_active {\n  set_context(\"n\", 3);\n  false\n} else {\n  false\n}",
		"context[\"flow_plan\"].context[\"pending_user\"] = ak_user_by(username=\"ada\")\nreturn True":   "",
		"context[\"flow_plan\"].context[\"auth_method\"] = \"password\"\nreturn True":                    "",
		"context[\"flow_plan\"].context[\"prompt_data\"][\"password\"] = \"x\"\nreturn True":             "",
		"context[\"flow_plan\"].context[\"groups\"] = [1]\nreturn True":                                  "",
		"context[\"team\"] = \"x\"\nreturn True":                                                         "",
		"request.context[\"prompt_data\"][\"team\"] = \"x\"\nreturn True":                                "",
		"context[\"flow_plan\"].context[\"team\"] = context\nreturn True":                                "",
		"return \"192.0.2.1\" in resolve_dns(\"a.example\", 4)":                                          "\"192.0.2.1\" in resolve_dns(\"a.example\", 4)",
		"return \"192.0.2.1\" in resolve_dns(\"a.example\", ip_version=6)":                               "\"192.0.2.1\" in resolve_dns(\"a.example\", 6)",
		"return \"192.0.2.1\" in resolve_dns(\"a.example\")":                                             "\"192.0.2.1\" in resolve_dns(\"a.example\")",
		"return reverse_dns(str(ak_client_ip)).endswith(\".example\")":                                   "reverse_dns(ak_client_ip) endsWith \".example\"",
		"ak_create_event(\"my_own\")\nreturn True":                                                       "",
		"return ak_create_event(\"login\")":                                                              "",
		"ak_create_event(user.username)\nreturn True":                                                    "",
		"return ak_send_email(\"a@example.org\", \"Hi\", template=\"x.html\")":                           "ak_send_email(\"a@example.org\", \"Hi\", {\"template\": \"x.html\"})",
		"return ak_send_email(\"a@example.org\", \"Hi\", body=\"x\", cc=\"y\")":                          "ak_send_email(\"a@example.org\", \"Hi\", {\"body\": \"x\", \"cc\": \"y\"})",
		"return ak_send_email(address=user.email, subject=\"Hi\", body=\"x\", bcc=[\"y\"])":              "ak_send_email(user.email, \"Hi\", {\"bcc\": [\"y\"], \"body\": \"x\"})",
		"return ak_send_email(\"a@example.org\", subject=\"Hi\", body=\"x\", cc=None)":                   "ak_send_email(\"a@example.org\", \"Hi\", {\"body\": \"x\", \"cc\": nil})",
		"return ak_send_email(\"a@example.org\", \"Hi\", body=\"x\", template=\"x.html\")":               "",
		"return ak_send_email(\"a@example.org\", \"Hi\", body=\"x\", stage=user)":                        "",
		"return ak_send_email(\"a@example.org\", \"Hi\", template=\"x.html\", context=user)":             "",
		"return ak_send_email(\"a@example.org\", \"Hi\", subject=\"x\", body=\"y\")":                     "",
		"return ak_send_email(\"a@example.org\", \"Hi\")":                                                "",
		"return resolve_dns(\"a.example\", 5)":                                                           "",
		"return reverse_dns(ak_client_ip) == \"x\"":                                                      "",
	} {
		got, ok := Translate(python, true)
		require.Equal(t, want != "", ok, "%s\n%s", python, got)
		require.Equal(t, want, got)
	}
}
