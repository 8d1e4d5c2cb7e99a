package lockout_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
)

// Properties 1 and 2: however many guess at once, on however many servers, no more
// secrets are compared than are allowed, and what comes of it is one lockout with
// one entry in the audit log.
func TestProperty1And2AnyNumberOfGuessesAtOnceCompareAsManyAsAreAllowed(t *testing.T) {
	t.Parallel()
	for _, pool := range []int32{5, 20, 100} {
		t.Run(fmt.Sprint("pool of ", pool), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2, pool)
			for i, n := range []int{10, 50, 200, 1000, 5000} {
				u := w.user(fmt.Sprint("victim", n))
				var hashes atomic.Int64
				atOnce(n, func(g int) {
					passed, err := w.servers[g%2].guess(t, from("192.0.2.1"), idp.Attempt{User: u, Secret: fmt.Sprint(g)}, &hashes)
					if err != nil || passed {
						t.Errorf("guess %d of %d: %v, %v", g, n, passed, err)
					}
				})
				require.EqualValues(t, 5, hashes.Load(), "%d at once", n)
				require.Len(t, w.lockouts(), i+1, "%d at once", n)
				require.Equal(t, i+1, w.events(lockout.ActionLocked), "%d at once", n)
			}
		})
	}
}

func TestASuccessGivesEveryAttemptBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, 5)
	s, u := w.servers[0], w.user("ada")
	for range 3 {
		w.wrong(s, from("192.0.2.1"), u, 4)
		passed, err := s.right(t, from("192.0.2.1"), idp.Attempt{User: u, Secret: "right"})
		require.NoError(t, err)
		require.True(t, passed)
	}
	require.Empty(t, w.lockouts())
}

func TestManyWhoAreRightAtOnceAreAllLetIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, 20)
	u := w.user("ada")
	w.wrong(w.servers[0], from("192.0.2.1"), u, 4)
	var passed atomic.Int64
	atOnce(64, func(i int) {
		ok, err := w.servers[i%2].right(t, from("192.0.2.1"), idp.Attempt{User: u, Secret: "right"})
		if err != nil || !ok {
			t.Errorf("attempt %d: %v, %v", i, ok, err)
		}
		passed.Add(1)
	})
	require.EqualValues(t, 64, passed.Load())
	require.Empty(t, w.lockouts())
}

func TestASuccessRidesWithTheNextTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, 5)
	s, u := w.servers[0], w.user("ada")
	w.wrong(s, from("192.0.2.1"), u, 4)
	ctx := idp.WithRides(t.Context())
	try := func(ctx context.Context) {
		passed, err := s.Try(ctx, from("192.0.2.1"), idp.Attempt{User: u}, func(context.Context) (idp.Refusal, error) { return "", nil })
		require.NoError(t, err)
		require.True(t, passed)
	}
	try(ctx)
	require.Len(t, idp.RidesOf(ctx).Waiting(), 1)
	require.ErrorIs(t, w.db.InTx(ctx, func(idp.Repos) error { return errBoom }), errBoom)
	require.Len(t, idp.RidesOf(ctx).Waiting(), 1, "what was rolled back is to be done again")
	require.NoError(t, w.db.InTx(ctx, func(idp.Repos) error { return nil }))
	require.Empty(t, idp.RidesOf(ctx).Waiting())
	w.wrong(s, from("192.0.2.1"), u, 4)
	require.Empty(t, w.lockouts())

	ctx = idp.WithRides(t.Context())
	try(ctx)
	require.NoError(t, w.db.Arrive(ctx))
	w.wrong(s, from("192.0.2.1"), u, 4)
	require.Empty(t, w.lockouts())
}

func TestWhatWasNotComparedDoesNotCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, 5)
	s, u := w.servers[0], w.user("ada")
	for range 20 {
		_, err := s.Try(t.Context(), from("192.0.2.1"), idp.Attempt{User: u}, func(context.Context) (idp.Refusal, error) { return "", errBoom })
		require.ErrorIs(t, err, errBoom)
	}
	w.wrong(s, from("192.0.2.1"), u, 4)
	require.Empty(t, w.lockouts())
}

func TestTheRightSecretIsNotTakenForAWrongOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, 5)
	s, u := w.servers[0], w.user("ada")
	a := idp.Attempt{User: u, Secret: "right"}
	passed, err := s.Try(t.Context(), from("192.0.2.1"), a, func(context.Context) (idp.Refusal, error) { return idp.RefusedInactive, nil })
	require.NoError(t, err)
	require.False(t, passed)
	passed, err = s.right(t, from("192.0.2.1"), a)
	require.NoError(t, err)
	require.True(t, passed, "the account was opened again")

	var hashes atomic.Int64
	for range 3 {
		_, err := s.guess(t, from("192.0.2.1"), idp.Attempt{User: u, Secret: "wrong"}, &hashes)
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, hashes.Load(), "the same wrong one is not compared again")
	_, err = s.guess(t, from("192.0.2.1"), idp.Attempt{User: u, Secret: "wrong", Against: "another hash"}, &hashes)
	require.NoError(t, err)
	require.EqualValues(t, 2, hashes.Load(), "but with another password it is")
}

// Property 5: a stranger cannot lock the owner out.
func TestProperty5ABrowserThatIsKnownHasItsOwnAttempts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, 5)
	s, u := w.servers[0], w.user("ada")
	d := &idp.KnownDevice{UserID: u.ID, Digest: digestOf("laptop"), Generation: u.SessionGeneration}
	require.NoError(t, w.db.Repos().KnownDevices.Remember(t.Context(), d, time.Hour))
	own := idp.Attempt{User: u, Device: "laptop", Secret: "right"}

	w.wrong(s, from("192.0.2.1"), u, 5)
	passed, err := s.right(t, from("192.0.2.1"), idp.Attempt{User: u, Secret: "right"})
	require.NoError(t, err)
	require.False(t, passed, "strangers are locked out, also with the right secret")
	passed, err = s.right(t, from("198.51.100.7"), own)
	require.NoError(t, err)
	require.True(t, passed, "the owner is not")

	var hashes atomic.Int64
	for i := range 5 {
		_, err := s.guess(t, from("198.51.100.7"), idp.Attempt{User: u, Device: "laptop", Secret: fmt.Sprint(i)}, &hashes)
		require.NoError(t, err)
	}
	_, err = s.right(t, from("198.51.100.7"), own)
	require.True(t, idp.Is(err, idp.CodeInvalid), "%v", err)
	require.ErrorContains(t, err, "Try again in 15 minutes.", "in a browser that is known, the waiting time is told")
	require.Len(t, w.lockouts(), 2)
	require.Equal(t, d.ID, *w.lockouts()[0].DeviceID)

	// A browser that the account is not known in any more is a stranger's.
	_, err = w.db.Repos().KnownDevices.Forget(t.Context(), d.ID)
	require.NoError(t, err)
	passed, err = s.right(t, from("198.51.100.7"), own)
	require.NoError(t, err)
	require.False(t, passed)
}

// Property 6: one account has one number of attempts, by whatever name; names that
// nobody has are counted too, in whatever spelling.
func TestProperty6SpellingsOfANameAreOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ a, b string }{
		{"Ada", " ada "}, {"ADA@EXAMPLE.ORG", "ada@example.org"}, {"ﬁne", "FINE"}, {"straße", "STRASSE"},
		{"Café", "Cafe\u0301"}, {"ｆｕｌｌ", "full"}, {"Ω", "ω"},
	} {
		require.Equal(t, lockout.Canonical(c.a), lockout.Canonical(c.b), "%q and %q", c.a, c.b)
	}
	require.NotEqual(t, lockout.Canonical("ada"), lockout.Canonical("adа"), "another letter is another name")

	w := newWorld(t, 1, 5)
	var hashes atomic.Int64
	for i, name := range []string{"Nobody", "nobody", " NOBODY", "nobody ", "ｎｏｂｏｄｙ", "nobody"} {
		_, err := w.servers[0].guess(t, from("192.0.2.1"), idp.Attempt{Name: name, Secret: fmt.Sprint(i)}, &hashes)
		require.NoError(t, err)
	}
	require.EqualValues(t, 5, hashes.Load())
	found := w.lockouts()
	require.Len(t, found, 1)
	require.Regexp(t, `^unknown-[0-9a-f]{4}$`, found[0].Identifier, "what was typed is not kept")
	require.Nil(t, found[0].UserID)
}

// Property 10: after an unlock the full number is back, and of several who unlock
// at once one does.
func TestProperty10OneOfManyUnlocksAndTheFullNumberIsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, 20)
	u := w.user("ada")
	w.wrong(w.servers[0], from("192.0.2.1"), u, 5)
	var done, missing atomic.Int64
	atOnce(100, func(i int) {
		ended, err := w.servers[i%2].Unlock(t.Context(), w.admin, []string{"ada", "ADA@example.org"}[i%2])
		switch {
		case err == nil && len(ended) == 1:
			done.Add(1)
		case idp.Is(err, idp.CodeNotFound):
			missing.Add(1)
		default:
			t.Errorf("unlocking: %v, %v", ended, err)
		}
	})
	require.EqualValues(t, 1, done.Load())
	require.EqualValues(t, 99, missing.Load())
	require.Equal(t, 1, w.events(lockout.ActionUnlocked))
	was := w.lockouts()[0]
	require.Equal(t, idp.LockoutUnlocked, was.EndReason)
	require.Equal(t, "root", was.EndedBy)
	for _, s := range w.servers {
		_, is := s.view.Locked(u.UUID)
		require.False(t, is)
	}
	w.wrong(w.servers[1], from("192.0.2.1"), u, 4)
	require.Len(t, w.lockouts(), 1)
	w.wrong(w.servers[0], from("192.0.2.1"), u, 1)
	require.Len(t, w.lockouts(), 2)
}

func TestAttemptsDuringALockoutCompareNothingAndAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, 5)
	u := w.user("ada")
	w.wrong(w.servers[0], from("192.0.2.1"), u, 5)
	until := w.lockouts()[0].LockedUntil
	var hashes atomic.Int64
	for i := range 10 {
		passed, err := w.servers[i%2].guess(t, from("192.0.2.1"), idp.Attempt{User: u, Secret: fmt.Sprint("more", i)}, &hashes)
		require.NoError(t, err)
		require.False(t, passed)
	}
	require.Zero(t, hashes.Load())
	for _, s := range w.servers {
		require.NoError(t, s.view.Tell(t.Context()))
	}
	require.Equal(t, 10, w.lockouts()[0].Refused)
	require.Equal(t, until, w.lockouts()[0].LockedUntil, "they do not extend it")
}

// Second factors and app passwords that are right are compared at once, and passwords are
// not: how long the former take must not tell which accounts are locked out. What is
// compared now sets the time, not what was compared in the crowd that the lockout began in.
func TestProperty4RefusedAttemptsTakeAsLongAsComparedOnesOfTheirKind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, 5)
	s, u := w.servers[0], w.user("ada")
	const hash = 150 * time.Millisecond
	for i := range 5 {
		_, err := s.Try(t.Context(), from("192.0.2.1"), idp.Attempt{User: u, Secret: fmt.Sprint(i)}, func(context.Context) (idp.Refusal, error) {
			<-time.After(hash)
			return idp.RefusedPassword, nil
		})
		require.NoError(t, err)
	}
	require.Len(t, w.lockouts(), 1)
	var codes, hashes atomic.Int64
	for i := range 40 {
		_, err := s.guess(t, from("192.0.2.2"), idp.Attempt{Name: fmt.Sprint("nobody-", i/4), Secret: fmt.Sprint(i), SecondFactor: true}, &codes)
		require.NoError(t, err)
	}
	refused := func() time.Duration {
		began := time.Now()
		passed, err := s.guess(t, from("192.0.2.1"), idp.Attempt{User: u, Secret: "more"}, &hashes)
		require.NoError(t, err)
		require.False(t, passed)
		return time.Since(began)
	}
	other := w.user("grace")
	for range 40 { // found by its digest
		_, err := s.right(t, from("192.0.2.3"), idp.Attempt{User: other, Secret: "app password", AppPasswords: true})
		require.NoError(t, err)
	}
	for range 5 {
		require.GreaterOrEqual(t, refused(), hash)
	}
	for range 40 {
		passed, err := s.right(t, from("192.0.2.3"), idp.Attempt{User: other, Secret: "right"})
		require.NoError(t, err)
		require.True(t, passed)
	}
	require.Eventually(t, func() bool { return refused() < hash }, 10*time.Second, time.Millisecond)
	require.NotZero(t, codes.Load())
	require.Zero(t, hashes.Load())
}

func TestLimitsChangeOnEveryServerAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, 5)
	set := func(key, value string) error {
		return w.servers[0].Set(t.Context(), w.admin, map[string]*string{"security.brute_force." + key: &value})
	}
	require.NoError(t, set("max_attempts", "2"))
	require.NoError(t, set("lockout_duration_seconds", "60"))
	require.Equal(t, 2, w.servers[1].view.Limits().MaxAttempts)
	u := w.user("ada")
	w.wrong(w.servers[1], from("192.0.2.1"), u, 2)
	found := w.lockouts()
	require.Len(t, found, 1)
	require.Equal(t, time.Minute, found[0].LockedUntil.Sub(found[0].LockedAt))
	for _, c := range []struct{ key, value string }{{"max_attempts", "0"}, {"max_attempts", "101"}, {"window_seconds", "59"},
		{"lockout_duration_seconds", "59"}, {"lockout_duration_seconds", "86401"}, {"max_attempts", "five"}, {"growing_durations", "perhaps"}, {"nothing", "1"}} {
		err := set(c.key, c.value)
		var e *idp.Error
		require.ErrorAs(t, err, &e, "%s = %s", c.key, c.value)
		require.Contains(t, e.Fields, "security.brute_force."+c.key)
	}
	require.Equal(t, 2, w.events(lockout.ActionSetting))
}
