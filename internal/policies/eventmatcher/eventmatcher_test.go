package eventmatcher

import (
	"encoding/json"
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for source, field := range map[string]string{
		`{"action": "account_lockdown"}`:        "action",
		`{"action": 1}`:                         "action",
		`{"client_ip": "192.0.2.0/24"}`:         "client_ip",
		`{"client_ip": "home"}`:                 "client_ip",
		`{"model": "user"}`:                     "model",
		`{"model": "authentik_core.User name"}`: "model",
		`{"app": "a\u0000b"}`:                   "app",
		`{"query": "context.action_id ="}`:      "query",
		`{"query": "request.user == nil"}`:      "query",
		`{"query": "action"}`:                   "",
		`{"ip": "192.0.2.1"}`:                   "ip",
	} {
		_, err := build(json.RawMessage(source))
		if field == "" { // known only when it runs
			require.NoError(t, err, source)
			continue
		}
		var e *idp.Error
		require.True(t, errors.As(err, &e), source)
		require.Equal(t, idp.CodeInvalid, e.Code, source)
		require.Contains(t, e.Fields, field, source)
	}
	for _, action := range append(Actions(), "", "custom_thing") {
		raw, err := json.Marshal(map[string]any{"action": action, "app": nil, "model": nil, "client_ip": nil, "query": nil})
		require.NoError(t, err)
		_, err = build(raw)
		require.NoError(t, err, action)
	}
}

func TestEvaluation(t *testing.T) {
	t.Parallel()
	actor := idp.Actor{User: &idp.User{ID: 1, Username: "root"}, Request: &idp.RequestInfo{ClientIP: netip.MustParseAddr("192.0.2.1")}}
	mallory := &idp.User{ID: 7, Username: "mallory"}
	lockdown := idp.UserWriteEvent("lockdown", actor, mallory, map[string]any{"action_id": idp.ActionIDLockdown}).Facts()
	restore := idp.UserWriteEvent("lockdown", actor, mallory, map[string]any{"action_id": idp.ActionIDRestore}).Facts()
	created := idp.ModelCreatedEvent("authentik.policies.password", idp.SystemActor(), nil,
		map[string]any{"model": map[string]any{"app": "authentik_core", "model_name": "user", "name": "ada"}}).Facts()
	for _, c := range []struct {
		settings                   string
		lockdown, restore, created bool
	}{
		{`{}`, true, true, true},
		{`{"action": null, "query": "  "}`, true, true, true},
		{`{"action": "account_lockdown_triggered"}`, true, false, false},
		{`{"action": "user_write", "query": "context.action_id == \"account_lockdown\""}`, true, false, false},
		{`{"query": "context.action_id == \"account_lockdown\""}`, true, false, false},
		{`{"query": "context.action_id != nil and user.username == \"mallory\" and user.authenticated_as.pk == 1"}`, true, true, false},
		{`{"action": "user_write"}`, true, true, false},
		{`{"action": "login"}`, false, false, false},
		{`{"client_ip": "192.0.2.1"}`, true, true, false},
		{`{"client_ip": "::ffff:192.0.2.1"}`, true, true, false},
		{`{"client_ip": "192.0.2.10"}`, false, false, false},
		{`{"app": "lockdown"}`, true, true, false},
		{`{"app": "lock"}`, false, false, false},
		{`{"app": "authentik.policies"}`, false, false, true},
		{`{"model": "authentik_core.user"}`, false, false, true},
		{`{"model": "authentik_core.group"}`, false, false, false},
		{`{"action": "model_created", "model": "authentik_core.user", "app": "authentik.policies.password"}`, false, false, true},
		{`{"action": "user_write", "client_ip": "192.0.2.9"}`, false, false, false},
		{`{"action": "user_write", "query": "false"}`, false, false, false},
	} {
		p, err := build(json.RawMessage(c.settings))
		require.NoError(t, err, c.settings)
		for i, event := range []map[string]any{lockdown, restore, created} {
			r, err := p.Evaluate(t.Context(), idp.PolicyRequest{Context: map[string]any{"event": event}})
			require.NoError(t, err, c.settings)
			require.Equal(t, []bool{c.lockdown, c.restore, c.created}[i], r.Passing, "%s, event %d", c.settings, i)
		}
		for _, none := range []map[string]any{nil, {}, {"event": nil}, {"event": "login"}} {
			r, err := p.Evaluate(t.Context(), idp.PolicyRequest{Context: none})
			require.NoError(t, err)
			require.False(t, r.Passing, "%s without an event", c.settings)
		}
	}
}

// What comes through the API has been JSON.
func TestAnEventThatWasJSON(t *testing.T) {
	t.Parallel()
	var event map[string]any
	require.NoError(t, json.Unmarshal([]byte(`{"action": "user_write", "client_ip": null, "context": {"action_id": "account_lockdown", "n": 3}}`), &event))
	p, err := build(json.RawMessage(`{"action": "account_lockdown_triggered", "query": "context.n == 3 and client_ip == nil"}`))
	require.NoError(t, err)
	r, err := p.Evaluate(t.Context(), idp.PolicyRequest{Context: map[string]any{"event": event}})
	require.NoError(t, err)
	require.True(t, r.Passing)
}

func TestAQueryWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"context.a.b == 1", "action"} {
		p, err := build(json.RawMessage(`{"query": "` + query + `"}`))
		require.NoError(t, err)
		r, err := p.Evaluate(t.Context(), idp.PolicyRequest{Context: map[string]any{"event": map[string]any{"action": "login"}}})
		require.Error(t, err, query)
		require.False(t, r.Passing)
	}
}

// criteria are ways to set each field of a matcher: those that the event of this test
// meets, and those that it does not. An absent, empty or null field is not looked at.
var criteria = map[string]struct{ unset, met, unmet []any }{
	"action":    {[]any{nil, ""}, []any{"user_write", "account_lockdown_triggered"}, []any{"login", "custom_user_write", "password_set"}},
	"client_ip": {[]any{nil, ""}, []any{"2001:db8::1", "2001:0db8:0:0::0001"}, []any{"2001:db8::2", "192.0.2.1"}},
	"app":       {[]any{nil, ""}, []any{"authentik.core.api", "authentik.core", "authentik"}, []any{"authentik.cor", "core", "authentik.core.api.users", "authentik_core"}},
	"model":     {[]any{nil, ""}, []any{"authentik_core.user"}, []any{"authentik_core.group", "authentik_stages_user.user", "authentik_core.users"}},
	"query": {[]any{nil, "", "  "}, []any{`context.action_id == "account_lockdown"`, `user.username == "mallory" and "bot" in context.tags`, `context.n > 2 and context.n < 4`, `context.absent == nil`},
		[]any{`context.action_id == "account_restore"`, `user.username == "ada"`, `context.n > 3`, `false`, `"cat" in context.tags`}},
}

// The semantics of a matcher, whole: every way of every field alone, and every
// combination of fields that are unset, met and unmet. It passes exactly where nothing
// that is set is unmet; with nothing set it passes for every event.
func TestMatcherSemantics(t *testing.T) {
	t.Parallel()
	var event map[string]any // as it is stored, and read again
	require.NoError(t, json.Unmarshal([]byte(`{"action": "user_write", "app": "authentik.core.api", "client_ip": "2001:db8::1", "user": {"pk": 7, "username": "mallory"},
		"context": {"action_id": "account_lockdown", "n": 3, "tags": ["bot", "new"], "model": {"app": "authentik_core", "model_name": "user", "pk": 7}}}`), &event))
	request := idp.PolicyRequest{Context: map[string]any{"event": event}}
	names := []string{"action", "client_ip", "app", "model", "query"}
	judge := func(settings map[string]any, want bool) {
		t.Helper()
		raw, err := json.Marshal(settings)
		require.NoError(t, err)
		p, err := build(raw)
		require.NoError(t, err, "%s", raw)
		got, err := p.Evaluate(t.Context(), request)
		require.NoError(t, err, "%s", raw)
		require.Equal(t, want, got.Passing, "%s", raw)
		none, err := p.Evaluate(t.Context(), idp.PolicyRequest{Context: map[string]any{}})
		require.NoError(t, err)
		require.False(t, none.Passing, "%s without an event", raw)
	}
	judge(map[string]any{}, true)
	for _, name := range names {
		c := criteria[name]
		for passes, ways := range map[bool][]any{true: append(c.unset, c.met...), false: c.unmet} {
			for _, way := range ways {
				judge(map[string]any{name: way}, passes)
			}
		}
	}
	combinations := 1
	for range names {
		combinations *= 3
	}
	for i := range combinations {
		settings, want := map[string]any{}, true
		for f, rest := 0, i; f < len(names); f, rest = f+1, rest/3 {
			c := criteria[names[f]]
			switch rest % 3 {
			case 1:
				settings[names[f]] = c.met[i%len(c.met)]
			case 2:
				settings[names[f]], want = c.unmet[i%len(c.unmet)], false
			}
		}
		judge(settings, want)
	}
	seen := map[string]bool{}
	for _, a := range Actions() {
		require.False(t, seen[a], "%s is listed twice", a)
		seen[a] = true
	}
	require.Equal(t, ActionLockdown, Actions()[0], "what is looked for most stands first")
	require.Equal(t, "Account Lockdown Triggered", ActionLockdownLabel)
}
