package journey

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Without a lockdown flow on the brand the button says so; once one is chosen
// under System > Brands it works. A brand of its own keeps the other journeys
// out of it.
func brandWithoutFlow(t *testing.T, s *site) {
	ada := s.person(t, "brand.ada", "Ada Branded")
	flows := s.api(t, http.StatusOK, http.MethodGet, "core/brands/?domain=portcullis-default", nil)["results"].([]any)[0].(map[string]any)
	s.api(t, http.StatusCreated, http.MethodPost, "core/brands/", map[string]any{"domain": "localhost", "branding_title": "Elsewhere",
		"flow_authentication": flows["flow_authentication"], "flow_invalidation": flows["flow_invalidation"]})
	elsewhere := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	hers := newBrowser(t, elsewhere).as(ada.Username, ada.Password, "/if/user/settings/")
	hers.click("Lock my account")
	hers.sees("No lockdown flow configured")
	require.Equal(t, "/if/user/settings/", hers.path())
	b := newBrowser(t, elsewhere).asAdmin()
	b.open(ada.page())
	b.click("Account Lockdown")
	b.sees("No lockdown flow configured", "System > Brands")
	b.open("/if/admin/users/?search=brand.ada")
	b.tick(ada)
	b.click("Account Lockdown")
	b.sees("No lockdown flow configured")

	b.open("/if/admin/")
	b.follow("Brands")
	b.checked("brands")
	b.follow("localhost")
	b.sees("Lockdown flow")
	b.choose("flow_lockdown", "default-account-lockdown")
	b.checked("brand")
	b.follow("Save changes")
	b.open(ada.page())
	b.follow("Account Lockdown")
	b.at(lockdownPage)
	b.sees("Elsewhere", "brand.ada")
}
