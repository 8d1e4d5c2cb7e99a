package stages_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/stages/accountlockdown"
	"github.com/portcullis-idp/portcullis/internal/token"
)

const lockdownFlow = "default-account-lockdown"

func (w *world) apiToken(u *idp.User) string {
	w.Helper()
	later := time.Now().Add(time.Hour)
	_, key, err := w.tokens.Issue(w.ctx, idp.SystemActor(), token.Draft{User: u.ID, Identifier: "key-" + u.Username, Intent: idp.IntentAPI, Expiring: true, ExpiresAt: &later})
	require.NoError(w, err)
	return key
}

func (w *world) tokenWorks(key string) bool {
	_, _, err := w.tokens.Authenticate(w.ctx, key)
	return err == nil
}

func fieldsOf(t testing.TB, a *flow.Answer) map[string]map[string]any {
	t.Helper()
	out := map[string]map[string]any{}
	for _, f := range shows(t, a, "ak-stage-prompt")["fields"].([]any) {
		field := f.(map[string]any)
		out[field["field_key"].(string)] = field
	}
	return out
}

func TestAnAdministratorLocksAnAccountDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := w.signedIn(w.administrator("root"))
	ada := w.user("ada", func(u *idp.User) { u.Name = "<b>Ada</b>" })
	target := w.signedIn(ada)
	key := w.apiToken(ada)

	root.begin(lockdownFlow, accountlockdown.For(ada))
	require.True(t, w.now(ada).IsActive, "planning changes nothing")
	a := root.get(lockdownFlow)
	fields := fieldsOf(t, a)
	require.True(t, a.Frame.Danger)
	require.Contains(t, fields["lockdown_warning"]["initial_value"], "<code>ada</code> &lt;b&gt;Ada&lt;/b&gt;")
	require.Equal(t, true, fields["lockdown_reason"]["required"])
	require.True(t, w.now(ada).IsActive, "looking changes nothing")
	wrong(t, root.post(lockdownFlow, flow.Input{"lockdown_reason": ""}), "lockdown_reason", "This field may not be blank.")
	require.True(t, w.now(ada).IsActive)

	a = root.post(lockdownFlow, flow.Input{"component": "ak-stage-prompt", "lockdown_reason": "Laptop stolen"})
	require.Equal(t, "<p><strong>Done. All sessions and tokens have ended.</strong></p><ul><li><code>ada</code>: locked down</li></ul>", fieldsOf(t, a)["lockdown_results"]["initial_value"])
	locked := w.now(ada)
	require.False(t, locked.IsActive)
	require.False(t, locked.HasUsablePassword())
	require.False(t, target.alive())
	require.False(t, w.tokenWorks(key))
	require.True(t, root.alive(), "the administrator's own session survives")
	events := w.events(idp.ActionUserWrite)
	require.Len(t, events, 1)
	require.Equal(t, "account_lockdown", events[0].Context["action_id"])
	require.Equal(t, "Laptop stolen", events[0].Context["reason"])
	require.Equal(t, "ada", events[0].Context["affected_user"])
	require.Equal(t, "ada", events[0].User["username"])
	require.Equal(t, "root", events[0].User["authenticated_as"].(map[string]any)["username"])
	done(t, root.post(lockdownFlow, flow.Input{}), "/")
}

func TestPeopleLockTheirOwnAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.administrator("root")
	ada := w.user("ada")
	b, elsewhere := w.signedIn(ada), w.browser("elsewhere")
	b.begin(lockdownFlow, accountlockdown.For(ada))
	require.Contains(t, fieldsOf(t, b.get(lockdownFlow))["lockdown_warning"]["initial_value"], "You are about to lock your own account")
	a := b.post(lockdownFlow, flow.Input{"lockdown_reason": "Phished"})
	done(t, a, "/if/flow/default-account-lockdown-complete/")
	require.True(t, a.Effects.SignedOut)
	require.False(t, w.now(ada).IsActive)
	a = b.get("default-account-lockdown-complete")
	require.Contains(t, fieldsOf(t, a)["lockdown_complete"]["initial_value"], "Your account has been locked.")
	elsewhere.post(signIn, flow.Input{"uid_field": "ada"})
	wrong(t, elsewhere.post(signIn, flow.Input{"password": goodPassword}), "password", "Failed to authenticate.")
}

// TestStageRefusals are the checks of the stage, which all come before any
// change.
func TestStageRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root, mallory := w.signedIn(w.administrator("root")), w.signedIn(w.user("mallory"))
	ada := w.user("ada")
	service := w.user("service", func(u *idp.User) { u.Type = idp.UserInternalServiceAccount })
	nobody := w.user(idp.AnonymousUsername)
	w.stage(w.flow("bare"), 0, "account_lockdown", `{}`)
	for name, c := range map[string]struct {
		by   *browser
		set  func(*flow.Run)
		want string
	}{
		"nobody":             {root, nil, "No target user specified"},
		"an empty list":      {root, accountlockdown.For(), "No target user specified"},
		"the anonymous":      {root, accountlockdown.For(nobody), "The anonymous user cannot be locked down."},
		"internal service":   {root, accountlockdown.For(service), "Internal service accounts cannot be locked down."},
		"no permission":      {mallory, accountlockdown.For(ada), "You do not have permission to lock down this account."},
		"one of two":         {mallory, accountlockdown.For(mallory.actor().User, ada), "You do not have permission to lock down this account."},
		"last administrator": {root, accountlockdown.For(root.actor().User), lockdown.LastAdministrator},
	} {
		c.by.begin("bare", c.set)
		denied(t, c.by.get("bare"), c.want)
		require.True(t, w.now(ada).IsActive, name)
		require.True(t, c.by.alive(), name)
	}
	require.Empty(t, w.events(idp.ActionUserWrite))
	denied(t, root.get(lockdownFlow), "No target user specified")
}

func TestPermissionLostBetweenPlanAndAct(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.administrator("other")
	b, ada := w.signedIn(w.administrator("root")), w.user("ada")
	b.begin(lockdownFlow, accountlockdown.For(ada))
	require.NoError(t, w.repos().Groups.RemoveUser(w.ctx, w.admins, b.actor().User.ID))
	denied(t, b.post(lockdownFlow, flow.Input{"lockdown_reason": "x"}), "You do not have permission to lock down this account.")
	require.True(t, w.now(ada).IsActive)
}

func TestBulk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.administrator("other")
	root := w.signedIn(w.administrator("root"))
	ada, bob := w.user("ada"), w.user("bob")
	service := w.user("service", func(u *idp.User) { u.Type = idp.UserInternalServiceAccount })
	root.begin(lockdownFlow, accountlockdown.For(ada, service, bob))
	warning := fieldsOf(t, root.get(lockdownFlow))["lockdown_warning"]["initial_value"]
	for _, name := range []string{"ada", "bob", "service"} {
		require.Contains(t, warning, "<code>"+name+"</code>")
	}
	a := root.post(lockdownFlow, flow.Input{"lockdown_reason": "Breach"})
	require.Equal(t, "<p><strong>Not every account could be locked down.</strong></p><ul><li><code>ada</code>: locked down</li><li><code>service</code>: Internal service accounts cannot be locked down.</li>"+
		"<li><code>bob</code>: locked down</li></ul>", fieldsOf(t, a)["lockdown_results"]["initial_value"])
	require.False(t, w.now(ada).IsActive || w.now(bob).IsActive)
	require.True(t, w.now(service).IsActive)
	require.Len(t, w.events(idp.ActionUserWrite), 2)

	cid, dan := w.user("cid"), w.user("dan")
	root.begin(lockdownFlow, accountlockdown.For(root.actor().User, cid, dan))
	done(t, root.post(lockdownFlow, flow.Input{"lockdown_reason": "All of us"}), "/if/flow/default-account-lockdown-complete/")
	require.False(t, root.alive())
	require.False(t, w.now(cid).IsActive || w.now(dan).IsActive)
}

// TestSwitches runs the stage with every combination of its switches.
func TestSwitches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.administrator("other")
	root := w.signedIn(w.administrator("root"))
	for bits := range 16 {
		on := func(bit int) bool { return bits&(1<<bit) != 0 }
		slug := fmt.Sprintf("switches-%d", bits)
		f := w.flow(slug)
		w.stage(f, 0, "account_lockdown", fmt.Sprintf(`{"deactivate_user": %t, "set_unusable_password": %t, "delete_sessions": %t, "revoke_tokens": %t}`,
			on(0), on(1), on(2), on(3)))
		for _, self := range []bool{false, true} {
			u := w.user(fmt.Sprintf("user-%d-%t", bits, self))
			own, by := w.signedIn(u), root
			key := w.apiToken(u)
			if self {
				by = own
			}
			by.begin(slug, func(r *flow.Run) {
				accountlockdown.For(u)(r)
				accountlockdown.KeyReason.Put(r.Vars, "from the context")
			})
			a := by.get(slug)
			to := "/"
			if self && (on(0) || on(2)) {
				to = accountlockdown.CompletePath
			}
			done(t, a, to)
			now := w.now(u)
			require.Equal(t, !on(0), now.IsActive, slug)
			require.Equal(t, !on(1), now.HasUsablePassword(), slug)
			require.Equal(t, !on(0) && !on(2), own.alive(), slug)
			require.Equal(t, !on(0) && !on(3), w.tokenWorks(key), slug)
			page, err := w.repos().Events.Find(w.ctx, idp.EventFilter{UserID: &u.ID, Actions: []idp.Action{idp.ActionUserWrite}})
			require.NoError(t, err)
			require.Equal(t, 1, page.Total, slug)
			require.Equal(t, "from the context", page.Items[0].Context["reason"])
		}
	}
}

func TestCompletionFlowMustBeOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kind, _ := w.flows.Kind("account_lockdown")
	repos := w.repos()
	f := w.flow("completion")
	settings := json.RawMessage(fmt.Sprintf(`{"self_service_completion_flow": %q}`, f.ID))
	_, err := kind.Validate(w.ctx, &repos, settings)
	require.NoError(t, err)
	for _, a := range idp.Authentications() {
		f.Authentication = a
		require.NoError(t, repos.Flows.Update(w.ctx, f))
		_, err = kind.Validate(w.ctx, &repos, settings)
		require.Equal(t, a == idp.AuthenticationNone, err == nil, "%s: %v", a, err)
	}
	_, err = kind.Validate(w.ctx, &repos, json.RawMessage(fmt.Sprintf(`{"self_service_completion_flow": %q}`, idp.NewID[idp.Flow]())))
	require.ErrorContains(t, err, "does not exist")

	// One that was closed after it was chosen does not strand the owner.
	w.administrator("root")
	ada := w.user("ada")
	b := w.signedIn(ada)
	complete, err := repos.Flows.GetBySlug(w.ctx, "default-account-lockdown-complete")
	require.NoError(t, err)
	complete.Authentication = idp.AuthenticationAuthenticated
	require.NoError(t, repos.Flows.Update(w.ctx, complete))
	b.begin(lockdownFlow, accountlockdown.For(ada))
	done(t, b.post(lockdownFlow, flow.Input{"lockdown_reason": "x"}), accountlockdown.CompletePath)
}

func TestALockdownSentTwiceHappensOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := w.signedIn(w.administrator("root"))
	replica := w.executor()
	for i := range 10 {
		u := w.user(fmt.Sprint("user", i))
		root.begin(lockdownFlow, accountlockdown.For(u))
		var all sync.WaitGroup
		for _, x := range []*flow.Executor{w.flows, replica, w.flows, replica} {
			all.Go(func() {
				a, err := x.Solve(w.ctx, root.visit(lockdownFlow), flow.Input{"component": "ak-stage-prompt", "lockdown_reason": "x"})
				if err != nil || a.Err != nil {
					t.Error(err, a)
				}
			})
		}
		all.Wait()
		page, err := w.repos().Lockdowns.Find(w.ctx, idp.LockdownFilter{UserID: &u.ID})
		require.NoError(t, err)
		require.Equal(t, 1, page.Total)
	}
}
