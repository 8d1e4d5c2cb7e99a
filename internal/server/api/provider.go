package api

import (
	"net/http"
	"reflect"
	"strconv"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Provider is what providers of every kind show.
type Provider struct {
	PK                 idp.ProviderPK       `json:"pk"`
	Name               string               `json:"name"`
	AuthenticationFlow *idp.FlowID          `json:"authentication_flow"`
	AuthorizationFlow  idp.FlowID           `json:"authorization_flow"`
	InvalidationFlow   idp.FlowID           `json:"invalidation_flow"`
	PropertyMappings   []idp.ScopeMappingID `json:"property_mappings"`
	Component          string               `json:"component"`

	AssignedApplicationSlug            *string `json:"assigned_application_slug"`
	AssignedApplicationName            *string `json:"assigned_application_name"`
	AssignedBackchannelApplicationSlug *string `json:"assigned_backchannel_application_slug"`
	AssignedBackchannelApplicationName *string `json:"assigned_backchannel_application_name"`

	VerboseName       string `json:"verbose_name"`
	VerboseNamePlural string `json:"verbose_name_plural"`
	MetaModelName     string `json:"meta_model_name"`
}

// The one kind of provider there is.
const (
	oauthForm    = "ak-provider-oauth2-form"
	oauthModel   = "authentik_providers_oauth2.oauth2provider"
	oauthVerbose = "OAuth2/OpenID Provider"
)

func providerView(p *idp.OAuthProvider, app *idp.Application) Provider {
	v := Provider{PK: p.PK, Name: p.Name, AuthenticationFlow: p.AuthenticationFlow, AuthorizationFlow: p.AuthorizationFlow, InvalidationFlow: p.InvalidationFlow,
		PropertyMappings: append([]idp.ScopeMappingID{}, p.Mappings...), Component: oauthForm, VerboseName: oauthVerbose, VerboseNamePlural: oauthVerbose + "s",
		MetaModelName: oauthModel}
	if app != nil {
		v.AssignedApplicationSlug, v.AssignedApplicationName = &app.Slug, &app.Name
	}
	return v
}

func (a *API) providersByID(c *call, wanted []idp.OAuthProviderID) (map[idp.OAuthProviderID]*idp.OAuthProvider, error) {
	out := map[idp.OAuthProviderID]*idp.OAuthProvider{}
	if len(wanted) == 0 {
		return out, nil
	}
	rows, err := every(func(p idp.Paging) (idp.Page[idp.OAuthProvider], error) {
		return a.Store.Repos().OAuthProviders.Find(c, idp.OAuthProviderFilter{IDs: wanted, Paging: p})
	})
	for i := range rows {
		out[rows[i].ID] = &rows[i]
	}
	return out, err
}

// assigned are the applications of providers, by provider.
func (a *API) assigned(c *call, list []idp.OAuthProvider) (map[idp.OAuthProviderID]*idp.Application, error) {
	out := map[idp.OAuthProviderID]*idp.Application{}
	if len(list) == 0 {
		return out, nil
	}
	wanted := make([]idp.OAuthProviderID, len(list))
	for i := range list {
		wanted[i] = list[i].ID
	}
	rows, err := every(func(p idp.Paging) (idp.Page[idp.Application], error) {
		return a.Store.Repos().Applications.Find(c, idp.ApplicationFilter{ProviderIDs: wanted, Paging: p})
	})
	for i := range rows {
		out[*rows[i].ProviderID] = &rows[i]
	}
	return out, err
}

func (a *API) allProviders() resource[Provider, struct{}] {
	return resource[Provider, struct{}]{
		path: "/providers/all/", key: "id", name: "Provider", id: "providers_all", plural: "providers of every kind", tag: "providers",
		filters: []param{{name: "application__isnull", kind: boolean, help: "Those without an application, or with one."},
			{name: "backchannel", kind: boolean, help: "Those that speak over a back channel alone: there are none."}},
		ordering: []string{"name", "pk"},
		list:     a.listProviders,
		get: func(c *call, _ string) (*Provider, error) {
			p, err := a.findProvider(c, idp.VerbRead)
			if err != nil {
				return nil, err
			}
			apps, err := a.assigned(c, []idp.OAuthProvider{*p})
			if err != nil {
				return nil, err
			}
			v := providerView(p, apps[p.ID])
			return &v, nil
		},
		destroy: a.deleteProvider, usedBy: a.providerUsedBy,
	}
}

func (a *API) listProviders(c *call, p idp.Paging) ([]Provider, int, error) {
	if err := a.mayApply(c, idp.VerbList); err != nil {
		return nil, 0, err
	}
	f := idp.OAuthProviderFilter{Paging: p, Application: opposite(c.query.bool("application__isnull"))}
	if c.query.is("backchannel", false) {
		f.IDs = []idp.OAuthProviderID{} // none
	}
	page, err := a.Store.Repos().OAuthProviders.Find(c, f)
	if err != nil {
		return nil, 0, err
	}
	apps, err := a.assigned(c, page.Items)
	if err != nil {
		return nil, 0, err
	}
	views := make([]Provider, 0, len(page.Items))
	for i := range page.Items {
		views = append(views, providerView(&page.Items[i], apps[page.Items[i].ID]))
	}
	return views, page.Total, nil
}

// findProvider is the one of the path, for whoever may treat it so.
func (a *API) findProvider(c *call, verb idp.Verb) (*idp.OAuthProvider, error) {
	if err := a.mayApply(c, verb); err != nil {
		return nil, err
	}
	pk, err := strconv.ParseInt(c.param("id"), 10, 32)
	if err != nil {
		return nil, idp.NotFound("provider")
	}
	return a.Store.Repos().OAuthProviders.GetByPK(c, idp.ProviderPK(pk))
}

func (a *API) deleteProvider(c *call, _ string) error {
	p, err := a.findProvider(c, idp.VerbDelete)
	if err != nil {
		return err
	}
	return a.Configure.DeleteOAuthProvider(c, c.actor, p.ID)
}

// providerUsedBy lists the application that is left without it.
func (a *API) providerUsedBy(c *call, _ string) ([]UsedBy, error) {
	p, err := a.findProvider(c, idp.VerbRead)
	if err != nil {
		return nil, err
	}
	apps, err := a.assigned(c, []idp.OAuthProvider{*p})
	var out []UsedBy
	for _, app := range apps {
		out = append(out, UsedBy{App: "authentik_core", ModelName: "application", PK: app.ID.String(), Name: app.Name, Action: unset})
	}
	return out, err
}

// providersWithFlow lists the providers that use a flow. Without the one that lets
// people in, or the one that ends it, a provider cannot be: such a flow stays.
func (a *API) providersWithFlow(c *call, flow idp.FlowID) ([]UsedBy, error) {
	list, err := every(func(p idp.Paging) (idp.Page[idp.OAuthProvider], error) {
		return a.Store.Repos().OAuthProviders.Find(c, idp.OAuthProviderFilter{FlowID: &flow, Paging: p})
	})
	var out []UsedBy
	for i := range list {
		action := unset
		if list[i].AuthorizationFlow == flow || list[i].InvalidationFlow == flow {
			action = stays
		}
		out = append(out, providersUsing(list[i:i+1], action)...)
	}
	return out, err
}

func (a *API) mountProviderTypes() {
	a.kit.add(operation{method: http.MethodGet, path: "/providers/all/types/", id: "providers_all_types_list", tag: "providers",
		summary: "List the kinds of providers", response: reflect.TypeFor[[]TypeCreate](), run: func(c *call) (any, error) {
			if err := a.mayApply(c, idp.VerbList); err != nil {
				return nil, err
			}
			return []TypeCreate{{Name: oauthVerbose, Description: "Applications that speak OAuth 2 or OpenID Connect.", Component: oauthForm, ModelName: "oauth2provider"}}, nil
		}})
}
