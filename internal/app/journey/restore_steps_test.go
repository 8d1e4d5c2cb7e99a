package journey

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestRestoreStepByStep walks through a restore on a server without the demonstration.
func TestRestoreStepByStep(t *testing.T) {
	t.Parallel()
	restoreStepByStep(t, newSite(t))
}

// An administrator goes through the checklist, and the owner renews what was asked for.
func restoreStepByStep(t *testing.T, s *site) {
	ada := s.person(t, "stepwise.ada", "Ada Stepwise")
	group, _ := s.api(t, http.StatusCreated, http.MethodPost, "core/groups/", map[string]any{"name": "Stepwise helpers"})["pk"].(string)
	s.api(t, http.StatusNoContent, http.MethodPost, "core/groups/"+group+"/add_user/", map[string]any{"pk": ada.PK})
	s.api(t, http.StatusOK, http.MethodPatch, "core/users/"+strconv.Itoa(ada.PK)+"/", map[string]any{"email": "thief@evil.example"})
	s.lockdown(t, ada, "Rehearsal")

	b := newBrowser(t, s.URL).asAdmin()
	b.open(ada.page())
	b.follow("Restore…")
	b.sees("Restore Ada Stepwise", "1. Activate the account", "Suspected moment", "Put into the group “Stepwise helpers”", "to thief@evil.example")
	b.checked("restore")
	record := b.path()

	// Nothing that was typed wrong is done.
	b.click("Set a password")
	b.fill("password", "chosen by the help desk")
	b.fill("repeat", "chosen otherwise")
	b.follow("Set password")
	b.sees("The two passwords differ")
	b.checked("restore-fault")
	b.fill("password", "chosen by the help desk")
	b.fill("repeat", "chosen by the help desk")
	b.follow("Set password")
	b.sees("The password was set")
	b.follow("Activate")
	b.sees("The account was activated")
	b.follow("Revert all")
	b.sees("2 changes reverted")
	b.run(chromedp.Click("#renew-factor"))
	b.follow("Ask for it")
	b.sees("asked for at the next sign-in")
	b.open(record + "?since=2020-01-01T00:00")
	b.sees("Since (UTC)")
	b.checked("restore-half")
	b.follow("1 hour before the lockdown")
	b.sees("Nothing is left that was changed")
	b.click("Leave this step out")
	b.fill("reason", "Told by phone")
	b.follow("Leave out")
	b.sees("This restore is over", "Told by phone")
	b.checked("restore-over")
	b.follow("Open the record")
	b.sees("Record closed", "Password set by", "Left out by")
	b.checked("lockdown-restored")

	// What the help desk chose lets nobody in, but to choose another one.
	s.refused(t, ada)
	hers := newBrowser(t, s.URL)
	hers.open("/if/user/")
	hers.signIn(ada.Username, "chosen by the help desk")
	hers.checked("renew-factor")
	hers.follow("Authenticator app")
	hers.sees("Scan this")
	hers.checked("renew-app")
	var shown string
	hers.eval(`document.querySelector("details pre, details code").textContent`, &shown)
	secret := strings.Join(strings.Fields(shown), "")
	hers.fill("code", code(t, secret, 0))
	hers.follow("Continue")
	hers.sees("New password, once more")
	hers.checked("renew-password")
	hers.choosePassword("chosen by the help desk", "chosen by the help desk")
	hers.sees("is not the present one")
	hers.choosePassword("her own words this time", "her own words this time")
	hers.at("/if/user/")

	// From now on both are asked for.
	next := newBrowser(t, s.URL)
	next.open("/if/user/settings/")
	next.signIn(ada.Username, "her own words this time")
	next.sees("Code of your authenticator app")
	next.fill("code", code(t, secret, 30*time.Second)) // the present one was used to set the app up
	next.follow("Continue")
	next.at("/if/user/settings/")
	user := s.api(t, http.StatusOK, http.MethodGet, "core/users/"+strconv.Itoa(ada.PK)+"/", nil)
	require.Empty(t, user["groups"])
	require.NotEqual(t, "thief@evil.example", user["email"])
}
