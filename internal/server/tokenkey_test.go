package server_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Published clients make a token and ask for its key in a second call.
func TestTheKeyOfATokenIsShownOnce(t *testing.T) {
	t.Parallel()
	c := administrator(t)
	own := caller{c.rig, c.keyOf(c.person)}
	made := own.send(http.MethodPost, path("/core/tokens/"), map[string]any{"identifier": "ci"}, http.StatusCreated)
	one := path("/core/tokens/ci/")
	eve, err := c.accounts.Create(t.Context(), idp.SystemActor(), account.NewUser{Username: "eve"})
	require.NoError(t, err)
	stranger := caller{c.rig, c.keyOf(eve)}
	stranger.send(http.MethodGet, one+"view_key/", nil, http.StatusNotFound)

	for _, site := range []string{"cross-site", "same-site"} {
		c.do(request{path: one + "view_key/", cookie: c.cookieOf(c.person), header: map[string]string{"Sec-Fetch-Site": site}}).json(http.StatusForbidden)
	}
	answer := c.do(request{path: one + "view_key/", key: own.key})
	require.Equal(t, made["key"], answer.json(http.StatusOK)["key"])
	require.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
	for _, who := range []caller{own, c} {
		require.Contains(t, who.send(http.MethodGet, one+"view_key/", nil, http.StatusConflict)["detail"], "within an hour")
	}
	events := c.send(http.MethodGet, path("/events/events/?action=secret_view"), nil, http.StatusOK)["results"].([]any)
	require.Len(t, events, 1)
	require.Equal(t, "grace", events[0].(map[string]any)["user"].(map[string]any)["username"])

	// Administrators see the keys of others, and choose them.
	const chosen = "chosen-key-of-the-pipeline"
	own.send(http.MethodPost, one+"set_key/", map[string]any{"key": chosen}, http.StatusForbidden)
	for _, bad := range []string{"short", "has spaces in it, which no header may", ""} {
		require.Contains(t, c.send(http.MethodPost, one+"set_key/", map[string]any{"key": bad}, http.StatusBadRequest), "key")
	}
	require.Contains(t, c.send(http.MethodPost, one+"set_key/", map[string]any{}, http.StatusBadRequest), "key")
	c.send(http.MethodPost, path("/core/tokens/none/set_key/"), map[string]any{"key": chosen}, http.StatusNotFound)
	require.Equal(t, http.StatusOK, c.do(request{path: path("/core/users/me/"), key: made["key"].(string)}).Code)
	c.send(http.MethodPost, one+"set_key/", map[string]any{"key": chosen}, http.StatusNoContent)
	c.do(request{path: path("/core/users/me/"), key: made["key"].(string)}).json(http.StatusForbidden)
	me := c.do(request{path: path("/core/users/me/"), key: chosen}).json(http.StatusOK)
	require.Equal(t, "grace", me["user"].(map[string]any)["username"])
	require.Equal(t, chosen, c.send(http.MethodGet, one+"view_key/", nil, http.StatusOK)["key"])
	require.Len(t, c.send(http.MethodGet, path("/events/events/?action=secret_rotate"), nil, http.StatusOK)["results"], 1)
	require.NotContains(t, c.log.String(), chosen)

	own.send(http.MethodPost, path("/core/tokens/"), map[string]any{"identifier": "other"}, http.StatusCreated)
	require.NoError(t, c.lockdowns.Deactivate(t.Context(), idp.SystemActor(), c.person.ID))
	require.NoError(t, c.lockdowns.Activate(t.Context(), idp.SystemActor(), c.person.ID))
	c.send(http.MethodGet, path("/core/tokens/other/view_key/"), nil, http.StatusNotFound)
	require.Equal(t, 2, len(c.send(http.MethodGet, path("/events/events/?action=secret_view"), nil, http.StatusOK)["results"].([]any)))
}
