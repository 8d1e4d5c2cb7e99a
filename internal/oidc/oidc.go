package oidc

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/gather"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Applications judges who may use what.
type Applications interface {
	// MayUse asks the policies of an application about an account; without any it may.
	// See application.Access.
	MayUse(ctx context.Context, user *idp.User, app *idp.Application, request idp.PolicyRequest) (idp.PolicyResult, error)
}

// Claims makes what a scope tells of an account.
type Claims interface {
	// Claims merges what the mappings return, in their order. The error says which of
	// them could not be evaluated.
	Claims(ctx context.Context, mappings []idp.ScopeMapping, about About) (map[string]any, error)
}

// Guessing bounds how often whoever is signed in may guess at codes of others.
type Guessing interface {
	// TryCode claims an attempt, calls verify if there is one left, and gives it back
	// when the code was right. The error is CodeRateLimited where there is none. See
	// lockout.Service.
	TryCode(ctx context.Context, actor idp.Actor, verify func(ctx context.Context) (right bool, err error)) (bool, error)
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
	Guessing     Guessing // of user codes
}

// Service answers applications.
type Service struct {
	Deps
	ring *ring
	told told

	uses    gather.Reader[secret.Digest, idp.OAuthHeld]
	clients clients
}

// New returns a Service.
func New(d Deps) *Service {
	s := &Service{Deps: d, ring: &ring{store: d.Store, sealer: d.Sealer}}
	s.uses.Noun, s.uses.One, s.uses.Many = "OAuth token", s.use, s.useMany
	return s
}

const app = "oidc"

// request is what policies of applications may look at of a request.
func request(actor idp.Actor, kind idp.GrantType, scopes []string) idp.PolicyRequest {
	out := idp.PolicyRequest{SignedIn: actor.User, ClientIP: actor.ClientIP(), Context: map[string]any{"grant_type": string(kind), "scopes": texts(scopes)}}
	out.Brand, _ = actor.Brand["name"].(string)
	if r := actor.Request; r != nil {
		out.Path, out.Method = r.Path, r.Method
	}
	return out
}

func texts(all []string) []any {
	out := make([]any, len(all))
	for i, s := range all {
		out[i] = s
	}
	return out
}

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
