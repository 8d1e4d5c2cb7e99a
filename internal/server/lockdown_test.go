package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

func unmarshal(raw []byte, v any) error { return json.Unmarshal(raw, v) }

const (
	plan     = "/api/v3/core/users/account_lockdown/"
	planBulk = "/api/v3/core/users/account_lockdown_bulk/"
	contain  = "/api/v3/lockdowns/"
)

// withLockdown gives the brand a lockdown flow of the one stage that matters.
func (r *rig) withLockdown(a idp.Authentication) *rig {
	f := r.addFlow("lock", idp.DesignationStageConfiguration, a, "account_lockdown", "{}")
	r.brand.FlowLockdown = &f.ID
	require.NoError(r.t, r.db.Repos().Brands.Update(r.t.Context(), r.brand))
	return r
}

func (r *rig) fresh(u *idp.User) *idp.User {
	got, err := r.db.Repos().Users.Get(r.t.Context(), u.ID)
	require.NoError(r.t, err)
	return got
}

func TestLockdownFlowIsPlannedInTheCallersBrowser(t *testing.T) {
	t.Parallel()
	r := newRig(t).withLockdown(idp.AuthenticationAuthenticated)
	b := r.browser()
	b.cookies[web.SessionCookie] = r.cookieOf(r.admin)
	got := b.do(request{method: http.MethodPost, path: plan, body: map[string]any{"user": r.person.ID}}).json(http.StatusOK)
	require.Equal(t, "/if/flow/lock/", got["link"], "no secret, no query")
	require.NotEmpty(t, b.cookies[web.BrowserCookie])
	require.True(t, r.fresh(r.person).IsActive, "nothing is locked yet")

	victim := r.cookieOf(r.person)
	stranger := r.browser()
	stranger.cookies[web.SessionCookie] = r.cookieOf(r.admin)
	stranger.do(request{path: "/if/flow/lock/"})
	require.True(t, r.fresh(r.person).IsActive, "the plan belongs to one browser")

	b.do(request{path: "/if/flow/lock/"})
	require.False(t, r.fresh(r.person).IsActive)
	require.Empty(t, r.do(request{path: "/probe/", cookie: victim}).json(http.StatusOK)["user"])
	require.Equal(t, "root", b.do(request{path: "/probe/"}).json(http.StatusOK)["user"], "the administrator's session survives")
}

func TestLockdownOfOnesOwnAccount(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]any{"null": map[string]any{"user": nil}, "empty object": map[string]any{}, "no body": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).withLockdown(idp.AuthenticationAuthenticated)
			b := r.browser()
			b.cookies[web.SessionCookie] = r.cookieOf(r.person)
			b.do(request{method: http.MethodPost, path: plan, body: body}).json(http.StatusOK)
			got := b.do(request{path: "/if/flow/lock/"})
			require.Equal(t, http.StatusSeeOther, got.Code, got.Body)
			require.Equal(t, "/if/lockdown-complete/", got.Header().Get("Location"))
			require.False(t, r.fresh(r.person).IsActive)
			got = b.do(request{path: "/if/lockdown-complete/"})
			require.Equal(t, http.StatusOK, got.Code, "needs no session")
			require.Contains(t, got.Body.String(), "Your account has been locked")
		})
	}
}

func TestLockdownPlansAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	robot, err := r.accounts.Create(t.Context(), idp.SystemActor(), account.NewUser{Username: "robot", Name: "r", Type: idp.UserInternalServiceAccount})
	require.NoError(t, err)
	admin, own := r.keyOf(r.admin), r.keyOf(r.person)
	ask := func(p, key string, body any, status int) map[string]any {
		return r.do(request{method: http.MethodPost, path: p, key: key, body: body}).json(status)
	}
	require.Equal(t, []any{"No lockdown flow configured."}, ask(plan, admin, map[string]any{"user": r.person.ID}, 400)["non_field_errors"])
	require.Equal(t, []any{"No lockdown flow configured."}, ask(planBulk, admin, map[string]any{"users": []any{r.person.ID}}, 400)["non_field_errors"])
	r.withLockdown(idp.AuthenticationUnauthenticated)
	require.Equal(t, []any{"Lockdown flow is not applicable."}, ask(plan, admin, map[string]any{"user": r.person.ID}, 400)["non_field_errors"])

	ask(plan, "", map[string]any{}, 403)
	ask(plan, own, map[string]any{"user": r.admin.ID}, 403)
	ask(plan, own, map[string]any{"user": 99999}, 403)
	ask(planBulk, own, map[string]any{"users": []any{r.person.ID, r.admin.ID}}, 403)
	require.Contains(t, ask(plan, admin, map[string]any{"user": 99999}, 400), "user")
	require.Contains(t, ask(plan, admin, map[string]any{"user": robot.ID}, 400), "user")
	require.Contains(t, ask(plan, admin, map[string]any{"user": "1"}, 400), "user")
	require.Contains(t, ask(plan, admin, map[string]any{"user": 1.5}, 400), "user")
	require.Contains(t, ask(plan, admin, map[string]any{"user": 1e12}, 400), "user")
	require.Contains(t, ask(plan, admin, map[string]any{"users": 1}, 400), "users")
	require.Contains(t, ask(plan, admin, map[string]any{"user": r.admin.ID}, 400), "user", "the last administrator")
	require.Equal(t, []any{"At least one user is required."}, ask(planBulk, admin, map[string]any{"users": []any{}}, 400)["users"])
	require.Contains(t, ask(planBulk, admin, map[string]any{}, 400), "users")
	require.Contains(t, ask(planBulk, admin, map[string]any{"users": []any{robot.ID}}, 400), "users")
	require.Contains(t, ask(planBulk, admin, map[string]any{"users": []any{r.person.ID, 99999}}, 400), "users")
}

func TestContainWithoutABrowser(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	second := r.addUser("linus")
	robot, err := r.accounts.Create(t.Context(), idp.SystemActor(), account.NewUser{Username: "robot", Name: "r", Type: idp.UserInternalServiceAccount})
	require.NoError(t, err)
	cookie, key := r.cookieOf(r.person), r.keyOf(r.person)
	admin := r.keyOf(r.admin)
	body := map[string]any{"users": []any{r.person.ID, second.ID, r.person.ID, robot.ID}, "reason": "phished", "dry_run": true}
	ask := func(header string, status int) map[string]any {
		return r.do(request{method: http.MethodPost, path: contain, key: admin, body: body, header: map[string]string{"Idempotency-Key": header}}).json(status)
	}
	got := ask("", http.StatusOK)
	require.Equal(t, true, got["dry_run"])
	require.Len(t, got["results"], 3)
	first := got["results"].([]any)[0].(map[string]any)
	require.Equal(t, 1.0, first["ended"].(map[string]any)["sessions"])
	require.Equal(t, []any{0.0, 0.0}, []any{first["ended"].(map[string]any)["consents"], first["ended"].(map[string]any)["invitations"]})
	require.Equal(t, 1.0, first["ended"].(map[string]any)["tokens"].(map[string]any)["api"])
	require.True(t, r.fresh(r.person).IsActive)

	body["dry_run"] = false
	got = ask("case-4711", http.StatusOK)
	require.Equal(t, []any{"success", "success", "skipped"}, results(got, "status"))
	require.Empty(t, r.do(request{path: "/probe/", cookie: cookie}).json(http.StatusOK)["user"])
	r.do(request{path: path("/core/users/me/"), key: key}).json(http.StatusForbidden)
	again := ask("case-4711", http.StatusOK)
	require.Equal(t, results(got, "lockdown"), results(again, "lockdown"), "a repeated call does nothing again")
	body["reason"] = "something else"
	require.Contains(t, ask("case-4711", http.StatusBadRequest), "idempotency_key")
	body["idempotency_key"] = "other"
	require.Contains(t, ask("case-4711", http.StatusBadRequest), "idempotency_key")

	list := r.do(request{path: contain + "?open=true&ordering=username", key: admin}).json(http.StatusOK)
	require.Equal(t, []any{"grace", "linus"}, results(list, "username"))
	record := r.do(request{path: contain + results(list, "pk")[0].(string) + "/", key: admin}).json(http.StatusOK)
	require.Equal(t, "phished", record["reason"])
	require.Len(t, results(r.do(request{path: contain + "?batch=" + record["batch"].(string), key: admin}).json(http.StatusOK), "pk"), 2)
	require.Equal(t, []any{"grace"}, results(r.do(request{path: contain + "?user=" + r.person.ID.String(), key: admin}).json(http.StatusOK), "username"))
	events := r.do(request{path: path("/events/events/?action_id=account_lockdown&username=grace"), key: admin}).json(http.StatusOK)
	require.Len(t, events["results"], 1)

	r.do(request{method: http.MethodPatch, path: path("/core/users/%d/", r.person.ID), key: admin, body: map[string]any{"is_active": true}}).json(http.StatusOK)
	record = r.do(request{path: contain + results(list, "pk")[0].(string) + "/", key: admin}).json(http.StatusOK)
	require.NotNil(t, record["restored_at"])
	require.Equal(t, "root", record["restored_by"])
}

func TestContainSwitchesAndFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	admin := r.keyOf(r.admin)
	key := r.keyOf(r.person)
	got := r.do(request{method: http.MethodPost, path: contain, key: admin, body: map[string]any{"users": []any{r.person.ID},
		"deactivate_user": false, "set_unusable_password": false, "revoke_tokens": false}}).json(http.StatusOK)
	require.Equal(t, []any{"success"}, results(got, "status"))
	require.Equal(t, http.StatusOK, r.do(request{path: path("/core/users/me/"), key: key}).Code, "switches are independent")
	for field, body := range map[string]map[string]any{
		"users": {"users": []any{}}, "reason": {"users": []any{2}, "reason": strings.Repeat("x", 10_001)}, "dry_run": {"users": []any{2}, "dry_run": "yes"},
		"revoke_tokens": {"users": []any{2}, "revoke_tokens": nil}, "user": {"user": 2, "users": []any{2}},
		"idempotency_key": {"users": []any{2}, "idempotency_key": strings.Repeat("x", 256)},
	} {
		require.Contains(t, r.do(request{method: http.MethodPost, path: contain, key: admin, body: body}).json(http.StatusBadRequest), field)
	}
	require.Contains(t, r.do(request{method: http.MethodPost, path: contain, key: admin, body: map[string]any{"users": []any{99999}}}).json(http.StatusBadRequest), "users")
	r.do(request{method: http.MethodPost, path: contain, key: key, body: map[string]any{"users": []any{r.person.ID, r.admin.ID}}}).json(http.StatusForbidden)
	require.True(t, r.fresh(r.person).IsActive)
	r.do(request{method: http.MethodPost, path: contain, body: map[string]any{"users": []any{2}}}).json(http.StatusForbidden)
	r.do(request{path: contain + "00000000-0000-0000-0000-000000000001/", key: admin}).json(http.StatusNotFound)
}
