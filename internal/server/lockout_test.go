package server_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	lockedAccounts = "/api/security/locked-accounts"
	unlockAccount  = "/api/security/locked-accounts/unlock"
	settingsPath   = "/api/settings"
)

// lockOut begins a lockout, by the database's clock.
func (r *rig) lockOut(l idp.Lockout, lasts time.Duration) {
	r.t.Helper()
	now, err := r.db.Now(r.t.Context())
	require.NoError(r.t, err)
	if l.Subject == uuid.Nil {
		l.Subject = uuid.New()
	}
	if l.LockedAt.IsZero() {
		l.LockedAt = now
	}
	l.LockedUntil, l.Reason, l.Attempts = l.LockedAt.Add(lasts), idp.LockoutBruteForce, 5
	require.NoError(r.t, r.db.InTx(r.t.Context(), func(tx idp.Repos) error {
		if _, _, err := tx.Lockouts.Hold(r.t.Context(), []idp.Standing{{Subject: l.Subject, UserID: l.UserID}}, true); err != nil {
			return err
		}
		return tx.Lockouts.Begin(r.t.Context(), []idp.Lockout{l})
	}))
}

// graceOut locks out the ordinary person.
func (r *rig) graceOut() {
	r.lockOut(idp.Lockout{Subject: r.person.UUID, UserID: &r.person.ID, Identifier: "grace", TriggerIP: netip.MustParseAddr("203.0.113.42")}, 15*time.Minute)
}

func TestTheListOfLockedAccounts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	list := func(query string) object {
		return r.json(http.StatusOK, request{path: lockedAccounts + query, as: r.admin})
	}
	require.Equal(t, object{"data": []any{}, "total": 0.0, "truncated": false, "next_cursor": ""}, list(""))

	r.graceOut()
	r.lockOut(idp.Lockout{Identifier: "unknown-00ff"}, time.Hour)
	r.lockOut(idp.Lockout{Identifier: "gone", LockedAt: time.Now().Add(-time.Hour)}, time.Minute)
	out := list("")
	require.EqualValues(t, 2, out["total"])
	require.Equal(t, false, out["truncated"])
	data := out["data"].([]any)
	require.Len(t, data, 2, "what is over is not in the list")
	unknown, grace := data[0].(object), data[1].(object)
	require.Nil(t, unknown["identity_id"])
	require.Nil(t, unknown["trigger_ip"])
	require.Equal(t, []any{"grace", r.person.UUID.String(), "brute_force", "203.0.113.42", 5.0},
		[]any{grace["identifier"], grace["identity_id"], grace["lock_reason"], grace["trigger_ip"], grace["auto_threshold_at"]})
	require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`, grace["locked_until"])

	for query, want := range map[string]int{"?search=GRA": 1, "?search=race": 0, "?search=grace@example.org": 1, "?search=203.0.113.42": 1, "?search=unknown": 1,
		"?accounts=true": 1, "?accounts=false": 1, "?ordering=identifier&limit=1": 1, "?search=%25": 0} {
		require.Len(t, list(query)["data"], want, query)
	}
	require.Equal(t, "grace", list("?ordering=identifier")["data"].([]any)[0].(object)["identifier"])
	for _, query := range []string{"?limit=0", "?limit=501", "?limit=x", "?ordering=color", "?cursor=x", "?cursor=eA&ordering=identifier", "?colour=red"} {
		answer := r.json(http.StatusBadRequest, request{path: lockedAccounts + query, as: r.admin})
		require.NotEmpty(t, answer["error"], query)
	}
}

func TestTheListIsCutAndSaysSo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i := range 600 {
		r.lockOut(idp.Lockout{Identifier: fmt.Sprintf("unknown-%04x", i)}, time.Hour)
	}
	out := r.json(http.StatusOK, request{path: lockedAccounts, as: r.admin})
	require.Len(t, out["data"], 500)
	require.Equal(t, true, out["truncated"])
	require.EqualValues(t, 600, out["total"], "all are counted")
	rest := r.json(http.StatusOK, request{path: lockedAccounts + "?cursor=" + out["next_cursor"].(string), as: r.admin})
	require.Len(t, rest["data"], 100, "and nobody hides behind 500 others")
	require.Empty(t, rest["next_cursor"])
}

func TestUnlocking(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	post := func(status int, body any) object {
		return r.json(status, request{method: http.MethodPost, path: unlockAccount, as: r.admin, body: body})
	}
	for _, body := range []any{"", "{", "[]", "null", `"grace"`, "{}", `{"identifier":null}`, `{"identifier":7}`, `{"identifier":""}`, `{"identifier":"  "}`} {
		require.Equal(t, object{"error": "Missing or invalid identifier"}, post(http.StatusBadRequest, body), "%v", body)
	}
	form := r.do(request{method: http.MethodPost, path: unlockAccount, as: r.admin, body: "identifier=grace",
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}})
	require.Equal(t, http.StatusBadRequest, form.Code)

	require.Equal(t, object{"error": "No active lockout found"}, post(http.StatusNotFound, object{"identifier": "grace"}))
	r.graceOut()
	require.Equal(t, object{"success": true, "identifier": "GRACE "}, post(http.StatusOK, object{"identifier": "GRACE "}))
	require.Equal(t, object{"error": "No active lockout found"}, post(http.StatusNotFound, object{"identifier": "grace"}))

	past := r.json(http.StatusOK, request{path: "/api/security/lockouts?identifier=grace", as: r.admin})["data"].([]any)
	require.Len(t, past, 1)
	require.Equal(t, []any{"unlocked", "root", false}, []any{past[0].(object)["end_reason"], past[0].(object)["ended_by"], past[0].(object)["active"]})

	events, err := r.db.Repos().Events.Find(t.Context(), idp.EventFilter{ActionID: ptr("account_unlocked")})
	require.NoError(t, err)
	require.Len(t, events.Items, 1)
	e := events.Items[0].Context
	require.Equal(t, r.admin.UUID.String(), e["admin_identity_id"])
	require.Equal(t, "grace", e["identifier"])
	require.NotEmpty(t, e["previous_locked_until"])
	for key := range e["details"].(map[string]any) {
		require.Contains(t, []string{"ip", "reason", "locked_until", "lock_reason"}, key)
	}
}

func TestWhoMayUnlock(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.graceOut()
	routes := []request{{path: lockedAccounts}, {path: "/api/security/lockouts"}, {path: settingsPath},
		{method: http.MethodPost, path: unlockAccount, body: object{"identifier": "grace"}},
		{method: http.MethodPost, path: settingsPath, body: object{"key": "security.brute_force.max_attempts", "value": "3"}}}
	for _, q := range routes {
		require.NotEmpty(t, r.json(http.StatusUnauthorized, q)["error"], q.path)
		for _, forged := range []string{"forged", r.cookieOf(r.admin) + "x"} {
			q.cookie = forged
			require.Equal(t, http.StatusUnauthorized, r.do(q).Code, q.path)
		}
		q.cookie, q.as = "", r.person
		require.NotEmpty(t, r.json(http.StatusForbidden, q)["error"], q.path)
	}
	helper := r.withRole("helpdesk")
	require.Len(t, r.json(http.StatusOK, request{path: lockedAccounts, as: helper})["data"], 1)
	require.Equal(t, http.StatusForbidden, r.do(request{path: settingsPath, as: helper}).Code)
	viewer := r.withRole("viewer")
	require.Equal(t, http.StatusForbidden, r.do(request{path: lockedAccounts, as: viewer}).Code)
	auditor := r.withRole("auditor")
	require.Equal(t, http.StatusOK, r.do(request{path: settingsPath, as: auditor}).Code)
	unlock := request{method: http.MethodPost, path: unlockAccount, body: object{"identifier": "grace"}}
	unlock.as = auditor
	require.Equal(t, http.StatusForbidden, r.do(unlock).Code)
	unlock.as = helper
	require.Equal(t, http.StatusOK, r.do(unlock).Code)
}

// withRole is somebody with one of the roles of the product.
func (r *rig) withRole(name string) *idp.User {
	u := r.addUser(name + "-person")
	role, err := r.db.Repos().Roles.GetByName(r.t.Context(), name)
	require.NoError(r.t, err)
	require.NoError(r.t, r.db.Repos().Roles.SetUserRoles(r.t.Context(), u.ID, []idp.RoleID{role.ID}))
	return u
}

func TestSettings(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const key = "security.brute_force.max_attempts"
	get := func(path string) object {
		return r.json(http.StatusOK, request{path: settingsPath + path, as: r.admin})
	}
	set := func(status int, path string, body any) object {
		return r.json(status, request{method: http.MethodPost, path: settingsPath + path, as: r.admin, body: body})
	}
	defaults := map[string]string{}
	for _, s := range get("")["settings"].([]any) {
		defaults[s.(object)["key"].(string)] = s.(object)["value"].(string)
	}
	require.Equal(t, []string{"5", "600", "900"}, []string{defaults[key], defaults["security.brute_force.window_seconds"], defaults["security.brute_force.lockout_duration_seconds"]})
	require.Empty(t, get("?category=mail")["settings"])

	set(http.StatusOK, "", object{"key": key, "value": "7", "category": "security"})
	require.Equal(t, []any{"7", "5", true}, []any{get("/" + key)["value"], get("/" + key)["default"], get("/" + key)["set"]})
	set(http.StatusOK, "", object{"key": key, "value": 8})
	set(http.StatusOK, "/batch", object{"settings": []any{object{"key": key, "value": "9"}, object{"key": "security.brute_force.growing_durations", "value": true}}})
	require.Equal(t, "9", get("/" + key)["value"])
	require.Equal(t, "true", get("/security.brute_force.growing_durations")["value"])

	bad := set(http.StatusBadRequest, "/batch", object{"settings": []any{object{"key": key, "value": "3"}, object{"key": "security.brute_force.window_seconds", "value": "59"}}})
	require.Equal(t, []any{"Must be a whole number from 60 to 86400."}, bad["fields"].(object)["security.brute_force.window_seconds"])
	require.Contains(t, bad["error"], "security.brute_force.window_seconds")
	require.Equal(t, "9", get("/" + key)["value"], "all or none")

	many := make([]any, 21)
	for i := range many {
		many[i] = object{"key": key, "value": "3"}
	}
	for _, body := range []any{"", "[]", object{"settings": many}, object{"settings": []any{}}} {
		set(http.StatusBadRequest, "/batch", body)
	}
	for _, body := range []any{"", "{}", object{"key": key}, object{"key": key, "value": nil}, object{"key": key, "value": []any{}}, object{"key": "security.nothing", "value": "1"},
		object{"key": key, "value": "3", "category": "mail"}, object{"key": key, "value": "0"}, object{"key": key, "value": "101"}, object{"key": 7, "value": "3"}} {
		require.NotEmpty(t, set(http.StatusBadRequest, "", body)["error"], "%v", body)
	}
	require.Equal(t, http.StatusNotFound, r.do(request{path: settingsPath + "/nothing", as: r.admin}).Code)
	require.Equal(t, http.StatusNotFound, r.do(request{method: http.MethodDelete, path: settingsPath + "/nothing", as: r.admin}).Code)
	require.Equal(t, http.StatusOK, r.do(request{method: http.MethodDelete, path: settingsPath + "/" + key, as: r.admin}).Code)
	require.Equal(t, []any{"5", false}, []any{get("/" + key)["value"], get("/" + key)["set"]})

	events, err := r.db.Repos().Events.Find(t.Context(), idp.EventFilter{ActionID: ptr("setting.updated")})
	require.NoError(t, err)
	require.Len(t, events.Items, 5, "one for each change")
	require.Equal(t, []any{key, "9", "5"}, []any{events.Items[0].Context["key"], events.Items[0].Context["was"], events.Items[0].Context["value"]})
}
