package oidc

import (
	"context"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/gather"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// maxToken is more than any token of ours is long, in bytes.
const maxToken = 16 << 10

// find returns the token of a value, whatever kind it is. A signed one is found by its
// digest like any other: what was not signed here, byte by byte, is unknown, whatever it
// claims. It judges nothing but whether the key of a signed one is still good.
func (s *Service) find(ctx context.Context, door idp.Door, value string) (*idp.OAuthHeld, error) {
	if value == "" || len(value) > maxToken {
		return nil, idp.Refuse(door, idp.RefusedUnknown)
	}
	found, err := s.uses.Read(ctx, secret.DigestOf(value))
	if idp.Is(err, idp.CodeNotFound) {
		return nil, idp.Refuse(door, idp.RefusedUnknown)
	}
	if err != nil {
		return nil, err
	}
	held, owner := &found, *found.User
	held.User = &owner // who asked for the same at the same time has their own
	if !held.Token.Signed {
		return held, nil
	}
	// Whose key was revoked meanwhile counts no more: somebody else may have signed alike.
	_, known, err := s.Verify(ctx, TypeAccess, value)
	if err == nil && !known {
		err = idp.Refuse(door, idp.RefusedEnded)
	}
	if err != nil {
		return nil, err
	}
	return held, nil
}

func (s *Service) use(ctx context.Context, d secret.Digest) (idp.OAuthHeld, error) {
	held, err := s.Store.Repos().OAuthGrants.Use(ctx, d.Bytes())
	if err != nil {
		return idp.OAuthHeld{}, err
	}
	return *held, nil
}

func (s *Service) useMany(ctx context.Context, all []secret.Digest) (map[secret.Digest]idp.OAuthHeld, error) {
	found, err := s.Store.Repos().OAuthGrants.UseMany(ctx, secret.AllBytes(all))
	return gather.By(found, func(one *idp.OAuthHeld) secret.Digest { return secret.Digest(one.Token.Digest) }), err
}

// clientOf is the client that something was granted to.
func (s *Service) clientOf(ctx context.Context, held *idp.OAuthHeld) (*Client, error) {
	c, ok := s.clients.get(held)
	if !ok {
		read, err := s.Store.Repos().OAuthProviders.GetClientOf(ctx, held.Grant.ProviderID, held.Grant.ApplicationID)
		if err != nil {
			return nil, err
		}
		s.clients.keep(read)
		c = *read
	}
	return &Client{Provider: &c.Provider, Application: &c.Application}, nil
}

// letIn asks the policies of an application once more, at the use of a token: what is taken
// from an account counts at once. Nothing is asked where nothing is bound.
func (s *Service) letIn(ctx context.Context, actor idp.Actor, door idp.Door, c *Client, held *idp.OAuthHeld) error {
	if !held.Grant.Bound {
		return nil
	}
	u, err := s.elevated(ctx, &held.Grant, held.User)
	if err != nil {
		return err
	}
	result, err := s.Applications.MayUse(ctx, u, c.Application, request(actor, held.Grant.Kind, held.Token.Scopes))
	if err == nil && !result.Passing {
		err = idp.Refuse(door, idp.RefusedEnded) // the account's use of it did
	}
	return err
}

// UserInfo returns what an access token tells of its account, and the client it is of
// (OpenID Connect Core 1.0, section 5.3). The error is ErrInvalidToken or
// ErrInsufficientScope for a token that is not good for it.
func (s *Service) UserInfo(ctx context.Context, actor idp.Actor, token string) (map[string]any, *Client, error) {
	const door = idp.DoorUserinfo
	var held *idp.OAuthHeld
	var c *Client
	err := idp.Steady(ctx, s.Access, func() (_ *idp.User, credential idp.Credential, err error) {
		if held, err = s.find(ctx, door, token); err != nil {
			return nil, credential, err
		}
		c, err = s.clientOf(ctx, held)
		if idp.Is(err, idp.CodeNotFound) { // it went this moment, and its tokens with it
			return nil, credential, idp.Refuse(door, idp.RefusedEnded)
		}
		if err != nil {
			return nil, credential, err
		}
		credential = c.identify(held.Credential())
		credential.WrongIntent = held.Token.Kind != idp.OAuthAccess
		return held.User, credential, s.Access.Admit(ctx, door, held.User, credential)
	})
	if err == nil {
		err = s.letIn(ctx, actor, door, c, held)
	}
	if err != nil {
		return nil, nil, refused(ErrInvalidToken, err)
	}
	if !slices.Contains(held.Token.Scopes, ScopeOpenID) {
		return nil, c, Fault(ErrInsufficientScope, "The token has no scope openid.")
	}
	u, err := s.elevated(ctx, &held.Grant, held.User)
	if err != nil {
		return nil, c, err
	}
	claims, err := s.claims(ctx, c, u, held.Token.Scopes)
	if err != nil {
		return nil, c, err
	}
	return put(claims, map[string]any{"sub": held.Grant.Subject}), c, nil
}
