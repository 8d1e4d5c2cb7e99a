package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/testkit"
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
