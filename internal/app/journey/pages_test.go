package journey

import (
	"net/http"
	"strconv"
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

// The pages about telling people: with nothing yet but what every installation begins
// with, and with something of each kind, also what could not be delivered.
func notificationPages(t *testing.T, s *site) {
	const rules, transports, mappings, deliveries, own = "/if/admin/notification-rules/", "/if/admin/notification-transports/",
		"/if/admin/property-mappings/", "/if/admin/deliveries/", "/if/user/notifications/"
	b := newBrowser(t, s.URL).asAdmin()
	b.look(
		shown{"deliveries-none", deliveries, "Nothing was sent yet"},
		shown{"mappings-none", mappings, "No property mappings yet"},
		shown{"rule-new", rules + "new/", "Whom to tell"},
		shown{"transport-new", transports + "new/", "Webhook address"},
		shown{"mapping-new", mappings + "new/", "Create mapping"},
	)
	made := func(path string, body map[string]any) string {
		key, _ := s.api(t, http.StatusCreated, http.MethodPost, path, body)["pk"].(string)
		return key
	}
	mapping := made("propertymappings/notification/", map[string]any{"name": "Slim body", "expression": "{\n  \"text\": notification.body\n}"})
	chat := made("events/transports/", map[string]any{"name": "Security channel", "mode": "webhook", "webhook_url": "https://10.1.2.3/hooks/x", // refused: it is private
		"webhook_mapping_body": mapping, "send_once": true})
	rule := made("events/rules/", map[string]any{"name": "Watch who is made", "severity": "warning", "transports": []string{chat}})
	policy := made("policies/expression/", map[string]any{"name": "looked-at", "expression": `context.event.action == "model_created" and context.event.context.model.name == "pages.seen"`})
	made("policies/bindings/", map[string]any{"target": rule, "policy": policy, "order": 0})
	s.api(t, http.StatusOK, http.MethodPost, "events/transports/"+s.first(t, "events/transports/?mode=local", "pk").(string)+"/test/", nil)
	made("core/users/", map[string]any{"username": "pages.seen", "name": "Seen Pages"})
	s.settled(t, chat, "failed", 1)
	dead := strconv.Itoa(int(s.first(t, "events/deliveries/?transport="+chat, "id").(float64)))
	event := s.first(t, "events/deliveries/?transport="+chat, "event").(string)
	b.look(
		shown{"notification-rules", rules, "Watch who is made"},
		shown{"notification-rule", rules + rule + "/?open=bind", "looked-at"},
		shown{"notification-rule-edit", rules + rule + "/edit/", "Whom to tell"},
		shown{"notification-rule-delete", rules + rule + "/delete/", "Delete"},
		shown{"notification-transports", transports, "Security channel"},
		shown{"notification-transport", transports + chat + "/", "Used by"},
		shown{"notification-transport-delete", transports + chat + "/delete/", "Delete"},
		shown{"property-mappings", mappings, "Slim body"},
		shown{"property-mapping", mappings + mapping + "/", "Security channel"},
		shown{"deliveries", deliveries, "where webhooks may not lead"},
		shown{"delivery-dead", deliveries + dead + "/", "This was given up"},
		shown{"event-deliveries", "/if/admin/events/" + event + "/", "What was sent because of this event"},
		shown{"notifications", own, "This is a test of the transport"},
		shown{"notifications-unseen", own + "?seen=false", "Mark all as seen"},
	)
	b.open(transports + chat + "/")
	b.click("Send a test")
	b.sees("It was not taken")
	b.checked("transport-refused")
	b.open(own)
	b.follow("Mark all as seen")
	b.open(own + "?seen=false")
	b.sees("You have seen everything")
	b.checked("notifications-none")
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
