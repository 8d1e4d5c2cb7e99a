package admin_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestBrowsersOfAUser(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	at := "/if/admin/users/" + s.ada.ID.String() + "/devices/"
	laptop := s.Known(s.ada)
	p := boss.Get(at)
	require.Empty(t, p.Faults())
	require.Contains(t, p.Main(), "Known browsers")
	require.Contains(t, p.Main(), "2 browsers")
	require.Contains(t, p.Body, "item=device%3A"+laptop.Session.DeviceID.String(), "the lock wizard knows which one")

	forget := at + laptop.Session.DeviceID.String() + "/forget/"
	require.Contains(t, boss.Get(forget).Main(), "the next sign-in of Ada Lovelace there counts as one from an unknown browser")
	require.Contains(t, boss.Post(forget, "confirmed", "1", "sessions", "1").Follow().Text(), "1 browser forgotten. 1 session ended.")
	require.Equal(t, http.StatusSeeOther, laptop.Get("/if/user/").Status)
	require.Equal(t, http.StatusNotFound, boss.Get("/if/admin/users/"+s.Boss.ID.String()+"/devices/"+laptop.Session.DeviceID.String()+"/forget/").Status, "of another account")
	require.Contains(t, boss.Post(at+"forget/", "confirmed", "1").Follow().Text(), "1 browser forgotten.")
	require.Contains(t, boss.Get(at).Main(), "No known browser")

	action := "known_device_forgotten"
	events, err := s.Store.Repos().Events.Find(t.Context(), idp.EventFilter{ActionID: &action})
	require.NoError(t, err)
	require.Len(t, events.Items, 1)
	require.Contains(t, boss.Get("/if/admin/events/"+events.Items[0].ID.String()+"/").Main(), "boss forgot a browser of ada")
}
