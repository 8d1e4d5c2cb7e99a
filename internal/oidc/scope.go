package oidc

import (
	"context"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// ScopesOf splits a scope parameter (RFC 6749, section 3.3); each comes once.
func ScopesOf(param string) []string {
	var out []string
	for _, s := range strings.Fields(param) {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// within leaves out the scopes that are not among others. The client is told which it
// got (RFC 6749, section 3.3).
func within(scopes, others []string) []string {
	out := make([]string, 0, len(scopes))
	for _, s := range scopes {
		if slices.Contains(others, s) {
			out = append(out, s)
		}
	}
	return out
}

// claims is what the mappings of the scopes tell of an account.
func (s *Service) claims(ctx context.Context, c *Client, u *idp.User, scopes []string) (map[string]any, error) {
	mappings, _, err := s.offered(ctx, c.Provider, scopes)
	if err != nil {
		return nil, err
	}
	if len(mappings) == 0 || s.Claims == nil {
		return map[string]any{}, nil
	}
	made, err := s.Claims.Claims(ctx, mappings, About{User: u, Application: c.Application, Provider: c.Provider, Scopes: scopes})
	if err != nil {
		return nil, s.broken(ctx, c, u, err)
	}
	return made, nil
}

// put adds what the protocol says to what mappings made, which never replaces it.
func put(claims, own map[string]any) map[string]any {
	out := make(map[string]any, len(claims)+len(own))
	for name, v := range claims {
		if !reserved[name] {
			out[name] = v
		}
	}
	for name, v := range own {
		out[name] = v
	}
	return out
}

// reserved are the claims with a meaning of their own in what is signed here (RFC 7519,
// RFC 9068, OpenID Connect Core 1.0 and its logout specifications).
var reserved = map[string]bool{"iss": true, "sub": true, "aud": true, "exp": true, "nbf": true, "iat": true, "jti": true, "auth_time": true,
	"nonce": true, "acr": true, "amr": true, "azp": true, "at_hash": true, "c_hash": true, "s_hash": true, "sid": true, "events": true,
	"client_id": true, "scope": true, "cnf": true, "act": true, "may_act": true, "typ": true}
