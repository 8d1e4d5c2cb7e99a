package journey

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Somebody whose laptop was stolen locks their own account.
func lockOneself(t *testing.T, s *site) {
	mia := s.person(t, "self.mia", "Mia Selfmade")
	stolen, b := s.signedIn(t, mia, "/if/user/"), s.signedIn(t, mia, "/if/user/")
	b.checked("home")
	b.open("/if/user/settings/")
	b.sees("Account Lockdown", "2 sessions end", "1 token stops working")
	b.checked("settings")
	b.follow("Lock my account")
	b.at(lockdownPage)
	b.sees("You are about to lock your own account", "You cannot sign in again until an administrator restores your access")
	b.checked("self-lockdown-flow")
	b.fill("lockdown_reason", "My laptop was stolen")
	b.follow("Continue")
	b.at(completePage)
	b.sees("Your account has been locked", "contact your administrator")
	b.checked("self-lockdown-complete")
	b.gone("/if/user/")
	stolen.gone("/if/user/settings/")
	s.locked(t, mia, "My laptop was stolen")
}

// Cancel leaves the flow and changes nothing.
func leaveLockdown(t *testing.T, s *site) {
	mia := s.person(t, "leave.mia", "Mia Leaving")
	b := s.signedIn(t, mia, "/if/user/settings/")
	b.follow("Lock my account")
	b.at(lockdownPage)
	b.follow("Cancel")
	b.at("/if/user/")
	require.True(t, s.may(t, mia))
	b.open(lockdownPage)
	b.sees("No target user specified")
	b.checked("lockdown-without-target")
}

// Signing out ends this session and no other.
func signOut(t *testing.T, s *site) {
	mia := s.person(t, "out.mia", "Mia Out")
	other, b := s.signedIn(t, mia, "/if/user/"), s.signedIn(t, mia, "/if/user/settings/")
	b.run(chromedp.Click(`[popovertarget="own-menu"]`, chromedp.ByQuery))
	b.follow("Sign out")
	b.gone("/if/user/settings/")
	b.back()
	b.at("/if/")
	b.seesNot("Mia Out")
	other.open("/if/user/settings/")
	other.sees("Mia Out")
}

// The sessions of one's own account: the others can be ended.
func ownSessions(t *testing.T, s *site) {
	mia := s.person(t, "sessions.mia", "Mia Sessions")
	other, b := s.signedIn(t, mia, "/if/user/"), s.signedIn(t, mia, "/if/user/settings/sessions/")
	b.sees("Where you are signed in")
	b.checked("own-sessions")
	b.click("End all others")
	b.sees("End all your other sessions?")
	b.follow("End other sessions")
	b.sees("1 other session ended")
	other.gone("/if/user/")
	b.open("/if/user/settings/tokens/")
	b.sees("of-user-")
	b.checked("own-tokens")
	b.follow("New app password")
	b.fill("identifier", "mail-of-mia")
	b.follow("Create app password")
	b.sees("Copy it now: it is not shown again.")
	b.checked("own-token-key")
	b.follow("Done")
	b.sees("mail-of-mia")
}

// A new password asks for the present one and ends the other sessions.
func changePassword(t *testing.T, s *site) {
	mia := s.person(t, "change.mia", "Mia Change")
	other, b := s.signedIn(t, mia, "/if/user/"), s.signedIn(t, mia, "/if/user/settings/")
	b.follow("Change password")
	b.at("/if/flow/default-password-change/")
	b.checked("change-password-current")
	b.fill("password", "not this one")
	b.follow("Continue")
	b.sees("Failed to authenticate")
	b.fill("password", mia.Password)
	b.follow("Continue")
	b.sees("New password")
	b.checked("change-password")
	b.choosePassword("a password of her own", "a password of her own")
	b.at("/if/user/")
	other.gone("/if/user/settings/")
	s.refused(t, mia)
	mia.Password = "a password of her own"
	s.signedIn(t, mia, "/if/user/")
}

// Colours are the browser's own choice and stay; menus and the navigation of
// narrow screens open without covering what they are for.
func coloursAndMenus(t *testing.T, s *site) {
	b := newBrowser(t, s.URL).asAdmin()
	dark := func() (yes bool) {
		b.eval(`matchMedia("(prefers-color-scheme: dark)").matches || getComputedStyle(document.documentElement).colorScheme === "dark"`, &yes)
		return yes
	}
	require.False(t, dark())
	b.click("Theme")
	b.axe("theme menu")
	b.click("Dark")
	b.until(`getComputedStyle(document.documentElement).colorScheme === "dark"`)
	deadline := time.Now().Add(patience)
	for b.open("/if/admin/users/"); !dark(); b.open("/if/admin/users/") { // pages do not wait until the choice has arrived
		require.True(t, time.Now().Before(deadline), "the choice is kept")
	}
	b.open("/if/user/settings/")
	require.True(t, dark(), "on every page")
	b.leaving(func() { b.run(chromedp.Click(`//main//button[normalize-space(.)="Automatic"]`, chromedp.BySearch)) })
	require.False(t, dark())

	b.run(chromedp.EmulateViewport(390, 844))
	b.open("/if/admin/")
	b.click("Navigation")
	b.until(`document.querySelector("#sidebar").matches(":popover-open")`)
	b.axe("navigation of a phone")
	b.picture("navigation-390.png")
	b.follow("Lockdowns")
	b.at("/if/admin/lockdowns/")
}
