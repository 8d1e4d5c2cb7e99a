package session_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// lock makes a lock on a device, and perhaps on more.
func (w *world) lock(d idp.KnownDeviceID, more ...idp.LockKey) {
	w.Helper()
	l := &idp.Lock{ID: idp.NewID[idp.Lock](), Target: append(idp.LockTarget{{Kind: idp.LockDevice, Value: d.String()}}, more...), CreatedBy: "ada"}
	require.NoError(w, w.db.Repos().Locks.Create(w.ctx, l))
}

// told are the events of an act on browsers.
func (w *world) told(action string) []idp.Event {
	w.Helper()
	page, err := w.db.Repos().Events.Find(w.ctx, idp.EventFilter{ActionID: &action})
	require.NoError(w, err)
	return page.Items
}

func TestABrowserIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	here, _ := w.remembered(mia, "")
	there, value := w.remembered(mia, "")
	other, cookie := w.start(mia, func(b *session.Begin) { d := w.device(mia, value); b.Device = &d })
	require.Equal(t, there.Session.DeviceID, other.Session.DeviceID)
	id := *there.Session.DeviceID

	out, err := w.sessions.ForgetDevice(w.ctx, here, id, false)
	require.NoError(t, err)
	require.Equal(t, session.Forgotten{Devices: 1}, out)
	require.False(t, w.knows(mia, value))
	require.True(t, w.works(cookie), "its sessions go on")
	require.Equal(t, 3, w.live(mia))
	events := w.told(session.ActionForgotten)
	require.Len(t, events, 1)
	require.Equal(t, id.String(), events[0].Context["device"].(map[string]any)["pk"])
	require.Equal(t, "mia", events[0].User["username"])
	require.NotEqual(t, value, w.device(mia, value).Value, "a stranger gets another value")

	out, err = w.sessions.ForgetDevice(w.ctx, here, id, true)
	require.NoError(t, err)
	require.Equal(t, session.Forgotten{Sessions: 2}, out)
	require.Len(t, w.told(session.ActionForgotten), 1, "it was forgotten already")
	require.False(t, w.works(cookie))
	require.Equal(t, 1, w.live(mia), "the one of another browser")
	ended := w.events(idp.ActionLogout)
	require.Len(t, ended, 2)
	require.Equal(t, session.ReasonForgotten, ended[0].Context["logout_reason"])
	out, err = w.sessions.ForgetDevice(w.ctx, here, id, true)
	require.NoError(t, err)
	require.Zero(t, out)
}

func TestWhoseBrowsersSomebodyForgets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := w.user("mia"), w.user("tom")
	hers, value := w.remembered(mia, "")
	his, _ := w.remembered(tom, "")
	id := *hers.Session.DeviceID

	_, err := w.sessions.GetDevice(w.ctx, his, id)
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))
	_, err = w.sessions.ForgetDevice(w.ctx, his, id, false)
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))
	_, err = w.sessions.ForgetDevices(w.ctx, his, mia.ID, false)
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err))
	_, err = w.sessions.FindDevices(w.ctx, his, idp.KnownDeviceFilter{UserID: &mia.ID})
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err))
	_, err = w.sessions.GetDevice(w.ctx, idp.Actor{}, id)
	require.Equal(t, idp.CodeUnsigned, idp.CodeOf(err))
	_, err = w.sessions.GetDevice(w.ctx, idp.Actor{}, idp.NewID[idp.KnownDevice]())
	require.Equal(t, idp.CodeUnsigned, idp.CodeOf(err), "nobody learns what there is")
	_, err = w.sessions.ForgetDevice(w.ctx, hers, idp.NewID[idp.KnownDevice](), false)
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))
	_, err = w.sessions.ForgetDevices(w.ctx, idp.SystemActor(), 4711, false)
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))

	page, err := w.sessions.FindDevices(w.ctx, his, idp.KnownDeviceFilter{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1, "their own")
	require.Equal(t, tom.ID, page.Items[0].UserID)
	page, err = w.sessions.FindDevices(w.ctx, idp.SystemActor(), idp.KnownDeviceFilter{})
	require.NoError(t, err)
	require.Len(t, page.Items, 2)

	// Whose account is closed meanwhile does nothing any more.
	raised := w.now(mia)
	raised.EndSessions("test")
	require.NoError(t, w.db.Repos().Users.Update(w.ctx, raised))
	_, err = w.sessions.ForgetDevice(w.ctx, hers, id, false)
	require.Equal(t, idp.CodeRefused, idp.CodeOf(err))
	require.Empty(t, w.told(session.ActionForgotten))
	_, err = w.sessions.ForgetDevices(w.ctx, idp.SystemActor(), tom.ID, true)
	require.NoError(t, err)
	require.False(t, w.knows(mia, value))
	require.Zero(t, w.live(tom))
	require.Len(t, w.told(session.ActionAllForgotten), 1)
}

func TestAllBrowsersAreForgotten(t *testing.T) {
	t.Parallel()
	for name, sessions := range map[string]bool{"sessions go on": false, "sessions end": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			mia := w.user("mia")
			here, value := w.remembered(mia, "")
			_, second := w.remembered(mia, "")
			_, cookie := w.start(mia)
			out, err := w.sessions.ForgetDevices(w.ctx, here, mia.ID, sessions)
			require.NoError(t, err)
			require.Equal(t, 2, out.Devices)
			require.False(t, w.knows(mia, value), "the one in use, too")
			require.False(t, w.knows(mia, second))
			require.Equal(t, !sessions, w.works(cookie))
			require.EqualValues(t, 2, w.told(session.ActionAllForgotten)[0].Context["count"])
			if !sessions {
				require.Equal(t, 3, w.live(mia))
				return
			}
			require.Equal(t, 2, out.Sessions)
			require.Equal(t, 1, w.live(mia), "the one it was done in")
			// Once more there is nothing to forget.
			out, err = w.sessions.ForgetDevices(w.ctx, idp.Actor{User: w.now(mia), Session: here.Session}, mia.ID, false)
			require.NoError(t, err)
			require.Zero(t, out)
			require.Len(t, w.told(session.ActionAllForgotten), 1)
		})
	}
}

// Forgetting would be a way around a lock: the browser would be known by another
// name at its next sign-in.
func TestALockedBrowserIsNotForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	here, _ := w.remembered(mia, "")
	there, value := w.remembered(mia, "")
	_, third := w.remembered(mia, "")
	w.lock(*there.Session.DeviceID, idp.LockKey{Kind: idp.LockUser, Value: "mia"})

	_, err := w.sessions.ForgetDevice(w.ctx, here, *there.Session.DeviceID, true)
	require.Equal(t, idp.CodeInvalid, idp.CodeOf(err))
	require.ErrorContains(t, err, "lift the lock first")
	require.True(t, w.knows(mia, value))
	require.Equal(t, 3, w.live(mia), "nothing half-done")

	out, err := w.sessions.ForgetDevices(w.ctx, here, mia.ID, true)
	require.NoError(t, err)
	require.Equal(t, session.Forgotten{Devices: 2, Kept: 1, Sessions: 2}, out)
	require.True(t, w.knows(mia, value), "still the browser that the lock names")
	require.False(t, w.knows(mia, third))
	require.Empty(t, w.told(session.ActionForgotten))
}
