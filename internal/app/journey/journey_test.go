package journey

import "testing"

// TestJourneys walks through what people do, all on one server that has the
// demonstration in it. The long walks come first, so that they do not run alone
// at the end.
func TestJourneys(t *testing.T) {
	t.Parallel()
	s := newSite(t, "--demo")
	for _, journey := range []struct {
		name string
		walk func(*testing.T, *site)
	}{
		{"user pages", userPages},
		{"other pages", otherPages},
		{"notification pages", notificationPages},
		{"application pages", applicationPages},
		{"posted answers", postedAnswers},
		{"refused at a host", refusedAtAHost},
		{"an application from nothing", anApplicationFromNothing},
		{"tokens by hand", tokensByHand},
		{"leaving for other sites", leaveForOtherSites},
		{"asking for access", askForAccess},
		{"live events", liveEvents},
		{"a flow from nothing", flowFromNothing},
		{"watching a flow", inspectAFlow},
		{"bringing in a blueprint", importABlueprint},
		{"configuration pages", configurationPages},
		{"locking somebody", lockSomebody},
		{"lifting a lock", liftALock},
		{"restore with a password", restoreWithPassword},
		{"restore with a link", restoreWithLink},
		{"strangers' pages", strangersPages},
		{"oneself", lockOneself},
		{"own sessions", ownSessions},
		{"one user from the list", lockFromList},
		{"one user from their page", lockFromPage},
		{"several users from the list", lockSeveral},
		{"oneself among several", lockSeveralWithOneself},
		{"own account in the directory", ownAccountInDirectory},
		{"leaving a lockdown", leaveLockdown},
		{"brand without lockdown flow", brandWithoutFlow},
		{"changing the password", changePassword},
		{"colours and menus", coloursAndMenus},
		{"signing out", signOut},
		{"by keyboard", byKeyboard},
		{"without script", withoutScript},
		{"a flow without script", flowWithoutScript},
		{"two administrators at once", together},
		{"an administrator overtaken", overtaken},
		{"back button", backButton},
		{"pictures for the README", picturesForTheReadme},
	} {
		t.Run(journey.name, func(t *testing.T) {
			t.Parallel()
			journey.walk(t, s)
		})
	}
}
