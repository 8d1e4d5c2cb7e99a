package journey

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// Two administrators lock the same account down at the same time: the second
// sees what became of it, and the account is locked once and for all.
func together(t *testing.T, s *site) {
	ada, boss := s.person(t, "together.ada", "Ada Together"), s.administrator(t, "together.boss", "Boss Together")
	first, second := newBrowser(t, s.URL).asAdmin(), s.signedIn(t, boss, "/if/admin/")
	for _, b := range []*browser{first, second} {
		b.open(ada.page())
		b.follow("Account Lockdown")
		b.at(lockdownPage)
		b.fill("lockdown_reason", "Both of us saw it")
	}
	first.leaving(func() {
		second.leaving(func() {
			first.click("Continue")
			second.click("Continue")
		})
	})
	for _, b := range []*browser{first, second} {
		b.sees("together.ada")
		b.follow("Continue")
		b.at(ada.page())
		b.sees("This account is locked down")
	}
	s.locked(t, ada, "Both of us saw it")

	// One activates while the other still looks at the locked account.
	first.click("Activate")
	first.press("Activate")
	first.sees("Access was restored")
	second.click("Activate")
	second.press("Activate")
	second.sees("Access was restored")
	require.Equal(t, true, s.user(t, ada)["is_active"])
}

// An administrator who is deactivated while they are at it ends nothing.
func overtaken(t *testing.T, s *site) {
	ada, boss := s.person(t, "overtaken.ada", "Ada Overtaken"), s.administrator(t, "overtaken.boss", "Boss Overtaken")
	b := s.signedIn(t, boss, "/if/admin/")
	b.open(ada.page())
	b.follow("Account Lockdown")
	b.fill("lockdown_reason", "Too late")
	s.api(t, http.StatusOK, http.MethodPatch, fmt.Sprintf("core/users/%d/", boss.PK), map[string]any{"is_active": false})
	b.follow("Continue")
	b.at("/if/flow/")
	require.True(t, s.may(t, ada))
	b.gone("/if/admin/")
}

// The back button inside a flow: an answer to a step that is passed changes
// nothing and leads to where the flow stands.
func backButton(t *testing.T, s *site) {
	ada, tom := s.person(t, "back.ada", "Ada Back"), s.person(t, "back.tom", "Tom Back")
	b := newBrowser(t, s.URL)
	b.open("/if/user/settings/")
	b.fill("uid_field", ada.Username)
	b.follow("Continue")
	b.back()
	b.at(signInPage)
	if b.has("uid_field") { // the browser kept the page; otherwise it asked for it again
		b.follow("Continue")
	}
	b.fill("password", ada.Password)
	b.follow("Continue")
	b.at("/if/user/settings/")
	b.sees("Ada Back")
	b.back()
	b.at("/if/")
	b.open("/if/user/settings/")
	b.sees("Ada Back")

	admin := newBrowser(t, s.URL).asAdmin()
	admin.open(tom.page())
	admin.follow("Account Lockdown")
	admin.fill("lockdown_reason", "The first time")
	admin.follow("Continue")
	admin.sees("back.tom", "locked down")
	admin.back()
	admin.at(lockdownPage)
	if admin.has("lockdown_reason") {
		admin.fill("lockdown_reason", "The second time")
	}
	admin.follow("Continue")
	s.locked(t, tom, "The first time")
	found := s.api(t, http.StatusOK, http.MethodGet, "lockdowns/?user="+fmt.Sprint(tom.PK), nil)
	require.Len(t, found["results"], 1)
}
