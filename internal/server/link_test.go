package server_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// link issues a recovery link of person's for the flow "sign-in".
func (r *rig) link() (idp.TokenID, string) {
	issued, key, err := r.tokens.Issue(r.t.Context(), idp.SystemActor(), token.Draft{User: r.person.ID, Identifier: "a-link",
		Intent: idp.IntentRecovery, FlowSlug: "sign-in"})
	require.NoError(r.t, err)
	return issued.ID, key
}

func TestALinkBeginsItsFlow(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id, key := r.link()
	page := "/if/flow/sign-in/?flow_token=" + key + "&next=%2Fprobe%2F"
	for range 2 { // whatever looks through mail opens it first
		b := r.browser()
		got := b.do(request{path: page})
		require.Equal(t, http.StatusSeeOther, got.Code, got.Body)
		require.Equal(t, "/if/flow/sign-in/?next=%2Fprobe%2F", got.Header().Get("Location"))
		require.NotEmpty(t, b.cookies[web.BrowserCookie])
		require.Empty(t, b.cookies[web.SessionCookie])
		require.Contains(t, b.do(request{path: got.Header().Get("Location")}).Body.String(), "the question")
	}
	require.NotContains(t, r.log.String(), key)
	opened, err := r.db.Repos().Tokens.Get(t.Context(), id)
	require.NoError(t, err)
	require.Nil(t, opened.RevokedAt)
}

func TestDeadLinks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.addFlow("other", idp.DesignationRecovery, idp.AuthenticationNone, "question", "{}")
	_, key := r.link()
	api := r.keyOf(r.person)
	dead := func(slug, key string) {
		t.Helper()
		b := r.browser()
		got := b.do(request{path: "/if/flow/" + slug + "/?flow_token=" + key})
		require.Equal(t, http.StatusOK, got.Code)
		require.Contains(t, got.Body.String(), "This link does not work")
		require.Empty(t, b.cookies[web.BrowserCookie], "nothing begun")
	}
	dead("sign-in", "nonsense")
	dead("sign-in", api)
	dead("other", key)
	require.NoError(t, r.lockdowns.Deactivate(t.Context(), idp.SystemActor(), r.person.ID))
	dead("sign-in", key)
	require.NoError(t, r.lockdowns.Activate(t.Context(), idp.SystemActor(), r.person.ID))
	dead("sign-in", key)
}
