package api

import (
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// ScopeMapping makes claims of a scope, with an expression.
type ScopeMapping struct {
	PK            idp.ScopeMappingID `json:"pk"`
	Managed       *string            `json:"managed"`
	Name          string             `json:"name"`
	Expression    string             `json:"expression"`
	Component     string             `json:"component"`
	VerboseName   string             `json:"verbose_name"`
	VerbosePlural string             `json:"verbose_name_plural"`
	MetaModelName string             `json:"meta_model_name"`
	ScopeName     string             `json:"scope_name"`
	Description   string             `json:"description"`
}

func scopeMappingView(m *idp.ScopeMapping) *ScopeMapping {
	return &ScopeMapping{PK: m.ID, Managed: m.Managed, Name: m.Name, Expression: m.Expression, ScopeName: m.Scope, Description: m.Description,
		Component: "ak-property-mapping-provider-scope-form", VerboseName: "Scope Mapping", VerbosePlural: "Scope Mappings",
		MetaModelName: "authentik_providers_oauth2.scopemapping"}
}

type scopeMappingBody struct {
	Managed     Optional[string] `json:"managed" api:"null" max:"255" help:"By what name something else keeps it; null: nobody does."`
	Name        Optional[string] `json:"name" api:"required" max:"255"`
	Expression  Optional[string] `json:"expression" api:"required" help:"Sees user, request, token, application and provider. Gives a map of claims."`
	ScopeName   Optional[string] `json:"scope_name" api:"required" max:"255"`
	Description Optional[string] `json:"description" api:"blank" help:"What people are asked to agree to; empty: they are not shown it."`
	_           struct{}         `ignore:"pk,component,verbose_name,verbose_name_plural,meta_model_name"`
}

func (b *scopeMappingBody) apply(to *idp.ScopeMapping, partial bool) {
	if b.Managed.Set || !partial {
		to.Managed = b.Managed.Ptr()
	}
	assign(&to.Name, b.Name, true, "") // required where it matters
	assign(&to.Expression, b.Expression, true, "")
	assign(&to.Scope, b.ScopeName, true, "")
	assign(&to.Description, b.Description, partial, "")
}

func (a *API) scopeMappings() resource[ScopeMapping, scopeMappingBody] {
	return resource[ScopeMapping, scopeMappingBody]{
		path: "/propertymappings/provider/scope/", key: "pm_uuid", name: "ScopeMapping", id: "propertymappings_provider_scope",
		plural: "scope mappings", tag: "propertymappings",
		filters: []param{{name: "name", kind: text}, {name: "scope_name", kind: text}, {name: "managed", kind: text, many: true},
			{name: "managed__isnull", kind: boolean}},
		ordering: []string{"name", "scope_name", "managed", "description", "expression", "pk"},
		list:     a.listScopeMappings, get: a.getScopeMapping, create: a.createScopeMapping, change: a.changeScopeMapping,
		destroy: a.deleteScopeMapping, usedBy: a.scopeMappingUsedBy,
	}
}

func (a *API) listScopeMappings(c *call, p idp.Paging) ([]ScopeMapping, int, error) {
	if err := a.mayApply(c, idp.VerbList); err != nil {
		return nil, 0, err
	}
	page, err := a.Store.Repos().ScopeMappings.Find(c, idp.ScopeMappingFilter{Paging: p, Name: c.query.text("name"), Scope: c.query.text("scope_name"),
		Managed: texts(c.query, "managed"), ManagedNull: c.query.bool("managed__isnull")})
	if err != nil {
		return nil, 0, err
	}
	views := make([]ScopeMapping, 0, len(page.Items))
	for i := range page.Items {
		views = append(views, *scopeMappingView(&page.Items[i]))
	}
	return views, page.Total, nil
}

func scopeMappingKey(c *call) (idp.ScopeMappingID, error) {
	return web.IDParam[idp.ScopeMapping](c.r, "pm_uuid", "scope mapping")
}

func (a *API) findScopeMapping(c *call) (*idp.ScopeMapping, error) {
	if err := a.mayApply(c, idp.VerbRead); err != nil {
		return nil, err
	}
	id, err := scopeMappingKey(c)
	if err != nil {
		return nil, err
	}
	return a.Store.Repos().ScopeMappings.Get(c, id)
}

func (a *API) getScopeMapping(c *call, _ string) (*ScopeMapping, error) {
	m, err := a.findScopeMapping(c)
	if err != nil {
		return nil, err
	}
	return scopeMappingView(m), nil
}

func (a *API) createScopeMapping(c *call, b *scopeMappingBody) (*ScopeMapping, error) {
	var m idp.ScopeMapping
	b.apply(&m, false)
	made, err := a.Configure.CreateScopeMapping(c, c.actor, m)
	if err != nil {
		return nil, err
	}
	return scopeMappingView(made), nil
}

func (a *API) changeScopeMapping(c *call, _ string, b *scopeMappingBody, partial bool) (*ScopeMapping, error) {
	id, err := scopeMappingKey(c)
	if err != nil {
		return nil, err
	}
	changed, err := a.Configure.UpdateScopeMapping(c, c.actor, id, func(m *idp.ScopeMapping) error {
		b.apply(m, partial)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return scopeMappingView(changed), nil
}

func (a *API) deleteScopeMapping(c *call, _ string) error {
	id, err := scopeMappingKey(c)
	if err != nil {
		return err
	}
	return a.Configure.DeleteScopeMapping(c, c.actor, id)
}

// scopeMappingUsedBy lists the providers that tell less without it.
func (a *API) scopeMappingUsedBy(c *call, _ string) ([]UsedBy, error) {
	m, err := a.findScopeMapping(c)
	if err != nil {
		return nil, err
	}
	providers, err := every(func(p idp.Paging) (idp.Page[idp.OAuthProvider], error) {
		return a.Store.Repos().OAuthProviders.Find(c, idp.OAuthProviderFilter{Mapping: &m.ID, Paging: p})
	})
	return providersUsing(providers, leaves), err
}

func providersUsing(list []idp.OAuthProvider, action string) []UsedBy {
	var out []UsedBy
	for i := range list {
		out = append(out, UsedBy{App: "authentik_providers_oauth2", ModelName: "oauth2provider", PK: list[i].PK.String(), Name: list[i].Name, Action: action})
	}
	return out
}
