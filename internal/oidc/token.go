package oidc

import (
	"context"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// TokenRequest is what a client asks the token endpoint for (RFC 6749, section 3.2).
type TokenRequest struct {
	Grant idp.GrantType
	// Of an authorization code.
	Code, RedirectURI, Verifier string
	RefreshToken                string
	DeviceCode                  string
	Scope                       *string // nil = was not sent
}

// What events about misused grants tell, by context.action_id.
const (
	ActionCodeReplayed    = "oauth_code_replay"
	ActionCodeOfAnother   = "oauth_code_of_another_client"
	ActionRefreshReused   = "oauth_refresh_reuse"
	ActionRefreshOfOthers = "oauth_refresh_of_another_client"
)

// Token answers a request for tokens. The error is an *Error, or of the database.
func (s *Service) Token(ctx context.Context, actor idp.Actor, origin Origin, c *Client, r TokenRequest) (*Tokens, error) {
	var grant func(context.Context, idp.Actor, Origin, *Client, TokenRequest) (*Tokens, error)
	switch r.Grant {
	case idp.GrantCode:
		grant = s.exchange
	case idp.GrantRefresh:
		grant = s.refresh
	case idp.GrantClientCredentials:
		grant = s.machine
	case idp.GrantDevice:
		grant = s.poll
	case "":
		return nil, Fault(ErrInvalidRequest, "grant_type is missing.")
	default:
		return nil, Fault(ErrUnsupportedGrantType, "This grant type is not offered.")
	}
	if err := c.allows(r.Grant); err != nil {
		return nil, err
	}
	return grant(ctx, actor, origin, c, r)
}

func join(scopes []string) string { return strings.Join(scopes, " ") }
