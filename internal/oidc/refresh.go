package oidc

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// refresh gives new tokens for a refresh token (RFC 6749, section 6), which is good
// once: who brings one that was exchanged has a copy, or somebody else has, and the
// whole family ends (RFC 9700, section 4.14.2). There is no grace for a client that asks
// twice at once: nothing tells it from a thief.
func (s *Service) refresh(ctx context.Context, actor idp.Actor, _ Origin, c *Client, r TokenRequest) (*Tokens, error) {
	if r.RefreshToken == "" {
		return nil, Fault(ErrInvalidRequest, "refresh_token is missing.")
	}
	held, err := s.Store.Repos().OAuthGrants.Use(ctx, secret.DigestOf(r.RefreshToken).Bytes())
	if idp.Is(err, idp.CodeNotFound) {
		return nil, shut(ErrInvalidGrant, idp.DoorTokenRefresh, idp.RefusedUnknown)
	}
	if err != nil {
		return nil, err
	}
	if copied(c, held) || s.judgeRefresh(ctx, c, held) != nil { // looked at again, so that what it comes to is kept
		return nil, s.decide(ctx, func(tx idp.Repos) (error, error) {
			_, refusal, err := s.holdRefresh(ctx, tx, actor, c, held)
			return refusal, err
		})
	}
	scopes := held.Token.Scopes
	if r.Scope != nil {
		asked := ScopesOf(*r.Scope)
		if scopes = within(held.Token.Scopes, asked); len(scopes) != len(asked) || len(scopes) == 0 {
			return nil, Fault(ErrInvalidScope, "A refresh cannot ask for more than was granted.")
		}
	}
	u, err := s.elevated(ctx, &held.Grant, held.User)
	if err != nil {
		return nil, err
	}
	if err := s.mayUse(ctx, actor, c, u, idp.GrantRefresh, scopes); err != nil {
		return nil, err
	}
	o := &order{client: c, user: u, grant: held.Grant, scopes: scopes}
	replaces, err := s.replaces(ctx, c, &held.Token)
	if err != nil {
		return nil, err
	}
	if replaces {
		o.refreshed = held.Token.Scopes // those it had: RFC 6749, section 6
	}
	if err := s.mint(ctx, o); err != nil {
		return nil, err
	}
	if err := s.decide(ctx, func(tx idp.Repos) (error, error) {
		now, refusal, err := s.holdRefresh(ctx, tx, actor, c, held)
		if refusal != nil || err != nil {
			return refusal, err
		}
		if replaces {
			if _, err := tx.OAuthGrants.Replace(ctx, held.Token.ID); err != nil {
				return nil, err
			}
		}
		return nil, s.keep(ctx, tx, o, now.User)
	}); err != nil {
		return nil, err
	}
	return &o.tokens, nil
}

// replaces reports whether the refresh token is exchanged for another one: that of a
// public client at every use (RFC 9700, section 2.2.2), others when their end is near.
func (s *Service) replaces(ctx context.Context, c *Client, t *idp.OAuthToken) (bool, error) {
	threshold := c.Provider.RefreshThreshold
	if threshold <= 0 || c.Provider.ClientType == idp.ClientPublic {
		return true, nil
	}
	now, err := s.Store.Now(ctx)
	return t.ExpiresAt.Sub(now) <= threshold, err
}

// copied reports whether a refresh token was exchanged before, or is another client's.
func copied(c *Client, held *idp.OAuthHeld) bool {
	return held.Token.Kind == idp.OAuthRefresh && (held.Token.ReplacedAt != nil || held.Grant.ProviderID != c.Provider.ID)
}

// holdRefresh judges a refresh token anew, with its account shared and its grant held,
// and ends the family of one that was copied.
func (s *Service) holdRefresh(ctx context.Context, tx idp.Repos, actor idp.Actor, c *Client, seen *idp.OAuthHeld) (held *idp.OAuthHeld, refusal, err error) {
	u, refusal, err := shared(ctx, tx, idp.DoorTokenRefresh, seen.User.ID)
	if u == nil {
		return nil, refusal, err
	}
	if _, err = tx.OAuthGrants.Hold(ctx, seen.Grant.ID); err == nil {
		held, err = tx.OAuthGrants.GetToken(ctx, seen.Token.ID)
	}
	if idp.Is(err, idp.CodeNotFound) {
		return nil, shut(ErrInvalidGrant, idp.DoorTokenRefresh, idp.RefusedUnknown), nil
	}
	if err != nil {
		return nil, nil, err
	}
	held.User = u
	if copied(c, held) {
		return nil, shut(ErrInvalidGrant, idp.DoorTokenRefresh, copiedAs(c, held)), s.endFamily(ctx, tx, actor, c, held)
	}
	return held, s.judgeRefresh(ctx, c, held), nil
}

func copiedAs(c *Client, held *idp.OAuthHeld) idp.Refusal {
	if held.Grant.ProviderID != c.Provider.ID {
		return idp.RefusedIntent
	}
	return idp.RefusedEnded
}

// endFamily ends all tokens of a grant, once, and says so.
func (s *Service) endFamily(ctx context.Context, tx idp.Repos, actor idp.Actor, c *Client, held *idp.OAuthHeld) error {
	ended, err := tx.OAuthGrants.End(ctx, held.Grant.ID, idp.GrantReplayed)
	if err != nil || !ended {
		return err
	}
	action, message := ActionRefreshReused, "A refresh token was used twice. All tokens of its grant ended."
	if held.Grant.ProviderID != c.Provider.ID {
		action, message = ActionRefreshOfOthers, "A client offered the refresh token of another one. All tokens of its grant ended."
	}
	return s.suspect(ctx, tx, actor, c, held.User, action, message)
}

// judgeRefresh asks the door.
func (s *Service) judgeRefresh(ctx context.Context, c *Client, held *idp.OAuthHeld) error {
	credential := c.identify(held.Credential())
	credential.WrongIntent = held.Token.Kind != idp.OAuthRefresh || held.Grant.ProviderID != c.Provider.ID
	return refused(ErrInvalidGrant, s.Access.Admit(ctx, idp.DoorTokenRefresh, held.User, credential))
}
