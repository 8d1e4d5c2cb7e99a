package app_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// contain locks accounts down without a browser and returns the results.
func (b *browser) contain(body map[string]any, header ...string) []map[string]any {
	b.site.Helper()
	out := []map[string]any{}
	for _, r := range b.api(http.StatusOK, http.MethodPost, "/lockdowns/", body, header...)["results"].([]any) {
		out = append(out, r.(map[string]any))
	}
	return out
}

func TestHeadlessLockdown(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada, cleo := s.user("ada"), s.user("cleo")
	robot := s.user("robot", func(n *account.NewUser) { n.Type = idp.UserInternalServiceAccount })
	session, other := s.with(ada), s.with(cleo)
	_, key := s.key(ada, idp.IntentAPI)
	admin, program := s.admin(), s.program(key)
	body := map[string]any{"users": keys([]*idp.User{ada, robot}), "reason": "playbook 7"}

	dry := map[string]any{"dry_run": true, "users": body["users"]}
	foreseen := admin.contain(dry)
	require.Len(t, foreseen, 2)
	require.Equal(t, "success", foreseen[0]["status"])
	require.EqualValues(t, 1, foreseen[0]["ended"].(map[string]any)["sessions"])
	require.Equal(t, "skipped", foreseen[1]["status"])
	require.Nil(t, foreseen[0]["lockdown"])
	s.untouched(ada)
	require.True(t, session.works() && program.works(), "a dry run changes nothing")
	require.Empty(t, s.events(idp.ActionIDLockdown))

	results := admin.contain(body)
	require.Equal(t, foreseen[0]["ended"], results[0]["ended"], "as foreseen")
	require.Equal(t, []any{"success", "skipped"}, []any{results[0]["status"], results[1]["status"]})
	require.Equal(t, "Internal service accounts cannot be locked down.", results[1]["error"])
	require.False(t, session.works() || program.works())
	require.Equal(t, s.records(ada)[0].ID.String(), results[0]["lockdown"])
	require.Equal(t, "playbook 7", s.records(ada)[0].Reason)

	only := admin.contain(map[string]any{"users": keys([]*idp.User{cleo}), "deactivate_user": false, "set_unusable_password": false,
		"delete_sessions": true, "revoke_tokens": false})
	require.Equal(t, "success", only[0]["status"])
	require.False(t, other.works())
	now := s.now(cleo)
	require.True(t, now.IsActive && now.HasUsablePassword())
	require.Equal(t, cleo.TokenGeneration, now.TokenGeneration)

	// One's own account, without any permission.
	results = s.with(cleo).contain(map[string]any{"users": keys([]*idp.User{cleo}), "reason": "stolen"})
	require.Equal(t, true, results[0]["self_service"])
	require.False(t, s.now(cleo).IsActive)
}

func TestHeadlessLockdownRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada, bob := s.user("ada"), s.user("bob")
	s.browser().api(http.StatusForbidden, http.MethodPost, "/lockdowns/", map[string]any{"users": keys([]*idp.User{ada})})
	s.with(ada).api(http.StatusForbidden, http.MethodPost, "/lockdowns/", map[string]any{"users": keys([]*idp.User{bob})})
	s.with(ada).api(http.StatusForbidden, http.MethodPost, "/lockdowns/", map[string]any{"users": []int{1_000_000}})
	for field, body := range map[string]map[string]any{
		"users":           {},
		"reason":          {"users": []idp.UserID{ada.ID}, "reason": 7},
		"deactivate":      {"users": []idp.UserID{ada.ID}, "deactivate": true},
		"deactivate_user": {"users": []idp.UserID{ada.ID}, "deactivate_user": "perhaps"},
		"idempotency_key": {"users": []idp.UserID{ada.ID}, "idempotency_key": string(make([]byte, 256))},
	} {
		require.Contains(t, s.admin().api(http.StatusBadRequest, http.MethodPost, "/lockdowns/", body), field)
	}
	for _, users := range []any{[]any{}, []any{"x"}, []any{ada.ID, 1_000_000}, []any{-1}, []any{1 << 40}, ada.ID, nil} {
		require.Contains(t, s.admin().api(http.StatusBadRequest, http.MethodPost, "/lockdowns/", map[string]any{"users": users}), "users")
	}
	s.untouched(ada)
	s.untouched(bob)
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	ada, bob := s.user("ada"), s.user("bob")
	admin := s.admin()
	body := map[string]any{"users": keys([]*idp.User{ada}), "reason": "once", "idempotency_key": "incident-1"}

	// The same call, eight times at once over two replicas.
	var wg sync.WaitGroup
	statuses := make([]int, 8)
	for i := range statuses {
		b := admin.at(s.replicas[i%2])
		wg.Go(func() {
			if a, err := b.send(http.MethodPost, "/api/v3/lockdowns/", body); err == nil {
				statuses[i] = a.status
			}
		})
	}
	wg.Wait()
	for _, status := range statuses {
		require.Equal(t, http.StatusOK, status)
	}
	require.Len(t, s.records(ada), 1)
	require.Len(t, s.events(idp.ActionIDLockdown), 1)

	again := admin.contain(map[string]any{"users": keys([]*idp.User{ada}), "reason": "once"}, "Idempotency-Key", "incident-1")
	require.Equal(t, s.records(ada)[0].ID.String(), again[0]["lockdown"])
	require.Len(t, s.records(ada), 1)

	// Restored meanwhile: a late repetition does not lock the person out again.
	require.NoError(t, s.replicas[0].Lockdowns.Activate(t.Context(), idp.SystemActor(), ada.ID))
	admin.contain(body)
	require.True(t, s.now(ada).IsActive)

	got := admin.api(http.StatusBadRequest, http.MethodPost, "/lockdowns/", map[string]any{"users": keys([]*idp.User{bob}), "idempotency_key": "incident-1"})
	require.Contains(t, got, "idempotency_key", "another act under the same key")
	admin.api(http.StatusBadRequest, http.MethodPost, "/lockdowns/", body, "Idempotency-Key", "incident-2")
	s.untouched(bob)

	// A key belongs to its actor.
	own := s.with(bob).contain(map[string]any{"users": keys([]*idp.User{bob}), "reason": "mine", "idempotency_key": "incident-1"})
	require.Equal(t, "success", own[0]["status"])
	require.False(t, s.now(bob).IsActive)
}
