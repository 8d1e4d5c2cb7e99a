package journey

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// Forms of ours lead to other sites, and on to where these redirect: browsers would stop
// there, were each answer a redirect, since no policy of ours can name those.
func leaveForOtherSites(t *testing.T, s *site) {
	page := func(words string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte("<!doctype html><title>Elsewhere</title><p>" + words))
		}
	}
	far := http.NewServeMux()
	far.HandleFunc("/home", page("Signed in, and far away."))
	far.HandleFunc("/bye", page("Signed out, and far away."))
	distant := httptest.NewServer(far)
	t.Cleanup(distant.Close)
	beyond := strings.Replace(distant.URL, "127.0.0.1", "localhost", 1)
	near := http.NewServeMux()
	near.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("code") == "" {
			http.Error(w, "no code", http.StatusBadRequest)
			return
		}
		http.Redirect(w, r, beyond+"/home", http.StatusSeeOther)
	})
	near.Handle("/bye", http.RedirectHandler(beyond+"/bye", http.StatusSeeOther))
	app := httptest.NewServer(near)
	t.Cleanup(app.Close)

	flow := func(slug string) any { return s.first(t, "flows/instances/?slug="+slug, "pk") }
	provider := s.api(t, http.StatusCreated, http.MethodPost, "providers/oauth2/", map[string]any{"name": "Onward", "client_id": "onward",
		"authorization_flow": flow("default-provider-authorization-explicit-consent"), "invalidation_flow": flow("default-provider-invalidation-flow"),
		"post_logout_redirect_uris": []string{app.URL + "/bye"},
		"redirect_uris":             []any{map[string]any{"matching_mode": "strict", "url": app.URL + "/callback"}}})
	s.api(t, http.StatusCreated, http.MethodPost, "core/applications/", map[string]any{"name": "Onward", "slug": "onward", "provider": provider["pk"]})
	asks := func(mode string) string {
		return s.URL + "/application/o/authorize/?" + url.Values{"client_id": {"onward"}, "response_type": {"code"}, "redirect_uri": {app.URL + "/callback"},
			"scope": {"openid"}, "response_mode": {mode}}.Encode()
	}

	b := newBrowser(t, s.URL)
	ada := s.person(t, "onward.ada", "Ada Onward")
	b.visit(asks("query"))
	b.signIn(ada.Username, ada.Password)
	b.sees("Onward", "Continue")
	b.follow("Continue")
	b.sees("Signed in, and far away.")
	b.visit(asks("form_post"))
	b.sees("Signed in, and far away.")

	b.visit(s.URL + "/application/o/onward/end-session/?" + url.Values{"post_logout_redirect_uri": {app.URL + "/bye"}}.Encode())
	b.sees("Onward asks to sign you out")
	b.leaving(func() { b.run(chromedp.Click("#main form button")) }) // the menu has one of the same name
	b.sees("Signed out, and far away.")

	// And so do flows that end elsewhere.
	leads := s.api(t, http.StatusCreated, http.MethodPost, "flows/instances/", map[string]any{"name": "Leads away", "slug": "leads-away", "title": "Leads away", "designation": "enrollment"})
	shows := s.api(t, http.StatusCreated, http.MethodPost, "stages/dummy/", map[string]any{"name": "away-first"})
	leaves := s.api(t, http.StatusCreated, http.MethodPost, "stages/redirect/", map[string]any{"name": "away-then", "mode": "static", "target_static": app.URL + "/bye"})
	for i, stage := range []map[string]any{shows, leaves} {
		s.api(t, http.StatusCreated, http.MethodPost, "flows/bindings/", map[string]any{"target": leads["pk"], "stage": stage["pk"], "order": i})
	}
	b.open("/if/flow/leads-away/")
	b.follow("Continue")
	b.sees("Signed out, and far away.")
}
