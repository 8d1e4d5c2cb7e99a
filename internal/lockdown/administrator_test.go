package lockdown_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
)

func TestTheLastAdministratorIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := w.admin.User
	w.user("mia")
	off := false
	before := w.now(root)
	for name, act := range map[string]func(idp.Actor) error{
		"lock down": func(a idp.Actor) error {
			results, err := w.lockdowns.Contain(w.ctx, a, lockdown.Request{Users: ids(root), Switches: idp.AllSwitches()})
			require.NoError(t, err)
			require.Equal(t, lockdown.Failed, results[0].Status)
			require.Equal(t, lockdown.LastAdministrator, results[0].Error)
			return results[0].Err
		},
		"unusable password": func(a idp.Actor) error {
			results, err := w.lockdowns.Contain(w.ctx, a, lockdown.Request{Users: ids(root), Switches: idp.Switches{SetUnusablePassword: true}})
			require.NoError(t, err)
			return results[0].Err
		},
		"check":      func(a idp.Actor) error { return w.lockdowns.Check(w.ctx, a, ids(root)) },
		"deactivate": func(a idp.Actor) error { return w.lockdowns.Deactivate(w.ctx, a, root.ID) },
		"update": func(a idp.Actor) error {
			_, err := w.accounts.Update(w.ctx, a, root.ID, account.Patch{IsActive: &off})
			return err
		},
		"delete": func(a idp.Actor) error { return w.accounts.Delete(w.ctx, a, root.ID) },
		"leave the group": func(a idp.Actor) error {
			_, err := w.accounts.Update(w.ctx, a, root.ID, account.Patch{Groups: &[]idp.GroupID{}})
			return err
		},
		"remove from the group": func(a idp.Actor) error { return w.accounts.RemoveMember(w.ctx, a, w.admins, root.ID) },
		"replace the members":   func(a idp.Actor) error { return w.accounts.SetMembers(w.ctx, a, w.admins, nil) },
		"group not superuser any more": func(a idp.Actor) error {
			_, err := w.accounts.UpdateGroup(w.ctx, a, w.admins, account.GroupPatch{IsSuperuser: &off})
			return err
		},
		"delete the group": func(a idp.Actor) error { return w.accounts.DeleteGroup(w.ctx, a, w.admins) },
	} {
		for who, actor := range map[string]idp.Actor{"themselves": w.admin, "the system": idp.SystemActor()} {
			err := act(actor)
			require.Equal(t, idp.CodeInvalid, idp.CodeOf(err), "%s by %s: %v", name, who, err)
			require.ErrorContains(t, err, "administer this installation", "%s by %s", name, who)
			after := w.now(root)
			require.True(t, after.IsSuperuser && after.IsActive, "%s by %s", name, who)
			require.Equal(t, before.Password, after.Password, "%s by %s", name, who)
			require.Equal(t, before.SessionGeneration, after.SessionGeneration, "%s by %s: nothing half-done", name, who)
		}
	}

	// Ending sessions and tokens shuts nobody out.
	results, err := w.lockdowns.Contain(w.ctx, w.admin, lockdown.Request{Users: ids(root), Switches: idp.Switches{DeleteSessions: true, RevokeTokens: true}})
	require.NoError(t, err)
	require.Equal(t, lockdown.Success, results[0].Status, results[0].Error)
}

func TestAnAdministratorThroughAParentGroupIsProtectedToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	child, err := w.accounts.CreateGroup(w.ctx, w.admin, account.NewGroup{Name: "child", Parents: []idp.GroupID{w.admins}})
	require.NoError(t, err)
	require.NoError(t, w.accounts.AddMember(w.ctx, w.admin, child.ID, w.admin.User.ID))
	require.NoError(t, w.accounts.RemoveMember(w.ctx, w.admin, w.admins, w.admin.User.ID), "still one through the child")
	_, err = w.accounts.UpdateGroup(w.ctx, w.admin, child.ID, account.GroupPatch{Parents: &[]idp.GroupID{}})
	require.Equal(t, idp.CodeInvalid, idp.CodeOf(err))
	require.True(t, w.now(w.admin.User).IsSuperuser)
}

// Two administrators lock each other down at once: exactly one succeeds,
// whichever way each of them does it.
func TestOfTwoAdministratorsWhoLockEachOtherExactlyOneSucceeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	contain := func(actor idp.Actor, target *idp.User) bool {
		results, err := w.lockdowns.Contain(w.ctx, actor, lockdown.Request{Users: ids(target), Switches: idp.AllSwitches()})
		return err == nil && results[0].Status == lockdown.Success
	}
	off := false
	ways := []func(actor idp.Actor, target *idp.User) bool{
		contain,
		func(actor idp.Actor, target *idp.User) bool {
			return w.lockdowns.Deactivate(w.ctx, actor, target.ID) == nil
		},
		func(actor idp.Actor, target *idp.User) bool {
			_, err := w.accounts.Update(w.ctx, actor, target.ID, account.Patch{IsActive: &off})
			return err == nil
		},
		func(actor idp.Actor, target *idp.User) bool { return w.accounts.Delete(w.ctx, actor, target.ID) == nil },
		func(actor idp.Actor, target *idp.User) bool {
			return w.accounts.RemoveMember(w.ctx, actor, w.admins, target.ID) == nil
		},
	}
	a := w.admin
	for round := range 2 * len(ways) {
		b := w.administrator("rival-" + string(rune('a'+round)))
		first, second := contain, ways[round%len(ways)]
		var won [2]bool
		var wg sync.WaitGroup
		start := make(chan struct{})
		for _, act := range []func(){func() { won[0] = first(a, b.User) }, func() { won[1] = second(b, a.User) }} {
			wg.Go(func() {
				<-start
				act()
			})
		}
		close(start)
		wg.Wait()
		require.True(t, won[0] != won[1], "round %d: %v", round, won)
		remaining, err := w.db.Repos().Users.HoldAdministrators(w.ctx)
		require.NoError(t, err)
		require.Equal(t, 1, remaining, "round %d", round)
		if won[1] {
			a = b
		}
	}
}

func TestAmongAllAdministratorsOneIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second, third := w.administrator("second"), w.administrator("third")
	results := w.contain(w.admin, w.admin.User, second.User, third.User)
	require.Equal(t, lockdown.Success, results[0].Status)
	require.Equal(t, lockdown.Success, results[1].Status)
	require.Equal(t, "root", results[2].Username)
	require.Equal(t, lockdown.Failed, results[2].Status)
	require.Equal(t, lockdown.LastAdministrator, results[2].Error)
	require.True(t, w.now(w.admin.User).IsActive)
}

func TestAnInactiveAdministratorIsNotTheLastOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second := w.administrator("second")
	require.NoError(t, w.lockdowns.Deactivate(w.ctx, w.admin, second.User.ID))
	results := w.contain(w.admin, second.User)
	require.Equal(t, lockdown.Success, results[0].Status, results[0].Error)
}

// Another superuser who has neither a password nor a token cannot take over.
func TestAnAdministratorWhoCannotSignInDoesNotCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second := w.administrator("second")
	results, err := w.lockdowns.Contain(w.ctx, w.admin, lockdown.Request{Users: ids(second.User), Switches: idp.Switches{SetUnusablePassword: true}})
	require.NoError(t, err)
	require.Equal(t, lockdown.Success, results[0].Status, results[0].Error)
	require.True(t, w.now(second.User).IsActive)

	results = w.contain(w.admin, w.admin.User)
	require.Equal(t, lockdown.LastAdministrator, results[0].Error)
	w.key(second.User, idp.IntentAPI)
	results = w.contain(w.admin, w.admin.User)
	require.Equal(t, lockdown.Success, results[0].Status, results[0].Error)
}
