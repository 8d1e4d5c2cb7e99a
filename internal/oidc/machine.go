package oidc

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// machine gives an access token to a client itself (RFC 6749, section 4.4), which acts
// as an account of its own: so it can be locked, locked down and seen like anybody.
func (s *Service) machine(ctx context.Context, actor idp.Actor, origin Origin, c *Client, r TokenRequest) (*Tokens, error) {
	if !c.Proved {
		return nil, Fault(ErrUnauthorizedClient, "Only a client that proved who it is may get tokens for itself.")
	}
	u, err := s.machineAccount(ctx, actor, c)
	if err != nil {
		return nil, err
	}
	if err := s.judgeMachine(ctx, c, u); err != nil {
		return nil, err
	}
	scopes := []string{}
	if r.Scope != nil {
		asked := ScopesOf(*r.Scope)
		if _, scopes, err = s.offered(ctx, c.Provider, asked); err != nil {
			return nil, err
		}
		if scopes = without(scopes, ScopeOffline); len(scopes) == 0 && len(asked) > 0 {
			return nil, Fault(ErrInvalidScope, "None of the scopes asked for is offered to this application.")
		}
	}
	if err := s.mayUse(ctx, actor, c, u, idp.GrantClientCredentials, scopes); err != nil {
		return nil, err
	}
	o := &order{client: c, user: u, fresh: true, scopes: scopes, grant: idp.OAuthGrant{ID: idp.NewID[idp.OAuthGrant](), ProviderID: c.Provider.ID,
		ApplicationID: c.Application.ID, UserID: u.ID, Kind: idp.GrantClientCredentials, Scopes: scopes, Issuer: origin.Issuer(c), Subject: Subject(c, u)}}
	if err := s.mint(ctx, o); err != nil {
		return nil, err
	}
	if err := s.decide(ctx, func(tx idp.Repos) (refusal, err error) {
		now, refusal, err := shared(ctx, tx, idp.DoorClientCredentials, u.ID)
		if now == nil {
			return refusal, err
		}
		if err := s.judgeMachine(ctx, c, now); err != nil {
			return err, nil
		}
		return nil, s.keep(ctx, tx, o, now)
	}); err != nil {
		return nil, err
	}
	return &o.tokens, nil
}

func (s *Service) judgeMachine(ctx context.Context, c *Client, u *idp.User) error {
	return refused(ErrInvalidGrant, s.Access.Admit(ctx, idp.DoorClientCredentials, u, c.identify(idp.Credential{})))
}

// machinePath is where accounts of clients are, by the slug of the application.
const machinePath = "goauthentik.io/apps/"

// MachineName is the account of a client, by the contract's name of it.
func MachineName(p *idp.OAuthProvider) string {
	const head, tail = "ak-", "-client_credentials"
	name := []rune(p.Name)
	if most := 150 - len(head) - len(tail); len(name) > most {
		name = name[:most]
	}
	return head + string(name) + tail
}

// machineAccount returns the account of a client, made at its first use. One of the
// same name that is somebody's is not taken for it.
func (s *Service) machineAccount(ctx context.Context, actor idp.Actor, c *Client) (*idp.User, error) {
	name := MachineName(c.Provider)
	for range 2 {
		u, err := s.Store.Repos().Users.FindByLogin(ctx, name, []string{"username"})
		if err != nil {
			return nil, fmt.Errorf("looking for the account of client %s: %w", c.Provider.ClientID, err)
		}
		if u != nil {
			if u.Type != idp.UserServiceAccount || u.Path != machinePath+c.Application.Slug {
				return nil, &Error{Code: ErrUnauthorizedClient, Description: "Another account has the name of this client's account.",
					Err: idp.Conflict("The account “%s” is not the one of application %s.", name, c.Application.Slug)}
			}
			return u, nil
		}
		err = s.Store.InTx(ctx, func(tx idp.Repos) error {
			u := &idp.User{Username: name, Name: "Account of application " + c.Application.Name + " (client credentials)", IsActive: true,
				Path: machinePath + c.Application.Slug, Type: idp.UserServiceAccount, Password: secret.Unusable()}
			if err := tx.Users.Create(ctx, u); err != nil {
				return err
			}
			return tx.Events.Append(ctx, idp.ModelCreatedEvent(app, actor, u, map[string]any{
				"model":       map[string]any{"app": "authentik_core", "model_name": "user", "pk": int(u.ID), "name": u.Username},
				"application": c.facts()}))
		})
		if err != nil && !idp.Is(err, idp.CodeInvalid) && !idp.Is(err, idp.CodeConflict) { // somebody else was quicker: look again
			return nil, fmt.Errorf("making the account of client %s: %w", c.Provider.ClientID, err)
		}
	}
	return nil, idp.Conflict("The account of client %s could not be made.", c.Provider.ClientID)
}

func without(list []string, one string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		if s != one {
			out = append(out, s)
		}
	}
	return out
}
