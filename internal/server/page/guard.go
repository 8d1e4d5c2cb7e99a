package page

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// need is what an address of the console takes.
type need struct {
	verb idp.Verb
	on   idp.Resource
}

// consoleResources say what the first part of an address is about. What is not
// among them is for superusers alone.
var consoleResources = map[string]idp.Resource{
	"users": idp.ResourceUser, "groups": idp.ResourceGroup, "roles": idp.ResourceRole, "sessions": idp.ResourceSession,
	"access-requests": idp.ResourceAccessRequest,
	"lockdowns":       idp.ResourceLockdown, "locks": idp.ResourceLock, "lockouts": idp.ResourceLockout, "security-settings": idp.ResourceSetting, "events": idp.ResourceEvent, "brands": idp.ResourceBrand,
	"flows": idp.ResourceFlow, "stages": idp.ResourceStage, "prompts": idp.ResourceStage, "policies": idp.ResourcePolicy,
	"invitations": idp.ResourceInvitation, "blueprints": idp.ResourceBlueprint, "locking-mode": idp.ResourcePreference,
	"notification-rules": idp.ResourceNotification, "notification-transports": idp.ResourceNotification, "property-mappings": idp.ResourceNotification,
	"deliveries": idp.ResourceNotification, "tokens": idp.ResourceToken, "service-accounts": idp.ResourceUser,
	"applications": idp.ResourceApplication, "providers": idp.ResourceApplication, "scope-mappings": idp.ResourceApplication,
}

// exception is an address that takes something else than its form says. A "*" is
// any one part; "" is any method.
type exception struct {
	method, path string
	needs        []need // all of them
	or           []need // or all of these
}

var exceptions = []exception{
	{path: "users/bulk/?act=lockdown", needs: []need{{idp.VerbCreate, idp.ResourceLockdown}}},
	{path: "users/bulk/?act=deactivate", needs: []need{{idp.VerbUpdate, idp.ResourceUser}}},
	{path: "users/bulk/?act=activate", needs: []need{{idp.VerbUpdate, idp.ResourceUser}}, or: []need{{idp.VerbUpdate, idp.ResourceLockdown}}},
	{path: "users/bulk/?act=", needs: []need{{idp.VerbList, idp.ResourceUser}}},
	{path: "users/bulk/", needs: []need{{idp.VerbList, idp.ResourceUser}}},
	{path: "users/*/sessions/", needs: []need{{idp.VerbRead, idp.ResourceUser}, {idp.VerbList, idp.ResourceSession}}},
	{path: "users/*/tokens/", needs: []need{{idp.VerbRead, idp.ResourceUser}, {idp.VerbList, idp.ResourceToken}}},
	{path: "users/*/factors/", needs: []need{{idp.VerbRead, idp.ResourceUser}, {idp.VerbList, idp.ResourceFactor}}},
	{path: "users/*/factors/*/remove/", needs: []need{{idp.VerbDelete, idp.ResourceFactor}}},
	{path: "users/*/devices/", needs: []need{{idp.VerbRead, idp.ResourceUser}, {idp.VerbList, idp.ResourceDevice}}},
	{path: "users/*/devices/forget/", needs: []need{{idp.VerbDelete, idp.ResourceDevice}}},
	{path: "users/*/devices/*/forget/", needs: []need{{idp.VerbDelete, idp.ResourceDevice}}},
	{path: "users/*/access/", needs: []need{{idp.VerbRead, idp.ResourceUser}, {idp.VerbList, idp.ResourceAccessRequest}}},
	{path: "access-requests/*/grant/", needs: []need{{idp.VerbUpdate, idp.ResourceAccessRequest}}},
	{path: "access-requests/*/deny/", needs: []need{{idp.VerbUpdate, idp.ResourceAccessRequest}}},
	{path: "access-requests/*/end/", needs: []need{{idp.VerbUpdate, idp.ResourceAccessRequest}}},
	{path: "users/*/groups/", needs: []need{{idp.VerbRead, idp.ResourceUser}, {idp.VerbList, idp.ResourceGroup}}},
	{path: "users/*/roles/", method: http.MethodGet, needs: []need{{idp.VerbRead, idp.ResourceUser}, {idp.VerbList, idp.ResourceRole}}},
	{path: "users/*/events/", needs: []need{{idp.VerbRead, idp.ResourceUser}, {idp.VerbList, idp.ResourceEvent}}},
	{path: "users/*/lockdowns/", needs: []need{{idp.VerbRead, idp.ResourceUser}, {idp.VerbList, idp.ResourceLockdown}}},
	{method: http.MethodPost, path: "lockdowns/*/restore/*/", needs: []need{{idp.VerbRead, idp.ResourceLockdown}, {idp.VerbUpdate, idp.ResourceLockdown}}, or: []need{{idp.VerbRead, idp.ResourceLockdown}, {idp.VerbUpdate, idp.ResourceUser}}},
	{path: "lockdowns/notices/*/tell/", needs: []need{{idp.VerbCreate, idp.ResourceLockdown}}},
	{path: "users/*/password/", needs: []need{{idp.VerbUpdate, idp.ResourceUser}}},
	{path: "users/*/edit/", needs: []need{{idp.VerbUpdate, idp.ResourceUser}}},
	{path: "users/*/deactivate/", needs: []need{{idp.VerbUpdate, idp.ResourceUser}}},
	{path: "users/*/activate/", needs: []need{{idp.VerbUpdate, idp.ResourceUser}}, or: []need{{idp.VerbUpdate, idp.ResourceLockdown}}},
	{path: "users/*/recovery/", needs: []need{{idp.VerbCreate, idp.ResourceRecovery}}},
	{path: "users/*/recovery-email/", needs: []need{{idp.VerbCreate, idp.ResourceRecovery}}},
	{path: "users/*/lockdown/", needs: []need{{idp.VerbCreate, idp.ResourceLockdown}}},
	{path: "users/*/sessions/*/", needs: []need{{idp.VerbDelete, idp.ResourceSession}}},
	{path: "users/*/sessions/*/*/", needs: []need{{idp.VerbDelete, idp.ResourceSession}}},
	{path: "users/*/tokens/*/revoke/", needs: []need{{idp.VerbDelete, idp.ResourceToken}}},
	{path: "users/*/groups/join/", needs: []need{{idp.VerbUpdate, idp.ResourceGroup}}},
	{path: "users/*/groups/*/leave/", needs: []need{{idp.VerbUpdate, idp.ResourceGroup}}},
	{path: "users/*/roles/*/", needs: []need{{idp.VerbUpdate, idp.ResourceRole}}},
	{path: "users/*/roles/*/*/", needs: []need{{idp.VerbUpdate, idp.ResourceRole}}},
	{path: "groups/*/edit/", needs: []need{{idp.VerbUpdate, idp.ResourceGroup}}},
	{path: "groups/*/members/*/", needs: []need{{idp.VerbUpdate, idp.ResourceGroup}}},
	{path: "groups/*/members/*/*/", needs: []need{{idp.VerbUpdate, idp.ResourceGroup}}},
	{path: "groups/*/roles/", method: http.MethodGet, needs: []need{{idp.VerbRead, idp.ResourceGroup}, {idp.VerbList, idp.ResourceRole}}},
	{path: "groups/*/roles/*/", needs: []need{{idp.VerbUpdate, idp.ResourceRole}}},
	{path: "groups/*/roles/*/*/", needs: []need{{idp.VerbUpdate, idp.ResourceRole}}},
	{path: "roles/*/users/*/take/", needs: []need{{idp.VerbUpdate, idp.ResourceRole}}},
	{path: "roles/*/groups/*/take/", needs: []need{{idp.VerbUpdate, idp.ResourceRole}}},
	{path: "tokens/*/revoke/", needs: []need{{idp.VerbDelete, idp.ResourceToken}}},
	{path: "tokens/*/edit/", needs: []need{{idp.VerbUpdate, idp.ResourceToken}}},
	{path: "tokens/*/key/", needs: []need{{idp.VerbUpdate, idp.ResourceToken}}}, // as whoever sets another one
	{path: "service-accounts/new/", needs: []need{{idp.VerbCreate, idp.ResourceUser}, {idp.VerbCreate, idp.ResourceToken}}},
	{path: "sessions/bulk/", needs: []need{{idp.VerbDelete, idp.ResourceSession}}},
	{path: "sessions/*/end/", needs: []need{{idp.VerbDelete, idp.ResourceSession}}},
	{path: "events/live/", needs: []need{{idp.VerbList, idp.ResourceEvent}}},
	{method: http.MethodGet, path: "locking-mode/", needs: []need{{idp.VerbRead, idp.ResourcePreference}}},
	{path: "events/export/", needs: []need{{idp.VerbList, idp.ResourceEvent}}},
	{path: "events/verify/", needs: []need{{idp.VerbList, idp.ResourceEvent}}},
	{path: "lockouts/history/", needs: []need{{idp.VerbList, idp.ResourceLockout}}},
	{path: "lockouts/live/", needs: []need{{idp.VerbList, idp.ResourceLockout}}},
	{method: http.MethodGet, path: "security-settings/", needs: []need{{idp.VerbRead, idp.ResourceSetting}}},
	{path: "security-settings/effect/", needs: []need{{idp.VerbRead, idp.ResourceSetting}}},
	{path: "locks/history/", needs: []need{{idp.VerbList, idp.ResourceLock}}},
	{path: "locks/*/again/", needs: []need{{idp.VerbCreate, idp.ResourceLock}}},
	{path: "locks/*/lift/", needs: []need{{idp.VerbDelete, idp.ResourceLock}}},
	{path: "flows/*/edit/", needs: []need{{idp.VerbUpdate, idp.ResourceFlow}}},
	{method: http.MethodPost, path: "flows/*/policies/", needs: []need{{idp.VerbCreate, idp.ResourcePolicy}}},
	{method: http.MethodPost, path: "flows/*/policies/*/", needs: []need{{idp.VerbUpdate, idp.ResourcePolicy}}},
	{path: "flows/*/policies/*/unbind/", needs: []need{{idp.VerbDelete, idp.ResourcePolicy}}},
	{method: http.MethodPost, path: "flows/*/stages/", needs: []need{{idp.VerbCreate, idp.ResourceFlow}}},
	{path: "flows/*/stages/*/remove/", needs: []need{{idp.VerbDelete, idp.ResourceFlow}}},
	{path: "prompts/new/preview/", needs: []need{{idp.VerbRead, idp.ResourceStage}}},
	{path: "prompts/*/preview/", needs: []need{{idp.VerbRead, idp.ResourceStage}}},
	{path: "policies/reputation/", needs: []need{{idp.VerbList, idp.ResourcePolicy}}},
	{path: "policies/new/*/check/", needs: []need{{idp.VerbRead, idp.ResourcePolicy}}},
	{path: "policies/new/*/test/", needs: []need{{idp.VerbRead, idp.ResourcePolicy}, {idp.VerbRead, idp.ResourceUser}}},
	{path: "policies/*/test/", needs: []need{{idp.VerbRead, idp.ResourcePolicy}, {idp.VerbRead, idp.ResourceUser}}},
	{path: "notification-rules/*/edit/", needs: []need{{idp.VerbUpdate, idp.ResourceNotification}}},
	{method: http.MethodPost, path: "notification-rules/*/policies/", needs: []need{{idp.VerbCreate, idp.ResourcePolicy}}},
	{method: http.MethodPost, path: "notification-rules/*/policies/*/", needs: []need{{idp.VerbUpdate, idp.ResourcePolicy}}},
	{path: "notification-rules/*/policies/*/unbind/", needs: []need{{idp.VerbDelete, idp.ResourcePolicy}}},
	{path: "property-mappings/new/check/", needs: []need{{idp.VerbRead, idp.ResourceNotification}}},
	{path: "applications/*/edit/", needs: []need{{idp.VerbUpdate, idp.ResourceApplication}}},
	{method: http.MethodPost, path: "applications/*/policies/", needs: []need{{idp.VerbCreate, idp.ResourcePolicy}}},
	{method: http.MethodPost, path: "applications/*/policies/*/", needs: []need{{idp.VerbUpdate, idp.ResourcePolicy}}},
	{path: "applications/*/policies/*/unbind/", needs: []need{{idp.VerbDelete, idp.ResourcePolicy}}},
	{path: "providers/*/secret/", needs: []need{{idp.VerbUpdate, idp.ResourceApplication}}},
	{path: "scope-mappings/new/check/", needs: []need{{idp.VerbRead, idp.ResourceApplication}}},
	{path: "blueprints/import/", needs: []need{{idp.VerbCreate, idp.ResourceBlueprint}}},
	{path: "blueprints/*/edit/", needs: []need{{idp.VerbUpdate, idp.ResourceBlueprint}}},
}

// graveForms are pages of the console whose only use is an act that takes a fresh
// proof: they ask before anything is typed. Acts on one's own account do not.
var graveForms = []string{
	"users/*/password/", "users/*/activate/", "users/*/deactivate/", "users/*/delete/", "users/*/recovery/",
	"users/*/roles/*/take/", "groups/*/roles/*/take/", "roles/new/", "roles/*/delete/", "roles/*/users/*/take/", "roles/*/groups/*/take/",
	"access-requests/*/grant/",
	"locks/new/", "locks/*/edit/", "locks/*/lift/", "locks/*/again/",
	"tokens/new/*/", "tokens/*/key/", "service-accounts/new/",
}

// proven turns away whoever has to prove first who they are, to come back.
func proven(r *http.Request, path string) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil // the use case asks
	}
	if u := web.User(r); u != nil && strings.HasPrefix(path, "users/"+u.ID.String()+"/") && !strings.HasPrefix(path, "users/"+u.ID.String()+"/roles/") {
		return nil
	}
	if slices.ContainsFunc(graveForms, func(form string) bool { return exception{path: form}.is(r.Method, path) }) {
		return web.Fresh(r)
	}
	return nil
}

// opens returns nil when whoever makes the request may open an address of the
// console, given by what follows AdminPath; a query matters only where an
// exception says so.
func opens(r *http.Request, method, path string) error {
	if path == "" || strings.HasPrefix(path, "?") || strings.HasPrefix(path, "search/") {
		if web.MayConsole(r) {
			return nil
		}
		if web.User(r) == nil {
			return web.Unsigned()
		}
		return idp.Forbidden("You do not have permission to open this page.")
	}
	for _, e := range exceptions {
		if e.is(method, path) {
			err := allOf(r, e.needs)
			if err != nil && e.or != nil && allOf(r, e.or) == nil {
				return nil
			}
			return err
		}
	}
	plain, _, _ := strings.Cut(path, "?")
	parts := strings.Split(strings.Trim(plain, "/"), "/")
	on, known := consoleResources[parts[0]]
	if !known {
		if web.Covers(r, idp.Rights{Superuser: true}) {
			return nil
		}
		if web.User(r) == nil {
			return web.Unsigned()
		}
		return idp.Forbidden("You do not have permission to open this page.")
	}
	return web.Check(r, verbOf(method, parts), on)
}

// verbOf is the usual meaning of an address.
func verbOf(method string, parts []string) idp.Verb {
	last := parts[len(parts)-1]
	switch {
	case len(parts) > 1 && parts[1] == "new":
		return idp.VerbCreate
	case last == "delete":
		return idp.VerbDelete
	case method == http.MethodPost:
		return idp.VerbUpdate
	case len(parts) == 1:
		return idp.VerbList
	}
	return idp.VerbRead
}

func allOf(r *http.Request, needs []need) error {
	for _, n := range needs {
		if err := web.Check(r, n.verb, n.on); err != nil {
			return err
		}
	}
	return nil
}

func (e exception) is(method, path string) bool {
	if e.method != "" && e.method != method {
		return false
	}
	if strings.Contains(e.path, "?") {
		return strings.HasPrefix(path, e.path)
	}
	path, _, _ = strings.Cut(path, "?")
	if strings.Count(path, "/") != strings.Count(e.path, "/") {
		return false
	}
	want, have := strings.Split(e.path, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, have, func(w, h string) bool { return w == h || w == "*" && h != "" })
}

// guard turns away whoever may not open an address.
func guard(h web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		path := strings.TrimPrefix(r.URL.Path, AdminPath)
		if err := opens(r, method, path); err != nil {
			return err
		}
		if err := proven(r, path); err != nil {
			return err
		}
		return h(w, r)
	}
}

// offering makes pages leave out what leads to where the person may not go.
func offering(r *http.Request) context.Context {
	return ui.WithOffers(r.Context(), func(method, address string) bool {
		path, inConsole := strings.CutPrefix(address, AdminPath)
		if !inConsole {
			return true
		}
		plain, _, _ := strings.Cut(address, "?")
		withheld := slices.ContainsFunc(web.Withheld(r), func(w string) bool { return strings.HasPrefix(plain, w) })
		return !withheld && opens(r, method, path) == nil
	})
}

// permitted leaves out of a navigation what the person may not open.
func permitted(r *http.Request, nav []ui.NavGroup) []ui.NavGroup {
	var out []ui.NavGroup
	for _, g := range nav {
		kept := ui.NavGroup{Label: g.Label}
		for _, it := range g.Items {
			if path, inConsole := strings.CutPrefix(it.Href, AdminPath); !inConsole || opens(r, http.MethodGet, path) == nil {
				kept.Items = append(kept.Items, it)
			}
		}
		if len(kept.Items) > 0 {
			out = append(out, kept)
		}
	}
	return out
}

// RolePath is the page of a role.
func RolePath(id idp.RoleID) string { return RolesPath + id.String() + "/" }
