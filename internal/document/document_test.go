package document_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/document"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// sameEmpty takes lists that are not there for empty ones.
var sameEmpty = cmp.FilterValues(func(a, b []string) bool { return len(a) == 0 && len(b) == 0 }, cmp.Comparer(func(_, _ []string) bool { return true }))

const name = "dc7cee9d-fe5e-4534-a90d-db770f0234a1"

var expires = time.Date(2026, 12, 1, 22, 27, 0, 0, time.UTC)

// suspicious is the lock of the seed.
func suspicious() *document.Lock {
	id, _ := idp.ParseID[idp.Lock](name)
	return &document.Lock{ID: id, Target: map[string]string{"user": "alice"}, Message: "Suspicious activity.", Expires: &expires}
}

func decode(t *testing.T, text string) []document.Document {
	t.Helper()
	got, err := document.Decode("file.yaml", []byte(text))
	require.NoError(t, err)
	return got
}

// The same lock in every way of writing it.
func TestLocksAreReadInEveryForm(t *testing.T) {
	t.Parallel()
	for what, text := range map[string]string{
		"as shown": "kind: lock\nversion: v2\nmetadata:\n  name: " + name + "\nspec:\n  target: {user: alice}\n  message: \"Suspicious activity.\"\n  expires: \"2026-12-01T22:27:00Z\"\n  created_at: \"2026-11-01T00:00:00Z\"\n  created_by: admin\n",
		"in any order, the time without quotation marks": "version: v2\nspec:\n  expires: 2026-12-01T23:27:00+01:00  # RFC3339 format\n  message: Suspicious activity.\n  target:\n    user: alice\nmetadata:\n  name: " + name + "\nkind: lock\n",
		"without metadata and spec":                      "kind: lock\nversion: v2\nname: " + name + "\ntarget:\n  user: alice\nmessage: \"Suspicious activity.\"\nexpires: \"2026-12-01T22:27:00Z\"  # RFC3339 format\n",
		"JSON":                                           "{\"kind\": \"lock\",\n\t\"version\": \"v2\", \"metadata\": {\"name\": \"" + name + "\"},\n\t\"spec\": {\"target\": {\"user\": \"al\\u0069ce\"}, \"message\": \"Suspicious activity.\", \"expires\": \"2026-12-01T22:27:00Z\"}}",
		"a list of JSON":                                 "[{\"kind\": \"lock\", \"name\": \"" + name + "\", \"target\": {\"user\": \"alice\"}, \"message\": \"Suspicious activity.\", \"expires\": \"2026-12-01T22:27:00Z\"}]",
		"YAML in braces, with a byte order mark":         "\xef\xbb\xbf{kind: lock, name: " + name + ", target: {user: alice}, message: Suspicious activity., expires: '2026-12-01T22:27:00Z'}",
	} {
		got := decode(t, text)
		require.Len(t, got, 1, what)
		require.Equal(t, document.KindLock, got[0].Kind, what)
		got[0].Lock.CreatedAt, got[0].Lock.CreatedBy = time.Time{}, ""
		require.Empty(t, cmp.Diff(suspicious(), got[0].Lock), what)
	}
}

func TestRolesAndThePreferenceAreRead(t *testing.T) {
	t.Parallel()
	rule := idp.RoleRule{Resources: []string{"lock"}, Verbs: []string{"list", "create", "read", "update", "delete"}}
	got := decode(t, `---
kind: role
version: v5
metadata:
  name: locksmith
spec:
  allow:
    rules:
      - resources: [lock]
        verbs: [list, create, read, update, delete]
  deny:
---
kind: role
version: v7
metadata: {name: example-role-with-strict-locking, description: Strict.}
spec: {options: {lock: strict}, deny: {rules: [{resources: ['*'], verbs: ['*'], where: "lock.target.role == 'contractor'"}]}}
---
---
kind: cluster_auth_preference
metadata:
  name: cluster-auth-preference
spec:
  locking_mode: best_effort
version: v2
---
kind: cluster_auth_preference
name: cluster-auth-preference
locking_mode: strict
version: v2
`)
	require.Len(t, got, 4)
	require.Empty(t, cmp.Diff(&document.Role{Name: "locksmith", Spec: idp.RoleSpec{Allow: idp.RoleRules{Rules: []idp.RoleRule{rule}}}}, got[0].Role))
	require.Equal(t, []int{2, 13, 19, 26}, []int{got[0].Line, got[1].Line, got[2].Line, got[3].Line}, "lines are those of the file")
	require.Empty(t, cmp.Diff(&document.Role{Name: "example-role-with-strict-locking", Description: "Strict.", Spec: idp.RoleSpec{
		Options: idp.RoleOptions{Lock: idp.Strict},
		Deny:    idp.RoleRules{Rules: []idp.RoleRule{{Resources: []string{"*"}, Verbs: []string{"*"}, Where: "lock.target.role == 'contractor'"}}}}}, got[1].Role))
	require.Equal(t, idp.BestEffort, got[2].Preference.LockingMode)
	require.Equal(t, idp.Strict, got[3].Preference.LockingMode)
}

// Whatever is wrong is told with the file, the line and the key.
func TestProblemsNameFileLineAndKey(t *testing.T) {
	t.Parallel()
	const expected = "expected lock, role or cluster_auth_preference"
	for _, c := range []struct{ text, want string }{
		{"kind: lock\nversion: v2\nspec:\n  target: {user: alice}\n  colour: red\n", `file.yaml:5:3: spec: unknown key "colour"; expected created_at, created_by, expires, lifted_at, lifted_by, message or target`},
		{"kind: lock\nspec:\n  target:\n    usr: alice\n", `file.yaml:4:5: spec.target: unknown key "usr"; expected user, role, group, login, server_id`},
		{"kind: lock\nspec:\n  target: {}\n", "file.yaml:1:1: spec.target: at least one target field must be set"},
		{"kind: lock\nspec:\n  message: no\n", "file.yaml:1:1: spec.target: at least one target field must be set"},
		{"kind: lock\nspec:\n  target: {user: 17}\n", "file.yaml:3:18: spec.target.user: expected a text (in quotation marks where it looks like something else), not the number 17"},
		{"kind: lock\nspec:\n  target: alice\n", "file.yaml:3:11: spec.target: expected a mapping with user, role"},
		{"kind: lock\nspec:\n  target: {user: [a, b]}\n", "spec.target.user: expected a text (in quotation marks where it looks like something else), not a list"},
		{"kind: lock\ntarget: {user: a}\nexpires: tomorrow\n", "file.yaml:3:10: expires: expected a time such as 2026-12-01T22:27:00Z (RFC 3339), not the text “tomorrow”"},
		{"kind: lock\ntarget: {user: a}\nexpires: 2026-12-01\n", "expires: expected a time such as 2026-12-01T22:27:00Z (RFC 3339), not the time 2026-12-01"},
		{"kind: lock\ntarget: {user: a}\nmetadata: {name: monday}\n", "file.yaml:3:18: metadata.name: expected a UUID such as"},
		{"kind: lock\ntarget: {user: a}\nspec: {target: {user: b}}\n", "file.yaml:3:16: spec.target: given twice"},
		{"kind: lock\ntarget: {user: a}\nmessage: x\nmessage: y\n", "file.yaml:4:1: message: given twice"},
		{"kind: lock\nversion: v3\ntarget: {user: a}\n", "file.yaml:2:10: version: expected v2, not the text “v3”"},
		{"kind: lock\ntarget: &a {user: a}\nspec: *a\n", "file.yaml:3:7: spec: expected a mapping with created_at"},
		{"kind: lock\ntarget: {<<: {user: a}}\n", `target: unknown key "<<"`},
		{"target: {user: a}\n", "file.yaml:1:1: kind: missing; " + expected},
		{"kind: door\n", "file.yaml:1:7: kind: " + expected + ", not the text “door”"},
		{"kind: user\nmetadata: {name: a}\n", "file.yaml:1:7: kind: users can be shown and not made by a document; " + expected},
		{"kind: [lock]\n", "file.yaml:1:7: kind: " + expected + ", not a list"},
		{"just a text", "file.yaml:1:1: expected a mapping with kind, version, metadata and spec, not the text “just a text”"},
		{"", "file.yaml: there is no document in it"},
		{"# nothing\n---\n", "file.yaml: there is no document in it"},
		{"kind: lock\nspec: {\n", "file.yaml:"},
		{"kind: lock\nversion: v2\n  name: " + name + "\n", "name belongs under metadata:, and what the resource says under spec:"},
		{"\xff\xfe", "file.yaml: not a text in UTF-8"},
		{"kind: role\nspec: {}\n", "file.yaml:1:1: metadata.name: missing; a role has a name"},
		{"kind: role\nversion: 5\nname: a\n", "file.yaml:2:10: version: expected v5, not the number 5"},
		{"kind: role\nname: a\nallow:\n  rules:\n    - resources: [lokc]\n      verbs: [read, fly]\n", "file.yaml:5:19: allow.rules[1].resources: “lokc” is no resource; expected *, user, group"},
		{"kind: role\nname: a\nallow:\n  rules:\n    - resources: [lokc]\n      verbs: [read, fly]\n", "file.yaml:6:21: allow.rules[1].verbs: “fly” is no verb; expected *, list, read, create, update or delete"},
		{"kind: role\nname: a\nspec:\n  allow:\n    rules:\n      - verbs: [read]\n", "file.yaml:6:9: spec.allow.rules[1]: a rule names resources and verbs"},
		{"kind: role\nname: a\nallow: {rules: {resources: [lock]}}\n", "allow.rules: expected a list of rules, not a mapping"},
		{"kind: role\nname: a\noptions: {lock: sometimes}\n", `file.yaml:3:17: options.lock: locking mode "sometimes" not supported`},
		{"kind: role\nname: a\noptions: {max_session_ttl: 8h}\n", `options: unknown key "max_session_ttl"; expected lock`},
		{"kind: cluster_auth_preference\nspec: {locking_mode: x}\n", `file.yaml:2:22: spec.locking_mode: locking mode "x" not supported`},
		{"kind: cluster_auth_preference\nspec: {}\n", "spec.locking_mode: missing; expected best_effort or strict"},
		{"kind: cluster_auth_preference\nname: mine\nlocking_mode: strict\n", "file.yaml:2:7: name: expected cluster-auth-preference or no name: there is one, not the text “mine”"},
		{"{\"kind\": \"lock\",\n \"target\": {\"user\": \"a\"},\n \"colour\": 1}", `file.yaml:3:2: unknown key "colour"; expected kind, version, metadata or spec`},
		{`{"kind": "lock", "target": {"user": "a"},
  "say \"\\": 1}`, `file.yaml:2:3: unknown key "say \"\\"; expected`},
		{"{\"kind\": \"lock\",\n \"spec\": {\"target\": {\n  \"user\": 17}}}", "file.yaml:3:11: spec.target.user: expected a text"},
	} {
		_, err := document.Decode("file.yaml", []byte(c.text))
		require.Error(t, err, c.text)
		require.Contains(t, err.Error(), c.want, c.text)
	}
	_, err := document.Decode("file.json", []byte("{\"kind\": \"lock\",\n \"spec\": }"))
	require.ErrorContains(t, err, "file.json:2: not valid JSON: ")
	_, err = document.Decode("file.yaml", []byte(strings.Repeat("[", 1000)))
	require.Error(t, err)
}

func TestAllProblemsComeTogetherUpToABound(t *testing.T) {
	t.Parallel()
	_, err := document.Decode("file.yaml", []byte("kind: lock\ncolour: red\n---\nkind: role\n---\nkind: lock\ntarget: {user: a}\n"))
	var problems *document.Error
	require.ErrorAs(t, err, &problems)
	require.Equal(t, `file.yaml:2:1: unknown key "colour"; expected kind, version, metadata or spec
file.yaml:1:1: spec.target: at least one target field must be set
file.yaml:4:1: metadata.name: missing; a role has a name`, err.Error())

	_, err = document.Decode("file.yaml", []byte(strings.Repeat("kind: lock\n---\n", 1000)))
	require.True(t, errors.As(err, &problems))
	require.Len(t, problems.Problems, 21)
	require.Equal(t, "file.yaml: more is wrong behind this", problems.Problems[20].String())
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	t.Parallel()
	lifted := expires.Add(time.Millisecond)
	l := suspicious()
	l.CreatedAt, l.CreatedBy, l.LiftedAt, l.LiftedBy = expires.Add(-time.Hour), "admin", &lifted, "bob"
	documents := []document.Document{
		{Kind: document.KindLock, Lock: l},
		{Kind: document.KindLock, Lock: &document.Lock{Target: map[string]string{"user": "42", "login": "yes", "ip": "192.0.2.0/24"}, Message: "a: b\n- c # \"d\" \u2028 ☃"}},
		{Kind: document.KindRole, Role: &document.Role{Name: "null", Description: "It's\tone.", Spec: idp.RoleSpec{
			Allow: idp.RoleRules{Rules: []idp.RoleRule{{Resources: []string{"*"}, Verbs: []string{"list", "read"}, Where: "lock.target.role == 'x'"}}},
			Deny:  idp.RoleRules{Rules: []idp.RoleRule{}}, Options: idp.RoleOptions{Lock: idp.Strict}}}},
		document.OfPreference(idp.Strict),
	}
	documents[2].Role.Spec.Deny.Rules = nil
	var asYAML, asJSON bytes.Buffer
	require.NoError(t, document.EncodeYAML(&asYAML, documents...))
	require.NoError(t, document.EncodeJSON(&asJSON, documents...))
	for what, text := range map[string]string{"YAML": asYAML.String(), "JSON": asJSON.String()} {
		got, err := document.Decode("f", []byte(text))
		require.NoError(t, err, "%s: %s", what, text)
		for i := range got {
			got[i].File, got[i].Line = "", 0
		}
		require.Empty(t, cmp.Diff(documents, got), "%s: %s", what, text)
	}
	require.True(t, strings.HasPrefix(asYAML.String(), `kind: lock
version: v2
metadata:
  name: `+name+`
spec:
  target:
    user: alice
  message: Suspicious activity.
  expires: "2026-12-01T22:27:00Z"
  created_at: "2026-12-01T21:27:00Z"
  created_by: admin
`), asYAML.String())
	require.Contains(t, asYAML.String(), "    - resources: ['*']\n        verbs: [list, read]\n")

	var shown bytes.Buffer
	require.NoError(t, document.EncodeYAML(&shown, document.OfUser(&idp.User{Username: "alice", Name: "Alice", IsActive: true}, []string{"locksmith"})))
	require.Equal(t, "kind: user\nversion: v2\nmetadata:\n  name: alice\nspec:\n  name: Alice\n  is_active: true\n  is_superuser: false\n  roles:\n    - locksmith\n  groups: []\n", shown.String())
}

func TestTenThousandLocksAreReadAtOnce(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, "---\nkind: lock\nversion: v2\nspec:\n  target: {user: user%d}\n  message: Suspicious activity.\n  expires: \"2026-12-01T22:27:00Z\"\n", i)
	}
	got := decode(t, text.String())
	require.Len(t, got, 10_000)
	require.Equal(t, "user9999", got[9999].Lock.Target["user"])
	require.Equal(t, 9999*7+2, got[9999].Line)
}
