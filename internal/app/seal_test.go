package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/testkit/smtp"
)

// on is a program of the first administrator that talks to one replica.
func (s *site) on(r *replica) *browser {
	s.Helper()
	b := s.admin()
	b.base = r.base
	return b
}

// viewed asks a replica for the key of a token.
func (s *site) viewed(r *replica, identifier string, status int) map[string]any {
	s.Helper()
	return s.on(r).get("/api/v3/core/tokens/" + identifier + "/view_key/").json(status)
}

// Replicas that share a secret show the keys of one another's tokens; one with
// another says why it does not, and uses nothing up.
func TestReplicasShareTheSecret(t *testing.T) {
	t.Parallel()
	s := blankSite(t, testkit.Database(t))
	shared := t.TempDir()
	first, second, apart := s.open("data_dir", shared), s.open("data_dir", shared), s.open()
	info, err := os.Stat(filepath.Join(shared, "secret.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	made := s.on(first).do(http.MethodPost, "/api/v3/core/tokens/", map[string]any{"identifier": "ci"}).json(http.StatusCreated)
	require.Contains(t, s.viewed(apart, "ci", http.StatusConflict)["detail"], "another secret_key")
	require.Equal(t, made["key"], s.viewed(second, "ci", http.StatusOK)["key"])
	require.Contains(t, s.viewed(first, "ci", http.StatusConflict)["detail"], "within an hour")
}

// Where keys are kept revealable they are shown again and again, until the
// setting is taken back.
func TestKeysAreKeptRevealable(t *testing.T) {
	t.Parallel()
	s := blankSite(t, testkit.Database(t))
	shared := t.TempDir()
	often := s.open("data_dir", shared, "token_keys_revealable", "true")
	made := s.on(often).do(http.MethodPost, "/api/v3/core/tokens/", map[string]any{"identifier": "ci"}).json(http.StatusCreated)
	for range 3 {
		require.Equal(t, made["key"], s.viewed(often, "ci", http.StatusOK)["key"])
	}
	once := s.open("data_dir", shared)
	require.Equal(t, made["key"], s.viewed(once, "ci", http.StatusOK)["key"])
	s.viewed(once, "ci", http.StatusConflict)
}

// The password of a stage's own mail server is nowhere in the database, and the
// stage sends with it: also one that was stored in clear once, and from any
// replica that has the secret. One that has another says so.
func TestPasswordsOfMailServersAreSealed(t *testing.T) {
	t.Parallel()
	const typed = "kept-from-the-database"
	post := smtp.Start(t, smtp.Options{Security: smtp.StartTLS, Username: "u", Password: typed})
	s, shared := blankSite(t, testkit.Database(t)), t.TempDir()
	first := s.open("data_dir", shared)
	first.Mail.Server.Roots = post.Roots()
	s.user("mia")
	stages := s.admin().api(http.StatusOK, http.MethodGet, "/stages/email/", nil)["results"].([]any)
	at := "/stages/email/" + stages[0].(map[string]any)["pk"].(string) + "/"
	changed := s.admin().api(http.StatusOK, http.MethodPatch, at, map[string]any{"use_global_settings": false, "host": "127.0.0.1",
		"port": post.Port, "username": "u", "password": typed, "use_tls": true, "from_address": "stage@example.org"})
	require.NotContains(t, changed, "password")
	require.Zero(t, s.rowsWith(typed))
	require.Positive(t, s.rowsWith("stage@example.org"), "this finds what is there")
	s.browser().forgot("mia")
	require.Equal(t, "u", post.Receive().User)

	// The API, an export and the console's form show neither form of it.
	exported, err := first.Prints.Export(t.Context(), mailFlow)
	require.NoError(t, err)
	form := s.with(s.named("admin")).get("/if/admin/stages/" + stages[0].(map[string]any)["pk"].(string) + "/")
	require.Equal(t, http.StatusOK, form.status)
	require.Contains(t, string(form.body), "stage@example.org")
	shown := s.admin().get("/api/v3" + at)
	for _, text := range []string{string(exported), string(form.body), string(shown.body)} {
		require.NotContains(t, text, typed)
		require.NotContains(t, text, "sealed:")
	}

	// As an earlier version stored it.
	_, err = s.connect().Exec(t.Context(), `UPDATE stages SET settings = jsonb_set(settings, '{password}', to_jsonb($1::text)) WHERE kind = 'email'`, typed)
	require.NoError(t, err)
	s.browser().forgot("mia")
	require.Equal(t, "u", post.Receive().User)
	require.Positive(t, s.rowsWith(typed))
	second := s.open("data_dir", shared)
	second.Mail.Server.Roots = post.Roots()
	require.Zero(t, s.rowsWith(typed), "a start seals it")
	s.browser().forgot("mia")
	require.Equal(t, "u", post.Receive().User)

	require.NoError(t, first.Close())
	require.NoError(t, second.Close())
	s.replicas = nil
	s.open("data_dir", t.TempDir()).Mail.Server.Roots = post.Roots()
	s.browser().forgot("mia")
	s.settled()
	require.Equal(t, 3, post.Taken())
	failed := s.acted(idp.ActionConfigError)
	require.Len(t, failed, 1)
	require.Contains(t, failed[0].Context["exception"], "PORTCULLIS_SECRET_KEY")
}
