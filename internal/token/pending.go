package token

import (
	"context"
	"errors"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var errPending = errors.New("not written yet")

// Issue makes a token and returns it with its key.
func (s *Service) Issue(ctx context.Context, actor idp.Actor, d Draft) (*idp.Token, string, error) {
	return nil, "", errPending
}

// Authenticate returns the API token of a key and its user.
func (s *Service) Authenticate(ctx context.Context, key string) (*idp.Token, *idp.User, error) {
	return nil, nil, errPending
}

// OpenLink returns the token behind a link and its user.
func (s *Service) OpenLink(ctx context.Context, key string) (*idp.Token, *idp.User, error) {
	return nil, nil, errPending
}

// Redeem uses a link up.
func (s *Service) Redeem(ctx context.Context, id idp.TokenID) error { return errPending }

// RecoveryLink makes a link with which the user sets a new password.
func (s *Service) RecoveryLink(ctx context.Context, actor idp.Actor, user idp.UserID, brand *idp.Brand, lifetime time.Duration) (string, error) {
	return "", errPending
}

// Update changes a token.
func (s *Service) Update(ctx context.Context, actor idp.Actor, id idp.TokenID, p Patch) (*idp.Token, error) {
	return nil, errPending
}

// Revoke ends a token.
func (s *Service) Revoke(ctx context.Context, actor idp.Actor, id idp.TokenID) error {
	return errPending
}

// Get returns a token.
func (s *Service) Get(ctx context.Context, actor idp.Actor, id idp.TokenID) (*idp.Token, error) {
	return nil, errPending
}

// GetByIdentifier returns a token by its identifier.
func (s *Service) GetByIdentifier(ctx context.Context, actor idp.Actor, identifier string) (*idp.Token, error) {
	return nil, errPending
}

// Find lists tokens.
func (s *Service) Find(ctx context.Context, actor idp.Actor, filter idp.TokenFilter) (idp.Page[idp.Token], error) {
	return idp.Page[idp.Token]{}, errPending
}
