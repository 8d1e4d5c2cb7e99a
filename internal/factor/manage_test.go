package factor_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

func (w *world) count(query string, args ...any) (n int) {
	w.Helper()
	conn, err := pgx.Connect(w.ctx, w.url)
	require.NoError(w, err)
	defer conn.Close(w.ctx)
	require.NoError(w, conn.QueryRow(w.ctx, query, args...).Scan(&n))
	return n
}

func TestWhoMaySeeAndChangeFactors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, eve := w.user("ada"), w.user("eve")
	f := w.totp(ada, 6).of
	owner, other := idp.Actor{User: ada}, idp.Actor{User: eve}
	for _, actor := range []idp.Actor{owner, w.admin} {
		has, err := w.factors.Of(w.ctx, actor, ada.ID)
		require.NoError(t, err)
		require.Len(t, has, 1)
		got, err := w.factors.Get(w.ctx, actor, f.ID)
		require.NoError(t, err)
		require.Equal(t, "ada", got.Username)
		got, err = w.factors.GetByNum(w.ctx, actor, idp.FactorTOTP, f.Num)
		require.NoError(t, err)
		require.Equal(t, f.ID, got.ID)
	}
	_, err := w.factors.Of(w.ctx, other, ada.ID)
	require.True(t, idp.Is(err, idp.CodeForbidden))
	_, err = w.factors.Get(w.ctx, other, f.ID)
	require.True(t, idp.Is(err, idp.CodeNotFound))
	require.True(t, idp.Is(w.factors.Rename(w.ctx, other, f.ID, "x"), idp.CodeNotFound))
	require.True(t, idp.Is(w.factors.Remove(w.ctx, other, f.ID), idp.CodeNotFound))
	page, err := w.factors.Find(w.ctx, other, idp.FactorFilter{})
	require.NoError(t, err)
	require.Empty(t, page.Items)
	page, err = w.factors.Find(w.ctx, w.admin, idp.FactorFilter{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)

	for _, bad := range []string{"", "  ", strings.Repeat("x", 65), "a\x00b"} {
		require.True(t, idp.Is(w.factors.Rename(w.ctx, owner, f.ID, bad), idp.CodeInvalid), "%q", bad)
	}
	require.NoError(t, w.factors.Rename(w.ctx, owner, f.ID, " Old phone "))
	require.NoError(t, w.factors.Remove(w.ctx, w.admin, f.ID))
	require.True(t, idp.Is(w.factors.Remove(w.ctx, owner, f.ID), idp.CodeNotFound))
	for action, id := range map[idp.Action]string{idp.ActionModelCreated: factor.ActionAdded, idp.ActionModelUpdated: factor.ActionRenamed,
		idp.ActionModelDeleted: factor.ActionRemoved} {
		told := w.events(action)
		require.Len(t, told, 1, id)
		require.Equal(t, id, told[0].Context["action_id"])
		require.Equal(t, "ada", told[0].Context["affected_user"])
		require.Equal(t, "ada", told[0].User["username"])
		device := told[0].Context["device"].(map[string]any)
		require.Equal(t, f.ID.String(), device["pk"])
		require.Equal(t, "totp", device["type"])
	}
}

// A stolen session adds and removes nothing: that takes a proof that was given lately.
func TestAFreshProofIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fresh = 15 * time.Minute
	u := w.user("ada")
	f := w.totp(u, 6).of
	begun := &idp.Session{UserID: u.ID, Digest: secret.DigestOf("cookie").Bytes(), Generation: u.SessionGeneration,
		ExpiresAt: time.Now().Add(time.Hour), ProvedAt: time.Now().Add(-time.Hour)}
	require.NoError(t, w.db.Repos().Sessions.Create(w.ctx, begun))
	read, err := w.db.Repos().Sessions.Get(w.ctx, begun.ID)
	require.NoError(t, err)
	owner := idp.Actor{User: u, Session: read}
	own := factor.Adding{User: u, Generation: u.SessionGeneration}
	d, err := w.factors.NewCodes(6, 12)
	require.NoError(t, err)
	_, err = w.factors.AddStatic(w.ctx, owner, own, d)
	require.True(t, idp.Is(err, idp.CodeStepUp), "%v", err)
	require.True(t, idp.Is(w.factors.MayAdd(w.ctx, owner, own), idp.CodeStepUp))
	require.True(t, idp.Is(w.factors.Remove(w.ctx, owner, f.ID), idp.CodeStepUp))
	for _, actor := range []idp.Actor{w.admin, {}} {
		_, err = w.factors.AddStatic(w.ctx, actor, own, d)
		require.True(t, idp.Is(err, idp.CodeForbidden), "nobody adds one to somebody else: %v", err)
	}

	require.NoError(t, w.db.Repos().Sessions.Prove(w.ctx, begun.ID, nil))
	_, err = w.factors.AddStatic(w.ctx, owner, own, d)
	require.NoError(t, err)
	require.NoError(t, w.factors.Remove(w.ctx, owner, f.ID))
}

// A password alone sets the first one up, and no second one beside it.
func TestAPasswordSetsUpTheFirstOneOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	only := factor.Adding{User: u, Generation: u.SessionGeneration, Proved: true}
	for i, good := range []bool{true, false} {
		d, err := w.factors.NewCodes(6, 12)
		require.NoError(t, err)
		_, err = w.factors.AddStatic(w.ctx, stranger(), only, d)
		require.Equal(t, good, err == nil, "%d: %v", i, err)
		require.True(t, good || idp.Is(err, idp.CodeForbidden))
	}
}

func TestAddingRenewsWhatWasToBeRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	u.RenewFactor, u.RenewPassword = true, true
	require.NoError(t, w.db.Repos().Users.Update(w.ctx, u))
	w.static(u)
	require.False(t, w.now(u).RenewFactor)
	require.True(t, w.now(u).RenewPassword)
}

// contain locks an account down.
func (w *world) contain(u *idp.User) error {
	done, err := w.lockdowns.Contain(w.ctx, w.admin, lockdown.Request{Users: []idp.UserID{u.ID}, Reason: "test",
		Switches: idp.AllSwitches()})
	if err != nil {
		return err
	}
	return done[0].Err
}

// Nothing is added to an account that may not act, nor past a lockdown.
func TestNoFactorPassesALockdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	d, err := w.factors.NewCodes(1, 12)
	require.NoError(t, err)
	var g errgroup.Group
	g.Go(func() error { return w.contain(u) })
	var added error
	g.Go(func() error { _, added = w.factors.AddStatic(w.ctx, stranger(), proved(u), d); return nil })
	require.NoError(t, g.Wait())
	if added != nil {
		require.True(t, idp.Is(added, idp.CodeRefused), "%v", added)
	}
	another, err := w.factors.NewCodes(1, 12)
	require.NoError(t, err)
	_, err = w.factors.AddStatic(w.ctx, stranger(), proved(u), another)
	require.True(t, idp.Is(err, idp.CodeRefused))
}

func TestAProofIsRememberedInItsBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	f := w.totp(u, 6).of
	remember := func() {
		t.Helper()
		known := &idp.KnownDevice{UserID: u.ID, Digest: secret.DigestOf("cookie").Bytes(), Generation: u.SessionGeneration}
		require.NoError(t, w.db.Repos().KnownDevices.Remember(w.ctx, known, time.Hour))
		require.NoError(t, w.db.Repos().Factors.Prove(w.ctx, f.ID, known.Digest, u.SessionGeneration))
	}
	in := func(cookie string, within time.Duration, kinds ...idp.FactorKind) *idp.Factor {
		t.Helper()
		p := of(u, kinds...)
		p.Device = cookie
		got, err := w.factors.Remembered(w.ctx, p, within)
		require.NoError(t, err)
		return got
	}
	require.Nil(t, in("cookie", time.Hour))
	remember()
	require.Equal(t, f.ID, in("cookie", time.Hour).ID)
	require.Nil(t, in("another", time.Hour))
	require.Nil(t, in("", time.Hour))
	require.Nil(t, in("cookie", 0))
	require.Nil(t, in("cookie", time.Nanosecond))
	require.Nil(t, in("cookie", time.Hour, idp.FactorWebAuthn), "of another kind")
	w.locks.keys = []idp.LockKey{{Kind: idp.LockMFADevice, Value: f.ID.String()}}
	require.Nil(t, in("cookie", time.Hour), "locked")
	w.locks.keys = nil

	require.NoError(t, w.contain(u))
	require.NoError(t, w.lockdowns.Activate(w.ctx, w.admin, u.ID))
	u = w.now(u)
	require.True(t, u.IsActive)
	require.Nil(t, in("cookie", time.Hour), "a lockdown forgets it")
}
