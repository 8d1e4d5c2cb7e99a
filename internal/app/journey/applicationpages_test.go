package journey

import (
	"net/http"
	"testing"
)

// The pages about applications: with what is shipped, and with something of each kind.
func applicationPages(t *testing.T, s *site) {
	const apps, providers, scopes = "/if/admin/applications/", "/if/admin/providers/", "/if/admin/scope-mappings/"
	b := newBrowser(t, s.URL).asAdmin()
	b.look(
		shown{"application-new", apps + "new/", "Redirect URIs"},
		shown{"provider-new", providers + "new/", "Scopes"},
		shown{"scope-mappings", scopes, "offline_access"},
		shown{"scope-mapping-new", scopes + "new/", "Create mapping"},
	)
	flow := func(slug string) any { return s.first(t, "flows/instances/?slug="+slug, "pk") }
	provider := s.api(t, http.StatusCreated, http.MethodPost, "providers/oauth2/", map[string]any{"name": "Wiki of everybody",
		"authorization_flow": flow("default-provider-authorization-explicit-consent"), "invalidation_flow": flow("default-provider-invalidation-flow"),
		"redirect_uris": []any{map[string]any{"matching_mode": "strict", "url": "https://wiki.example.org/callback"}}})
	app := s.api(t, http.StatusCreated, http.MethodPost, "core/applications/", map[string]any{"name": "Wiki", "slug": "wiki", "group": "Knowledge",
		"provider": provider["pk"], "meta_description": "Pages that everybody writes, about everything that is worth keeping."})
	s.api(t, http.StatusCreated, http.MethodPost, "core/applications/", map[string]any{"name": "Chat", "slug": "chat", "meta_launch_url": "https://chat.example.org/", "open_in_new_tab": true})
	policy := s.api(t, http.StatusCreated, http.MethodPost, "policies/expression/", map[string]any{"name": "everybody-of-us", "expression": "true"})
	s.api(t, http.StatusCreated, http.MethodPost, "policies/bindings/", map[string]any{"target": app["pk"], "policy": policy["pk"], "order": 0})
	key := app["pk"].(string)
	id := s.first(t, "propertymappings/provider/scope/?scope_name=profile", "pk").(string)
	b.look(
		shown{"applications", apps, "Wiki"},
		shown{"application", apps + key + "/", "everybody-of-us"},
		shown{"application-edit", apps + key + "/edit/", "Launch URL"},
		shown{"application-delete", apps + key + "/delete/", "Delete"},
		shown{"providers", providers, "Wiki of everybody"},
		shown{"scope-mapping", scopes + id + "/", "Used by"},
		shown{"own-applications", "/if/user/", "Knowledge"},
		shown{"own-consents", "/if/user/settings/applications/", "What you have agreed to"},
	)
}
