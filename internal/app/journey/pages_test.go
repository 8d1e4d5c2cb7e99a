package journey

import (
	"net/http"
	"testing"
)

// Every page that no other journey looks at.
func everyPage(t *testing.T, s *site) {
	stranger := newBrowser(t, s.URL)
	stranger.open("/if/admin/")
	stranger.sees("Sign in")
	stranger.checked("sign-in")
	stranger.fill("uid_field", "priya.nair")
	stranger.follow("Continue")
	stranger.checked("password")
	stranger.fill("password", "wrong")
	stranger.follow("Continue")
	stranger.sees("Failed to authenticate")
	stranger.checked("password-wrong")
	stranger.open("/if/lockdown-complete/")
	stranger.checked("lockdown-complete")
	stranger.open("/nothing/here/")
	stranger.checked("not-found")

	b := newBrowser(t, s.URL).asAdmin()
	group := s.api(t, http.StatusOK, http.MethodGet, "core/groups/?name=Engineering", nil)["results"].([]any)[0].(map[string]any)["pk"].(string)
	event := s.api(t, http.StatusOK, http.MethodGet, "events/events/?action=login_failed", nil)["results"].([]any)[0].(map[string]any)["pk"].(string)
	record := s.api(t, http.StatusOK, http.MethodGet, "lockdowns/", nil)["results"].([]any)[0].(map[string]any)["pk"].(string)
	people := s.api(t, http.StatusOK, http.MethodGet, "core/users/?username=priya.nair", nil)["results"].([]any)
	priya := person{PK: int(people[0].(map[string]any)["pk"].(float64))}.page()
	for _, p := range []struct{ name, path, says string }{
		{"overview", "/if/admin/", "Latest lockdowns"},
		{"users", "/if/admin/users/", "Amara Osei"},
		{"users-none", "/if/admin/users/?search=nobody-at-all", "No user"},
		{"user-new", "/if/admin/users/new/", "Username"},
		{"user-demo", priya, "What this account holds"},
		{"user-edit", priya + "edit/", "Full name"},
		{"user-sessions", priya + "sessions/", "Sessions"},
		{"user-tokens", priya + "tokens/", "Tokens"},
		{"user-groups", priya + "groups/", "Engineering"},
		{"user-events", priya + "events/", "Events"},
		{"user-lockdowns", priya + "lockdowns/", "Lockdowns"},
		{"user-delete", priya + "delete/", "Delete"},
		{"groups", "/if/admin/groups/", "Engineering"},
		{"group-new", "/if/admin/groups/new/", "Members are superusers"},
		{"group", "/if/admin/groups/" + group + "/", "Add a member"},
		{"lockdowns", "/if/admin/lockdowns/", "jana.kowalska"},
		{"lockdown", "/if/admin/lockdowns/" + record + "/", "What was done"},
		{"events", "/if/admin/events/", "Events per day"},
		{"event", "/if/admin/events/" + event + "/", "Full context"},
		{"search", "/if/admin/search/?q=ada", "ada"},
		{"missing", "/if/admin/users/999999/", "Nothing here"},
	} {
		b.open(p.path)
		b.sees(p.says)
		b.checked(p.name)
	}
}
