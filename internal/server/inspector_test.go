package server_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// TestInspectorPanel watches a sign-in from the page and from the API; other
// people see nothing of it.
func TestInspectorPanel(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.addFlow("watched", idp.DesignationStageConfiguration, idp.AuthenticationNone, "question", "{}")
	const panel = `aria-label="Inspector"`
	for name, cookie := range map[string]string{"nobody": "", "a person": r.cookieOf(r.person)} {
		b := r.browser()
		got := b.do(request{path: "/if/flow/watched/?inspector", cookie: cookie})
		require.Equal(t, http.StatusOK, got.Code)
		require.NotContains(t, got.Body.String(), panel, name)
		require.Equal(t, http.StatusNotFound, b.do(request{path: path("/flows/inspector/watched/"), cookie: cookie}).Code, name)
	}

	b := r.browser()
	root := r.cookieOf(r.admin)
	require.NotContains(t, b.do(request{path: "/if/flow/watched/", cookie: root}).Body.String(), panel, "only when asked for")
	require.Equal(t, http.StatusBadRequest, b.do(request{path: path("/flows/inspector/watched/"), cookie: root}).Code, "no run is under way")
	got := b.do(request{path: "/if/flow/watched/?inspector", cookie: root})
	require.Contains(t, got.Body.String(), panel)
	require.Contains(t, got.Body.String(), "watched-stage")

	seen := b.do(request{path: path("/flows/inspector/watched/"), cookie: root}).json(http.StatusOK)
	require.Equal(t, false, seen["is_completed"])
	now := seen["current_plan"].(map[string]any)
	require.Equal(t, "watched-stage", now["current_stage"].(map[string]any)["stage_obj"].(map[string]any)["name"])
	require.Nil(t, now["next_planned_stage"])

	b.cookies[web.SessionCookie] = root
	done := b.post("/if/flow/watched/?inspector", url.Values{"password": {"open sesame"}})
	require.Equal(t, http.StatusOK, done.Code, "the end is shown before the browser goes on")
	require.Contains(t, done.Body.String(), "The flow ends here")
	require.Contains(t, done.Body.String(), panel)
	require.NotNil(t, done.set(web.SessionCookie))
}

func TestConfigureFlow(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	target := r.addFlow("change", idp.DesignationStageConfiguration, idp.AuthenticationAuthenticated, "question", "{}")
	add := func(name, settings string) string {
		s := &idp.Stage{Name: name, Kind: "password", Settings: []byte(settings)}
		require.NoError(t, r.db.Repos().Stages.Create(t.Context(), s))
		return "/flows/-/configure/" + s.ID.String() + "/"
	}
	with, without := add("with", `{"configure_flow":"`+target.ID.String()+`"}`), add("without", `{}`)
	cookie := r.cookieOf(r.person)
	b := r.browser()
	require.Equal(t, "/if/flow/change/", b.do(request{path: with, cookie: cookie}).Header().Get("Location"))
	require.Contains(t, b.do(request{path: "/if/flow/change/", cookie: cookie}).Body.String(), "the question")
	require.Contains(t, r.do(request{path: with}).Header().Get("Location"), "/flows/-/default/authentication/", "sign in first")
	for _, path := range []string{without, "/flows/-/configure/" + r.flow.ID.String() + "/", "/flows/-/configure/nonsense/"} {
		require.Equal(t, http.StatusNotFound, r.do(request{path: path, cookie: cookie}).Code, path)
	}
}

// TestAFlowThatShowsNothingIsGoneThroughAtOnce signs out with one redirection,
// and keeps the page where a policy may be asked when the stage is reached.
func TestAFlowThatShowsNothingIsGoneThroughAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	f := r.addFlow("out", idp.DesignationInvalidation, idp.AuthenticationNone, "user_logout", "{}")
	cookie := r.cookieOf(r.person)
	got := r.do(request{path: "/flows/-/default/invalidation/?next=/probe/", cookie: cookie})
	require.Equal(t, "/if/flow/out/?next=/probe/", got.Header().Get("Location"), "its stage may have policies to ask")

	page, err := r.db.Repos().FlowBindings.Find(t.Context(), idp.FlowBindingFilter{FlowID: &f.ID})
	require.NoError(t, err)
	b := page.Items[0]
	b.ReEvaluatePolicies = false
	require.NoError(t, r.db.Repos().FlowBindings.Update(t.Context(), &b))
	got = r.do(request{path: "/flows/-/default/invalidation/?next=/probe/", cookie: cookie})
	require.Equal(t, "/probe/", got.Header().Get("Location"))
	require.Equal(t, "", r.do(request{path: "/probe/", cookie: cookie}).json(http.StatusOK)["user"], "signed out")
}
