package oidc

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Bearer returns the access token of a value that acts on the API as its account: one
// whose scopes have idp.ScopeAPI. The error is CodeRefused for everything else.
func (s *Service) Bearer(ctx context.Context, actor idp.Actor, value string) (*idp.OAuthHeld, error) {
	const door = idp.DoorOAuthAPI
	var held *idp.OAuthHeld
	err := idp.Steady(ctx, s.Access, func() (_ *idp.User, c idp.Credential, err error) {
		if held, err = s.find(ctx, door, value); err != nil {
			return nil, c, err
		}
		if held, err = s.admitAPI(ctx, actor, door, held); err != nil {
			return nil, c, err
		}
		return held.User, held.ForAPI(), nil
	})
	return held, err
}

// BearerAgain asks the door once more that a token came through before, for answers
// that last. It is no use of the token.
func (s *Service) BearerAgain(ctx context.Context, actor idp.Actor, used *idp.OAuthHeld) (*idp.OAuthHeld, error) {
	const door = idp.DoorOAuthAPI
	held, err := s.Store.Repos().OAuthGrants.GetToken(ctx, used.Token.ID)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, idp.Refuse(door, idp.RefusedUnknown)
	}
	if err != nil {
		return nil, err
	}
	return s.admitAPI(ctx, actor, door, held)
}

// admitAPI asks the gate with the account as it is now, and with the application, so
// that locks on it hold here, too, and then the policies of that.
func (s *Service) admitAPI(ctx context.Context, actor idp.Actor, door idp.Door, held *idp.OAuthHeld) (*idp.OAuthHeld, error) {
	c, err := s.clientOf(ctx, held)
	if idp.Is(err, idp.CodeNotFound) { // it went this moment, and its tokens with it
		return nil, idp.Refuse(door, idp.RefusedEnded)
	}
	if err != nil {
		return nil, err
	}
	held.Application, held.Client = c.Application.Slug, c.Provider.ClientID
	if err := s.Access.Admit(ctx, door, held.User, held.ForAPI()); err != nil {
		return nil, err
	}
	if err := s.letIn(ctx, actor, door, c, held); err != nil {
		return nil, err
	}
	return held, nil
}
