package app_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// plan asks for the lockdown flow of an account in a browser; nil = one's own.
func (b *browser) plan(u *idp.User) {
	b.site.Helper()
	body := map[string]any{}
	if u != nil {
		body["user"] = u.ID
	}
	got := b.api(http.StatusOK, http.MethodPost, "/core/users/account_lockdown/", body)
	require.Equal(b.site, "/if/flow/"+lockdownFlow+"/", got["link"], "without a query: there is no secret in it")
}

// confirm gives the reason and returns what the flow says then.
func (b *browser) confirm(reason string) map[string]any {
	b.site.Helper()
	c := b.challenge(lockdownFlow)
	require.Equal(b.site, "ak-stage-prompt", c["component"], "%v", c)
	return b.solve(lockdownFlow, map[string]any{"component": "ak-stage-prompt", "lockdown_reason": reason})
}

// set changes the one lockdown stage.
func (s *site) set(settings map[string]any) {
	s.Helper()
	list := s.admin().api(http.StatusOK, http.MethodGet, "/stages/account_lockdown/", nil)["results"].([]any)
	require.Len(s, list, 1)
	s.admin().api(http.StatusOK, http.MethodPatch, fmt.Sprintf("/stages/account_lockdown/%s/", list[0].(map[string]any)["pk"]), settings)
}

// brand changes the default brand.
func (s *site) brand(change map[string]any) {
	s.Helper()
	list := s.admin().api(http.StatusOK, http.MethodGet, "/core/brands/", nil)["results"].([]any)
	require.Len(s, list, 1)
	s.admin().api(http.StatusOK, http.MethodPatch, fmt.Sprintf("/core/brands/%s/", list[0].(map[string]any)["brand_uuid"]), change)
}

// flow reads a flow by its slug.
func (s *site) flow(slug string) *idp.Flow {
	s.Helper()
	f, err := s.repos().Flows.GetBySlug(s.Context(), slug)
	require.NoError(s, err)
	return f
}

// untouched makes sure that nothing of an account changed since it was read.
func (s *site) untouched(before *idp.User) {
	s.Helper()
	now := s.now(before)
	require.True(s, now.IsActive)
	require.Equal(s, before.Password, now.Password)
	require.Equal(s, before.SessionGeneration, now.SessionGeneration)
	require.Equal(s, before.TokenGeneration, now.TokenGeneration)
	require.Empty(s, s.records(before))
}

func TestPlanningALockdown(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada, bob := s.user("ada"), s.user("bob")
	anonymous := s.named(idp.AnonymousUsername)
	const single, bulk = "/core/users/account_lockdown/", "/core/users/account_lockdown_bulk/"
	admin := s.with(s.named("admin"))

	admin.plan(ada)
	c := admin.challenge(lockdownFlow)
	require.Contains(t, fmt.Sprint(c["fields"]), "<code>ada</code>", "the target is the pending user")
	s.untouched(ada)

	s.browser().api(http.StatusForbidden, http.MethodPost, single, map[string]any{"user": ada.ID})
	s.browser().api(http.StatusForbidden, http.MethodPost, single, map[string]any{})
	s.browser().api(http.StatusForbidden, http.MethodPost, bulk, map[string]any{"users": []idp.UserID{ada.ID}})

	own := s.with(ada)
	own.api(http.StatusForbidden, http.MethodPost, single, map[string]any{"user": bob.ID})
	own.api(http.StatusForbidden, http.MethodPost, bulk, map[string]any{"users": []idp.UserID{ada.ID, bob.ID}})
	own.api(http.StatusForbidden, http.MethodPost, single, map[string]any{"user": 1_000_000})
	for name, body := range map[string]map[string]any{"empty": {}, "null": {"user": nil}, "own key": {"user": ada.ID}} {
		own.api(http.StatusOK, http.MethodPost, single, body)
		require.Contains(t, fmt.Sprint(own.challenge(lockdownFlow)["fields"]), "your own account", name)
	}
	own.api(http.StatusOK, http.MethodPost, bulk, map[string]any{"users": []idp.UserID{ada.ID, ada.ID}})

	for _, bad := range []any{anonymous.ID, 1_000_000} {
		require.Contains(t, admin.api(http.StatusBadRequest, http.MethodPost, single, map[string]any{"user": bad}), "user")
		require.Contains(t, admin.api(http.StatusBadRequest, http.MethodPost, bulk, map[string]any{"users": []any{bad}}), "users")
	}
	got := admin.api(http.StatusBadRequest, http.MethodPost, bulk, map[string]any{"users": []any{}})
	require.Equal(t, []any{"At least one user is required."}, got["users"])
	s.untouched(ada)
	s.untouched(bob)
}

func TestPlanningNeedsAnApplicableFlow(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada := s.user("ada")
	message := func(b *browser, body map[string]any) any {
		return b.api(http.StatusBadRequest, http.MethodPost, "/core/users/account_lockdown/", body)["non_field_errors"]
	}
	admin, own := s.with(s.named("admin")), s.with(ada)

	f := s.flow(lockdownFlow)
	f.Authentication = idp.AuthenticationSuperuser
	require.NoError(t, s.repos().Flows.Update(t.Context(), f))
	require.Equal(t, []any{"Lockdown flow is not applicable."}, message(own, map[string]any{}))
	admin.plan(ada)

	s.brand(map[string]any{"flow_lockdown": nil})
	require.Equal(t, []any{"No lockdown flow configured."}, message(own, map[string]any{}))
	require.Equal(t, []any{"No lockdown flow configured."}, message(admin, map[string]any{"user": ada.ID}))
	s.untouched(ada)
}

func TestLockdownOfAnother(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada, root := s.user("ada"), s.named("admin")
	laptop, phone := s.browser().signIn(ada), s.browser().signIn(ada)
	_, key := s.key(ada, idp.IntentAPI)
	_, link := s.key(ada, idp.IntentRecovery)
	program := s.program(key)
	require.True(t, program.works())
	admin := s.browser().signIn(root)

	admin.plan(ada)
	c := admin.confirm("Laptop <b>stolen</b>")
	require.Equal(t, "ak-stage-prompt", c["component"], "%v", c)
	require.Contains(t, fmt.Sprint(c["fields"]), "<code>ada</code>: locked down")

	now := s.now(ada)
	require.False(t, now.IsActive)
	require.False(t, now.HasUsablePassword())
	for name, b := range map[string]*browser{"laptop": laptop, "phone": phone, "program": program} {
		require.False(t, b.works(), name)
	}
	in, err := s.browser().tryToSignIn("ada", password)
	require.NoError(t, err)
	require.False(t, in)
	_, _, err = s.replicas[0].Tokens.OpenLink(t.Context(), link)
	require.True(t, idp.Is(err, idp.CodeRefused), "%v", err)
	held, err := s.repos().Holder.Holdings(t.Context(), ada.ID)
	require.NoError(t, err)
	require.Zero(t, held.Sessions+held.TokenTotal(), "lists and counts show them as ended")
	require.True(t, admin.works(), "the administrator's own session survives")

	events := s.events(idp.ActionIDLockdown)
	require.Len(t, events, 1)
	e := events[0]
	require.Equal(t, idp.ActionUserWrite, e.Action)
	require.Equal(t, "Laptop <b>stolen</b>", e.Context["reason"])
	require.Equal(t, "ada", e.Context["affected_user"])
	require.Equal(t, false, e.Context["self_service"])
	require.EqualValues(t, 2, e.Context["ended"].(map[string]any)["sessions"])
	require.Equal(t, map[string]any{"api": 1.0, "recovery": 1.0}, e.Context["ended"].(map[string]any)["tokens"])
	got := s.admin().api(http.StatusOK, http.MethodGet, "/events/events/"+e.ID.String()+"/", nil)["user"].(map[string]any)
	require.EqualValues(t, ada.ID, got["pk"], "the event is the locked person's")
	require.Equal(t, "admin", got["authenticated_as"].(map[string]any)["username"])

	records := s.records(ada)
	require.Len(t, records, 1)
	require.Equal(t, records[0].ID.String(), e.Context["lockdown"])
	require.Equal(t, idp.AllSwitches(), records[0].Switches)
	require.True(t, records[0].WasActive && records[0].HadPassword && !records[0].SelfService)
}

func TestLockdownOfOneself(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ completion, to string }{
		"completion flow": {completeFlow, "/if/flow/" + completeFlow + "/"},
		"built-in page":   {"", "/if/lockdown-complete/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 1)
			if c.completion == "" {
				s.set(map[string]any{"self_service_completion_flow": nil})
			}
			ada := s.user("ada")
			b, other := s.browser().signIn(ada), s.browser().signIn(ada)
			b.plan(nil)
			got := b.confirm("Lost my phone")
			require.Equal(t, "xak-flow-redirect", got["component"], "%v", got)
			require.Equal(t, c.to, got["to"])

			page := b.get(c.to)
			require.Equal(t, http.StatusOK, page.status, "needs no session")
			require.Contains(t, string(page.body), "Your account has been locked")
			require.False(t, b.works())
			require.False(t, other.works())
			require.False(t, s.now(ada).IsActive)
			require.Equal(t, true, s.events(idp.ActionIDLockdown)[0].Context["self_service"])
			require.True(t, s.records(ada)[0].SelfService)
		})
	}
}

// What the completion leads to must be open to people without a session.
func TestCompletionFlowMustNeedNoSession(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	list := s.admin().api(http.StatusOK, http.MethodGet, "/stages/account_lockdown/", nil)["results"].([]any)
	path := fmt.Sprintf("/stages/account_lockdown/%s/", list[0].(map[string]any)["pk"])
	got := s.admin().api(http.StatusBadRequest, http.MethodPatch, path, map[string]any{"self_service_completion_flow": s.flow(lockdownFlow).ID})
	require.Contains(t, got, "self_service_completion_flow")
	got = s.admin().api(http.StatusBadRequest, http.MethodPatch, path, map[string]any{"self_service_completion_flow": "00000000-0000-0000-0000-000000000001"})
	require.Contains(t, got, "self_service_completion_flow")

	// It was open when it was chosen, and is not any more.
	f := s.flow(completeFlow)
	f.Authentication = idp.AuthenticationAuthenticated
	require.NoError(t, s.repos().Flows.Update(t.Context(), f))
	b := s.with(s.user("ada"))
	b.plan(nil)
	require.Equal(t, "/if/lockdown-complete/", b.confirm("x")["to"])
}

func TestLockdownWithoutTarget(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	b := s.with(s.named("admin"))
	s.bareFlow()
	for _, slug := range []string{lockdownFlow, "bare"} {
		got := b.challenge(slug)
		require.Equal(t, "ak-stage-access-denied", got["component"], "%s: %v", slug, got)
		require.Equal(t, "No target user specified", got["error_message"], slug)
	}
	require.Empty(t, s.events(idp.ActionIDLockdown))

	// Nobody is signed in: the flow does not begin.
	got := s.browser().challenge(lockdownFlow)
	require.Equal(t, "ak-stage-access-denied", got["component"], "%v", got)
}

// What the actor may do is judged again when it comes to act.
func TestPermissionGoneSincePlanning(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada, carl := s.user("ada"), s.user("carl", s.administers)
	b := s.with(carl)
	b.plan(ada)
	s.admin().api(http.StatusOK, http.MethodPatch, fmt.Sprintf("/core/users/%d/", carl.ID), map[string]any{"groups": []any{}})
	got := b.confirm("I was an administrator a minute ago")
	require.Equal(t, "ak-stage-access-denied", got["component"], "%v", got)
	require.Equal(t, "You do not have permission to lock down this account.", got["error_message"])
	s.untouched(ada)
	require.Empty(t, s.events(idp.ActionIDLockdown))
}

// A target that is protected by the time the flow acts is left alone.
func TestTargetProtectedSincePlanning(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada := s.user("ada")
	b := s.with(s.named("admin"))
	b.plan(ada)
	s.admin().api(http.StatusOK, http.MethodPatch, fmt.Sprintf("/core/users/%d/", ada.ID), map[string]any{"type": "internal_service_account"})
	got := b.confirm("x")
	require.Equal(t, "ak-stage-access-denied", got["component"], "%v", got)
	require.Equal(t, "Internal service accounts cannot be locked down.", got["error_message"])
	s.untouched(ada)
}

func TestSwitchesAreIndependent(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	names := []string{"deactivate_user", "set_unusable_password", "delete_sessions", "revoke_tokens"}
	admin := s.with(s.named("admin"))
	for bits := range 1 << len(names) {
		settings, on := map[string]any{}, func(i int) bool { return bits&(1<<i) != 0 }
		for i, name := range names {
			settings[name] = on(i)
		}
		s.set(settings)
		ada := s.user(fmt.Sprintf("ada%04b", bits))
		session := s.with(ada)
		_, key := s.key(ada, idp.IntentAPI)
		program := s.program(key)
		admin.plan(ada)
		require.Contains(t, fmt.Sprint(admin.confirm("switches")["fields"]), "locked down")

		now := s.now(ada)
		require.Equal(t, !on(0), now.IsActive, settings)
		require.Equal(t, !on(1), now.HasUsablePassword(), settings)
		require.Equal(t, !on(0) && !on(2), session.works(), "%v: an inactive account's session is refused even where it is kept", settings)
		require.Equal(t, !on(0) && !on(3), program.works(), "%v: and so is its token", settings)
		require.Len(t, s.events(idp.ActionIDLockdown), bits+1, "the event is written whatever is off")
		require.Len(t, s.records(ada), 1)
		if bits == 0 {
			require.Equal(t, ada.UpdatedAt, now.UpdatedAt, "untouched")
		}
		// What was kept works again with the account, what ended does not.
		s.admin().api(http.StatusOK, http.MethodPatch, fmt.Sprintf("/core/users/%d/", ada.ID), map[string]any{"is_active": true})
		require.Equal(t, !on(2), session.works(), settings)
		require.Equal(t, !on(3), program.works(), settings)
	}
}
