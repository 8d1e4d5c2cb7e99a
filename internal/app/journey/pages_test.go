package journey

import (
	"net/http"
	"testing"
)

// shown is a page with its address and something that it says.
type shown struct{ name, path, says string }

func (b *browser) look(pages ...shown) {
	b.t.Helper()
	for _, p := range pages {
		b.open(p.path)
		b.sees(p.says)
		b.checked(p.name)
	}
}

// first is a field of the first result of a list.
func (s *site) first(t *testing.T, path, field string) any {
	t.Helper()
	return s.api(t, http.StatusOK, http.MethodGet, path, nil)["results"].([]any)[0].(map[string]any)[field]
}

// The pages for people who are not signed in.
func strangersPages(t *testing.T, s *site) {
	b := newBrowser(t, s.URL)
	b.open("/if/admin/")
	b.sees("Sign in")
	b.checked("sign-in")
	b.fill("uid_field", "priya.nair")
	b.follow("Continue")
	b.checked("password")
	b.fill("password", "wrong")
	b.follow("Continue")
	b.sees("Failed to authenticate")
	b.checked("password-wrong")
	b.look(shown{"lockdown-complete", "/if/lockdown-complete/", "Your account has been locked"},
		shown{"not-found", "/nothing/here/", "Nothing here"})
}

// The pages of the console that no other journey looks at.
func userPages(t *testing.T, s *site) {
	priya := person{PK: int(s.first(t, "core/users/?username=priya.nair", "pk").(float64))}.page()
	made, _ := s.api(t, http.StatusCreated, http.MethodPost, "core/tokens/", map[string]any{"identifier": "looked-at", "intent": "app_password"})["pk"].(string)
	token := "/if/admin/tokens/" + made + "/"
	newBrowser(t, s.URL).asAdmin().look(
		shown{"users", "/if/admin/users/", "Amara Osei"},
		shown{"users-none", "/if/admin/users/?search=nobody-at-all", "No user"},
		shown{"user-new", "/if/admin/users/new/", "Username"},
		shown{"user-demo", priya, "What this account holds"},
		shown{"user-edit", priya + "edit/", "Full name"},
		shown{"user-sessions", priya + "sessions/", "Sessions"},
		shown{"user-tokens", priya + "tokens/", "Tokens"},
		shown{"user-groups", priya + "groups/", "Engineering"},
		shown{"user-events", priya + "events/", "Events"},
		shown{"user-lockdowns", priya + "lockdowns/", "Lockdowns"},
		shown{"user-delete", priya + "delete/", "Delete"},
		shown{"tokens", "/if/admin/tokens/", "Tokens and App passwords"},
		shown{"tokens-none", "/if/admin/tokens/?search=nothing-at-all", "No tokens match"},
		shown{"app-password-new", "/if/admin/tokens/new/app-password/?user=priya.nair", "Create app password"},
		shown{"api-token-new", "/if/admin/tokens/new/api-token/", "Create API token"},
		shown{"token", token, "Last used"},
		shown{"token-edit", token + "edit/", "As it is"},
		shown{"token-revoke", token + "revoke/", "Revoke the token"},
		shown{"service-account-new", "/if/admin/service-accounts/new/", "Create service account"},
		shown{"own-app-password-new", "/if/user/settings/tokens/new/app-password/", "Create app password"},
		shown{"own-api-token-new", "/if/user/settings/tokens/new/api-token/", "Create API token"},
		shown{"user-missing", "/if/admin/users/999999/", "Nothing here"},
	)
}

func otherPages(t *testing.T, s *site) {
	group, _ := s.first(t, "core/groups/?name=Engineering", "pk").(string)
	event, _ := s.first(t, "events/events/?action=login_failed", "pk").(string)
	record, _ := s.first(t, "lockdowns/", "pk").(string)
	newBrowser(t, s.URL).asAdmin().look(
		shown{"overview", "/if/admin/", "Latest lockdowns"},
		shown{"groups", "/if/admin/groups/", "Engineering"},
		shown{"group-new", "/if/admin/groups/new/", "Members are superusers"},
		shown{"group-edit", "/if/admin/groups/" + group + "/edit/", "Members are superusers"},
		shown{"group", "/if/admin/groups/" + group + "/", "Add a member"},
		shown{"brand-new", "/if/admin/brands/new/", "Lockdown flow"},
		shown{"lockdowns", "/if/admin/lockdowns/", "jana.kowalska"},
		shown{"lockdown", "/if/admin/lockdowns/" + record + "/", "What was done"},
		shown{"events", "/if/admin/events/", "Events per day"},
		shown{"event", "/if/admin/events/" + event + "/", "Full context"},
		shown{"search", "/if/admin/search/?q=ada", "ada"},
		shown{"locking-mode", "/if/admin/locking-mode/", "One strict anywhere wins"},
		shown{"lockouts", "/if/admin/lockouts/", "Each ends by itself"},
		shown{"lockouts-history", "/if/admin/lockouts/history/", "Each ends by itself"},
		shown{"security-settings", "/if/admin/security-settings/", "What this comes to"},
		shown{"events-chain", "/if/admin/events/verify/", "Verify now"},
	)
}
