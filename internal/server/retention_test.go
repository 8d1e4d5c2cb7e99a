package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestEventRetention(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rest.Audit = audit.New(audit.Deps{Store: r.db, Access: access.New(access.Deps{Roles: r.roles})})
	const key = "events.retention"
	get := func(path string) object {
		return r.json(http.StatusOK, request{path: settingsPath + path, as: r.admin})
	}
	set := func(status int, path string, body any) object {
		return r.json(status, request{method: http.MethodPost, path: settingsPath + path, as: r.admin, body: body})
	}
	require.Len(t, get("?category=events")["settings"], 1)
	require.Equal(t, len(get("")["settings"].([]any)), len(get("?category=security")["settings"].([]any))+1)
	one := get("/" + key)
	require.Equal(t, []any{"days=365", "days=365", false, "events"}, []any{one["value"], one["default"], one["set"], one["category"]})
	require.NotEmpty(t, one["description"])

	set(http.StatusOK, "", object{"key": key, "value": "days=30", "category": "events"})
	require.Equal(t, []any{"days=30", true}, []any{get("/" + key)["value"], get("/" + key)["set"]})
	set(http.StatusOK, "/batch", object{"settings": []any{object{"key": key, "value": "days=0"}}})
	require.Equal(t, "days=0", get("/" + key)["value"])
	for _, value := range []any{"days=6", "30", 30, "days=36501", "for ever", "weeks=4", "", true} {
		bad := set(http.StatusBadRequest, "", object{"key": key, "value": value})
		require.Equal(t, []any{"Must be days= and a whole number from 7 to 36500, such as days=365, or days=0 to keep events for ever."}, bad["fields"].(object)[key], "%v", value)
	}
	require.Contains(t, set(http.StatusBadRequest, "", object{"key": key, "value": "days=9", "category": "security"})["fields"], "category")
	both := set(http.StatusBadRequest, "/batch", object{"settings": []any{object{"key": key, "value": "days=9"}, object{"key": "security.brute_force.max_attempts", "value": "9"}}})
	require.Contains(t, both["fields"], key)
	require.Equal(t, "days=0", get("/" + key)["value"])
	require.Equal(t, "5", get("/security.brute_force.max_attempts")["value"], "all or none")
	require.Equal(t, http.StatusForbidden, r.do(request{method: http.MethodPost, path: settingsPath, as: r.person, body: object{"key": key, "value": "days=9"}}).Code)
	require.Equal(t, http.StatusOK, r.do(request{method: http.MethodDelete, path: settingsPath + "/" + key, as: r.admin}).Code)
	require.Equal(t, []any{"days=365", false}, []any{get("/" + key)["value"], get("/" + key)["set"]})

	events, err := r.db.Repos().Events.Find(t.Context(), idp.EventFilter{ActionID: ptr("setting.updated")})
	require.NoError(t, err)
	require.Len(t, events.Items, 3)
}

// When retention is going to remove an event is what it says of its end.
func TestWhenAnEventExpires(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := audit.New(audit.Deps{Store: r.db, Access: access.New(access.Deps{Roles: r.roles})})
	r.rest.Audit = a
	own := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	require.NoError(t, r.db.Repos().Events.Append(t.Context(), &idp.Event{Action: idp.ActionSecretView, App: "own", ExpiresAt: &own}))
	require.NoError(t, r.db.Repos().Events.Append(t.Context(), &idp.Event{Action: idp.ActionSecretView, App: "usual"}))
	expires := func() (usual, created, other string) {
		for _, e := range r.do(request{path: path("/events/events/?action=secret_view"), key: r.keyOf(r.admin)}).json(http.StatusOK)["results"].([]any) {
			if e := e.(object); e["app"] == "own" {
				other = e["expires"].(string)
			} else {
				usual, created = e["expires"].(string), e["created"].(string)
			}
		}
		return usual, created, other
	}
	usual, created, other := expires()
	at, err := time.Parse(time.RFC3339, created)
	require.NoError(t, err)
	ends, err := time.Parse(time.RFC3339, usual)
	require.NoError(t, err)
	require.Equal(t, at.AddDate(0, 0, 365), ends)
	require.Equal(t, "2031-02-03T04:05:06Z", other)
	value := "days=0"
	require.NoError(t, a.SetRetention(t.Context(), idp.SystemActor(), &value))
	require.NoError(t, a.Reset(t.Context()))
	usual, _, other = expires()
	require.Equal(t, "9999-12-31T23:59:59Z", usual)
	require.Equal(t, "2031-02-03T04:05:06Z", other)
}
