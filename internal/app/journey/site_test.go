package journey

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// site is one server that several journeys share; each has its own people.
type site struct{ *server }

// newSite starts a server on a database of its own, with the people of the
// demonstration in it.
func newSite(t *testing.T, args ...string) *site {
	t.Helper()
	return &site{start(t, args, "PORTCULLIS_DATABASE_URL="+testkit.Database(t),
		"PORTCULLIS_SECRET_KEY="+strings.Repeat("of-the-journeys-", 3), "PORTCULLIS_BOOTSTRAP_PASSWORD="+adminPassword, "PORTCULLIS_BOOTSTRAP_TOKEN="+adminToken)}
}

// person is somebody made for one journey.
type person struct {
	PK                       int
	Username, Name, Password string
	Key                      string // of an API token
}

// page is where the console shows the person.
func (p person) page() string { return "/if/admin/users/" + strconv.Itoa(p.PK) + "/" }

// person makes an account with a password and an API token.
func (s *site) person(t *testing.T, username, name string) person {
	t.Helper()
	p := person{Username: username, Name: name, Password: "a long enough password of " + username}
	made := s.api(t, http.StatusCreated, http.MethodPost, "core/users/", map[string]any{"username": username, "name": name, "email": username + "@example.org"})
	p.PK = int(made["pk"].(float64))
	s.api(t, http.StatusNoContent, http.MethodPost, "core/users/"+strconv.Itoa(p.PK)+"/set_password/", map[string]any{"password": p.Password})
	token := s.api(t, http.StatusCreated, http.MethodPost, "core/tokens/", map[string]any{"identifier": "of-user-" + strconv.Itoa(p.PK), "intent": "api", "user": p.PK})
	p.Key, _ = token["key"].(string)
	require.NotEmpty(t, p.Key, "the key is shown once, at creation: %v", token)
	return p
}

// administrator is a person who may do everything.
func (s *site) administrator(t *testing.T, username, name string) person {
	t.Helper()
	p := s.person(t, username, name)
	groups := s.api(t, http.StatusOK, http.MethodGet, "core/groups/?name=Portcullis%20Admins", nil)
	group := groups["results"].([]any)[0].(map[string]any)["pk"].(string)
	s.api(t, http.StatusNoContent, http.MethodPost, "core/groups/"+group+"/add_user/", map[string]any{"pk": p.PK})
	return p
}

// api calls the JSON API as the first administrator.
func (s *site) api(t *testing.T, status int, method, path string, body any) map[string]any {
	t.Helper()
	got, content := s.call(t, adminToken, method, path, body)
	require.Equal(t, status, got, "%s %s: %s", method, path, content)
	out := map[string]any{}
	if len(content) > 0 {
		require.NoError(t, json.Unmarshal(content, &out), "%s", content)
	}
	return out
}

// call calls the JSON API with a token.
func (s *site) call(t *testing.T, key, method, path string, body any) (int, []byte) {
	t.Helper()
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		require.NoError(t, err)
		reader = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, s.URL+"/api/v3/"+path, reader)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+key)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, content
}

// may reports whether the person's token opens the API.
func (s *site) may(t *testing.T, p person) bool {
	t.Helper()
	status, content := s.call(t, p.Key, http.MethodGet, "core/users/me/", nil)
	if status == http.StatusOK {
		return true
	}
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, string(content), "Token invalid/expired")
	return false
}

// user reads the account as the API tells it.
func (s *site) user(t *testing.T, p person) map[string]any {
	t.Helper()
	return s.api(t, http.StatusOK, http.MethodGet, "core/users/"+strconv.Itoa(p.PK)+"/", nil)
}

// signedIn is the person's browser after they signed in.
func (s *site) signedIn(t *testing.T, p person, path string) *browser {
	t.Helper()
	return newBrowser(t, s.URL).as(p.Username, p.Password, path)
}

// refused tries to sign the person in and sees it fail.
func (s *site) refused(t *testing.T, p person) {
	t.Helper()
	b := newBrowser(t, s.URL)
	b.open("/")
	b.signIn(p.Username, p.Password)
	b.sees("Failed to authenticate")
	require.True(t, strings.HasPrefix(b.path(), "/if/flow/"), b.path())
}
