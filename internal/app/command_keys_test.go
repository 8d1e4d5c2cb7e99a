package app_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/oidc"
)

// published are the IDs of the keys that an application's clients are given.
func (s *site) published(slug string) (out []string) {
	s.Helper()
	set := s.browser().get("/application/o/" + slug + "/jwks/").json(http.StatusOK)
	for _, k := range set["keys"].([]any) {
		out = append(out, k.(map[string]any)["kid"].(string))
	}
	return out
}

// Keys are listed, rotated with overlap, and revoked without any, on the server's
// machine and from elsewhere.
func TestSigningKeysFromTheCommandLine(t *testing.T) {
	terminalsWithSecret(t, func(x *terminal) {
		x.client("wiki")
		first := x.published("wiki")
		require.Len(x, first, 1)
		require.Regexp(x, `(?m)^`+first[0]+` +RS256 +signing +\S+Z +\S+Z$`, x.does("keys", "ls"))

		require.Regexp(x, `^Made key \S+\. It signs from \S+Z\.\n$`, x.does("keys", "rotate"))
		both := x.published("wiki")
		require.Len(x, both, 2)
		var shown []struct{ KID, State string }
		require.NoError(x, json.Unmarshal([]byte(x.does("keys", "ls", "--format", "json")), &shown))
		require.Equal(x, []string{"signing", "upcoming"}, []string{shown[0].State, shown[1].State})
		require.Equal(x, first[0], shown[0].KID)

		out := x.does("keys", "revoke", first[0])
		require.Contains(x, out, "Revoked key "+first[0]+".")
		require.Contains(x, out, "signs from now on")
		require.Contains(x, out, oidc.Residue)
		require.NotContains(x, x.published("wiki"), first[0])
		require.Len(x, x.published("wiki"), 2)
		require.Equal(x, "No signing key matches.\n", x.fails(cli.ExitFailure, "keys", "revoke", first[0]))
		require.Contains(x, x.fails(cli.ExitUsage, "keys", "revoke"), "expected the ID of one key")
		require.Equal(x, x.does("keys", "revoke", both[1]), "Revoked key "+both[1]+".\n"+oidc.Residue+"\n", "one that does not sign is not replaced")

		x.user("mia")
		if x.remote {
			_, errs := x.run("mia", cli.ExitFailure, "keys", "ls")
			require.Contains(x, errs, `"read" on "system"`)
			_, errs = x.run("mia", cli.ExitFailure, "keys", "revoke", both[1])
			require.Contains(x, errs, `"update" on "system"`)
		}
	})
}
