package app

import (
	"context"
	"maps"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/oidc"
	"github.com/portcullis-idp/portcullis/internal/policy"
	oidcpage "github.com/portcullis-idp/portcullis/internal/server/oidc"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// claims makes what scopes tell of an account with the expressions of their mappings.
type claims struct{}

// Claims implements oidc.Claims.
func (claims) Claims(ctx context.Context, mappings []idp.ScopeMapping, about oidc.About) (map[string]any, error) {
	scopes := make([]any, len(about.Scopes))
	for i, s := range about.Scopes {
		scopes[i] = s
	}
	request := policy.ScopeRequest{PolicyRequest: idp.PolicyRequest{User: about.User, Context: map[string]any{}},
		Token: map[string]any{"scopes": scopes}, Application: about.Application.Facts(),
		Provider: map[string]any{"pk": int(about.Provider.PK), "name": about.Provider.Name, "client_id": about.Provider.ClientID}}
	out := map[string]any{}
	for _, m := range mappings {
		made, err := policy.Claims(ctx, m.Expression, request)
		if err != nil {
			return nil, &oidc.MappingError{Mapping: m, Err: err}
		}
		maps.Copy(out, made)
	}
	return out, nil
}

// fulfil carries out what flows were begun for.
func (a *App) fulfil(ctx context.Context, run *flow.Run, purpose string) error {
	if purpose == flow.PurposeStepUp {
		return a.stepUp(ctx, run)
	}
	return a.OIDC.Fulfil(ctx, run.Actor, purpose)
}

// origin is the address that a request came to: the configured one, else the request's.
func (a *App) origin(r *http.Request) oidc.Origin {
	if a.Config.PublicURL != "" {
		return oidc.Origin(a.Config.PublicURL)
	}
	scheme := "http"
	if web.RequestInfo(r).Secure {
		scheme = "https"
	}
	return oidc.Origin(scheme + "://" + r.Host)
}

// front is what browsers of people who sign in to applications open.
func (a *App) front() *oidcpage.Front {
	return &oidcpage.Front{Service: a.OIDC, Store: a.DB, Flows: a.Flows, Origin: a.origin}
}

// back is what applications themselves ask.
func (a *App) back() *oidcpage.Back { return &oidcpage.Back{Service: a.OIDC, Origin: a.origin} }
