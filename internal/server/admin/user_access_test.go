package admin_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The form of a group says whether people may ask for it and for how long, the tab of a
// user what they asked for.
func TestGroupsThatCanBeAskedForAndWhoDid(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss, ada := s.As(s.Boss), s.As(s.ada)
	elevations := elevate.New(elevate.Deps{Store: s.Store, Access: s.Access})
	tab := "/if/admin/users/" + s.ada.ID.String() + "/access/"
	require.Contains(t, boss.Get(tab).Main(), "Nothing was asked for")

	for minutes, want := range map[string]string{"0": "from 1 to 43200", "43201": "from 1 to 43200", "1.5": "from 1 to 43200", "long": "from 1 to 43200"} {
		p := boss.Post("/if/admin/groups/new/", "name", "Crew", "requestable", "true", "requestable_minutes", minutes)
		require.Equal(t, http.StatusBadRequest, p.Status, minutes)
		require.Contains(t, p.Main(), want, minutes)
		require.Contains(t, p.Body, `id="field-requestable_minutes-error"`)
		require.Empty(t, p.Faults())
	}
	require.Contains(t, boss.Post("/if/admin/groups/new/", "name", "Crew", "requestable_minutes", "90").Main(), "let them, or leave it empty")
	at := boss.Post("/if/admin/groups/new/", "name", "Crew", "requestable", "true", "requestable_minutes", "90", "attributes", `{"floor": 3}`).Location
	group := func() *idp.Group {
		t.Helper()
		name := "Crew"
		found, err := s.Store.Repos().Groups.Find(t.Context(), idp.GroupFilter{Name: &name})
		require.NoError(t, err)
		require.Len(t, found.Items, 1)
		return &found.Items[0]
	}
	crew := group()
	require.Equal(t, idp.Attributes{"floor": 3.0, "requestable": true, "requestable_max_seconds": 5400.0}, crew.Attributes)
	draft := elevate.Draft{Group: crew.ID, Duration: 91 * time.Minute, Reason: "The nightly job hangs"}
	_, err := elevations.Ask(t.Context(), ada.Actor(), draft)
	require.ErrorContains(t, err, "up to 90 minutes")
	draft.Duration = 90 * time.Minute
	asked, err := elevations.Ask(t.Context(), ada.Actor(), draft)
	require.NoError(t, err)

	save := func(change ...string) {
		t.Helper()
		form := boss.Get(at + "edit/")
		require.Empty(t, form.Faults())
		require.Equal(t, http.StatusSeeOther, boss.Post(at+"edit/", form.Fields(change...)...).Status)
	}
	save()
	require.Equal(t, crew.Attributes, group().Attributes, "saved as it was shown")
	save("requestable_minutes", "", "attributes", `{"requestable_max_seconds": 90}`)
	save()
	require.Equal(t, idp.Attributes{"requestable": true, "requestable_max_seconds": 90.0}, group().Attributes, "what is no whole number of minutes stays")

	p := boss.Get(tab)
	require.Empty(t, p.Faults())
	require.Contains(t, p.Rows(), "Crew for 90 minutes The nightly job hangs Waiting for a decision")
	require.Contains(t, p.Body, `href="/if/admin/access-requests/`+asked.ID.String()+`/"`)
	_, err = elevations.Grant(t.Context(), boss.Actor(), asked.ID, "")
	require.NoError(t, err)
	p = boss.Get(tab)
	require.Empty(t, p.Faults())
	require.Contains(t, p.Body, "item=access_request%3A"+asked.ID.String())
	require.Contains(t, boss.Get("/if/admin/users/"+s.Boss.ID.String()+"/access/").Main(), "Nothing was asked for", "hers alone")
	require.Equal(t, http.StatusForbidden, ada.Get(tab).Status)
}
