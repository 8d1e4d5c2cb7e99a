package journey

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/stretchr/testify/require"
)

// An answer that the application wants posted: the page sends itself, and has a button
// where no script runs.
func postedAnswers(t *testing.T, s *site) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.Method != http.MethodPost || r.PostFormValue("state") != "of-the-app" || r.PostFormValue("code") == "" || r.Header.Get("Origin") != s.URL {
			http.Error(w, "not what was asked for: "+r.Method+" from "+r.Header.Get("Origin"), http.StatusBadRequest)
			return
		}
		_, _ = w.Write([]byte("<!doctype html><title>App</title><p>The code has arrived."))
	}))
	t.Cleanup(app.Close)
	flow := func(slug string) any { return s.first(t, "flows/instances/?slug="+slug, "pk") }
	provider := s.api(t, http.StatusCreated, http.MethodPost, "providers/oauth2/", map[string]any{"name": "Posted to", "client_id": "posted-to",
		"authorization_flow": flow("default-provider-authorization-implicit-consent"), "invalidation_flow": flow("default-provider-invalidation-flow"),
		"redirect_uris": []any{map[string]any{"matching_mode": "strict", "url": app.URL + "/callback"}}})
	s.api(t, http.StatusCreated, http.MethodPost, "core/applications/", map[string]any{"name": "Posted to", "slug": "posted-to", "provider": provider["pk"]})
	asks := "/application/o/authorize/?" + url.Values{"client_id": {"posted-to"}, "response_type": {"code"}, "redirect_uri": {app.URL + "/callback"},
		"scope": {"openid"}, "state": {"of-the-app"}, "response_mode": {"form_post"}}.Encode()

	b := newBrowser(t, s.URL).asAdmin()
	b.visit(s.URL + asks)
	b.sees("The code has arrived.")

	b.run(emulation.SetScriptExecutionDisabled(true))
	b.visit(s.URL + asks)
	b.sees("You are signed in", "Continue")
	b.run(emulation.SetScriptExecutionDisabled(false)) // what checks the page is one; nothing of the page runs again
	b.checked("form-post")
	b.follow("Continue")
	b.sees("The code has arrived.")
}

// What browsers are shown at an application's host that they may not open. Nothing else
// of ours is to be had there.
func refusedAtAHost(t *testing.T, s *site) {
	b := newBrowser(t, s.URL)
	_, port, found := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	require.True(t, found)
	b.visit("http://wiki.localhost:" + port + "/outpost/forward-auth/traefik/")
	b.sees("Access refused", "No application has the host wiki.localhost")
	b.checked("forward-refused")
}
