package journey

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// lockdown locks somebody down through the API.
func (s *site) lockdown(t *testing.T, p person, reason string) {
	t.Helper()
	s.api(t, http.StatusOK, http.MethodPost, "lockdowns/", map[string]any{"users": []int{p.PK}, "reason": reason})
	require.False(t, s.may(t, p))
}

// Access comes back with Activate and Set password; nothing that ended does.
func restoreWithPassword(t *testing.T, s *site) {
	ada := s.person(t, "restored.ada", "Ada Restored")
	hers := s.signedIn(t, ada, "/if/user/")
	s.lockdown(t, ada, "Rehearsal")
	b := newBrowser(t, s.URL).asAdmin()
	b.open("/if/admin/users/?search=restored.ada")
	require.Contains(t, b.row(ada), "Locked down")
	b.open(ada.page())
	b.sees("This account is locked down", "To restore access", "MFA")
	b.click("Activate")
	b.sees("Activate Ada Restored?")
	b.checked("activate-question")
	b.press("Activate")
	b.sees("Access was restored", "There is no password yet", "re-enrol")
	b.checked("user-restored")
	s.refused(t, ada)
	b.follow("Set password")
	b.fill("password", "a password chosen afterwards")
	b.fill("repeat", "another one")
	b.follow("Set password")
	b.checked("set-password")
	b.fill("password", "a password chosen afterwards")
	b.fill("repeat", "a password chosen afterwards")
	b.follow("Set password")
	b.at(ada.page())
	hers.gone("/if/user/settings/")
	require.False(t, s.may(t, ada), "activating revives no token")
	s.refused(t, ada)
	fresh := ada
	fresh.Password = "a password chosen afterwards"
	s.signedIn(t, fresh, "/if/user/settings/")
}

// A recovery link lets the owner choose the password themselves.
func restoreWithLink(t *testing.T, s *site) {
	ada := s.person(t, "linked.ada", "Ada Linked")
	s.lockdown(t, ada, "Rehearsal")
	b := newBrowser(t, s.URL).asAdmin()
	b.open(ada.page())
	b.click("Create recovery link")
	b.sees("Activate the account first")
	b.click("Activate")
	b.press("Activate")
	b.sees("Access was restored")
	first := b.recoveryLink(ada)
	link := b.recoveryLink(ada)
	b.checked("recovery-link")

	hers := newBrowser(t, s.URL)
	hers.visit(first)
	hers.sees("This link does not work")
	hers.checked("dead-link")
	for range 2 { // opening it, as a mail scanner does, uses nothing up
		hers.visit(link)
		hers.at("/if/flow/default-recovery-flow/")
		require.NotContains(t, hers.path(), "flow_token")
	}
	hers.sees("Reset your password")
	hers.checked("recovery-flow")
	late := newBrowser(t, s.URL)
	late.visit(link)
	late.at("/if/flow/default-recovery-flow/")
	hers.choosePassword("short", "short")
	hers.sees("at least")
	hers.choosePassword("chosen with the link", "chosen with the link")
	hers.at("/if/user/")
	hers.open("/if/user/settings/")
	hers.sees("Ada Linked")

	late.choosePassword("the finder's own choice", "the finder's own choice")
	late.seesNot("Ada Linked")
	late.visit(link)
	late.sees("This link does not work")
	require.False(t, s.may(t, ada))
	s.refused(t, ada)
	ada.Password = "chosen with the link"
	s.signedIn(t, ada, "/if/user/")
	found := s.api(t, http.StatusOK, http.MethodGet, "lockdowns/?user="+fmt.Sprint(ada.PK), nil)
	require.NotNil(t, found["results"].([]any)[0].(map[string]any)["restored_at"])
}

// recoveryLink makes a link for the person whose page is open.
func (b *browser) recoveryLink(p person) (link string) {
	b.t.Helper()
	b.open(p.page())
	b.follow("Create recovery link")
	b.sees("How often it works")
	b.checked("recovery-link-form")
	b.follow("Create recovery link")
	b.sees("Whoever opens this link")
	b.eval(`[...document.querySelectorAll("code")].map(e => e.innerText).find(s => s.includes("flow_token"))`, &link)
	require.Contains(b.t, link, b.base+"/if/flow/")
	return link
}

// choosePassword answers a flow's form with a new password.
func (b *browser) choosePassword(password, again string) {
	b.t.Helper()
	b.fill("password", password)
	b.fill("password_repeat", again)
	b.follow("Continue")
}
