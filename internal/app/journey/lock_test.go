package journey

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Security > Locks: somebody is locked with a message and an end. Whatever they
// have open is refused at once, and so is everything else they try; when the lock
// is lifted, all of it works again.
func lockSomebody(t *testing.T, s *site) {
	alice := s.administrator(t, "locked.alice", "Alice Locked")
	boss := s.administrator(t, "lock.smith", "Lou Smith")
	hers, elsewhere := s.signedIn(t, alice, "/if/admin/"), s.signedIn(t, alice, "/if/user/")
	hers.until(`document.querySelector(".live-sign:not([hidden])")?.textContent === "Live"`)
	link := s.api(t, http.StatusOK, http.MethodPost, "core/users/"+strconv.Itoa(alice.PK)+"/recovery/", nil)["link"].(string)
	b := s.signedIn(t, boss, "/if/admin/")
	b.follow("Locks")
	b.follow("New lock")
	b.checked("lock-what")
	b.follow("User")
	b.fill("search", "locked.al")
	b.leaving(func() { b.run(chromedp.SendKeys(field("search"), "\r", chromedp.ByQuery)) })
	b.sees("Alice Locked")
	b.run(chromedp.Click(`input[value="user:locked.alice"]`, chromedp.ByQuery))
	b.checked("lock-which")
	b.follow("Next: message and end")
	b.fill("message", "Suspicious activity. Call extension 112.")
	b.fill("ttl", "2h45m")
	b.checked("lock-why")
	b.follow("Next: whom it hits")
	b.sees("1 account, 2 live sessions and 2 live tokens", "Alice Locked", "For 2h45m from the moment you confirm")
	b.checked("lock-whom")
	b.follow("Create lock")
	b.sees("The lock on user locked.alice is in force.")
	b.checked("lock-made")

	const text = `lock targeting User:"locked.alice" is in force: Suspicious activity. Call extension 112.`
	hers.sees("Not live")
	hers.open("/if/user/")
	hers.sees("Access is locked", text, "Try again", "Sign in as somebody else")
	hers.checked("access-locked")
	status, content := s.call(t, alice.Key, http.MethodGet, "core/users/me/", nil)
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, string(content), "lock_in_force")
	s.lockedOutOfSignIn(t, alice, text)
	opened := newBrowser(t, s.URL)
	opened.visit(link)
	opened.sees("Access is locked", text)
	opened.checked("link-locked")
	elsewhere.open("/if/user/settings/")
	elsewhere.follow("Sign out")
	elsewhere.open("/if/user/settings/")
	elsewhere.at("/if/flow/")

	b.open("/if/admin/users/?search=locked.alice")
	b.checked("users-locked")
	b.leaving(func() { b.run(chromedp.Click(".lock-badge", chromedp.ByQuery)) })
	b.sees("Lock on user locked.alice", "Whom it hits now")
}

// lockedOutOfSignIn signs somebody in who is told of the lock, but not before the
// password was right.
func (s *site) lockedOutOfSignIn(t *testing.T, p person, text string) {
	t.Helper()
	b := newBrowser(t, s.URL)
	b.open("/if/user/")
	b.signIn(p.Username, "not the password")
	b.seesNot("lock targeting")
	b.fill("password", p.Password)
	b.follow("Continue")
	b.sees("Access is locked", text)
	b.checked("sign-in-locked")
	b.open("/if/user/")
	b.at("/if/flow/")
}

// Lifting lets people go on where they were; one click takes the lifting back.
func liftALock(t *testing.T, s *site) {
	bob := s.person(t, "lifted.bob", "Bob Lifted")
	boss := s.administrator(t, "lock.lifter", "Lea Lifter")
	his := s.signedIn(t, bob, "/if/user/settings/")
	b := s.signedIn(t, boss, "/if/admin/")
	b.open(bob.page())
	b.follow("Lock…")
	b.sees("Picked so far", "lifted.bob")
	b.follow("Next: whom it hits")
	b.follow("Create lock")
	b.sees("The lock on user lifted.bob is in force.")
	b.open(bob.page())
	b.sees("This account is locked")
	b.checked("user-locked")
	his.open("/if/user/settings/")
	his.sees("Access is locked", "to learn why")

	b.open("/if/admin/locks/?search=" + url.QueryEscape("user: lifted.bob"))
	b.checked("locks")
	b.click("Lift the lock on user lifted.bob")
	b.sees("Lift the lock on user lifted.bob?")
	b.checked("lock-lift")
	b.press("Lift lock")
	b.sees("The lock on user lifted.bob was lifted")
	b.checked("lock-undo")
	his.follow("Try again")
	his.at("/if/user/settings/")
	his.sees("Bob Lifted")

	b.follow("Put in force again: the lock on user lifted.bob")
	b.sees("is in force again")
	his.open("/if/user/settings/")
	his.sees("Access is locked")
	b.click("Lift lock")
	b.press("Lift lock")
	b.sees("This lock was lifted")
	b.checked("lock-lifted")
	his.follow("Try again")
	his.sees("Bob Lifted")
	b.open("/if/admin/locks/history/?search=lifted.bob")
	b.sees("Lifted by lock.lifter")
	b.checked("lock-history")
}
