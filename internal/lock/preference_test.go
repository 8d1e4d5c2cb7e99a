package lock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

func TestTheLockingModeIsAResource(t *testing.T) {
	w := newWorld(t)
	boss, mia := idp.Actor{User: w.administrator("boss")}, idp.Actor{User: w.user("mia")}
	p, err := w.locks.Preference(t.Context(), boss)
	require.NoError(t, err)
	require.Equal(t, &lock.Preference{LockingMode: idp.BestEffort}, p, "what the seed begins with")
	_, err = w.locks.Preference(t.Context(), mia)
	require.True(t, idp.Is(err, idp.CodeForbidden))
	_, err = w.locks.SetPreference(t.Context(), mia, "nonsense")
	require.ErrorContains(t, err, `access denied to perform action "update" on "`+string(idp.ResourcePreference)+`"`)
	_, err = w.locks.SetPreference(t.Context(), boss, "lax")
	require.True(t, idp.Is(err, idp.CodeInvalid))
	require.ErrorContains(t, err, `locking mode "lax" not supported`)
	for range 2 {
		p, err = w.locks.SetPreference(t.Context(), boss, idp.Strict)
		require.NoError(t, err)
		require.Equal(t, idp.Strict, p.LockingMode)
	}
	p, err = w.locks.Preference(t.Context(), boss)
	require.NoError(t, err)
	require.Equal(t, idp.Strict, p.LockingMode)
	told := w.events(lock.ActionPreference)
	require.Len(t, told, 1, "nothing was changed the second time")
	require.Equal(t, "best_effort", told[0].Context["was"])
	require.Equal(t, "strict", told[0].Context["locking_mode"])

	view := lock.NewView(w.db, lock.Options{Mode: idp.BestEffort, Origin: "the flag --locking-mode"})
	fixed := lock.New(lock.Deps{Store: w.db, Access: access.New(), View: view})
	p, err = fixed.Preference(t.Context(), boss)
	require.NoError(t, err)
	require.Equal(t, &lock.Preference{LockingMode: idp.BestEffort, Managed: true, Origin: "the flag --locking-mode"}, p)
	_, err = fixed.SetPreference(t.Context(), boss, idp.Strict)
	require.True(t, idp.Is(err, idp.CodeInvalid))
	require.ErrorContains(t, err, "best_effort by the flag --locking-mode")
}

func TestTheGlassIsBrokenForAnAdministratorOnly(t *testing.T) {
	w := newWorld(t)
	boss, mia := w.administrator("boss"), w.user("mia")
	for name, lasts := range map[string]time.Duration{"boss": time.Second, "": 25 * time.Hour} {
		_, err := w.locks.BreakGlass(t.Context(), name, lasts, "a test")
		require.True(t, idp.Is(err, idp.CodeInvalid), "%v", err)
	}
	_, err := w.locks.BreakGlass(t.Context(), mia.Username, time.Hour, "a test")
	require.ErrorContains(t, err, `"mia" is no administrator`)
	_, err = w.locks.BreakGlass(t.Context(), "nobody knows", time.Hour, "a test")
	require.True(t, idp.Is(err, idp.CodeNotFound))
	ended, err := w.locks.EndGlass(t.Context(), "a test")
	require.NoError(t, err)
	require.False(t, ended)

	require.NoError(t, w.db.Repos().Sessions.Create(t.Context(), &idp.Session{UserID: boss.ID, Digest: []byte("00000000000000000000000000000000"),
		Generation: boss.SessionGeneration, AuthMethod: "password", ExpiresAt: time.Now().Add(time.Hour)}))
	g, err := w.locks.BreakGlass(t.Context(), "", 0, "ops@host")
	require.NoError(t, err)
	require.Equal(t, "boss", g.Username, "the administrator who was made first")
	require.WithinDuration(t, time.Now().Add(time.Hour), g.Until, time.Minute)
	told := w.events(lock.ActionGlassBroken)
	require.Len(t, told, 1)
	require.Equal(t, "ops@host", told[0].Context["by"])
	now, err := w.db.Repos().Users.Get(t.Context(), boss.ID)
	require.NoError(t, err)
	require.Equal(t, boss.SessionGeneration+1, now.SessionGeneration, "whoever has an old session need not be who is let in")
	require.Equal(t, boss.TokenGeneration, now.TokenGeneration)

	view := lock.NewView(w.db, lock.Options{})
	view.Follow(always{})
	require.NoError(t, view.Reset(t.Context()))
	require.Equal(t, g, view.Glass(), "a server that starts knows it")
	ended, err = w.locks.EndGlass(t.Context(), "a test")
	require.NoError(t, err)
	require.True(t, ended)
	require.Len(t, w.events(lock.ActionGlassEnded), 1)
	require.NoError(t, view.Reset(t.Context()))
	require.Nil(t, view.Glass())
}

type always struct{}

func (always) Age() time.Duration { return 0 }
func (always) Now() time.Time     { return time.Now() }
