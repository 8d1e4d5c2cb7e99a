package journey

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// askForAccess: somebody asks for a group, an administrator grants it, and it is carried
// by the session that asked until it is ended.
func askForAccess(t *testing.T, s *site) {
	const mine, list = "/if/user/settings/access/", "/if/admin/access-requests/"
	group, _ := s.api(t, http.StatusCreated, http.MethodPost, "core/groups/", map[string]any{"name": "Database administrators",
		"attributes": map[string]any{"requestable": true, "requestable_max_seconds": 14400}})["pk"].(string)
	ada := s.person(t, "asking.ada", "Ada Asking")
	b := newBrowser(t, s.URL).as(ada.Username, ada.Password, mine)
	b.sees("Database administrators")
	b.checked("settings-access-none")
	b.choose("group", "Database administrators")
	b.fill("reason", "The nightly job hangs, and its tables have to be looked at.")
	b.follow("Ask for access")
	b.sees("You asked for Database administrators.", "Waiting for a decision")
	b.checked("settings-access")

	key, _ := s.first(t, "access_requests/?user="+strconv.Itoa(ada.PK), "uuid").(string)
	admin := newBrowser(t, s.URL).asAdmin()
	admin.look(
		shown{"group-requestable", "/if/admin/groups/" + group + "/edit/", "People may ask for it"},
		shown{"access-requests", list, "Waiting for a decision"},
		shown{"user-access-waiting", ada.page() + "access/", "Waiting for a decision"},
		shown{"access-request-waiting", list + key + "/", "The nightly job hangs"})
	admin.follow("Grant…")
	admin.sees("Grant Database administrators for asking.ada?")
	admin.checked("access-request-grant")
	admin.fill("note", "Until tonight.")
	admin.follow("Grant")
	admin.sees("was granted to asking.ada")
	admin.look(
		shown{"access-requests-granted", list, "Granted"},
		shown{"user-access", ada.page() + "access/", "Granted"},
		shown{"lock-which-request", "/if/admin/locks/new/?kind=access_request", "Access request"})
	b.open(mine)
	b.sees("In use here", "Until tonight.")
	b.checked("settings-access-granted")
	b.follow("End…")
	b.sees("End Database administrators")
	b.checked("settings-access-end")
	b.follow("End access")
	b.seesNot("In use here")
	require.Equal(t, "ended", s.first(t, "access_requests/?user="+strconv.Itoa(ada.PK), "state"))
}
