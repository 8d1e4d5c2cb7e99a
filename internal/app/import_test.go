package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// An account brought over with its hash signs in with its old password, once
// with the foreign hash and from then on with ours.
func TestAnImportedHashIsUpgradedAtSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	a := s.replicas[0]
	// Django's pbkdf2_sha256 of "imported secret" with salt "somesalt" and 1,000 rounds.
	const foreign = "pbkdf2_sha256$1000$somesalt$5NqnriRzde8KOfbCs90nVT5I8zEwvmlRhvQVuyQ2JGc="
	users := a.DB.Repos().Users
	for _, c := range []struct {
		hash string
		want int
	}{
		{"md5$salt$0123456789abcdef0123456789abcdef", http.StatusBadRequest},
		{strings.Repeat("x", 5000), http.StatusBadRequest},
		{foreign, http.StatusCreated},
	} {
		answer := s.admin().do(http.MethodPost, "/api/v3/core/users/", map[string]any{"username": "imported", "name": "", "password_hash": c.hash})
		require.Equal(t, c.want, answer.status, "%s", answer.body)
		require.NotContains(t, string(answer.body), c.hash)
	}
	for range 2 {
		u, err := users.FindByLogin(t.Context(), "imported", []string{"username"})
		require.NoError(t, err)
		ok, err := a.Accounts.Authenticate(t.Context(), idp.Actor{}, idp.Attempt{User: u, Secret: "imported secret"})
		require.NoError(t, err)
		require.True(t, ok)
	}
	u, err := users.FindByLogin(t.Context(), "imported", []string{"username"})
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(u.Password, "$argon2id$"), u.Password)
}
