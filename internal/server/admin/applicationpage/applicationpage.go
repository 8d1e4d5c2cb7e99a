package applicationpage

import (
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Deps are what the Pages need.
type Deps struct {
	Store     idp.Store
	Configure *configure.Service
	PublicURL string // without a trailing slash; "" = derived from each request
}

// Pages answers the pages about applications.
type Pages struct{ d Deps }

// New returns Pages.
func New(d Deps) *Pages { return &Pages{d} }

// The addresses.
const (
	applicationsPath = page.ApplicationsPath
	providersPath    = page.ProvidersPath
	scopesPath       = page.ScopeMappingsPath
	policiesPath     = page.AdminPath + "policies/"
	groupsPath       = page.AdminPath + "groups/"
	usersPath        = page.AdminPath + "users/"
)

func applicationPath(id idp.ApplicationID) string { return applicationsPath + id.String() + "/" }
func providerPath(id idp.OAuthProviderID) string  { return providersPath + id.String() + "/" }
func scopePath(id idp.ScopeMappingID) string      { return scopesPath + id.String() + "/" }

// Routes adds the pages; it is one of server.Deps.Mounts. Whoever is not signed in is
// sent to sign in; whoever may do nothing with applications is refused.
func (p *Pages) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireUser)
		m := page.Mount{Router: r}
		m.Get("applications/", p.applications)
		m.Get("applications/new/", p.newApplication)
		m.Post("applications/new/", p.createApplication)
		m.Get("applications/{application}/", p.application)
		m.Get("applications/{application}/edit/", p.editApplication)
		m.Post("applications/{application}/edit/", p.updateApplication)
		m.Act("applications/{application}/delete/", p.deleteApplication)
		m.Post("applications/{application}/policies/", p.bind)
		m.Post("applications/{application}/policies/{binding}/", p.updateBinding)
		m.Act("applications/{application}/policies/{binding}/unbind/", p.unbind)
		// Where a refused form was sent to can be loaded again.
		m.Get("applications/{application}/policies/", p.applicationHome)
		m.Get("applications/{application}/policies/{binding}/", p.applicationHome)
		m.Get("providers/", p.providers)
		m.Get("providers/new/", p.newProvider)
		m.Post("providers/new/", p.createProvider)
		m.Get("providers/{provider}/", p.editProvider)
		m.Post("providers/{provider}/", p.updateProvider)
		m.Act("providers/{provider}/secret/", p.renewSecret)
		m.Act("providers/{provider}/delete/", p.deleteProvider)
		m.Get("scope-mappings/", p.scopes)
		m.Get("scope-mappings/new/", p.newScope)
		m.Post("scope-mappings/new/", p.createScope)
		m.Post("scope-mappings/new/check/", p.checkScope)
		m.Get("scope-mappings/{mapping}/", p.editScope)
		m.Post("scope-mappings/{mapping}/", p.updateScope)
		m.Act("scope-mappings/{mapping}/delete/", p.deleteScope)
	})
}

// now is the time that "2 minutes ago" is counted from; it decides nothing.
func now() time.Time { return time.Now() }

// batch is how many rows are read at once.
const batch = 1000

// every reads all pages of a list.
func every[T any](what string, find func(idp.Paging) (idp.Page[T], error)) ([]T, error) {
	var out []T
	for {
		found, err := find(idp.Paging{Limit: batch, Offset: len(out)})
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", what, err)
		}
		out = append(out, found.Items...)
		if len(found.Items) == 0 || len(out) >= found.Total {
			return out, nil
		}
	}
}

// origin is the address of this installation, without a trailing slash.
func (p *Pages) origin(r *http.Request) string {
	if p.d.PublicURL != "" {
		return p.d.PublicURL
	}
	info := web.RequestInfo(r)
	if info.Secure {
		return "https://" + info.Host
	}
	return "http://" + info.Host
}
