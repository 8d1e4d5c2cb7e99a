package oidc

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Wait keeps a judged request until somebody has signed in and agreed.
func (s *Service) Wait(ctx context.Context, a *Authorization, params map[string]string) (*idp.OAuthRequest, error) {
	row := &idp.OAuthRequest{ProviderID: a.Client.Provider.ID, Params: params}
	if err := s.Store.Repos().OAuthRequests.Create(ctx, row, RequestLifetime); err != nil {
		return nil, fmt.Errorf("keeping a request of provider %s: %w", row.ProviderID, err)
	}
	return row, nil
}

// Waiting returns a request that waits, judged again: what it asked for may have been
// changed meanwhile. The error is CodeNotFound where it waits no more, and else as that
// of Judge.
func (s *Service) Waiting(ctx context.Context, origin Origin, id idp.UUID) (*Authorization, *idp.OAuthRequest, error) {
	row, err := s.Store.Repos().OAuthRequests.Get(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if row.Expired || len(row.Digest) > 0 {
		return nil, nil, idp.NotFound("authorization request")
	}
	a, err := s.Judge(ctx, origin, row.Params)
	return a, row, err
}

// Fresh reports whether whoever is in the session proved who they are as lately as the
// request wants: no longer ago than max_age, and with the prompt login after it came. All
// times are by the database's clock.
func (a *Authorization) Fresh(session *idp.Session, row *idp.OAuthRequest, now time.Time) bool {
	if !session.ProvedAt.Before(row.CreatedAt) {
		return true
	}
	return !a.Asks("login") && (a.MaxAge == nil || now.Sub(session.ProvedAt) <= *a.MaxAge)
}

// Chosen reports whether the session is of an account that was chosen since the request
// came, where it wants that.
func (a *Authorization) Chosen(session *idp.Session, row *idp.OAuthRequest) bool {
	return !a.Asks("select_account") || !session.CreatedAt.Before(row.CreatedAt)
}

// credential is what the door looks at of whoever agrees: the session's, and which
// application asks, for locks.
func (c *Client) credential(session *idp.Session) idp.Credential {
	out := session.Credential()
	out.Application, out.Client = c.Application.Slug, c.Provider.ClientID
	return out
}

// Admit judges whether whoever is signed in may sign in to the application: the
// account, its locks, and the application's policies. The error is CodeRefused, or
// CodeForbidden with what the policies say.
func (s *Service) Admit(ctx context.Context, actor idp.Actor, a *Authorization) error {
	c := a.Client
	if actor.User == nil || actor.Session == nil {
		return idp.Refuse(idp.DoorAuthorize, idp.RefusedUnknown)
	}
	if err := s.Access.Admit(ctx, idp.DoorAuthorize, actor.User, c.credential(actor.Session)); err != nil {
		return err
	}
	result, err := s.Applications.MayUse(ctx, actor.User, c.Application, request(actor, idp.GrantCode, a.Scopes))
	if err != nil {
		return err
	}
	if !result.Passing {
		return &idp.Error{Code: idp.CodeForbidden, Message: denied(result, c.Application)}
	}
	return nil
}

func denied(r idp.PolicyResult, a *idp.Application) string {
	for _, m := range r.Messages {
		return m
	}
	return "You may not use " + a.Name + "."
}

// Approve notes that whoever is signed in agreed to a request. It is called when the
// authorization flow is over.
func (s *Service) Approve(ctx context.Context, actor idp.Actor, id idp.UUID) error {
	return s.Store.InTx(ctx, func(tx idp.Repos) error {
		row, err := tx.OAuthRequests.Hold(ctx, id)
		if err != nil {
			return err
		}
		if row.Expired || row.ApprovedAt != nil || len(row.Digest) > 0 {
			return idp.NotFound("authorization request")
		}
		client, err := clientOf(ctx, tx, row.Params["client_id"], row.ProviderID)
		if err != nil {
			return err
		}
		return s.minted(ctx, tx, actor, client, func(u *idp.User, session *idp.Session) error {
			_, scopes, err := s.offered(ctx, client.Provider, ScopesOf(row.Params["scope"]))
			if err != nil {
				return err
			}
			row.UserID, row.SessionID, row.Scopes = &u.ID, &session.ID, scopes
			row.Generation, row.TokenGeneration = u.SessionGeneration, u.TokenGeneration
			return tx.OAuthRequests.Approve(ctx, row)
		})
	})
}

// minted runs fn with the actor's account shared and their session read, both as they
// are now, once the door has let them in: so nothing is minted past a lockdown.
func (s *Service) minted(ctx context.Context, tx idp.Repos, actor idp.Actor, c *Client, fn func(*idp.User, *idp.Session) error) error {
	if actor.User == nil || actor.Session == nil {
		return idp.Refuse(idp.DoorAuthorize, idp.RefusedUnknown)
	}
	u, err := tx.Users.Share(ctx, actor.User.ID)
	if idp.Is(err, idp.CodeNotFound) {
		return idp.Refuse(idp.DoorAuthorize, idp.RefusedUnknown)
	}
	if err != nil {
		return err
	}
	session, err := tx.Sessions.Get(ctx, actor.Session.ID)
	if idp.Is(err, idp.CodeNotFound) {
		return idp.Refuse(idp.DoorAuthorize, idp.RefusedUnknown)
	}
	if err != nil {
		return err
	}
	if session.UserID != u.ID {
		return idp.Refuse(idp.DoorAuthorize, idp.RefusedUnknown)
	}
	if err := s.Access.Admit(ctx, idp.DoorAuthorize, u, c.credential(session)); err != nil {
		return err
	}
	return fn(u, session)
}

// clientOf is the client of a request, which must still be the one it was.
func clientOf(ctx context.Context, tx idp.Repos, id string, provider idp.OAuthProviderID) (*Client, error) {
	p, a, err := tx.OAuthProviders.GetClient(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.ID != provider {
		return nil, idp.NotFound("authorization request")
	}
	return &Client{Provider: p, Application: a}, nil
}

// Code makes the authorization code of an approved request, for the session that
// approved it and once, and returns what the browser brings to the application.
func (s *Service) Code(ctx context.Context, actor idp.Actor, a *Authorization, id idp.UUID) (*Answer, error) {
	code := secret.Token()
	err := s.Store.InTx(ctx, func(tx idp.Repos) error {
		row, err := tx.OAuthRequests.Hold(ctx, id)
		if err != nil {
			return err
		}
		if row.Expired || row.ApprovedAt == nil || actor.Session == nil || row.SessionID == nil || *row.SessionID != actor.Session.ID ||
			row.ProviderID != a.Client.Provider.ID {
			return idp.NotFound("authorization request")
		}
		return s.minted(ctx, tx, actor, a.Client, func(u *idp.User, session *idp.Session) error {
			if row.Generation != u.SessionGeneration || row.TokenGeneration != u.TokenGeneration {
				return idp.Refuse(idp.DoorAuthorize, idp.RefusedGeneration)
			}
			methods, err := methodsOf(ctx, tx, session)
			if err != nil {
				return err
			}
			row := &idp.OAuthCode{Digest: secret.DigestOf(code).Bytes(), ProviderID: a.Client.Provider.ID, UserID: u.ID, SessionID: session.ID,
				Scopes: row.Scopes, Nonce: a.Nonce, RedirectURI: a.RedirectURI, Challenge: a.Challenge, AuthTime: session.ProvedAt,
				Methods: methods, Generation: u.SessionGeneration, TokenGeneration: u.TokenGeneration}
			if err := tx.OAuthRequests.CreateCode(ctx, row, a.Client.Provider.CodeLifetime); err != nil {
				return err
			}
			if err := tx.OAuthRequests.Delete(ctx, id); err != nil {
				return err
			}
			return tx.Events.Append(ctx, idp.AuthorizeApplicationEvent(app, actor, u, map[string]any{
				"authorized_application": a.Client.facts(), "scopes": row.Scopes, "session": session.ID.String()}))
		})
	})
	if err != nil {
		return nil, fmt.Errorf("authorizing application %s: %w", a.Client.Application.Slug, err)
	}
	return answerTo(a.Mode, a.RedirectURI, url.Values{"code": {code}, "iss": {a.Origin.Issuer(a.Client)}}, a.State), nil
}

// facts show the application inside events, in the contract's form.
func (c *Client) facts() map[string]any {
	return map[string]any{"pk": c.Application.ID.Hex(), "name": c.Application.Name, "app": "authentik_core", "model_name": "application",
		"slug": c.Application.Slug}
}

// methodsOf are the methods (RFC 8176) by which somebody signed in to a session.
func methodsOf(ctx context.Context, tx idp.Repos, s *idp.Session) ([]string, error) {
	if s.FactorID == nil {
		return Methods(s.AuthMethod, nil), nil
	}
	f, err := tx.Factors.Get(ctx, *s.FactorID)
	if idp.Is(err, idp.CodeNotFound) { // removed since
		return Methods(s.AuthMethod, nil), nil
	}
	if err != nil {
		return nil, err
	}
	return Methods(s.AuthMethod, f), nil
}

// Methods are the methods (RFC 8176) of a way to sign in, with the second factor that was
// used; nil = it is not known which. A remembered factor was not used: the way says so.
func Methods(authMethod string, used *idp.Factor) []string {
	var own []string
	if used != nil {
		own = used.Methods()
	}
	switch authMethod {
	case "":
		return nil
	case "password":
		return []string{"pwd"}
	case "auth_mfa":
		return append(append([]string{"pwd"}, own...), "mfa")
	case "auth_mfa_": // nothing but the second factor was asked for, or a link was opened
		return own
	case "auth_mfa_token": // after an app password
		return append(own, "mfa")
	case "auth_webauthn_pwl": // passkeys verify their person there
		return append(own, "user", "mfa")
	}
	return []string{authMethod}
}

// Pushed takes a pushed request (RFC 9126, section 4) of the client that names it, and
// returns what it asks for. It works once. The error is for the person.
func (s *Service) Pushed(ctx context.Context, clientID, uri string) (map[string]string, error) {
	row, err := s.Store.Repos().OAuthRequests.TakePushed(ctx, secret.DigestOf(uri).Bytes())
	if idp.Is(err, idp.CodeNotFound) || err == nil && (row.Expired || row.Params["client_id"] != clientID) {
		return nil, idp.Invalid("request_uri", "The request that the application pushed is not valid any more. Go back to the application and try again.")
	}
	if err != nil {
		return nil, err
	}
	return row.Params, nil
}

// ParseRequestID reads the ID of a request that waits; ok is false for anything else.
func ParseRequestID(s string) (id idp.UUID, ok bool) {
	id, err := uuid.Parse(s)
	return id, err == nil && len(s) == 36
}
