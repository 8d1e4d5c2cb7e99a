package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// verifierForm is the form of a code verifier (RFC 7636, section 4.1).
var verifierForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

// exchange gives tokens for an authorization code (RFC 6749, section 4.1.3). The code
// is judged, then everything is made, then it is judged again in the transaction that
// stores the tokens: policies and signatures take longer than a row may be held.
func (s *Service) exchange(ctx context.Context, actor idp.Actor, origin Origin, c *Client, r TokenRequest) (*Tokens, error) {
	if r.Code == "" {
		return nil, Fault(ErrInvalidRequest, "code is missing.")
	}
	var code *idp.OAuthCode
	var user *idp.User
	if err := s.decide(ctx, func(tx idp.Repos) (refusal, err error) {
		code, refusal, err = s.holdCode(ctx, tx, actor, c, r)
		if refusal != nil || err != nil {
			return refusal, err
		}
		user, refusal, err = s.judgeCode(ctx, tx, c, code)
		return refusal, err
	}); err != nil {
		return nil, err
	}
	if err := s.mayUse(ctx, actor, c, user, idp.GrantCode, code.Scopes); err != nil {
		return nil, err
	}
	session := code.SessionID
	o := &order{client: c, user: user, fresh: true, scopes: code.Scopes, refreshed: refreshable(c, code.Scopes), grant: idp.OAuthGrant{
		ID: idp.NewID[idp.OAuthGrant](), ProviderID: c.Provider.ID, ApplicationID: c.Application.ID, UserID: user.ID, SessionID: &session,
		Offline: slices.Contains(code.Scopes, ScopeOffline), Kind: idp.GrantCode, Scopes: code.Scopes, Issuer: origin.Issuer(c),
		Subject: Subject(c, user), AuthTime: code.AuthTime, Nonce: code.Nonce, Methods: code.Methods}}
	if err := s.mint(ctx, o); err != nil {
		return nil, err
	}
	if err := s.decide(ctx, func(tx idp.Repos) (refusal, err error) {
		code, refusal, err := s.holdCode(ctx, tx, actor, c, r)
		if refusal != nil || err != nil {
			return refusal, err
		}
		u, refusal, err := s.judgeCode(ctx, tx, c, code)
		if refusal != nil || err != nil {
			return refusal, err
		}
		if err := s.keep(ctx, tx, o, u); err != nil {
			return nil, err
		}
		_, err = tx.OAuthRequests.SpendCode(ctx, code.Digest, o.grant.ID)
		return nil, err
	}); err != nil {
		return nil, err
	}
	return &o.tokens, nil
}

// decide runs fn in a transaction. What fn refuses is refused after the transaction was
// committed: that something was misused is kept, and ends what it has to.
func (s *Service) decide(ctx context.Context, fn func(tx idp.Repos) (refusal, err error)) error {
	var refusal error
	err := s.Store.InTx(ctx, func(tx idp.Repos) (err error) {
		refusal, err = fn(tx)
		return err
	})
	if err != nil {
		return err
	}
	return refusal
}

// holdCode returns the code of a request, held, if it is this client's and it proves
// that it asked for it. A code that comes a second time, or from another client, was
// copied: what was granted for it ends (RFC 9700, section 4.5; RFC 6749, section 4.1.2).
func (s *Service) holdCode(ctx context.Context, tx idp.Repos, actor idp.Actor, c *Client, r TokenRequest) (code *idp.OAuthCode, refusal, err error) {
	code, err = tx.OAuthRequests.HoldCode(ctx, secret.DigestOf(r.Code).Bytes())
	switch {
	case idp.Is(err, idp.CodeNotFound):
		return nil, shut(ErrInvalidGrant, idp.DoorCodeExchange, idp.RefusedUnknown), nil
	case err != nil:
		return nil, nil, err
	case code.ProviderID != c.Provider.ID:
		return nil, shut(ErrInvalidGrant, idp.DoorCodeExchange, idp.RefusedIntent),
			s.spoil(ctx, tx, actor, c, code, ActionCodeOfAnother, "A client offered the authorization code of another one. The code, and what was granted for it, ended.")
	case code.SpentAt != nil:
		return nil, shut(ErrInvalidGrant, idp.DoorCodeExchange, idp.RefusedEnded),
			s.spoil(ctx, tx, actor, c, code, ActionCodeReplayed, "An authorization code was used twice. What was granted for it ended.")
	}
	if fault := proves(c, code, r); fault != nil {
		return nil, fault, tx.OAuthRequests.DeleteCode(ctx, code.Num) // one try
	}
	return code, nil, nil
}

// proves compares with what the authorization request said. A verifier where there is
// no challenge is a request that somebody took the challenge from (RFC 9700, section
// 4.8.2).
func proves(c *Client, code *idp.OAuthCode, r TokenRequest) error {
	sum := sha256.Sum256([]byte(r.Verifier))
	switch {
	case r.RedirectURI != code.RedirectURI:
		return Fault(ErrInvalidGrant, "redirect_uri is not the one of the authorization request.")
	case code.Challenge == "" && r.Verifier != "":
		return Fault(ErrInvalidGrant, "There is a code_verifier, but the authorization request had no code_challenge.")
	case code.Challenge == "" && c.Provider.ClientType == idp.ClientPublic: // nothing else proves that it asked (RFC 9700, section 2.1.1)
		return Fault(ErrInvalidGrant, "The authorization request of a public client needs a code_challenge.")
	case code.Challenge == "":
		return nil
	case r.Verifier == "":
		return Fault(ErrInvalidGrant, "code_verifier is missing.")
	case !verifierForm.MatchString(r.Verifier) || !secret.Equal(base64.RawURLEncoding.EncodeToString(sum[:]), code.Challenge):
		return Fault(ErrInvalidGrant, "code_verifier does not fit the code_challenge.")
	}
	return nil
}

// spoil ends a code that was copied, and what was granted for it.
func (s *Service) spoil(ctx context.Context, tx idp.Repos, actor idp.Actor, c *Client, code *idp.OAuthCode, action, message string) error {
	if code.GrantID != nil {
		if _, err := tx.OAuthGrants.End(ctx, *code.GrantID, idp.GrantReplayed); err != nil {
			return err
		}
	} else if err := tx.OAuthRequests.DeleteCode(ctx, code.Num); err != nil {
		return err
	}
	owner, err := tx.Users.Get(ctx, code.UserID)
	if err != nil {
		return err
	}
	return s.suspect(ctx, tx, actor, c, owner, action, message)
}

// judgeCode asks the door about the session that the code was made in, and about the
// account, shared: no exchange passes a lockdown.
func (s *Service) judgeCode(ctx context.Context, tx idp.Repos, c *Client, code *idp.OAuthCode) (u *idp.User, refusal, err error) {
	const door = idp.DoorCodeExchange
	if u, refusal, err = shared(ctx, tx, door, code.UserID); u == nil {
		return nil, refusal, err
	}
	session, err := tx.Sessions.Get(ctx, code.SessionID)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, shut(ErrInvalidGrant, door, idp.RefusedEnded), nil
	}
	if err != nil {
		return nil, nil, err
	}
	with := c.credential(session)
	with.Generation, with.Expired = code.Generation, with.Expired || code.Expired
	for _, credential := range []idp.Credential{with, c.identify(idp.Credential{Family: idp.FamilyToken, Generation: code.TokenGeneration})} {
		if err := refused(ErrInvalidGrant, s.Access.Admit(ctx, door, u, credential)); err != nil {
			return nil, err, nil
		}
	}
	if session.UserID != u.ID {
		return nil, shut(ErrInvalidGrant, door, idp.RefusedIntent), nil
	}
	return idp.Elevate(ctx, s.Access, u, session, session.Credential()), nil, nil
}

// elevated is the account of a grant, with the groups that the session it was made in
// has for a while, as long as that is so.
func (s *Service) elevated(ctx context.Context, g *idp.OAuthGrant, u *idp.User) (*idp.User, error) {
	if g.SessionID == nil || !g.Elevated {
		return u, nil
	}
	session, err := s.Store.Repos().Sessions.Get(ctx, *g.SessionID)
	if idp.Is(err, idp.CodeNotFound) || err == nil && !session.Live {
		return u, nil
	}
	if err != nil {
		return nil, err
	}
	return idp.Elevate(ctx, s.Access, u, session, session.Credential()), nil
}

// shared is the account of somebody, shared so that no lockdown passes what is minted; a
// refusal where it is gone.
func shared(ctx context.Context, tx idp.Repos, door idp.Door, id idp.UserID) (u *idp.User, refusal, err error) {
	u, err = tx.Users.Share(ctx, id)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, shut(ErrInvalidGrant, door, idp.RefusedUnknown), nil
	}
	if err != nil {
		return nil, nil, err
	}
	return u, nil, nil
}
