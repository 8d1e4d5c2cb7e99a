package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPythonIsToldHowToWriteIt(t *testing.T) {
	t.Parallel()
	for source, hint := range map[string]string{
		"target = user\nreturn target": "Line 1 looks like Python (“target = user”), which is not the language of expressions here. Write: let target = user;",
		"return True":                  "Write: true — the last line is the result",
		"return bool(a and b)":         "Write: a and b — as the last line",
		"from django.utils.html import escape\nescape(user.name)":         "Write: nothing",
		"if user.is_active:\n    return True":                             "Write: if user.is_active { … } else { … }",
		"user is not None and user.is_active":                             "Write: user != nil",
		"request.context.get(\"pending_user\")":                           "Write: context.pending_user",
		`f"<p>{escape(target.username)}</p>"`:                             `Write: "<p>" + escape(target.username) + "</p>"`,
		"# a comment\ntrue":                                               "Write: // for a comment",
		"for u in users:\n  pass":                                         "map(users, …)",
		"user.is_active == True":                                          "Write: true",
		`context["flow_plan"].context["email"] = user.email`:              `Write: set_context("email", user.email);`,
		`request.context["flow_plan"].context["prompt_data"]["team"] = x`: `Write: set_context("prompt_data.team", x);`,
		"\n\nelse:": "Line 3",
	} {
		_, err := Compile(source)
		require.ErrorContains(t, err, hint, source)
	}
	for _, source := range []string{"let a = ;", "user.usrname", "1 == "} {
		_, err := Compile(source)
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Empty(t, e.Hint, source)
	}
}
