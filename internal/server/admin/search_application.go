package admin

import (
	"fmt"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// searchApplications finds applications, providers and scope mappings by text.
func (c *Console) searchApplications(r *http.Request, q string) ([]ui.TableProps, error) {
	repos, ctx, at := c.store.Repos(), r.Context(), idp.Paging{Limit: searchLimit, Search: q}
	applications, err := visible(r, idp.ResourceApplication, func() (idp.Page[idp.Application], error) {
		return repos.Applications.Find(ctx, idp.ApplicationFilter{Paging: at})
	})
	if err != nil {
		return nil, fmt.Errorf("searching applications: %w", err)
	}
	providers, err := visible(r, idp.ResourceApplication, func() (idp.Page[idp.OAuthProvider], error) {
		return repos.OAuthProviders.Find(ctx, idp.OAuthProviderFilter{Paging: at})
	})
	if err != nil {
		return nil, fmt.Errorf("searching providers: %w", err)
	}
	scopes, err := visible(r, idp.ResourceApplication, func() (idp.Page[idp.ScopeMapping], error) {
		return repos.ScopeMappings.Find(ctx, idp.ScopeMappingFilter{Paging: at})
	})
	if err != nil {
		return nil, fmt.Errorf("searching scope mappings: %w", err)
	}
	out := foundTable("application", page.ApplicationsPath, "Slug", q, applications, func(a *idp.Application) found {
		return found{a.ID.String(), a.Name, a.Slug}
	})
	out = append(out, foundTable("provider", page.ProvidersPath, "Client ID", q, providers, func(p *idp.OAuthProvider) found {
		return found{p.ID.String(), p.Name, p.ClientID}
	})...)
	return append(out, foundTable("scope mapping", page.ScopeMappingsPath, "Scope", q, scopes, func(m *idp.ScopeMapping) found {
		return found{m.ID.String(), m.Name, m.Scope}
	})...), nil
}
