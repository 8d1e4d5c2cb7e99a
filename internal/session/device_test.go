package session_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/session"
)

const month = 30 * 24 * time.Hour

// device asks as what to remember a browser.
func (w *world) device(u *idp.User, value string) session.Device {
	w.Helper()
	d, err := w.sessions.Device(w.ctx, w.now(u), value, month)
	require.NoError(w, err)
	return d
}

// remembered signs u in in the browser that sends the value, and returns the
// actor and the value that it has then.
func (w *world) remembered(u *idp.User, value string, change ...func(*session.Begin)) (idp.Actor, string) {
	w.Helper()
	d := w.device(u, value)
	actor, _ := w.start(u, append(change, func(b *session.Begin) { b.Device = &d })...)
	require.NotNil(w, actor.Session.DeviceID)
	return actor, d.Value
}

func (w *world) knows(u *idp.User, value string) bool {
	w.Helper()
	row, err := w.db.Repos().KnownDevices.Get(w.ctx, secret.DigestOf(value).Bytes(), u.ID)
	if idp.Is(err, idp.CodeNotFound) {
		return false
	}
	require.NoError(w, err)
	return row.Known
}

func TestABrowserIsRememberedAndRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	actor, value := w.remembered(mia, "")
	require.GreaterOrEqual(t, len(value), 43, "256 bits")
	require.True(t, w.knows(mia, value))
	first, err := w.db.Repos().KnownDevices.Get(w.ctx, secret.DigestOf(value).Bytes(), mia.ID)
	require.NoError(t, err)
	require.Equal(t, *actor.Session.DeviceID, first.ID)
	require.NotContains(t, string(first.Digest), value, "kept as a digest only")
	now, err := w.db.Now(w.ctx)
	require.NoError(t, err)
	require.WithinDuration(t, now.Add(month), first.ExpiresAt, time.Second)

	d := w.device(mia, value)
	require.True(t, d.Known)
	require.Equal(t, value, d.Value)
	d.Lifetime = time.Hour
	again, _ := w.start(mia, func(b *session.Begin) { b.Device = &d })
	require.Equal(t, first.ID, *again.Session.DeviceID, "one row")
	renewed, err := w.db.Repos().KnownDevices.Get(w.ctx, first.Digest, mia.ID)
	require.NoError(t, err)
	require.WithinDuration(t, now.Add(time.Hour), renewed.ExpiresAt, 5*time.Second)

	stored, err := w.sessions.Get(w.ctx, idp.SystemActor(), again.Session.ID)
	require.NoError(t, err)
	require.Equal(t, first.ID, *stored.DeviceID)
	logins := w.events(idp.ActionLogin)
	require.Equal(t, []any{false, true}, []any{logins[0].Context["known_device"], logins[1].Context["known_device"]})
	plain, _ := w.start(mia)
	require.Nil(t, plain.Session.DeviceID)
	require.NotContains(t, w.events(idp.ActionLogin)[2].Context, "known_device")
}

func TestPeopleWhoShareABrowserShareItsValue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := w.user("mia"), w.user("tom")
	_, value := w.remembered(mia, "")
	d := w.device(tom, value)
	require.Equal(t, value, d.Value)
	require.False(t, d.Known, "known to somebody else")
	signedIn := time.Now()
	d.Lifetime = time.Hour
	require.WithinDuration(t, signedIn.Add(month), d.Expires(signedIn), 5*time.Second, "the browser keeps it for the other one")
	_, theirs := w.remembered(tom, value)
	require.Equal(t, value, theirs)
	require.True(t, w.knows(mia, value) && w.knows(tom, value))
	page, err := w.db.Repos().KnownDevices.Find(w.ctx, idp.KnownDeviceFilter{})
	require.NoError(t, err)
	require.Equal(t, 2, page.Total, "a row for each")
}

// A value is taken over only from a browser that somebody is known by, and never
// by somebody who was to be unknown there.
func TestWhichValuesAreTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := w.user("mia"), w.user("tom")
	planted := secret.Token()
	_, value := w.remembered(mia, planted)
	require.NotEqual(t, planted, value, "a value of somebody else's choice")
	require.False(t, w.knows(mia, planted))

	actor, _ := w.remembered(mia, value)
	_, err := w.db.Repos().KnownDevices.Forget(w.ctx, *actor.Session.DeviceID)
	require.NoError(t, err)
	require.False(t, w.knows(mia, value))
	require.NotEqual(t, value, w.device(tom, value).Value, "nobody is known by it")
	_, fresh := w.remembered(mia, value)
	require.NotEqual(t, value, fresh, "a copy of the old value would be known again")
	require.False(t, w.knows(mia, value))
	require.True(t, w.knows(mia, fresh))

	// Forgotten between the question and the sign-in: the sign-in goes on.
	d := w.device(mia, fresh)
	_, err = w.db.Repos().KnownDevices.ForgetAll(w.ctx, mia.ID)
	require.NoError(t, err)
	late, cookie := w.start(mia, func(b *session.Begin) { b.Device = &d })
	require.Nil(t, late.Session.DeviceID)
	require.True(t, w.works(cookie))
	require.False(t, w.knows(mia, fresh))
}

// Which acts make browsers unknown, and which do not.
func TestWhatMakesABrowserUnknown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		act         func(w *world, here idp.Actor, u *idp.User) error
		here, there bool
	}{
		"signing out": {func(w *world, here idp.Actor, u *idp.User) error {
			return w.sessions.End(w.ctx, here, here.Session.ID, "")
		}, true, true},
		"ending all other sessions": {func(w *world, here idp.Actor, u *idp.User) error {
			_, err := w.sessions.EndOthers(w.ctx, here, u.ID)
			return err
		}, true, false},
		"ending all sessions": {func(w *world, here idp.Actor, u *idp.User) error {
			_, err := w.sessions.EndAll(w.ctx, here, u.ID)
			return err
		}, false, false},
		"a sign-in that ends other sessions": {func(w *world, here idp.Actor, u *idp.User) error {
			w.start(u, func(b *session.Begin) { b.EndOthers = true })
			return nil
		}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			mia := w.user("mia")
			here, value := w.remembered(mia, "")
			_, other := w.remembered(mia, "")
			require.NotEqual(t, value, other)
			require.NoError(t, c.act(w, here, mia))
			require.Equal(t, []bool{c.here, c.there}, []bool{w.knows(mia, value), w.knows(mia, other)})
			require.Equal(t, c.here, w.device(mia, value).Value == value)
		})
	}
}

func TestASignInEndsTheOtherSessionsInOneAct(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := w.user("mia"), w.user("tom")
	underWay := w.now(mia).SessionGeneration
	_, a := w.start(mia)
	former, b := w.start(mia)
	_, toms := w.start(tom)
	before := w.now(mia)
	actor, cookie := w.start(mia, replace(former.Session.ID), func(b *session.Begin) { b.EndOthers = true })
	require.False(t, w.works(a) || w.works(b))
	require.True(t, w.works(cookie))
	require.True(t, w.works(toms), "another account's")
	require.Equal(t, 1, w.live(mia))
	after := w.now(mia)
	require.Equal(t, before.TokenGeneration, after.TokenGeneration, "tokens and refresh tokens are not touched")
	require.Equal(t, after.SessionGeneration, actor.Session.Generation)
	_, _, err := w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: mia.ID, Generation: underWay})
	require.Equal(t, idp.RefusedGeneration, refused(t, err).Reason, "a sign-in under way does not survive")

	events := w.events(idp.ActionLogout)
	require.Len(t, events, 2)
	require.Equal(t, session.ReasonRenewed, events[0].Context["logout_reason"])
	require.Equal(t, session.ReasonOthersEnded, events[1].Context["logout_reason"])
	require.Equal(t, 1.0, events[1].Context["sessions"], "the one of this browser is told of already")
	require.Equal(t, "mia", events[1].User["username"])

	w.start(tom, func(b *session.Begin) { b.EndOthers = true })
	w.start(w.user("eva"), func(b *session.Begin) { b.EndOthers = true })
	require.Len(t, w.events(idp.ActionLogout), 3, "where nothing ends there is nothing to tell")
}

// What the stage said is the session's own from then on.
func TestASessionKeepsWhatWasInForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	binding := idp.SessionBinding{Network: idp.BindASNNetwork, GeoIP: idp.BindContinent, LogOnly: true, Private: true}
	actor, _ := w.start(mia, func(b *session.Begin) { b.IdleTimeout, b.Binding = 5*time.Minute, binding })
	stored, err := w.sessions.Get(w.ctx, idp.SystemActor(), actor.Session.ID)
	require.NoError(t, err)
	require.Equal(t, binding, stored.Binding)
	require.Equal(t, 5*time.Minute, stored.IdleTimeout)
	plain, _ := w.start(mia)
	require.False(t, plain.Session.Binding.Bound())
	_, _, err = w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: mia.ID, IdleTimeout: -1})
	require.Equal(t, idp.CodeInvalid, idp.CodeOf(err))
}
