package pagetest

import (
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"
)

// Elsewhere stands in for the pages of the console that a test does not mount,
// so that links to them lead somewhere. own are those it does mount.
func Elsewhere(own ...string) func(chi.Router) {
	return func(r chi.Router) {
		for _, path := range []string{"", "search/", "users/", "groups/", "sessions/", "lockdowns/", "events/", "brands/", "flows/", "stages/", "prompts/",
			"policies/", "invitations/", "blueprints/", "locks/", "roles/", "locking-mode/", "lockouts/", "lockouts/history/", "security-settings/",
			"notification-rules/", "notification-transports/", "property-mappings/", "deliveries/", "access-requests/",
			"applications/", "providers/", "scope-mappings/", "tokens/"} {
			if !slices.Contains(own, path) {
				r.Get("/if/admin/"+path, http.NotFound)
			}
		}
		for path, thing := range map[string]string{"flows/": "{flow}/", "stages/": "{stage}/", "policies/": "{policy}/", "locks/": "{lock}/", "roles/": "{role}/",
			"notification-rules/": "{rule}/", "notification-transports/": "{transport}/", "property-mappings/": "{mapping}/", "deliveries/": "{delivery}/", "access-requests/": "{request}/",
			"applications/": "{application}/", "providers/": "{provider}/", "scope-mappings/": "{mapping}/"} {
			if !slices.Contains(own, path) {
				r.Get("/if/admin/"+path+thing, http.NotFound)
			}
		}
		if !slices.Contains(own, "restore/") {
			r.Get("/if/admin/lockdowns/{lockdown}/restore/", http.NotFound)
		}
		if !slices.Contains(own, "lockouts/") {
			r.Post("/if/admin/lockouts/unlock/", http.NotFound)
			r.Post("/if/admin/lockouts/undo/", http.NotFound)
		}
		if !slices.Contains(own, "tokens/") {
			for _, path := range []string{"service-accounts/new/", "tokens/new/app-password/", "tokens/new/api-token/", "tokens/{token}/"} {
				r.Get("/if/admin/"+path, http.NotFound)
			}
		}
		r.Get("/if/user/settings/", http.NotFound)
		r.Get("/if/user/notifications/", http.NotFound)
		r.Post("/if/theme/", http.NotFound)
	}
}
