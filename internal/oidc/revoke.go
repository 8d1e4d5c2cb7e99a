package oidc

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Revoke ends a token for the client that it was given to (RFC 7009): an access token
// alone, with a refresh token all of its grant. Others' tokens, and whatever is no
// token, change nothing, and the client is told nothing of it. No gate is asked:
// whatever ends may always end.
func (s *Service) Revoke(ctx context.Context, actor idp.Actor, c *Client, token string) error {
	if token == "" || len(token) > maxToken {
		return nil
	}
	err := s.Store.InTx(ctx, func(tx idp.Repos) error {
		held, err := tx.OAuthGrants.Use(ctx, secret.DigestOf(token).Bytes())
		if idp.Is(err, idp.CodeNotFound) || err == nil && held.Grant.ProviderID != c.Provider.ID {
			return nil
		}
		if err != nil {
			return err
		}
		var ended bool
		if held.Token.Kind == idp.OAuthRefresh {
			ended, err = tx.OAuthGrants.End(ctx, held.Grant.ID, idp.GrantRevoked)
		} else {
			ended, err = tx.OAuthGrants.RevokeToken(ctx, held.Token.ID)
		}
		if err != nil || !ended {
			return err
		}
		return tx.Events.Append(ctx, idp.ModelDeletedEvent(app, actor, held.User, map[string]any{
			"model": map[string]any{"app": "authentik_providers_oauth2", "model_name": string(held.Token.Kind) + "token", "pk": held.Token.ID.String(),
				"name": c.Application.Name}, "application": c.facts(), "by": "client"}))
	})
	if err != nil {
		return fmt.Errorf("revoking a token of client %s: %w", c.Provider.ClientID, err)
	}
	return nil
}
