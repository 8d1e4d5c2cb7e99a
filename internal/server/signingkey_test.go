package server_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// Programs list signing keys, make the next one, and revoke one that somebody else may
// have, each with what is true of it and never with its secret.
func TestSigningKeysOverTheAPI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	keys := func() (out []map[string]any) {
		t.Helper()
		a := c.send(http.MethodGet, "/oidc/keys/", nil)
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		require.NoError(t, unmarshal(a.Body.Bytes(), &out))
		for _, k := range out {
			require.Len(t, k, 6, "%v", k)
			require.NotEmpty(t, k["kid"])
			require.Equal(t, "RS256", k["algorithm"])
		}
		return out
	}
	first := c.send(http.MethodPost, "/oidc/keys/rotate/", nil).json(http.StatusOK)
	second := c.send(http.MethodPost, "/oidc/keys/rotate/", nil).json(http.StatusOK)
	require.NotEqual(t, first["kid"], second["kid"])
	require.Equal(t, "upcoming", second["state"])
	require.Nil(t, second["retired"])
	require.Equal(t, []map[string]any{first, second}, keys(), "oldest first")

	revoke := func(kid any) string { return "/oidc/keys/" + kid.(string) + "/revoke/" }
	gone := c.send(http.MethodPost, revoke(second["kid"]), nil).json(http.StatusOK)
	require.Equal(t, second["kid"], gone["revoked"])
	require.Contains(t, gone["residual_exposure"], "until they read them again")
	replaced := gone["replaced_by"].(map[string]any)
	require.Equal(t, "signing", replaced["state"], "no other one signs")
	require.Equal(t, []map[string]any{first, replaced}, keys())
	require.Nil(t, c.send(http.MethodPost, revoke(first["kid"]), nil).json(http.StatusOK)["replaced_by"], "another one signs")
	require.Equal(t, []map[string]any{replaced}, keys())
	for _, kid := range []string{second["kid"].(string), "nobody-has-this", "%00"} {
		a := c.send(http.MethodPost, revoke(kid), nil)
		require.Contains(t, []int{http.StatusNotFound, http.StatusBadRequest}, a.Code, "%s: %s", kid, a.Body)
	}
	mia := r.by(r.person)
	mia.send(http.MethodGet, "/oidc/keys/", nil).json(http.StatusForbidden)
	mia.send(http.MethodPost, "/oidc/keys/rotate/", nil).json(http.StatusForbidden)
	mia.send(http.MethodPost, revoke(replaced["kid"]), nil).json(http.StatusForbidden)
	c.send(http.MethodDelete, "/oidc/keys/", nil).json(http.StatusMethodNotAllowed)
}
