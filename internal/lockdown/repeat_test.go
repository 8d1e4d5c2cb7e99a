package lockdown_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
)

func TestTheSameKeyReturnsTheSameResults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom, robot := w.user("mia"), w.user("tom"), w.user("robot", internalService)
	req := lockdown.Request{Users: ids(mia, tom, robot), Reason: "r", Switches: idp.AllSwitches(), IdempotencyKey: "case-7"}
	first, err := w.lockdowns.Contain(w.ctx, w.admin, req)
	require.NoError(t, err)
	// Restored meanwhile: a late repetition must not lock the account again.
	require.NoError(t, w.lockdowns.Activate(w.ctx, w.admin, mia.ID))

	req.Users = ids(tom, robot, mia) // another order is the same request
	again, err := w.lockdowns.Contain(w.ctx, w.admin, req)
	require.NoError(t, err)
	byUser := map[idp.UserID]lockdown.Result{}
	for _, r := range again {
		byUser[r.User] = r
	}
	for _, r := range first {
		require.Equal(t, r.Status, byUser[r.User].Status)
		require.Equal(t, r.Error, byUser[r.User].Error)
		if r.Lockdown != nil {
			require.Equal(t, r.Lockdown.ID, byUser[r.User].Lockdown.ID)
		}
	}
	require.True(t, w.now(mia).IsActive)
	require.Len(t, w.events(idp.ActionIDLockdown), 2)

	other, err := w.lockdowns.Contain(w.ctx, w.administrator("second"), req)
	require.NoError(t, err, "the key belongs to the actor")
	require.Equal(t, lockdown.Success, other[0].Status)
	require.NotEqual(t, first[0].Lockdown.BatchID, other[0].Lockdown.BatchID)
}

func TestTheSameKeyWithAnotherRequestIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := w.user("mia"), w.user("tom")
	req := lockdown.Request{Users: ids(mia), Reason: "r", Switches: idp.AllSwitches(), IdempotencyKey: "case-7"}
	_, err := w.lockdowns.Contain(w.ctx, w.admin, req)
	require.NoError(t, err)
	for name, change := range map[string]func(*lockdown.Request){
		"users":    func(r *lockdown.Request) { r.Users = ids(mia, tom) },
		"reason":   func(r *lockdown.Request) { r.Reason = "other" },
		"switches": func(r *lockdown.Request) { r.Switches.RevokeTokens = false },
	} {
		changed := req
		change(&changed)
		_, err := w.lockdowns.Contain(w.ctx, w.admin, changed)
		require.Equal(t, idp.CodeInvalid, idp.CodeOf(err), name)
		require.Equal(t, []string{"This key was used for a different request."}, fields(t, err)["idempotency_key"], name)
	}
	require.True(t, w.now(tom).IsActive)
}

// A crash between two users leaves a part undone; the retry finishes it under
// the same batch.
func TestTheRetryFinishesWhatACrashLeftUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := w.user("mia"), w.user("tom")
	req := lockdown.Request{Users: ids(mia, tom), Switches: idp.AllSwitches(), IdempotencyKey: "case-7"}
	crashing := lockdown.New(lockdown.Deps{Store: &vanishing{Store: w.db, before: 2, act: func() { panic("crash") }}, Access: allowed{}})
	require.Panics(t, func() { _, _ = crashing.Contain(w.ctx, w.admin, req) })
	require.False(t, w.now(mia).IsActive)
	require.True(t, w.now(tom).IsActive)

	results, err := w.lockdowns.Contain(w.ctx, w.admin, req)
	require.NoError(t, err)
	require.Equal(t, lockdown.Success, results[0].Status)
	require.Equal(t, lockdown.Success, results[1].Status)
	require.Equal(t, results[0].Lockdown.BatchID, results[1].Lockdown.BatchID)
	require.False(t, w.now(tom).IsActive)
	require.Len(t, w.events(idp.ActionIDLockdown), 2)
}

func TestOneKeySentManyTimesAtOnceActsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	for name, actor := range map[string]idp.Actor{"person": w.admin, "system": idp.SystemActor()} {
		req := lockdown.Request{Users: ids(mia), Switches: idp.AllSwitches(), IdempotencyKey: name}
		before := len(w.events(idp.ActionIDLockdown))
		var g errgroup.Group
		for range 8 {
			g.Go(func() error {
				results, err := w.lockdowns.Contain(w.ctx, actor, req)
				if err == nil && results[0].Status != lockdown.Success {
					return results[0].Err
				}
				return err
			})
		}
		require.NoError(t, g.Wait())
		require.Len(t, w.events(idp.ActionIDLockdown), before+1, name)
	}
}

// A flow names its batch, so that a request sent twice contains once.
func TestANamedBatchActsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	req := lockdown.Request{Users: ids(mia), Switches: idp.AllSwitches(), Batch: uuid.New()}
	first, err := w.lockdowns.Contain(w.ctx, w.admin, req)
	require.NoError(t, err)
	again, err := w.lockdowns.Contain(w.ctx, w.admin, req)
	require.NoError(t, err)
	require.Equal(t, first[0].Lockdown.ID, again[0].Lockdown.ID)
	require.Equal(t, req.Batch, again[0].Lockdown.BatchID)
	require.Len(t, w.events(idp.ActionIDLockdown), 1)
}
