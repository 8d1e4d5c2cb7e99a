package policy

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestConditionsOverEvents(t *testing.T) {
	t.Parallel()
	event := &idp.Event{ID: idp.NewID[idp.Event](), Action: idp.ActionUserWrite, App: "lockdown",
		User:     map[string]any{"pk": 7, "username": "mallory", "authenticated_as": map[string]any{"username": "root"}},
		Context:  map[string]any{"action_id": idp.ActionIDLockdown, "ended": map[string]int{"sessions": 3}},
		ClientIP: netip.MustParseAddr("::ffff:192.0.2.1"), CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	for source, want := range map[string]bool{
		`context.action_id == "account_lockdown"`:                      true,
		`action == "user_write" and app == "lockdown"`:                 true,
		`user.username == "mallory" and user.pk == 7`:                  true,
		`user.authenticated_as?.username == "root"`:                    true,
		`context.ended.sessions > 2`:                                   true,
		`client_ip == "192.0.2.1"`:                                     true,
		`created startsWith "2026-01-02T03:04:05"`:                     true,
		`brand.domain == nil`:                                          true,
		`context.nothing`:                                              false,
		`action in ["login", "logout"]`:                                false,
		`pk == "` + event.ID.String() + `"`:                            true,
		`action matches "^user_" and not (context.reason == "a test")`: true,
	} {
		c, err := CompileEvent(source)
		require.NoError(t, err, source)
		v, err := c.Run(t.Context(), event.Facts())
		require.NoError(t, err, source)
		got, err := v.Truth()
		require.NoError(t, err, source)
		require.Equal(t, want, got, source)
	}
	for source, says := range map[string]string{
		`request.user.pk == 7`:                 "unknown name request",
		`prompt_context.x == 1`:                "unknown name prompt_context",
		`1 + 1`:                                "must give true or false",
		`return True`:                          "looks like Python",
		"":                                     "empty",
		`context.action_id = "x"`:              "line 1",
		`repeat("a", 9) == "a" and nonsense()`: "nonsense",
	} {
		_, err := CompileEvent(source)
		var e *Error
		require.ErrorAs(t, err, &e, source)
		require.ErrorContains(t, err, says, source)
	}
	// Names of events are no names of requests.
	_, err := Compile(`action == "login"`)
	require.ErrorContains(t, err, "unknown name action")
}

func TestAnEventWithoutFieldsIsNoFault(t *testing.T) {
	t.Parallel()
	c, err := CompileEvent(`user.username == "x" or context.a == 1 or brand.domain == "x" or action == "login"`)
	require.NoError(t, err)
	for _, event := range []map[string]any{nil, {}, {"user": nil, "context": "text", "brand": []any{}}} {
		v, err := c.Run(t.Context(), event)
		require.NoError(t, err)
		got, err := v.Truth()
		require.NoError(t, err)
		require.False(t, got)
	}
}
