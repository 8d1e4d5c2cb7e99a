package journey

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// An application from nothing, all of it in a browser: an administrator makes it, a person
// agrees, signs a device in as well, and takes it back.
func anApplicationFromNothing(t *testing.T, s *site) {
	codes := make(chan string, 8)
	paths := http.NewServeMux() // browsers ask for an icon as well
	paths.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) {
		codes <- r.FormValue("code") + r.FormValue("error")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!doctype html><title>Teapot</title><p>The kettle is on."))
	})
	app := httptest.NewServer(paths)
	t.Cleanup(app.Close)

	admin := newBrowser(t, s.URL).asAdmin()
	admin.open("/if/admin/applications/new/")
	admin.fill("name", "Teapot")
	admin.fill("redirect_uris", app.URL+"/callback")
	admin.choose("authorization_flow", "xplicit")
	admin.follow("Create application")
	admin.sees("Teapot", "Who may use it", "teapot")
	made := s.api(t, http.StatusOK, http.MethodGet, "core/applications/teapot/", nil)
	at := "providers/oauth2/" + fmt.Sprint(made["provider"]) + "/"
	provider := s.api(t, http.StatusOK, http.MethodGet, at, nil)
	require.Equal(t, []any{map[string]any{"matching_mode": "strict", "url": app.URL + "/callback"}}, provider["redirect_uris"])
	s.api(t, http.StatusOK, http.MethodPatch, at, map[string]any{"grant_types": []string{"authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"}})
	client := oauth2.Config{ClientID: provider["client_id"].(string), ClientSecret: provider["client_secret"].(string), RedirectURL: app.URL + "/callback", Scopes: []string{"openid", "profile"},
		Endpoint: oauth2.Endpoint{AuthURL: s.URL + "/application/o/authorize/", TokenURL: s.URL + "/application/o/token/", DeviceAuthURL: s.URL + "/application/o/device/"}}

	ada := s.person(t, "teapot.ada", "Ada Teapot")
	b := s.signedIn(t, ada, "/if/user/")
	b.sees("Teapot")
	verifier := oauth2.GenerateVerifier()
	b.visit(client.AuthCodeURL("x", oauth2.S256ChallengeOption(verifier)))
	b.sees("You are about to sign in to Teapot", "General profile information")
	b.checked("consent")
	b.follow("Cancel")
	b.sees("The kettle is on.")
	require.Equal(t, "access_denied", <-codes, "who does not agree is not asked again and again")
	b.visit(client.AuthCodeURL("x", oauth2.S256ChallengeOption(verifier)))
	b.sees("You are about to sign in to Teapot")
	b.follow("Continue")
	b.sees("The kettle is on.")
	tokens, err := client.Exchange(context.Background(), <-codes, oauth2.VerifierOption(verifier))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, s.userinfo(t, tokens.AccessToken))

	begin := func() *oauth2.DeviceAuthResponse {
		device, err := client.DeviceAuth(context.Background(), oauth2.SetAuthURLParam("client_secret", client.ClientSecret))
		require.NoError(t, err)
		device.Interval = 1
		return device
	}
	device := begin()
	b.visit(device.VerificationURIComplete)
	b.follow("Continue")
	b.sees("You are about to sign in to Teapot")
	b.follow("Cancel")
	b.sees("The device was not signed in")
	b.checked("device-refused")
	_, err = client.DeviceAccessToken(context.Background(), device)
	require.ErrorContains(t, err, "access_denied")

	device = begin()
	b.visit(device.VerificationURI)
	b.sees("Sign in a device")
	b.fill("code", "BCDF-BCDF")
	b.follow("Continue")
	b.sees("code")
	b.checked("device-code-wrong")
	b.visit(device.VerificationURIComplete)
	b.follow("Continue")
	b.sees("You are about to sign in to Teapot")
	b.follow("Continue")
	b.sees("The device is signed in")
	b.checked("device-done")
	second, err := client.DeviceAccessToken(context.Background(), device)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, s.userinfo(t, second.AccessToken))

	b.open("/if/user/settings/applications/")
	b.sees("Teapot")
	b.checked("own-consent")
	b.open("/if/user/settings/applications/" + fmt.Sprint(s.first(t, "core/user_consent/?user="+strconv.Itoa(ada.PK), "pk")) + "/revoke/")
	b.sees("Revoke your consent for Teapot?")
	b.checked("consent-revoke")
	b.follow("Revoke consent")
	b.sees("Your consent for Teapot was revoked", "Nothing yet")
	require.Equal(t, http.StatusUnauthorized, s.userinfo(t, tokens.AccessToken))
	require.Equal(t, http.StatusUnauthorized, s.userinfo(t, second.AccessToken))
}

// userinfo is what an application is answered that asks who somebody is.
func (s *site) userinfo(t *testing.T, token string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/application/o/userinfo/", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	got, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, got.Body.Close())
	return got.StatusCode
}
