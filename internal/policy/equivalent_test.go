package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/policy"
)

func TestEquivalent(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"return True": "true",
		"return":      "false",
		"# who\nreturn request.user.is_superuser":                                                            "request.user.is_superuser",
		`return request.user.username == "a # b"`:                                                            `request.user.username == "a # b"`,
		`return ak_is_group_member(request.user, name="staff")`:                                              `ak_is_group_member(request.user, "staff")`,
		`return bool(request.user)`:                                                                          `(request.user ?? false)`,
		`return context.get("pending_user") is not None`:                                                     `context.pending_user != nil`,
		`return request.context["prompt_data"]["email"].endswith("@example.com")`:                            `context.prompt_data.email endsWith "@example.com"`,
		"import re\nu = request.user\nreturn u.email.lower() == 'a@b.c'":                                     "let u = request.user;\nlower(u.email) == 'a@b.c'",
		"if request.user.is_superuser:\n    return True\nreturn False":                                       "if request.user.is_superuser {\n  true\n} else {\n  false\n}",
		"if user == None:\n    return False\nelif user.is_active:\n    return True\nelse:\n    return False": "if user == nil {\n  false\n} else {\n  if user.is_active {\n    true\n  } else {\n    false\n  }\n}",
		"if user.is_active:\n  return True":                                                                  "if user.is_active {\n  true\n} else {\n  false\n}",
		"ak_message(\"No.\")\nreturn False":                                                                  `ak_message("No.") and (false)`,

		"":                                 "",
		"true":                             "",
		"user.nothing":                     "",
		"return requests.get(1)":           "",
		"for x in y:\n  pass\nreturn True": "",
		"x = 1":                            "",
		"if a:\nreturn True":               "",
		"def f():\n  return 1":             "",
		"if user.is_active:\n  x = 1\nreturn True": "",
	} {
		got := policy.Equivalent(source)
		require.Equal(t, want, got, "%s", source)
		if got != "" {
			_, err := policy.Compile(got)
			require.NoError(t, err)
		}
	}
}

// FuzzEquivalent: whatever is rewritten compiles, and nothing takes the process
// down.
func FuzzEquivalent(f *testing.F) {
	for _, seed := range []string{"return True", "if a:\n  return b\nelse:\n  return c", "x = 1\nreturn x", "elif x:", "#", "return 'a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if got := policy.Equivalent(source); got != "" {
			if _, err := policy.Compile(got); err != nil {
				t.Fatalf("%q became %q: %v", source, got, err)
			}
		}
	})
}
