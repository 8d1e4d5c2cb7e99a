package oidc

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Introspection is what a client is told of one of its tokens (RFC 7662, section 2.2).
// Of one that is not active it is told nothing else.
type Introspection struct {
	Active    bool     `json:"active"`
	Scope     string   `json:"scope,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	Username  string   `json:"username,omitempty"`
	TokenType string   `json:"token_type,omitempty"` // of an access token
	Expires   int64    `json:"exp,omitempty"`
	Issued    int64    `json:"iat,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	Audience  string   `json:"aud,omitempty"`
	Issuer    string   `json:"iss,omitempty"`
	ID        string   `json:"jti,omitempty"`
	Session   string   `json:"sid,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	Methods   []string `json:"amr,omitempty"`

	// Refusal is why it is not active, for the log.
	Refusal error `json:"-"`
}

// Introspect judges a token for the client that it was given to. Others' tokens, and
// whatever is no token, are not active; so are those of an account that may not act, or
// that may not use the application any more.
// The error is ErrInvalidClient for a client that did not prove who it is.
func (s *Service) Introspect(ctx context.Context, actor idp.Actor, c *Client, token string) (*Introspection, error) {
	const door = idp.DoorIntrospect
	if !c.Proved {
		return nil, Fault(ErrInvalidClient, "Only a client that proved who it is may ask about tokens.")
	}
	var held *idp.OAuthHeld
	err := idp.Steady(ctx, s.Access, func() (_ *idp.User, credential idp.Credential, err error) {
		if held, err = s.find(ctx, door, token); err != nil {
			return nil, credential, err
		}
		credential = c.identify(held.Credential())
		credential.WrongIntent = held.Grant.ProviderID != c.Provider.ID
		return held.User, credential, s.Access.Admit(ctx, door, held.User, credential)
	})
	if err == nil {
		err = s.letIn(ctx, actor, door, c, held)
	}
	switch {
	case idp.Is(err, idp.CodeRefused):
		return &Introspection{Refusal: err}, nil
	case err != nil:
		return nil, err
	}
	t, g := &held.Token, &held.Grant
	out := &Introspection{Active: true, Scope: join(t.Scopes), ClientID: c.Provider.ClientID, Username: held.User.Username, Expires: t.ExpiresAt.Unix(),
		Issued: t.CreatedAt.Unix(), Subject: g.Subject, Audience: c.Provider.ClientID, Issuer: g.Issuer, ID: t.ID.String(), Methods: g.Methods}
	if t.Kind == idp.OAuthAccess {
		out.TokenType = "Bearer"
	}
	if g.SessionID != nil {
		out.Session = g.SessionID.String()
	}
	if g.Kind != idp.GrantClientCredentials {
		out.AuthTime = g.AuthTime.Unix()
	}
	return out, nil
}
