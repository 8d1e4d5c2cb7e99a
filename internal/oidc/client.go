package oidc

import (
	"context"
	"fmt"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Credentials are how a client says who it is (RFC 6749, section 2.3).
type Credentials struct {
	ID     string
	Secret string
	// Given says that there was a secret, be it empty.
	Given bool
}

// secretPurpose is what the secret of a provider's client is sealed for, as whoever
// writes providers does it.
func secretPurpose(id idp.OAuthProviderID) string { return "oauth provider " + id.String() }

// FindClient returns the client of a client ID, which has proved nothing. The error is
// CodeNotFound when there is none.
func (s *Service) FindClient(ctx context.Context, id string) (*Client, error) {
	if id == "" || len(id) > 255 {
		return nil, idp.NotFound("client")
	}
	p, a, err := s.Store.Repos().OAuthProviders.GetClient(ctx, id)
	if err != nil {
		return nil, err
	}
	return &Client{Provider: p, Application: a}, nil
}

// ClientOfSlug returns the client of an application, which has proved nothing. The
// error is CodeNotFound when there is none.
func (s *Service) ClientOfSlug(ctx context.Context, slug string) (*Client, error) {
	repos := s.Store.Repos()
	a, err := repos.Applications.GetBySlug(ctx, slug)
	if err != nil {
		return nil, err
	}
	if a.ProviderID == nil {
		return nil, idp.NotFound("application")
	}
	p, err := repos.OAuthProviders.Get(ctx, *a.ProviderID)
	if err != nil {
		return nil, err
	}
	return &Client{Provider: p, Application: a}, nil
}

// Authenticate returns the client that the credentials are of. A confidential client
// has to know its secret; a public one has none, and proves nothing by saying who it
// is. The error is ErrInvalidClient for every other.
func (s *Service) Authenticate(ctx context.Context, by Credentials) (*Client, error) {
	unknown := Fault(ErrInvalidClient, "The client is unknown, or did not prove who it is.")
	c, err := s.FindClient(ctx, by.ID)
	if idp.Is(err, idp.CodeNotFound) {
		secret.Equal(by.Secret, by.ID) // as much work as for one that there is
		return nil, unknown
	}
	if err != nil {
		return nil, err
	}
	if c.Provider.ClientType == idp.ClientPublic {
		if by.Given && by.Secret != "" {
			return nil, unknown // it thinks that it has a secret: somebody changed what it is
		}
		return c, nil
	}
	stored := c.Provider.ClientSecret
	if secret.IsSealed(stored) {
		if stored, err = s.Sealer.OpenText(secretPurpose(c.Provider.ID), stored); err != nil {
			return nil, fmt.Errorf("opening the secret of client %s: %w", c.Provider.ClientID, err)
		}
	}
	if stored == "" || !secret.Equal(by.Secret, stored) {
		return nil, unknown
	}
	c.Proved = true
	return c, nil
}

// allows returns nil when the client may use a grant type.
func (c *Client) allows(grant idp.GrantType) error {
	if slices.Contains(c.Provider.GrantTypes, grant) {
		return nil
	}
	return Fault(ErrUnauthorizedClient, "This client may not use this grant type.")
}

// identify names the client to locks.
func (c *Client) identify(credential idp.Credential) idp.Credential {
	credential.Application, credential.Client = c.Application.Slug, c.Provider.ClientID
	return credential
}
