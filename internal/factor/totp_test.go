package factor_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// A code counts in its step and the one beside it, by the database's clock, and once;
// none counts that is older than the last.
func TestCodesOfAnApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, digits := range []int{6, 8} {
		u := w.user("ada" + strings.Repeat("x", digits))
		a := w.totp(u, digits)
		require.Len(t, a.code(0), digits)
		for _, try := range []struct {
			steps int
			good  bool
		}{{-2, false}, {2, false}, {-1, true}, {-1, false}, {0, true}, {0, false}, {-1, false}, {1, true}, {1, false}, {0, false}} {
			got, err := w.factors.ProveCode(w.ctx, stranger(), of(u), a.code(try.steps))
			require.NoError(t, err)
			require.Equal(t, try.good, got != nil, "%d steps away", try.steps)
			if try.good {
				require.Equal(t, a.of.ID, got.ID)
			}
			w.unlock(u)
		}
	}
}

// unlock gives an account its attempts back.
func (w *world) unlock(u *idp.User) {
	w.Helper()
	_, err := w.db.Repos().Lockouts.Unlock(w.ctx, idp.Unlocking{UserID: &u.ID, Reason: idp.LockoutPassword})
	require.NoError(w, err)
}

// The code that sets an app up is used by it.
func TestTheFirstCodeIsUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	at, err := w.db.Now(w.ctx)
	require.NoError(t, err)
	w.clock.at = at
	a := w.totp(u, 6)
	w.clock.at = at
	got, err := w.factors.ProveCode(w.ctx, stranger(), of(u), a.code(0))
	require.NoError(t, err)
	require.Nil(t, got)
}

func TestOneOfAHundredUsesOfACode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	code := w.totp(u, 6).code(0)
	var passed atomic.Int32
	var g errgroup.Group
	for range 100 {
		g.Go(func() error {
			got, err := w.factors.ProveCode(w.ctx, stranger(), of(u), code)
			if got != nil {
				passed.Add(1)
			}
			if idp.Is(err, idp.CodeBusy) || idp.Is(err, idp.CodeRateLimited) {
				return nil
			}
			return err
		})
	}
	require.NoError(t, g.Wait())
	require.EqualValues(t, 1, passed.Load())
}

func TestWrongCodesLockOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	a := w.totp(u, 6)
	for i := range 5 {
		got, err := w.factors.ProveCode(w.ctx, stranger(), of(u), "00000"+string(rune('0'+i)))
		require.NoError(t, err)
		require.Nil(t, got)
	}
	got, err := w.factors.ProveCode(w.ctx, stranger(), of(u), a.code(0))
	require.NoError(t, err)
	require.Nil(t, got, "the right one, during a lockout")
	yes := true
	page, err := w.db.Repos().Lockouts.Find(w.ctx, idp.LockoutFilter{UserID: &u.ID, Active: &yes})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	failed := w.events(idp.ActionLoginFailed)
	require.Len(t, failed, 5)
	require.Equal(t, "password", failed[0].Context["reason"])
	require.Equal(t, true, failed[0].Context["second_factor"])

	// The password is another secret: neither its success nor a new one gives attempts
	// at codes back.
	by := idp.Attempt{User: u, Secret: "good"}
	passed, err := w.lockouts.Try(w.ctx, stranger(), by, nothingWrong)
	require.NoError(t, err)
	require.True(t, passed)
	require.NoError(t, w.db.InTx(w.ctx, func(tx idp.Repos) error {
		_, err := w.lockouts.Renewed(w.ctx, tx, u.ID)
		return err
	}))
	got, err = w.factors.ProveCode(w.ctx, stranger(), of(u), a.code(1))
	require.NoError(t, err)
	require.Nil(t, got)

	_, err = w.lockouts.Unlock(w.ctx, w.admin, "ada")
	require.NoError(t, err)
	got, err = w.factors.ProveCode(w.ctx, stranger(), of(u), a.code(1))
	require.NoError(t, err)
	require.NotNil(t, got)
}

// Whoever knows the password does not get attempts at codes back by typing it.
func TestAPasswordGivesNoCodesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	a := w.totp(u, 6)
	for i := range 5 {
		_, err := w.factors.ProveCode(w.ctx, stranger(), of(u), "00000"+string(rune('0'+i)))
		require.NoError(t, err)
		passed, err := w.lockouts.Try(w.ctx, stranger(), idp.Attempt{User: u, Secret: "good"}, nothingWrong)
		require.NoError(t, err)
		require.True(t, passed)
	}
	got, err := w.factors.ProveCode(w.ctx, stranger(), of(u), a.code(0))
	require.NoError(t, err)
	require.Nil(t, got)
}

// What is wrong is said as it is of whoever has nothing.
func TestRefusalsAreAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	a := w.totp(ada, 6)
	off := w.user("off")
	own := w.totp(off, 6)
	off.IsActive = false
	require.NoError(t, w.db.Repos().Users.Update(w.ctx, off))
	old := of(ada)
	old.Generation--
	for name, try := range map[string]struct {
		p    factor.Proof
		code string
	}{
		"nobody":             {factor.Proof{Name: "nobody", Kinds: idp.FactorKinds()}, "123456"},
		"without a factor":   {of(bob), "123456"},
		"a wrong code":       {of(ada), "000000"},
		"somebody else's":    {of(bob), a.code(0)},
		"no code at all":     {of(ada), "not a code"},
		"a kind not wanted":  {of(ada, idp.FactorStatic), a.code(0)},
		"switched off":       {of(off), own.code(0)},
		"ended meanwhile":    {old, a.code(0)},
		"longer than a code": {of(ada), a.code(0) + "0"},
	} {
		got, err := w.factors.ProveCode(w.ctx, stranger(), try.p, try.code)
		require.NoError(t, err, name)
		require.Nil(t, got, name)
		w.unlock(ada)
		w.unlock(bob)
	}
	for code, want := range map[string]string{"": "blank", " - ": "blank", strings.Repeat("1", 200): "no more than"} {
		_, err := w.factors.ProveCode(w.ctx, stranger(), of(ada), code)
		require.True(t, idp.Is(err, idp.CodeInvalid))
		require.ErrorContains(t, err, want)
	}
	got, err := w.factors.ProveCode(w.ctx, stranger(), of(ada), a.code(0)[:3]+" "+a.code(0)[3:])
	require.NoError(t, err)
	require.NotNil(t, got, "with the blank that apps show")
}

func TestALockedDeviceSaysSoToItsOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	a := w.totp(u, 6)
	for _, key := range []idp.LockKey{{Kind: idp.LockMFADevice, Value: a.of.ID.String()}, {Kind: idp.LockUser, Value: "ada"}} {
		w.locks.keys = []idp.LockKey{key}
		got, err := w.factors.ProveCode(w.ctx, stranger(), of(u), a.code(0))
		require.Nil(t, got)
		require.True(t, idp.Locked(err))
		require.ErrorContains(t, err, "This device is locked.")
		got, err = w.factors.ProveCode(w.ctx, stranger(), of(u), "000000")
		require.Nil(t, got)
		require.NoError(t, err, "nobody else learns of it")
	}
	w.locks.keys = nil
	got, err := w.factors.ProveCode(w.ctx, stranger(), of(u), a.code(0))
	require.NoError(t, err)
	require.NotNil(t, got, "what was refused is not used up")
}

// A lock on the browser counts where the account is known in it.
func TestALockedBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	a := w.totp(u, 6)
	known := &idp.KnownDevice{UserID: u.ID, Digest: secret.DigestOf("cookie").Bytes(), Generation: u.SessionGeneration}
	require.NoError(t, w.db.Repos().KnownDevices.Remember(w.ctx, known, time.Hour))
	w.locks.keys = []idp.LockKey{{Kind: idp.LockDevice, Value: known.ID.String()}}
	p := of(u)
	p.Device = "cookie"
	_, err := w.factors.ProveCode(w.ctx, stranger(), p, a.code(0))
	require.True(t, idp.Locked(err))
	p.Device = "another"
	got, err := w.factors.ProveCode(w.ctx, stranger(), p, a.code(0))
	require.NoError(t, err)
	require.NotNil(t, got)
}

func TestSetUpOfAnApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	d, err := w.factors.NewTOTP(6)
	require.NoError(t, err)
	for code, want := range map[string]string{"000000": "not the code", "": "blank"} {
		_, err := w.factors.AddTOTP(w.ctx, stranger(), proved(u), d, code)
		require.ErrorContains(t, err, want)
		require.True(t, idp.Is(err, idp.CodeInvalid))
	}
	_, err = w.factors.NewTOTP(7)
	require.ErrorContains(t, err, "6 or 8")
	other, err := w.factors.NewTOTP(6)
	require.NoError(t, err)
	other.Secret = d.Secret
	_, err = w.factors.AddTOTP(w.ctx, stranger(), proved(u), other, "123456")
	require.True(t, idp.Is(err, idp.CodeInvalid), "a secret is sealed for its own factor")
	has, err := w.factors.Of(w.ctx, w.admin, u.ID)
	require.NoError(t, err)
	require.Empty(t, has)

	passing := factor.New(factor.Deps{Store: w.db, Access: w.checker, Sealer: sealer})
	_, err = passing.NewTOTP(6)
	require.ErrorContains(t, err, "secret_key")
}

func nothingWrong(context.Context) (idp.Refusal, error) { return "", nil }
