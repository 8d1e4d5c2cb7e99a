package contract

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTableIsWhole(t *testing.T) {
	t.Parallel()
	table, err := Load()
	require.NoError(t, err)
	known := func(kind string) bool {
		kind = strings.Trim(kind, "[]?")
		if inner, ok := strings.CutPrefix(kind, "map<"); ok {
			kind = strings.Trim(strings.TrimSuffix(inner, ">"), "[]?")
		}
		_, object := table.Objects[kind]
		_, enum := table.Enums[kind]
		if one, stream := strings.CutPrefix(kind, "stream:"); stream {
			return table.Objects[one] != nil
		}
		base, _, _ := strings.Cut(kind, ":")
		return object || enum || kind == "" || kind == "ChallengeTypes" || strings.HasPrefix(kind, "media:") ||
			base == "any" || base == "string" || base == "integer" || base == "number" || base == "boolean"
	}
	for name, fields := range table.Objects {
		for key, kind := range fields {
			require.True(t, known(kind), "%s.%s: %s", name, key, kind)
		}
	}
	for pattern, answers := range table.Answers {
		for _, kind := range answers {
			require.True(t, known(kind), "%s: %s", pattern, kind)
		}
	}
	for component, name := range table.Challenges {
		require.Contains(t, table.Objects, name, component)
	}
	for component, fields := range table.Solutions {
		require.Contains(t, table.Challenges, component)
		for key, kind := range fields {
			require.True(t, known(kind), "solution of %s, %s: %s", component, key, kind)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	table, err := Load()
	require.NoError(t, err)
	good := map[string]any{"pk": "018f0000-0000-7000-8000-000000000001", "action": "login", "app": "session",
		"created": "2026-01-02T03:04:05Z", "client_ip": nil}
	check := func(change map[string]any, without string) error {
		v := maps.Clone(good)
		maps.Copy(v, change)
		delete(v, without)
		body, err := json.Marshal(v)
		require.NoError(t, err)
		return table.Check("GET", "/api/v3/events/events/018f0000-0000-7000-8000-000000000001/", 200, "application/json", body)
	}
	require.NoError(t, check(map[string]any{"extra": 1}, ""))
	for name, c := range map[string]struct {
		change  map[string]any
		without string
		want    string
	}{
		"a key is missing":      {without: "app", want: "Event without app"},
		"null":                  {change: map[string]any{"app": nil}, want: "null"},
		"another type":          {change: map[string]any{"app": 1}, want: "not a string"},
		"unknown enum value":    {change: map[string]any{"action": "custom_foo"}, want: "custom_foo"},
		"a time with an offset": {change: map[string]any{"created": "2026-01-02T03:04:05+01:00"}, want: "UTC"},
		"not a UUID":            {change: map[string]any{"pk": "1"}, want: "UUID"},
	} {
		require.ErrorContains(t, check(c.change, c.without), c.want, name)
	}
	require.ErrorContains(t, table.Check("GET", "/api/v3/events/events/", 200, "text/html", nil), "content type")
	require.ErrorContains(t, table.Check("GET", "/api/v3/nothing/", 200, "application/json", []byte("{}")), "does not know")
	require.ErrorContains(t, table.Check("GET", "/api/v3/events/events/", 400, "application/json", []byte(`{"a": "b"}`)), "list of messages")
	require.ErrorContains(t, table.Check("GET", "/api/v3/events/events/", 403, "application/json", []byte(`{}`)), "detail")
	require.ErrorContains(t, table.Check("GET", "/api/v3/events/events/", 500, "application/json", []byte(`{}`)), "500")
	require.ErrorContains(t, table.Check("GET", "/api/v3/flows/executor/a/", 200, "application/json", []byte(`{"component":"ak-stage-foo"}`)), "ak-stage-foo")
	require.Equal(t, "GET /api/v3/core/users/me/", table.Pattern("GET", "/api/v3/core/users/me/"))
	require.Equal(t, "GET /api/v3/core/users/{id}/", table.Pattern("GET", "/api/v3/core/users/7/"))
}
