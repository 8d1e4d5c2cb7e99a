package journey

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/stretchr/testify/require"
)

// Sign-in, lockdown and restore in a browser that runs no script.
func withoutScript(t *testing.T, s *site) {
	ada := s.person(t, "noscript.ada", "Ada Noscript")
	b := newBrowser(t, s.URL)
	b.run(emulation.SetScriptExecutionDisabled(true))
	b.asAdmin()
	b.open("/if/admin/users/?search=noscript.ada")
	b.picture("noscript-users.png")
	b.tick(ada)
	b.follow("Account Lockdown")
	b.at(lockdownPage)
	b.sees("You are about to lock down", "noscript.ada", "1 token)")
	b.picture("noscript-lockdown.png")
	b.fill("lockdown_reason", "Without script")
	b.follow("Continue")
	b.sees("noscript.ada", "locked down")
	b.follow("Continue")
	b.at("/if/admin/users/")
	s.locked(t, ada, "Without script")
	b.open(ada.page())
	b.follow("Activate")
	b.sees("Activate Ada Noscript?")
	require.Equal(t, false, s.user(t, ada)["is_active"], "the question comes first")
	b.picture("noscript-activate.png")
	b.follow("Activate")
	b.sees("Access was restored")
	b.open("/if/admin/users/?search=noscript")
	b.sees("Ada Noscript")
	b.open("/flows/-/default/invalidation/")
	b.gone("/if/admin/")
}
