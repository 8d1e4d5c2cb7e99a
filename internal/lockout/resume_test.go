package lockout_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
)

// inForce are the lockouts in force, newest first.
func (w *world) inForce() []idp.Lockout {
	w.Helper()
	yes := true
	page, err := w.db.Repos().Lockouts.Find(w.Context(), idp.LockoutFilter{Active: &yes, Paging: idp.Paging{Limit: 1000}})
	require.NoError(w, err)
	return page.Items
}

// Several are unlocked in one act, each with its event, and what was unlocked before
// is not told twice.
func TestUnlockSeveral(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, 6)
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	for i, u := range []*idp.User{ada, bob, eve, nil} {
		w.wrong(w.servers[0], from(fmt.Sprintf("192.0.2.%d", i+1)), u, 5)
	}
	all := w.inForce()
	require.Len(t, all, 4)
	var ids []idp.LockoutID
	for _, l := range all {
		if l.UserID == nil || *l.UserID != eve.ID {
			ids = append(ids, l.ID)
		}
	}
	_, err := w.servers[0].UnlockAll(t.Context(), idp.Actor{User: eve}, ids)
	require.True(t, idp.Is(err, idp.CodeForbidden), "%v", err)
	_, err = w.servers[0].UnlockAll(t.Context(), w.admin, make([]idp.LockoutID, lockout.MaxUnlock+1))
	require.True(t, idp.Is(err, idp.CodeInvalid), "%v", err)
	require.Len(t, w.inForce(), 4)

	ended, err := w.servers[0].UnlockAll(t.Context(), w.admin, ids)
	require.NoError(t, err)
	require.Len(t, ended, 3)
	require.Len(t, w.inForce(), 1)
	require.Equal(t, eve.ID, *w.inForce()[0].UserID)
	require.Equal(t, 3, w.events(lockout.ActionUnlocked))
	_, is := w.servers[1].Out(ada)
	require.False(t, is, "the other server knows before it returns")
	_, is = w.servers[1].Out(eve)
	require.True(t, is)
	passed, err := w.servers[1].right(t, from("192.0.2.9"), idp.Attempt{User: ada})
	require.NoError(t, err)
	require.True(t, passed)

	_, err = w.servers[0].UnlockAll(t.Context(), w.admin, ids)
	require.True(t, idp.Is(err, idp.CodeNotFound), "%v", err)
	_, err = w.servers[0].UnlockAll(t.Context(), w.admin, nil)
	require.True(t, idp.Is(err, idp.CodeNotFound), "%v", err)
	require.Equal(t, 3, w.events(lockout.ActionUnlocked))
}

// Two who unlock at once: one has done it, the other one learns that it was done.
func TestUnlockSeveralAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, 6)
	w.wrong(w.servers[0], from("192.0.2.1"), w.user("ada"), 5)
	id := w.inForce()[0].ID
	var done, late atomic.Int64
	atOnce(10, func(i int) {
		switch _, err := w.servers[i%2].UnlockAll(t.Context(), w.admin, []idp.LockoutID{id}); {
		case err == nil:
			done.Add(1)
		case idp.Is(err, idp.CodeNotFound):
			late.Add(1)
		}
	})
	require.EqualValues(t, 1, done.Load())
	require.EqualValues(t, 9, late.Load())
	require.Equal(t, 1, w.events(lockout.ActionUnlocked))
}

// An unlock that is taken back leaves everybody locked out until the end that they
// would have had, on every server, and says so in the log.
func TestResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, 6)
	ada, bob := w.user("ada"), w.user("bob")
	w.wrong(w.servers[0], from("192.0.2.1"), ada, 5)
	w.wrong(w.servers[0], from("192.0.2.2"), nil, 5)
	w.wrong(w.servers[0], from("192.0.2.3"), bob, 5)
	_, err := w.servers[0].Unlock(t.Context(), w.admin, "bob")
	require.NoError(t, err)
	was := w.inForce()
	require.Len(t, was, 2)
	ended, err := w.servers[0].UnlockAll(t.Context(), w.admin, []idp.LockoutID{was[0].ID, was[1].ID})
	require.NoError(t, err)
	w.wrong(w.servers[1], from("192.0.2.4"), ada, 2)

	_, err = w.servers[0].Resume(t.Context(), idp.Actor{User: ada}, ended[0].ID)
	require.True(t, idp.Is(err, idp.CodeForbidden), "%v", err)
	require.Empty(t, w.inForce())
	again, err := w.servers[0].Resume(t.Context(), w.admin, ended[0].ID)
	require.NoError(t, err)
	require.Len(t, again, 2, "both that were unlocked in one act, and bob was not")
	now := w.inForce()
	require.Len(t, now, 2)
	until := map[string]time.Time{}
	for _, l := range was {
		until[l.Identifier] = l.LockedUntil
	}
	for _, l := range now {
		require.Equal(t, until[l.Identifier], l.LockedUntil, "the former end")
		require.Equal(t, 5, l.Attempts)
		require.True(t, l.TriggerIP.IsValid())
	}
	end, is := w.servers[1].Out(ada)
	require.True(t, is, "the other server knows before it returns")
	require.WithinDuration(t, until["ada"], end, 0)
	passed, err := w.servers[1].right(t, from("192.0.2.5"), idp.Attempt{User: ada})
	require.NoError(t, err)
	require.False(t, passed)
	require.Equal(t, 2, w.events(lockout.ActionUndone))
	require.Len(t, w.lockouts(), 5, "the past stays: both are recorded as unlocked")

	_, err = w.servers[1].Resume(t.Context(), w.admin, ended[0].ID)
	require.True(t, idp.Is(err, idp.CodeConflict), "%v", err)
	require.Len(t, w.inForce(), 2)
	_, err = w.servers[0].Unlock(t.Context(), w.admin, "ada")
	require.NoError(t, err)
	passed, err = w.servers[0].right(t, from("192.0.2.5"), idp.Attempt{User: ada})
	require.NoError(t, err)
	require.True(t, passed)
}

// What cannot be taken back.
func TestResumeRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, 6)
	s := w.servers[0]
	ada, bob, eve := w.user("ada"), w.user("bob"), w.user("eve")
	unlocked := func(u *idp.User) idp.LockoutID {
		w.wrong(s, from("192.0.2.1"), u, 5)
		ended, err := s.Unlock(t.Context(), w.admin, u.Username)
		require.NoError(t, err)
		return ended[0].ID
	}
	conflict := func(id idp.LockoutID, why string) {
		t.Helper()
		_, err := s.Resume(t.Context(), w.admin, id)
		require.True(t, idp.Is(err, idp.CodeConflict), "%s: %v", why, err)
	}
	id := unlocked(ada)
	w.wrong(s, from("192.0.2.1"), ada, 5)
	conflict(id, "locked out again meanwhile")
	conflict(w.inForce()[0].ID, "in force")
	require.Len(t, w.inForce(), 1)

	id = unlocked(bob)
	require.NoError(t, w.db.InTx(t.Context(), func(tx idp.Repos) error {
		u, err := tx.Users.Hold(t.Context(), bob.ID)
		if err != nil {
			return err
		}
		changed := time.Now()
		u.Password, u.PasswordChangedAt = "$argon2id$new", &changed
		return tx.Users.Update(t.Context(), u)
	}))
	conflict(id, "a new password")

	id = unlocked(eve)
	require.NoError(t, w.db.Repos().Users.Delete(t.Context(), eve.ID))
	conflict(id, "the account is gone")
	_, err := s.Resume(t.Context(), w.admin, idp.NewID[idp.Lockout]())
	require.True(t, idp.Is(err, idp.CodeNotFound), "%v", err)
	require.Zero(t, w.events(lockout.ActionUndone))
}

// What is shown of attempts is of the present window, and of that account.
func TestStandings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, 6)
	ada := w.user("ada")
	w.wrong(w.servers[0], from("192.0.2.1"), ada, 3)
	w.wrong(w.servers[0], from("192.0.2.1"), w.user("bob"), 2)
	found, err := w.servers[0].Standings(t.Context(), w.admin, ada)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Len(t, found[0].Guesses, 3)
	require.Equal(t, "192.0.2.1", found[0].Guesses[0].IP.String())
	_, err = w.servers[0].Standings(t.Context(), idp.Actor{User: ada}, ada)
	require.True(t, idp.Is(err, idp.CodeForbidden), "%v", err)
}

func TestJudge(t *testing.T) {
	t.Parallel()
	l, faults := lockout.Judge(map[string]string{"security.brute_force.max_attempts": "3", "security.brute_force.growing_durations": "true", "else": "x"})
	require.Empty(t, faults)
	require.Equal(t, 3, l.MaxAttempts)
	require.True(t, l.Growing)
	require.Equal(t, lockout.DefaultLimits().Window, l.Window)
	_, faults = lockout.Judge(map[string]string{"security.brute_force.max_attempts": "101", "security.brute_force.window_seconds": "soon"})
	require.Len(t, faults, 2)
	require.Contains(t, faults["security.brute_force.max_attempts"][0], "from 1 to 100")
}
