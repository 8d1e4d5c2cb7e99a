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
	lockdown := idp.NewEvent(idp.ActionUserWrite, "lockdown", actor, mallory, map[string]any{"action_id": idp.ActionIDLockdown}).Facts()
	restore := idp.NewEvent(idp.ActionUserWrite, "lockdown", actor, mallory, map[string]any{"action_id": idp.ActionIDRestore}).Facts()
	created := idp.NewEvent(idp.ActionModelCreated, "authentik.policies.password", idp.SystemActor(), nil,
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
