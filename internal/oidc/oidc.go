package oidc

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Applications judges who may use what.
type Applications interface {
	// MayUse asks the policies of an application about an account; without any it may.
	MayUse(ctx context.Context, actor idp.Actor, u *idp.User, a *idp.Application) (idp.PolicyResult, error)
}

// Claims makes what a scope tells of an account.
type Claims interface {
	// Claims merges what the mappings return, in their order. The error says which of
	// them could not be evaluated.
	Claims(ctx context.Context, mappings []idp.ScopeMapping, about About) (map[string]any, error)
}

// About is what the expressions of scope mappings may look at.
type About struct {
	User        *idp.User
	Application *idp.Application
	Provider    *idp.OAuthProvider
	Scopes      []string
}

// Deps are what a Service needs.
type Deps struct {
	Store        idp.Store
	Access       idp.Access
	Sealer       *secret.Sealer // client secrets and signing keys are sealed with it
	Applications Applications
	Claims       Claims
}

// Service answers applications.
type Service struct {
	Deps
}

// New returns a Service.
func New(d Deps) *Service { return &Service{Deps: d} }

const app = "oidc"

// Client is an application that has proved who it is, or is public and has said it.
type Client struct {
	Provider    *idp.OAuthProvider
	Application *idp.Application
	// Proved says that it knew its secret.
	Proved bool
}

// Origin is the address that a request came to: scheme and host, without a trailing
// slash. Issuers begin with it.
type Origin string

// Issuer is what the client knows this installation by.
func (o Origin) Issuer(c *Client) string {
	if c.Provider.IssuerMode == idp.IssuerGlobal {
		return string(o) + "/"
	}
	return string(o) + "/application/o/" + c.Application.Slug + "/"
}
