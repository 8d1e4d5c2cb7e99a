package policy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The expressions that published documents show, and how they are written here.
func TestTranslateWhatDocumentsShow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		python, want string
		condition    bool
	}{
		{`target_user = request.context.get("pending_user")
current_user = request.http_request.user

return bool(target_user and current_user and target_user.pk != current_user.pk)`,
			`let target_user = request.context.pending_user;
let current_user = request.http_request.user;
target_user != nil and current_user != nil and target_user.pk != current_user.pk`, true},
		{`target = user
current_user = http_request.user
is_self_service = bool(target and current_user and target.pk == current_user.pk)
from django.utils.html import escape

if is_self_service:
    return """<p><strong>This will immediately:</strong></p>
<ul>
<li>Revoke all tokens</li>
</ul>"""
else:
    if target:
        return f"<p><code>{escape(target.username)}</code></p>"
    return "<p>Locking down the selected account.</p>"`,
			"let target = user;\nlet current_user = http_request.user;\n" +
				"let is_self_service = target != nil and current_user != nil and target.pk == current_user.pk;\n" +
				"if is_self_service {\n  `<p><strong>This will immediately:</strong></p>\n<ul>\n<li>Revoke all tokens</li>\n</ul>`\n} else {\n" +
				"  if target != nil {\n    \"<p><code>\" + escape(target.username) + \"</code></p>\"\n  } else {\n" +
				"    \"<p>Locking down the selected account.</p>\"\n  }\n}", false},
	} {
		got, ok := Translate(c.python, c.condition)
		require.True(t, ok, c.python)
		require.Equal(t, c.want, got)
	}
}

// Every form that is translated, run: what it gives is what Python gives. nil =
// not translated.
func TestTranslateMeansTheSame(t *testing.T) {
	t.Parallel()
	req := request()
	req.User = &idp.User{ID: 7, Username: "mallory", Email: "M@Example.org", IsActive: true, GroupNames: []string{"staff"},
		Attributes: idp.Attributes{"floor": 3, "empty": "", "none": nil, "tags": []any{"a", "b"}}}
	req.Context["flag"], req.Context["geo"] = true, "DE"
	for python, want := range map[string]any{
		`return True`:                       true,
		`return False`:                      false,
		`return None`:                       false,
		`return`:                            false,
		`pass`:                              false,
		`return not request.user.is_active`: false,
		`return request.user.username == "mallory"`:                                               true,
		`return request.user.username in ["root", "mallory"]`:                                     true,
		`return request.user.username not in ("root", 'eve')`:                                     true,
		`return "all" in request.user.username`:                                                   true,
		`return "x" not in request.user.username`:                                                 true,
		`return request.user.email.lower().endswith("@example.org")`:                              true,
		`return request.user.username.startswith("mal")`:                                          true,
		`return request.user.email.split("@")[1] == "Example.org"`:                                true,
		`return request.user.attributes.get("floor")`:                                             true,
		`return request.user.attributes.get("floor", 0) > 2`:                                      true,
		`return request.user.attributes.get("empty")`:                                             false,
		`return request.user.attributes.get("none", "x") == "x"`:                                  false,
		`return request.user.attributes.get("gone", "x") == "x"`:                                  true,
		`return request.user.attributes.get("gone")`:                                              false,
		`return request.user.attributes.get("no-slug")`:                                           false,
		`return request.user.attributes.get("gone") is None`:                                      true,
		`return request.user.attributes["floor"] == 3`:                                            true,
		`return len(request.user.attributes.get("tags")) == 2`:                                    true,
		`return "floor" in request.user.attributes`:                                               true,
		`return ak_is_group_member(request.user, name="staff")`:                                   true,
		`return ak_is_group_member(user, name="root")`:                                            false,
		`return regex_match(request.user.username, "all")`:                                        false,
		`return regex_match(request.user.username, r"m.l+\w?")`:                                   nil,
		`return regex_match(request.user.username, "mal|eve")`:                                    true,
		`return regex_match(request.user.username, "^m[a-z]+$")`:                                  true,
		`return regex_replace(user.username, "l+", "") == "maory"`:                                true,
		`return ak_client_ip in ip_network("192.0.2.0/24")`:                                       true,
		`return ak_client_ip == ip_address("192.0.2.7")`:                                          true,
		`return str(ak_client_ip) == "192.0.2.7"`:                                                 true,
		`return ak_is_sso_flow or context.get("flag")`:                                            true,
		`return context["geo"] == "DE" and context["flag"]`:                                       true,
		`return not context.get("never")`:                                                         true,
		`return request.context["prompt_data"]["lockdown_reason"] != ""`:                          true,
		`return context["flow_plan"].context.get("geo") == "DE"`:                                  true,
		`return http_request.user.pk != request.user.pk`:                                          true,
		`return f"{user.pk}-{user.username}" == "7-mallory"`:                                      true,
		`return "a" "b" + 'c' == "abc"`:                                                           true,
		`return user.pk if user.is_active else None`:                                              true,
		`return 1 < 2 and not (2 < 1 or False)`:                                                   true,
		"if user.is_active:\n  return True":                                                       true,
		"if not user.is_active:\n  return True":                                                   false,
		"if user.pk == 1:\n  return False\nelif user.pk == 7: return True\nelse:\n  return False": true,
		"# a comment\nx = user.username  # another\n\nreturn x == 'mallory'":                      true,
		"if context.get(\"flag\"):\n    ak_message(\"flagged\")\nreturn False":                    false,
		"ak_logger.info(f\"seen {user.username}\")\nreturn True":                                  true,
		"map = user.username\nreturn map == \"mallory\"":                                          true,
		"return (\n  user.is_active\n  and user.pk == 7\n)":                                       true,
	} {
		got, ok := Translate(python, true)
		require.Equal(t, want != nil, ok, "%s\n%s", python, got)
		if want == nil {
			continue
		}
		e, err := CompileCondition(got)
		require.NoError(t, err)
		v, err := e.Run(t.Context(), req)
		require.NoError(t, err, "%s\n%s", python, got)
		truth, err := v.Truth()
		require.NoError(t, err)
		require.Equal(t, want, truth, "%s\n%s", python, got)
	}
}

// What is missing is a fault in Python and stays one; it is never false.
func TestTranslateKeepsFaults(t *testing.T) {
	t.Parallel()
	for _, python := range []string{
		`return not context["never"]`, `return not request.user.attributes["never"]`, `return not context.get("never").startswith("x")`, `return not context.get("never").endswith("x")`,
		`return not context.get("never").strip()`, `return not context.get("never").split("x")`,
		`return not ak_client_ip in ip_network("nonsense")`, `return not context.get("custom").lower()`,
	} {
		got, ok := Translate(python, true)
		require.True(t, ok, python)
		e, err := CompileCondition(got)
		require.NoError(t, err)
		v, err := e.Run(t.Context(), request())
		require.Error(t, err, "%s gives %v", got, v.Data)
	}
}

func TestTranslateNeverGuesses(t *testing.T) {
	t.Parallel()
	for _, python := range []string{
		"import requests\nreturn True", "return requests.get(\"x\").ok", "for g in user.ak_groups.all():\n  return True",
		"return [g.name for g in user.ak_groups.all()]", "x = 1\nx = 2\nreturn x == 2", "if user.is_active:\n  x = 1\nelse:\n  y = 2\nreturn x == 1",
		"return user.ak_groups.filter(name=\"x\").exists()", "return user.group_attributes().get(\"x\")", "return user.uuid == \"x\"",
		"return 1 < user.pk < 9", "return user.pk == True and (user.username or \"x\") == \"x\"", "x = user.username or \"nobody\"\nreturn x == \"nobody\"",
		"return str(user.is_active) == \"True\"", "return f\"{user.is_active}\" == \"True\"", "return f\"{user.pk:03d}\" == \"007\"", "return \"%s\" % user.pk == \"7\"",
		"return lambda x: x", "try:\n  return True\nexcept Exception:\n  return False", "return user == http_request.user", "return {\"a\": 1}",
		"return ak_client_ip == \"192.0.2.7\"", "return ak_client_ip in [\"192.0.2.7\"]", "return context.get(\"x\") == 1", "return user.username[0] == \"m\"",
		"return regex_match(context.get(\"x\"), \"a\")", "return regex_match(user.username, user.email)", "return \"\\x41\" == \"A\"", "return b\"x\" == \"x\"",
		"def f():\n  return True\nreturn f()", "return user.username.format(1)", "return (yield 1)", "return True if user else", "return (True", "\treturn True",
		"  return True\n return False", "return request.http_request.META.get(\"x\")", "user.attributes[\"x\"] = 1\nreturn True", "return ak_call_policy(\"x\")",
		"return user.pk % 2 == 0", "return user.username.split()[0] == \"a\"", "return context.get(\"a\").get(\"b\")", "return x", "return return",
	} {
		got, ok := Translate(python, true)
		require.False(t, ok, "%s\n%s", python, got)
	}
	got, ok := Translate("return user.username or \"x\"", false)
	require.False(t, ok, got)
	got, ok = Translate("return user.username", false)
	require.True(t, ok)
	require.Equal(t, "user.username", got)
	got, ok = Translate("x = ak_call_policy(\"inner\", a=1, b=user.pk)\nreturn x.passing", true)
	require.True(t, ok)
	require.Equal(t, "let x = ak_call_policy(\"inner\", {\"a\": 1, \"b\": user.pk});\nx.passing", got)
	got, ok = Translate("return ak_user_by(username=\"x\")", true)
	require.True(t, ok)
	require.Equal(t, `ak_user_by("username", "x") != nil`, got)
	for python, want := range map[string]string{
		`return ak_user_by(username="x", is_active=True)`:                      `ak_user_by({"is_active": true, "username": "x"}) != nil`,
		`return ak_user_by(pk=7, type="internal")`:                             `ak_user_by({"pk": 7, "type": "internal"}) != nil`,
		`return ak_is_group_member(user, name="staff", is_superuser=True)`:     `ak_is_group_member(user, {"is_superuser": true, "name": "staff"})`,
		`return ak_is_group_member(request.user, is_superuser=False)`:          `ak_is_group_member(request.user, {"is_superuser": false})`,
		`return ak_user_by(is_active=True)`:                                    "",
		`return ak_user_by(username="x", date_joined="2020")`:                  "",
		`return ak_user_by(username="x", is_active="yes")`:                     "",
		`return ak_user_by(username__startswith="x")`:                          "",
		`return ak_is_group_member(user, name__in=["a"])`:                      "",
		`return ak_is_group_member(user, name="staff", attributes__floor="3")`: "",
		`return ak_is_group_member(user)`:                                      "",
		`return str(ak_client_ip) == "255.255.255.255"`:                        `ak_client_ip == "255.255.255.255"`,
	} {
		got, ok = Translate(python, true)
		require.Equal(t, want, got, python)
		require.Equal(t, want != "", ok, python)
	}
}

func TestFaultsSuggestTheWholeForm(t *testing.T) {
	t.Parallel()
	_, err := CompileCondition("return request.user.is_active")
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "request.user.is_active", e.Suggestion)
	require.ErrorContains(t, err, "Line 1 looks like Python")
	require.ErrorContains(t, err, "Use this form:\nrequest.user.is_active")
	_, err = CompileCondition("return requests.get('x')")
	require.ErrorAs(t, err, &e)
	require.Empty(t, e.Suggestion)
	_, err = Compile("user.usrname")
	require.ErrorAs(t, err, &e)
	require.Empty(t, e.Suggestion, "no Python at all")
}

func FuzzTranslate(f *testing.F) {
	for _, s := range []string{"return True", "if a:\n  return b\nreturn c", "x = f\"{user.pk}\"\nreturn x", "return (1, [2], -3)[0]", "return 'a' \"\"\"b\"\"\"",
		"if user: return not not user.pk in [1]", "if x:\n if y:\n  return z"} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, source string, condition bool) {
		if text, ok := Translate(source, condition); ok {
			if _, err := Compile(text); err != nil {
				t.Fatalf("%q became %q: %v", source, text, err)
			}
		}
	})
}
