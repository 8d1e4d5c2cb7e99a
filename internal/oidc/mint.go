package oidc

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// ContextClass is the `acr` of everybody: the contract's.
const ContextClass = "goauthentik.io/providers/oauth2/default"

// Tokens are what a client gets (RFC 6749, section 5.1).
type Tokens struct {
	Access   string
	Lifetime time.Duration // of the access token
	Refresh  string        // "" = none
	ID       string        // "" = none
	Scopes   []string      // of the access token
}

// order is what is about to be minted. All of it is made before the transaction that
// judges and stores it, where nothing may take long.
type order struct {
	client *Client
	user   *idp.User
	grant  idp.OAuthGrant
	fresh  bool     // the grant is new
	scopes []string // of the access token
	// refreshed are the scopes of the refresh token; nil = there is none to be made.
	refreshed []string
	tokens    Tokens
	access    idp.OAuthToken
}

// mint makes the values of the tokens that are ordered.
func (s *Service) mint(ctx context.Context, o *order) error {
	now, err := s.Store.Now(ctx)
	if err != nil {
		return fmt.Errorf("asking for the time: %w", err)
	}
	p := o.client.Provider
	signed := p.AccessFormat == idp.AccessJWT
	identifies := o.grant.Kind != idp.GrantClientCredentials && slices.Contains(o.scopes, ScopeOpenID)
	var claims map[string]any
	if signed || identifies && p.ClaimsInIDToken {
		if claims, err = s.claims(ctx, o.client, o.user, o.scopes); err != nil {
			return err
		}
	}
	o.tokens = Tokens{Access: secret.Token(), Lifetime: p.AccessLifetime, Scopes: o.scopes}
	o.access = idp.OAuthToken{ID: idp.NewID[idp.OAuthToken](), GrantID: o.grant.ID, Kind: idp.OAuthAccess, Scopes: o.scopes, Signed: signed}
	if signed {
		if o.tokens.Access, err = s.Sign(ctx, TypeAccess, put(claims, accessClaims(o, now))); err != nil {
			return err
		}
	}
	o.access.Digest = secret.DigestOf(o.tokens.Access).Bytes()
	if identifies {
		if !p.ClaimsInIDToken {
			claims = nil
		}
		if o.tokens.ID, err = s.Sign(ctx, TypeID, put(claims, idClaims(o, now))); err != nil {
			return err
		}
	}
	if o.refreshed != nil {
		o.tokens.Refresh = secret.Token()
	}
	return nil
}

// basicClaims are those of everything that is signed for a client.
func basicClaims(o *order, now time.Time) map[string]any {
	out := map[string]any{"iss": o.grant.Issuer, "sub": o.grant.Subject, "aud": o.client.Provider.ClientID, "iat": now.Unix(),
		"exp": now.Add(o.client.Provider.AccessLifetime).Unix(), "auth_time": o.grant.AuthTime.Unix(), "acr": ContextClass}
	if len(o.grant.Methods) > 0 {
		out["amr"] = o.grant.Methods
	}
	if o.grant.SessionID != nil {
		out["sid"] = o.grant.SessionID.String() // which is no secret: the cookie is
	}
	return out
}

// accessClaims are those of a signed access token (RFC 9068, section 2.2). Its `jti` is
// the row's, so that it is judged here like any other.
func accessClaims(o *order, now time.Time) map[string]any {
	out := basicClaims(o, now)
	out["jti"], out["client_id"], out["scope"] = o.access.ID.String(), o.client.Provider.ClientID, join(o.scopes)
	if o.grant.Kind == idp.GrantClientCredentials {
		delete(out, "auth_time") // nobody proved anything but the client
		delete(out, "acr")
	}
	return out
}

// idClaims are those of an ID token (OpenID Connect Core 1.0, section 2). One that is
// made at a refresh has no nonce (section 12.2).
func idClaims(o *order, now time.Time) map[string]any {
	out := basicClaims(o, now)
	out["azp"], out["at_hash"] = o.client.Provider.ClientID, halfHash(o.tokens.Access)
	if o.fresh && o.grant.Nonce != "" {
		out["nonce"] = o.grant.Nonce
	}
	return out
}

// keep stores what was minted. The transaction has shared the user, judged them, and
// holds the grant where that is not new.
func (s *Service) keep(ctx context.Context, tx idp.Repos, o *order, u *idp.User) error {
	if o.fresh {
		grant := o.grant
		grant.Generation = u.TokenGeneration
		if err := tx.OAuthGrants.Create(ctx, &grant); err != nil {
			return err
		}
	}
	access := o.access
	if err := tx.OAuthGrants.CreateToken(ctx, &access, o.client.Provider.AccessLifetime); err != nil {
		return err
	}
	if o.refreshed == nil {
		return nil
	}
	return tx.OAuthGrants.CreateToken(ctx, &idp.OAuthToken{GrantID: o.grant.ID, Kind: idp.OAuthRefresh,
		Digest: secret.DigestOf(o.tokens.Refresh).Bytes(), Scopes: o.refreshed}, o.client.Provider.RefreshLifetime)
}

// refreshable are the scopes of the refresh token that comes with a new grant; nil
// where the client gets none.
func refreshable(c *Client, scopes []string) []string {
	if c.allows(idp.GrantRefresh) != nil {
		return nil
	}
	return append([]string{}, scopes...)
}

// mayUse asks the policies of the application once more: somebody may have been put out
// of a group since.
func (s *Service) mayUse(ctx context.Context, actor idp.Actor, c *Client, u *idp.User, kind idp.GrantType, scopes []string) error {
	result, err := s.Applications.MayUse(ctx, u, c.Application, request(actor, kind, scopes))
	if err != nil {
		return err
	}
	if !result.Passing {
		return &Error{Code: ErrInvalidGrant, Description: "The account may not use this application.",
			Err: &idp.Error{Code: idp.CodeForbidden, Message: denied(result, c.Application)}}
	}
	return nil
}

// suspect writes down that somebody used what was not theirs to use any more.
func (s *Service) suspect(ctx context.Context, tx idp.Repos, actor idp.Actor, c *Client, about *idp.User, action, message string) error {
	return tx.Events.Append(ctx, idp.SuspiciousEvent(app, actor, about, map[string]any{
		"action_id": action, "message": message, "application": c.facts(), "client_id": c.Provider.ClientID}))
}
