package account_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestOwnBrowsers(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := ada(s)
	const at = "/if/user/settings/devices/"
	require.Contains(t, s.As(u).Get(at).Main(), "No known browser")
	here, laptop, phone := s.Known(u), s.Known(u), s.Known(u)
	p := here.Get(at)
	require.Empty(t, p.Faults())
	require.Equal(t, 1, strings.Count(p.Main(), "This browser"))
	require.Equal(t, 3, strings.Count(p.Body, "Forget…</span>"))
	require.Contains(t, p.Main(), "192.0.2.7")
	require.Contains(t, p.Main(), "3 browsers")
	require.NotContains(t, p.Body, "locks/new/", "whoever may not lock is offered no lock")
	require.Contains(t, s.Known(s.Boss).Get(at).Body, "item=device%3A")

	forget := at + laptop.Session.DeviceID.String() + "/forget/"
	ask := here.Get(forget)
	require.Contains(t, ask.Main(), "Forget Firefox 128 on Linux?")
	require.Contains(t, ask.Main(), "1 session ends")
	require.Empty(t, ask.Faults())
	require.Contains(t, here.Post(forget).Main(), "Forget Firefox 128 on Linux?", "asks first")
	require.Contains(t, here.Post(forget, "confirmed", "1").Follow().Text(), "1 browser forgotten.")
	require.Equal(t, http.StatusOK, laptop.Get("/if/user/").Status, "its session goes on")
	require.Contains(t, here.Post(forget, "confirmed", "1").Follow().Text(), "That browser was not known any more.")
	require.Contains(t, here.Get(at).Main(), "2 browsers")
	all := here.Get(at + "?show=all").Main()
	require.Contains(t, all, "3 browsers")
	require.Contains(t, all, "Forgotten")
	require.Contains(t, here.Post(forget, "confirmed", "1", "sessions", "1").Follow().Text(), "1 session ended.")
	require.Equal(t, http.StatusSeeOther, laptop.Get("/if/user/").Status)

	// Forgetting the browser one is in, with its sessions, is signing out.
	other := s.Known(u)
	own := at + other.Session.DeviceID.String() + "/forget/"
	require.Contains(t, other.Get(own).Main(), "yours here among them")
	require.Equal(t, "/flows/-/default/authentication/", other.Post(own, "confirmed", "1", "sessions", "1").Location)
	require.Equal(t, http.StatusSeeOther, other.Get("/if/user/").Status)

	require.Contains(t, here.Get(at+"forget/").Main(), "2 browsers forgotten")
	require.Contains(t, here.Post(at+"forget/", "confirmed", "1", "sessions", "1").Follow().Text(), "2 browsers forgotten.")
	require.Equal(t, http.StatusSeeOther, phone.Get("/if/user/").Status)
	require.Equal(t, http.StatusOK, here.Get("/if/user/").Status, "stays signed in here")
	require.Contains(t, here.Post(at+"forget/", "confirmed", "1").Follow().Text(), "No browser was known any more.")
}

func TestALockedBrowserIsNotForgottenByItsOwner(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := ada(s)
	here, stolen := s.Known(u), s.Known(u)
	l := &idp.Lock{ID: idp.NewID[idp.Lock](), Target: idp.LockTarget{{Kind: idp.LockDevice, Value: stolen.Session.DeviceID.String()}}, CreatedBy: "boss"}
	require.NoError(t, s.Store.Repos().Locks.Create(t.Context(), l))
	const at = "/if/user/settings/devices/"
	require.Contains(t, here.Post(at+stolen.Session.DeviceID.String()+"/forget/", "confirmed", "1").Follow().Text(), "lift the lock first")
	require.Contains(t, here.Post(at+"forget/", "confirmed", "1").Follow().Text(), "1 browser forgotten. One is still known, because a lock names it.")
}
