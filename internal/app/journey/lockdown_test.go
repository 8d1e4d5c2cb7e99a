package journey

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const (
	signInPage   = "/if/flow/default-authentication-flow/"
	lockdownPage = "/if/flow/default-account-lockdown/"
	completePage = "/if/flow/default-account-lockdown-complete/"
)

// tick ticks a person in the list of users.
func (b *browser) tick(p person) {
	b.t.Helper()
	b.run(chromedp.Click(fmt.Sprintf(`input[name="users"][value="%d"]`, p.PK), chromedp.ByQuery))
}

// row is what the list of users says of a person.
func (b *browser) row(p person) (text string) {
	b.t.Helper()
	b.eval(fmt.Sprintf(`document.querySelector('input[name="users"][value="%d"]').closest("tr").innerText`, p.PK), &text)
	return text
}

// gone sees that a browser's session has ended: the next page asks to sign in.
func (b *browser) gone(path string) {
	b.t.Helper()
	b.open(path)
	b.at(signInPage)
}

// locked sees that every door of the person's account is shut.
func (s *site) locked(t *testing.T, p person, reason string) {
	t.Helper()
	require.False(t, s.may(t, p), "the API token")
	require.Equal(t, false, s.user(t, p)["is_active"])
	s.refused(t, p)
	found := s.api(t, http.StatusOK, http.MethodGet, "lockdowns/?user="+fmt.Sprint(p.PK), nil)
	record := found["results"].([]any)[0].(map[string]any)
	require.Equal(t, reason, record["reason"])
}

func lockFromList(t *testing.T, s *site) {
	ada := s.person(t, "list.ada", "Ada Listed")
	hers := s.signedIn(t, ada, "/if/user/")
	b := newBrowser(t, s.URL).asAdmin()
	b.open("/if/admin/users/?search=list.ada")
	require.Contains(t, b.row(ada), "Active")
	b.tick(ada)
	b.sees("1 user selected")
	b.checked("users-selected")
	b.follow("Account Lockdown")
	b.at(lockdownPage)
	b.sees("You are about to lock down", "list.ada", "1 session, 1 token")
	require.True(t, s.may(t, ada), "nothing is locked before the reason is given")
	b.fill("lockdown_reason", "Clicked a link in a mail")
	b.checked("lockdown-flow")
	b.follow("Continue")
	b.sees("list.ada", "locked down")
	b.checked("lockdown-results")
	b.follow("Continue")
	b.at("/if/admin/users/")
	b.open("/if/admin/users/?search=list.ada")
	b.sees("Locked down")
	require.NotContains(t, b.row(ada), "Active")
	hers.gone("/if/user/settings/")
	s.locked(t, ada, "Clicked a link in a mail")
}

func lockSeveral(t *testing.T, s *site) {
	mia, tom := s.person(t, "several.mia", "Mia Several"), s.person(t, "several.tom", "Tom Several")
	b := newBrowser(t, s.URL).asAdmin()
	b.open("/if/admin/users/?search=several.")
	b.tick(mia)
	b.tick(tom)
	b.sees("2 users selected")
	b.follow("Account Lockdown")
	b.sees("several.mia", "several.tom", "1 token)")
	b.fill("lockdown_reason", "Shared laptop stolen")
	b.follow("Continue")
	b.sees("several.mia", "several.tom")
	b.follow("Continue")
	b.at("/if/admin/users/")
	for _, p := range []person{mia, tom} {
		s.locked(t, p, "Shared laptop stolen")
	}
}

// Whoever ticks their own account among others ends on the completion page.
func lockSeveralWithOneself(t *testing.T, s *site) {
	boss, tom := s.administrator(t, "myself.boss", "Boss Myself"), s.person(t, "myself.tom", "Tom Myself")
	b := s.signedIn(t, boss, "/if/admin/")
	b.open("/if/admin/users/?search=myself.")
	b.tick(boss)
	b.tick(tom)
	b.follow("Account Lockdown")
	b.sees("Your own account is among them")
	b.checked("lockdown-question")
	b.follow("Continue")
	b.fill("lockdown_reason", "Both phished")
	b.follow("Continue")
	b.at(completePage)
	b.sees("Your account has been locked", "contact your administrator")
	b.gone("/if/admin/")
	s.locked(t, boss, "Both phished")
	s.locked(t, tom, "Both phished")
}

func lockFromPage(t *testing.T, s *site) {
	ada := s.person(t, "page.ada", "Ada Paged")
	first, second := s.signedIn(t, ada, "/if/user/"), s.signedIn(t, ada, "/if/user/settings/")
	b := newBrowser(t, s.URL).asAdmin()
	b.open(ada.page())
	b.sees("What this account holds", "Account Lockdown ends all of it at once")
	var held string
	b.eval(`document.querySelector('[aria-label="What this account holds"]').innerText.replace(/\s+/g, " ")`, &held)
	require.Contains(t, held, "Sessions 2 Tokens 1")
	b.checked("user")
	b.follow("Account Lockdown")
	b.at(lockdownPage)
	b.sees("page.ada", "You are about to lock down")
	b.fill("lockdown_reason", "Reported by the help desk")
	b.follow("Continue")
	b.sees("page.ada", "locked down")
	b.follow("Continue")
	b.at(ada.page())
	b.sees("This account is locked down")
	b.checked("user-locked")
	first.gone("/if/user/")
	second.gone("/if/user/settings/")
	s.locked(t, ada, "Reported by the help desk")
	b.open("/if/admin/")
	b.sees("Overview")
}

// An administrator's own account is locked under Settings, not in the directory.
func ownAccountInDirectory(t *testing.T, s *site) {
	boss := s.administrator(t, "own.boss", "Boss Own")
	b := s.signedIn(t, boss, "/if/admin/")
	b.open(boss.page())
	b.sees("Boss Own")
	b.click("Account Lockdown")
	b.sees("This is your own account. Lock it under your settings")
	require.Equal(t, boss.page(), b.path(), "the button does nothing but say why")
	b.checked("user-own")
}
