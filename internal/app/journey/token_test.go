package journey

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// A person makes a password for a program, which the API takes, and revokes it; an administrator makes a service account.
func tokensByHand(t *testing.T, s *site) {
	const tokens = "/if/user/settings/tokens/"
	ada := s.person(t, "tokens.ada", "Ada Tokens")
	b := s.signedIn(t, ada, tokens)
	b.follow("New app password")
	b.fill("identifier", "not an identifier")
	b.follow("Create app password")
	b.checked("token-fault")
	b.fill("identifier", "mail-of-ada")
	b.follow("Create app password")
	b.sees("mail-of-ada", "Give it to the program in place of the password")
	b.checked("token-key")
	var key string
	b.eval(`document.querySelector(".secret code").textContent`, &key)
	require.Equal(t, http.StatusOK, s.basic(t, ada.Username, key))
	other := newBrowser(t, s.URL)
	other.open("/if/user/")
	other.signIn(ada.Username, key)
	other.sees("Failed to authenticate") // the shipped flow compares people's own passwords alone

	b.open(tokens)
	b.sees("mail-of-ada")
	b.checked("own-tokens")
	b.click("Revoke the token mail-of-ada")
	b.press("Revoke token")
	b.sees("The token mail-of-ada was revoked")
	require.Equal(t, http.StatusForbidden, s.basic(t, ada.Username, key))

	admin := newBrowser(t, s.URL).asAdmin()
	admin.open("/if/admin/service-accounts/new/")
	admin.sees("service account")
	admin.checked("service-account")
	admin.fill("name", "robot-of-the-journey")
	admin.follow("Create service account")
	admin.sees("robot-of-the-journey")
	admin.eval(`document.querySelector(".secret code").textContent`, &key)
	status, me := s.call(t, key, http.MethodGet, "core/users/me/", nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, string(me), "robot-of-the-journey")
}

// basic is what the API answers to a name and a password.
func (s *site) basic(t *testing.T, username, password string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v3/core/users/me/", nil)
	require.NoError(t, err)
	r.SetBasicAuth(username, password)
	got, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, got.Body.Close())
	return got.StatusCode
}
