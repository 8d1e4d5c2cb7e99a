package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
)

func TestLockdownRecords(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss, ctx := s.As(s.Boss), t.Context()
	actor := idp.Actor{User: s.Reload(s.Boss), Session: boss.Session}
	done, err := s.Lockdowns.Contain(ctx, actor, lockdown.Request{Users: []idp.UserID{s.ada.ID}, Reason: "Laptop <stolen>",
		Switches: idp.Switches{DeactivateUser: true, DeleteSessions: true}})
	require.NoError(t, err)
	at := "/if/admin/lockdowns/" + done[0].Lockdown.ID.String() + "/"

	list := boss.Get("/if/admin/lockdowns/")
	require.Contains(t, list.Main(), "ada Laptop <stolen> boss Locked down")
	require.Contains(t, list.Main(), "eve Phishing The system Locked down")
	require.Contains(t, boss.Get("/if/admin/lockdowns/?search=laptop").Rows(), "ada")
	require.NotContains(t, boss.Get("/if/admin/lockdowns/?search=laptop").Rows(), "eve")
	require.Contains(t, boss.Get("/if/admin/lockdowns/?status=restored").Rows(), "No lockdowns match")
	require.NotContains(t, boss.Get("/if/admin/lockdowns/?batch="+done[0].Lockdown.BatchID.String()).Rows(), "eve")
	require.Equal(t, http.StatusBadRequest, boss.Get("/if/admin/lockdowns/?batch=x").Status)
	require.Equal(t, http.StatusBadRequest, boss.Get("/if/admin/lockdowns/?status=x").Status)

	p := boss.Get(at)
	for _, want := range []string{"boss locked down ada", "Reason Laptop <stolen>", "Account deactivated",
		"Password kept Not asked for", "Sessions 1", "Was active before Yes", "Had a password No", "Restored not yet"} {
		require.Contains(t, p.Main(), want)
	}
	require.Empty(t, p.Faults())
	require.NotContains(t, p.Body, "<stolen>")

	require.Contains(t, boss.Post("/if/admin/users/"+s.ada.ID.String()+"/activate/", "confirmed", "1").Follow().Text(), "Restored")
	require.Contains(t, boss.Get(at).Main(), "Restored by boss")
	require.Contains(t, boss.Get("/if/admin/lockdowns/?status=restored").Rows(), "ada")

	boss.Post("/if/admin/users/"+s.ada.ID.String()+"/delete/", "confirmed", "1").Follow()
	kept := boss.Get(at)
	require.Equal(t, http.StatusOK, kept.Status, "deleting the user never deletes the record")
	require.Contains(t, kept.Main(), "(deleted since)")
	require.Empty(t, kept.Faults())
}

func TestEventLog(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	boss.Post("/if/admin/users/"+s.ada.ID.String()+"/edit/", "username", "ada", "name", "Countess", "type", "internal", "path", "users").Follow()

	for _, c := range []struct{ query, has, lack string }{
		{"", "boss changed", ""},
		{"?action=lockdown", "The system locked down eve", "signed in"},
		{"?action=login", "ada signed in", "locked down"},
		{"?username=eve", "The system locked down eve", "ada signed in"},
		{"?client_ip=192.0.2.200", "No events match", ""},
		{"?since=2020-01-01&until=2020-12-31", "No events match", ""},
		{"?since=2020-01-01", "ada signed in", ""},
		{"?ordering=created", "The system created user", ""},
	} {
		p := boss.Get("/if/admin/events/" + c.query)
		require.Equal(t, http.StatusOK, p.Status, c.query)
		require.Contains(t, p.Rows(), c.has, c.query)
		if c.lack != "" {
			require.NotContains(t, p.Rows(), c.lack, c.query)
		}
		require.Empty(t, p.Faults(), c.query)
	}
	for _, query := range []string{"?action=explode", "?client_ip=here", "?since=yesterday", "?until=2026-99-01", "?ordering=secret"} {
		require.Equal(t, http.StatusBadRequest, boss.Get("/if/admin/events/"+query).Status, query)
	}

	locked, err := s.Store.Repos().Events.Find(t.Context(), idp.EventFilter{ActionID: ptr(idp.ActionIDLockdown)})
	require.NoError(t, err)
	p := boss.Get("/if/admin/events/" + locked.Items[0].ID.String() + "/")
	require.Contains(t, p.Main(), "Reason Phishing")
	require.Contains(t, p.Main(), `"action_id" : "account_lockdown"`)
	require.Contains(t, p.Main(), "Open the lockdown")
	require.Empty(t, p.Faults())

	// A stranger who fails to sign in is not the person they say they are.
	failed := idp.LoginFailedEvent("account", idp.Actor{}, s.ada, nil)
	require.NoError(t, s.Store.Repos().Events.Append(t.Context(), failed))
	p = boss.Get("/if/admin/events/" + failed.ID.String() + "/")
	require.Contains(t, p.Main(), "Concerns ada")
	require.Contains(t, p.Main(), "Done by nobody who is known")
}

func TestSearch(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	require.Contains(t, boss.Get("/if/admin/search/?q=lovel").Main(), "Ada Lovelace")
	require.Contains(t, boss.Get("/if/admin/search/?q=resea").Main(), "Groups Groups Name Members Research 1")
	require.Contains(t, boss.Get("/if/admin/search/?q=zzz").Main(), "Nothing matches “zzz”")
	require.Contains(t, boss.Get("/if/admin/search/?q=+").Main(), "What are you looking for?")
	require.Contains(t, boss.Get("/if/admin/search/?q=%3Cb%3E").Body, `value="&lt;b&gt;"`, "the field keeps what was typed")
	for _, path := range []string{"users", "groups/{group}", "lockdowns/{lockdown}", "events/{event}"} {
		to := s.names.Replace("/if/admin/" + path + "/")
		id := s.ada.UUID.String()
		if path == "users" {
			to += s.ada.ID.String() + "/"
		} else {
			id = strings.Split(strings.Trim(to, "/"), "/")[3]
		}
		require.Equal(t, to, boss.Get("/if/admin/search/?q="+id).Location, path)
	}
	require.Contains(t, boss.Get("/if/admin/search/?q=00000000-0000-7000-8000-000000000000").Main(), "Nothing matches")
}

func TestOverviewOfAnEmptyInstallation(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.As(s.Boss).Get("/if/admin/")
	require.Contains(t, p.Main(), "No account was ever locked down")
	require.Contains(t, p.Main(), "Live sessions 1")
	require.Empty(t, p.Faults())
	require.Contains(t, s.As(s.Boss).Get("/if/admin/lockdowns/").Main(), "No account was ever locked down")
}

func ptr[T any](v T) *T { return &v }
