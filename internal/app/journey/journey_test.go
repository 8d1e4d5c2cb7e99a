package journey

import "testing"

// TestJourneys walks through what people do, all on one server that has the
// demonstration in it.
func TestJourneys(t *testing.T) {
	t.Parallel()
	s := newSite(t, "--demo")
	for name, walk := range map[string]func(*testing.T, *site){
		"one user from the list":       lockFromList,
		"several users from the list":  lockSeveral,
		"oneself among several":        lockSeveralWithOneself,
		"one user from their page":     lockFromPage,
		"own account in the directory": ownAccountInDirectory,
		"oneself":                      lockOneself,
		"leaving a lockdown":           leaveLockdown,
		"signing out":                  signOut,
		"own sessions":                 ownSessions,
		"restore with a password":      restoreWithPassword,
		"restore with a link":          restoreWithLink,
		"by keyboard":                  byKeyboard,
		"without script":               withoutScript,
		"two administrators at once":   together,
		"an administrator overtaken":   overtaken,
		"back button":                  backButton,
		"every page":                   everyPage,
		"brand without lockdown flow":  brandWithoutFlow,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			walk(t, s)
		})
	}
}
