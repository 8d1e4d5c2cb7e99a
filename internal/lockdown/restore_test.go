package lockdown_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
)

func TestActivatingRevivesNothingThatWasEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	cookie, key := w.cookie(mia), w.key(mia, idp.IntentAPI)
	w.contain(w.admin, mia)

	require.NoError(t, w.lockdowns.Activate(w.ctx, w.admin, mia.ID))

	require.True(t, w.now(mia).IsActive)
	require.False(t, w.now(mia).HasUsablePassword())
	require.False(t, w.sessionWorks(cookie))
	require.False(t, w.keyWorks(key))
	require.True(t, w.sessionWorks(w.cookie(mia)), "a new session works")
	require.True(t, w.keyWorks(w.key(mia, idp.IntentAPI)), "a new token works")
}

func TestActivatingMarksOpenLockdownsRestored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	w.contain(w.admin, mia)
	w.contain(w.admin, mia)
	open := true
	page, err := w.lockdowns.Find(w.ctx, w.admin, idp.LockdownFilter{UserID: &mia.ID, Open: &open})
	require.NoError(t, err)
	require.Equal(t, 2, page.Total)

	require.NoError(t, w.lockdowns.Activate(w.ctx, w.admin, mia.ID))
	require.NoError(t, w.lockdowns.Activate(w.ctx, w.admin, mia.ID), "twice is once")

	page, err = w.lockdowns.Find(w.ctx, w.admin, idp.LockdownFilter{UserID: &mia.ID})
	require.NoError(t, err)
	for _, l := range page.Items {
		require.NotNil(t, l.RestoredAt)
		require.Equal(t, "root", l.RestoredByName)
		require.Equal(t, w.admin.User.ID, *l.RestoredByID)
	}
	events := w.events(idp.ActionIDRestore)
	require.Len(t, events, 1)
	require.Equal(t, idp.ActionUserWrite, events[0].Action)
	require.Equal(t, "mia", events[0].Context["affected_user"])
	require.Equal(t, 2.0, events[0].Context["lockdowns_restored"])
	require.Equal(t, "mia", events[0].User["username"])
}

func TestDeactivatingEndsSessionsAndTokensAndKeepsThePassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	cookie, key := w.cookie(mia), w.key(mia, idp.IntentAPI)
	require.NoError(t, w.lockdowns.Deactivate(w.ctx, w.admin, mia.ID))
	require.False(t, w.now(mia).IsActive)
	require.True(t, w.now(mia).HasUsablePassword())
	require.Len(t, w.events(lockdown.ActionIDDeactivate), 1)

	require.NoError(t, w.lockdowns.Activate(w.ctx, w.admin, mia.ID))
	require.False(t, w.sessionWorks(cookie))
	require.False(t, w.keyWorks(key))
	require.Len(t, w.events(lockdown.ActionIDActivate), 1, "no lockdown was open: a plain activation")
}

// Every path that switches an account off ends in the same place, and nothing
// comes back with it.
func TestEveryPathThatDeactivatesEndsSessionsAndTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	off, on := false, true
	for name, switchOff := range map[string]func(u *idp.User){
		"Contain":    func(u *idp.User) { w.contain(w.admin, u) },
		"Deactivate": func(u *idp.User) { require.NoError(t, w.lockdowns.Deactivate(w.ctx, w.admin, u.ID)) },
		"Update": func(u *idp.User) {
			_, err := w.accounts.Update(w.ctx, w.admin, u.ID, account.Patch{IsActive: &off})
			require.NoError(t, err)
		},
		"Update with other fields, as PUT does": func(u *idp.User) {
			email, name, groups := "new@example.org", "New", []idp.GroupID{}
			_, err := w.accounts.Update(w.ctx, w.admin, u.ID, account.Patch{Email: &email, Name: &name, Groups: &groups, IsActive: &off})
			require.NoError(t, err)
			require.Equal(t, "new@example.org", w.now(u).Email)
		},
		"Update by the system": func(u *idp.User) {
			_, err := w.accounts.Update(w.ctx, idp.SystemActor(), u.ID, account.Patch{IsActive: &off})
			require.NoError(t, err)
		},
	} {
		u := w.user("u-" + name)
		cookie, key := w.cookie(u), w.key(u, idp.IntentAPI)
		before := w.now(u)
		switchOff(u)
		after := w.now(u)
		require.False(t, after.IsActive, name)
		require.Greater(t, after.SessionGeneration, before.SessionGeneration, name)
		require.Greater(t, after.TokenGeneration, before.TokenGeneration, name)
		require.False(t, w.sessionWorks(cookie), name)
		require.False(t, w.keyWorks(key), name)

		_, err := w.accounts.Update(w.ctx, w.admin, u.ID, account.Patch{IsActive: &on})
		require.NoError(t, err)
		require.True(t, w.now(u).IsActive, name)
		require.False(t, w.sessionWorks(cookie), "%s: activating must revive nothing", name)
		require.False(t, w.keyWorks(key), "%s: activating must revive nothing", name)
	}
}

func TestDeletingAUserEndsEverythingAndKeepsTheRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	cookie, key := w.cookie(mia), w.key(mia, idp.IntentAPI)
	record := w.contain(w.admin, mia)[0].Lockdown
	require.NoError(t, w.accounts.Delete(w.ctx, w.admin, mia.ID))
	require.False(t, w.sessionWorks(cookie))
	require.False(t, w.keyWorks(key))
	kept, err := w.lockdowns.Get(w.ctx, w.admin, record.ID)
	require.NoError(t, err)
	require.Equal(t, "mia", kept.Username)
	require.Nil(t, kept.UserID)
	require.Len(t, w.events(idp.ActionIDLockdown), 1)
}

func TestSwitchingAccountsTakesThePermissionToChangeUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.signedIn(w.user("mia"))
	for name, actor := range map[string]idp.Actor{"own account": mia, "nobody": {}} {
		want := idp.CodeForbidden
		if actor.User == nil {
			want = idp.CodeUnsigned
		}
		require.Equal(t, want, idp.CodeOf(w.lockdowns.Activate(w.ctx, actor, mia.User.ID)), name)
		require.Equal(t, want, idp.CodeOf(w.lockdowns.Deactivate(w.ctx, actor, mia.User.ID)), name)
		_, err := w.lockdowns.Find(w.ctx, actor, idp.LockdownFilter{})
		require.Equal(t, want, idp.CodeOf(err), name)
		_, err = w.lockdowns.Get(w.ctx, actor, idp.NewID[idp.Lockdown]())
		require.Equal(t, want, idp.CodeOf(err), name)
	}
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(w.lockdowns.Activate(w.ctx, w.admin, 4711)))
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(w.lockdowns.Deactivate(w.ctx, w.admin, 4711)))
	require.True(t, w.now(mia.User).IsActive)
}
