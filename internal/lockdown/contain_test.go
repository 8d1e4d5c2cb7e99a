package lockdown_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
)

// The names of the tests follow the acceptance list: "pending user locked:
// inactive, password unusable, event has action_id, reason, affected_user".
func TestTargetIsInactiveItsPasswordUnusableAndAnEventTellsOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	cookie, key := w.cookie(mia), w.key(mia, idp.IntentAPI)
	w.key(mia, idp.IntentRecovery)
	require.True(t, w.sessionWorks(cookie))
	require.True(t, w.keyWorks(key))

	results := w.contain(w.admin, mia)

	require.Len(t, results, 1)
	require.Equal(t, lockdown.Success, results[0].Status, results[0].Error)
	require.Equal(t, "mia", results[0].Username)
	require.False(t, results[0].SelfService)
	after := w.now(mia)
	require.False(t, after.IsActive)
	require.False(t, after.HasUsablePassword())
	require.False(t, w.sessionWorks(cookie), "the session must be refused")
	require.False(t, w.keyWorks(key), "the API token must be gone")

	record, err := w.lockdowns.Get(w.ctx, w.admin, results[0].Lockdown.ID)
	require.NoError(t, err)
	require.Equal(t, mia.ID, *record.UserID)
	require.Equal(t, "mia", record.Username)
	require.Equal(t, "root", record.ActorName)
	require.Equal(t, w.admin.User.ID, *record.ActorID)
	require.Equal(t, "stolen laptop", record.Reason)
	require.Equal(t, idp.AllSwitches(), record.Switches)
	require.True(t, record.WasActive)
	require.True(t, record.HadPassword)
	require.False(t, record.SelfService)
	require.Equal(t, 1, record.Ended.Sessions)
	require.Equal(t, map[idp.TokenIntent]int{idp.IntentAPI: 1, idp.IntentRecovery: 1}, record.Ended.Tokens)

	events := w.events(idp.ActionIDLockdown)
	require.Len(t, events, 1)
	e := events[0]
	require.Equal(t, idp.ActionUserWrite, e.Action)
	require.Equal(t, "stolen laptop", e.Context["reason"])
	require.Equal(t, "mia", e.Context["affected_user"])
	require.Equal(t, false, e.Context["self_service"])
	require.Equal(t, record.ID.String(), e.Context["lockdown"])
	require.Equal(t, map[string]any{"sessions": 1.0, "tokens": map[string]any{"api": 1.0, "recovery": 1.0},
		"consents": 0.0, "invitations": 0.0, "grants": 0.0, "applications": 0.0}, e.Context["ended"])
	require.Equal(t, map[string]any{"deactivate_user": true, "set_unusable_password": true, "delete_sessions": true, "revoke_tokens": true}, e.Context["switches"])
	require.Equal(t, "mia", e.User["username"])
	require.Equal(t, "root", e.User["authenticated_as"].(map[string]any)["username"])
}

// Each switch does its own part and nothing else; with all of them off the user
// is untouched and the event is written all the same.
func TestSwitchesAreIndependent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, sw := range map[string]idp.Switches{
		"none":       {},
		"deactivate": {DeactivateUser: true},
		"password":   {SetUnusablePassword: true},
		"sessions":   {DeleteSessions: true},
		"tokens":     {RevokeTokens: true},
	} {
		u := w.user("switch-" + name)
		cookie, key := w.cookie(u), w.key(u, idp.IntentAPI)
		before := w.now(u)
		results, err := w.lockdowns.Contain(w.ctx, w.admin, lockdown.Request{Users: ids(u), Switches: sw})
		require.NoError(t, err)
		require.Equal(t, lockdown.Success, results[0].Status, "%s: %s", name, results[0].Error)

		after := w.now(u)
		require.Equal(t, !sw.DeactivateUser, after.IsActive, name)
		require.Equal(t, !sw.SetUnusablePassword, after.HasUsablePassword(), name)
		held, err := w.db.Repos().Holder.Holdings(w.ctx, u.ID)
		require.NoError(t, err)
		require.Equal(t, sw.DeleteSessions, held.Sessions == 0, name)
		require.Equal(t, sw.RevokeTokens, held.TokenTotal() == 0, name)
		// An inactive account's credentials do not work either way.
		require.Equal(t, !sw.DeleteSessions && !sw.DeactivateUser, w.sessionWorks(cookie), name)
		require.Equal(t, !sw.RevokeTokens && !sw.DeactivateUser, w.keyWorks(key), name)
		if name == "none" {
			require.Equal(t, before, after, "all switches off: the user is untouched")
			require.Zero(t, results[0].Lockdown.Ended.Sessions)
		}
	}
	require.Len(t, w.events(idp.ActionIDLockdown), 5, "one event per user, also with all switches off")
}

func TestContainingCountsOnlyWhatItEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("mia")
	w.cookie(u)
	w.key(u, idp.IntentAPI)
	results, err := w.lockdowns.Contain(w.ctx, w.admin, lockdown.Request{Users: ids(u), Switches: idp.Switches{DeleteSessions: true}})
	require.NoError(t, err)
	require.Equal(t, 1, results[0].Lockdown.Ended.Sessions)
	require.Zero(t, results[0].Lockdown.Ended.TokenTotal())
}

func TestSelfServiceNeedsNoPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.signedIn(w.user("mia"))
	results := w.contain(mia, mia.User)
	require.Equal(t, lockdown.Success, results[0].Status, results[0].Error)
	require.True(t, results[0].SelfService)
	require.True(t, results[0].Lockdown.SelfService)
	require.False(t, w.now(mia.User).IsActive)
	e := w.events(idp.ActionIDLockdown)[0]
	require.Equal(t, true, e.Context["self_service"])
	require.NotContains(t, e.User, "authenticated_as")
}

func TestAnotherUserWithoutPermissionIsRefusedAndUnchanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, other := w.signedIn(w.user("mia")), w.user("other")
	before := w.now(other)
	for name, users := range map[string][]idp.UserID{
		"another":         {other.ID},
		"only one of two": {mia.User.ID, other.ID},
		"nobody there":    {4711},
	} {
		_, err := w.lockdowns.Contain(w.ctx, mia, lockdown.Request{Users: users, Switches: idp.AllSwitches()})
		require.Equal(t, idp.CodeForbidden, idp.CodeOf(err), name)
		require.ErrorContains(t, err, "You do not have permission to lock down this account.", name)
		require.Equal(t, idp.CodeForbidden, idp.CodeOf(w.lockdowns.Check(w.ctx, mia, users)), name)
		_, err = w.lockdowns.Preview(w.ctx, mia, users)
		require.Equal(t, idp.CodeForbidden, idp.CodeOf(err), name)
	}
	_, err := w.lockdowns.Contain(w.ctx, idp.Actor{}, lockdown.Request{Users: ids(other), Switches: idp.AllSwitches()})
	require.Equal(t, idp.CodeUnsigned, idp.CodeOf(err))
	require.Equal(t, before, w.now(other))
	require.True(t, w.now(mia.User).IsActive)
	require.Empty(t, w.events(idp.ActionIDLockdown))
}

// The permission may be gone since the flow was planned: the actor is judged
// again inside the transaction.
func TestPermissionIsCheckedAgainWithTheFreshState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.user("other")
	for name, lose := range map[string]func(actor idp.Actor){
		"not an administrator any more": func(a idp.Actor) {
			require.NoError(t, w.db.Repos().Groups.RemoveUser(w.ctx, w.admins, a.User.ID))
		},
		"switched off": func(a idp.Actor) { require.NoError(t, w.lockdowns.Deactivate(w.ctx, w.admin, a.User.ID)) },
		"session ended": func(a idp.Actor) {
			require.NoError(t, w.sessions.End(w.ctx, w.admin, a.Session.ID, "test"))
		},
		"all sessions ended": func(a idp.Actor) {
			_, err := w.sessions.EndAll(w.ctx, w.admin, a.User.ID)
			require.NoError(t, err)
		},
		"deleted": func(a idp.Actor) { require.NoError(t, w.db.Repos().Users.Delete(w.ctx, a.User.ID)) },
	} {
		actor := w.administrator("actor " + name)
		lose(actor) // the request still carries what was true when it came in
		results := w.contain(actor, other)
		require.Equal(t, lockdown.Failed, results[0].Status, name)
		require.Equal(t, "You do not have permission to lock down this account.", results[0].Error, name)
		require.True(t, w.now(other).IsActive, name)
	}
}

func TestProtectedAccountsAreSkippedWithTheReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nobody, robot, mia := w.user(idp.AnonymousUsername), w.user("robot", internalService), w.user("mia")
	before := w.now(robot)
	results := w.contain(w.admin, nobody, robot, mia)
	require.Equal(t, lockdown.Skipped, results[0].Status)
	require.Equal(t, "The anonymous user cannot be locked down.", results[0].Error)
	require.Equal(t, lockdown.Skipped, results[1].Status)
	require.Equal(t, "Internal service accounts cannot be locked down.", results[1].Error)
	require.Equal(t, lockdown.Success, results[2].Status)
	require.Equal(t, before, w.now(robot))
	require.Len(t, w.events(idp.ActionIDLockdown), 1)

	err := w.lockdowns.Check(w.ctx, w.admin, ids(robot))
	require.Equal(t, idp.CodeInvalid, idp.CodeOf(err))
	require.Equal(t, []string{"Internal service accounts cannot be locked down."}, fields(t, err)["user"])
	require.NoError(t, w.lockdowns.Check(w.ctx, w.admin, ids(robot, mia)), "one of several is enough to plan")
}

func TestBadRequestsNameTheField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	all := idp.AllSwitches()
	for name, c := range map[string]struct {
		req   lockdown.Request
		field string
		says  string
	}{
		"no user":       {lockdown.Request{Switches: all}, "users", "At least one user is required."},
		"unknown user":  {lockdown.Request{Users: []idp.UserID{mia.ID, 4711}, Switches: all}, "users", "Invalid pk \"4711\" - object does not exist."},
		"long reason":   {lockdown.Request{Users: ids(mia), Reason: strings.Repeat("ä", 10_001)}, "reason", "Ensure this field has no more than 10000 characters."},
		"NUL":           {lockdown.Request{Users: ids(mia), Reason: "a\x00b"}, "reason", "Null characters are not allowed."},
		"invalid UTF-8": {lockdown.Request{Users: ids(mia), Reason: "\xff"}, "reason", "Not a valid string."},
		"long key":      {lockdown.Request{Users: ids(mia), IdempotencyKey: strings.Repeat("k", 256)}, "idempotency_key", "Ensure this field has no more than 255 characters."},
		"many users":    {lockdown.Request{Users: many(1001), Switches: all}, "users", "Ensure this field has no more than 1000 elements."},
	} {
		_, err := w.lockdowns.Contain(w.ctx, w.admin, c.req)
		require.Equal(t, idp.CodeInvalid, idp.CodeOf(err), name)
		require.Equal(t, []string{c.says}, fields(t, err)[c.field], name)
	}
	require.True(t, w.now(mia).IsActive)
	require.Equal(t, []string{"At least one user is required."}, fields(t, w.lockdowns.Check(w.ctx, w.admin, nil))["users"])
	require.Equal(t, []string{"Invalid pk \"4711\" - object does not exist."}, fields(t, w.lockdowns.Check(w.ctx, w.admin, []idp.UserID{4711}))["user"])

	_, err := w.lockdowns.Contain(w.ctx, w.admin, lockdown.Request{Users: ids(mia), Reason: strings.Repeat("ä", 10_000), Switches: all})
	require.NoError(t, err)
}

func TestReasonMayBeEmptyAndDuplicatesCountOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	results, err := w.lockdowns.Contain(w.ctx, w.admin, lockdown.Request{Users: ids(mia, mia, mia), Switches: idp.AllSwitches()})
	require.NoError(t, err)
	require.Len(t, results, 1)
	require.Equal(t, "", w.events(idp.ActionIDLockdown)[0].Context["reason"])
}

// "Including self": the actor comes last, and the whole bulk is done before the
// actor's own session ends.
func TestBulkWithTheActorLocksTheActorLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.administrator("second")
	mia, tom := w.user("mia"), w.user("tom")
	results := w.contain(w.admin, mia, w.admin.User, tom)
	var names []string
	for _, r := range results {
		require.Equal(t, lockdown.Success, r.Status, r.Error)
		names = append(names, r.Username)
	}
	require.Equal(t, []string{"mia", "tom", "root"}, names)
	require.True(t, results[2].SelfService)
	for _, r := range results[1:] {
		require.Equal(t, results[0].Lockdown.BatchID, r.Lockdown.BatchID, "one act, one batch")
	}
	require.Len(t, w.events(idp.ActionIDLockdown), 3, "one event per user")
}

func TestOneFailureDoesNotStopTheRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, gone, tom := w.user("mia"), w.user("gone"), w.user("tom")
	// The account vanishes between the judgement and its own transaction.
	flaky := lockdown.New(lockdown.Deps{Store: &vanishing{Store: w.db, before: 2, act: func() {
		require.NoError(t, w.db.Repos().Users.Delete(w.ctx, gone.ID))
	}}, Access: allowed{}})
	results, err := flaky.Contain(w.ctx, w.admin, lockdown.Request{Users: ids(mia, gone, tom), Switches: idp.AllSwitches()})
	require.NoError(t, err)
	require.Equal(t, lockdown.Success, results[0].Status)
	require.Equal(t, lockdown.Failed, results[1].Status)
	require.Equal(t, "No user matches.", results[1].Error)
	require.ErrorContains(t, results[1].Err, "locking down user")
	require.Nil(t, results[1].Lockdown)
	require.Equal(t, lockdown.Success, results[2].Status)
	require.False(t, w.now(tom).IsActive)
}

func TestContainGoesOnWhenTheCallerLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := w.user("mia"), w.user("tom")
	ctx, leave := cancellable(t)
	store := &vanishing{Store: w.db, before: 2, act: leave}
	s := lockdown.New(lockdown.Deps{Store: store, Access: allowed{}})
	results, err := s.Contain(ctx, w.admin, lockdown.Request{Users: ids(mia, tom), Switches: idp.AllSwitches()})
	require.NoError(t, err)
	require.Error(t, ctx.Err())
	for _, r := range results {
		require.Equal(t, lockdown.Success, r.Status, r.Error)
	}
	require.False(t, w.now(tom).IsActive)
}

func TestPreviewCountsAndChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, robot := w.user("mia"), w.user("robot", internalService)
	w.cookie(mia)
	w.key(mia, idp.IntentAppPassword)
	before := w.now(mia)
	targets, err := w.lockdowns.Preview(w.ctx, w.admin, ids(w.admin.User, mia, robot))
	require.NoError(t, err)
	require.Len(t, targets, 3)
	require.Equal(t, "mia", targets[0].User.Username)
	require.Equal(t, 1, targets[0].Holdings.Sessions)
	require.Equal(t, map[idp.TokenIntent]int{idp.IntentAppPassword: 1}, targets[0].Holdings.Tokens)
	require.Empty(t, targets[0].Refusal)
	require.Equal(t, "Internal service accounts cannot be locked down.", targets[1].Refusal)
	require.Equal(t, "root", targets[2].User.Username, "the actor comes last here too")
	require.Equal(t, lockdown.LastAdministrator, targets[2].Refusal)
	require.Equal(t, before, w.now(mia))
	require.Empty(t, w.events(idp.ActionIDLockdown))
}
