package token

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// RevealWithin is how long after a token was made, or its key set, the key can
// be asked for once.
const RevealWithin = time.Hour

// sealPurpose binds a sealed key to its token.
func sealPurpose(id idp.TokenID) string { return "token key " + id.String() }

// keep seals the key of a token that was just made, so that it can be asked for
// once. Keys of links are not kept: they are in the link.
func (s *Service) keep(ctx context.Context, tx idp.Repos, t *idp.Token, key string) error {
	if s.sealer == nil || opensFlow(t.Intent) {
		return nil
	}
	lifetime := RevealWithin
	if s.revealable {
		lifetime = 0
	}
	return tx.Tokens.KeepKey(ctx, t.ID, s.sealer.Seal(sealPurpose(t.ID), []byte(key)), lifetime)
}

// KeysStay reports whether keys can be shown more than once.
func (s *Service) KeysStay() bool { return s.revealable }

// Reveal returns the key of a token, once, to its owner or an administrator,
// within RevealWithin of its making; where the installation keeps keys
// revealable, any time. Of several who ask at once one gets it.
//
// Errors: CodeNotFound for a token that the actor may not see; CodeRefused when
// it, its user, or the credential of the actor may not act any more;
// CodeConflict, with the reason, when there is no key to be shown; CodeStepUp
// (idp.Access.Fresh).
func (s *Service) Reveal(ctx context.Context, actor idp.Actor, id idp.TokenID) (string, error) {
	var key string
	// Seeing that there is a token is not having it: a key takes the right that
	// sets another one.
	err := s.held(ctx, actor, idp.VerbRead, id, func(tx idp.Repos, now idp.Actor, t *idp.Token, u *idp.User) error {
		if err := s.access.Check(now, idp.VerbUpdate, idp.Of(idp.ResourceToken, u.ID)); err != nil {
			return err
		}
		if err := s.mayActAs(now, u); err != nil {
			return err
		}
		if err := s.access.Fresh(now); err != nil {
			return err
		}
		if err := s.access.Admit(ctx, idp.DoorTokenIssue, u, t.Credential(t.Intent)); err != nil {
			return err
		}
		sealed, err := tx.Tokens.TakeKey(ctx, id, s.revealable)
		if err != nil {
			return err
		}
		if key, err = s.open(id, sealed); err != nil {
			return err // and the key stays: the transaction is undone
		}
		return tx.Events.Append(ctx, idp.SecretViewEvent(app, now, u, modelFacts(t)))
	})
	if err != nil {
		return "", fmt.Errorf("revealing the key of token %s: %w", id, err)
	}
	return key, nil
}

// open unseals a key. The errors say why there is none to be shown.
func (s *Service) open(id idp.TokenID, sealed []byte) (string, error) {
	conflict := func(message string) error { return &idp.Error{Code: idp.CodeConflict, Message: message} }
	switch {
	case sealed == nil:
		return "", conflict("The key of this token cannot be shown: it is shown once, within an hour of its making. Set another key, or make another token.")
	case s.sealer == nil:
		return "", conflict("The key of this token cannot be shown: this server seals no keys.")
	}
	plain, err := s.sealer.Open(sealPurpose(id), sealed)
	switch {
	case errors.Is(err, secret.ErrOtherSecret):
		return "", conflict("The key of this token cannot be shown: it was sealed with another secret_key than this server has. All replicas need the same one.")
	case err != nil:
		return "", conflict("The key of this token cannot be shown: what was sealed has been changed.")
	}
	return string(plain), nil
}

// SetKey replaces the key of a token with one of the caller's choice; the former
// one opens nothing from then on. It takes the right to change everybody's
// tokens. Errors: CodeForbidden; CodeNotFound; CodeInvalid on key, for a link or
// for a token that has ended or is the system's; CodeRefused when the token's
// user, or the credential of the actor, may not act any more; CodeStepUp.
func (s *Service) SetKey(ctx context.Context, actor idp.Actor, id idp.TokenID, key string) error {
	everybodys := idp.Object{Resource: idp.ResourceToken}
	if err := s.access.Check(actor, idp.VerbUpdate, everybodys); err != nil {
		return err
	}
	var faults idp.Faults
	checkKey(&faults, key)
	if err := faults.Err(); err != nil {
		return err
	}
	err := s.held(ctx, actor, idp.VerbUpdate, id, func(tx idp.Repos, now idp.Actor, t *idp.Token, u *idp.User) error {
		if err := s.access.Check(now, idp.VerbUpdate, everybodys); err != nil {
			return err
		}
		if err := s.mayActAs(now, u); err != nil {
			return err
		}
		if err := s.access.Fresh(now); err != nil {
			return err
		}
		if err := s.access.Admit(ctx, idp.DoorTokenIssue, u, idp.Credential{}); err != nil {
			return err
		}
		switch {
		case !t.Live:
			return idp.Invalid("", "This token has ended and cannot be changed.")
		case t.Managed != nil && !now.System:
			return idp.Invalid("", "This token is managed by the system and cannot be changed.")
		case opensFlow(t.Intent):
			return idp.Invalid("", "The key of a link cannot be chosen.")
		}
		t.Digest = secret.DigestOf(key).Bytes()
		if err := tx.Tokens.Update(ctx, t); err != nil {
			return err
		}
		if err := s.keep(ctx, tx, t, key); err != nil {
			return err
		}
		return tx.Events.Append(ctx, idp.SecretRotateEvent(app, now, u, modelFacts(t)))
	})
	if err != nil {
		return fmt.Errorf("setting the key of token %s: %w", id, err)
	}
	return nil
}

// Settle ends what a former configuration allowed: keys that were kept
// revealable have RevealWithin left when they are not any more. Call it once
// when the server starts.
func (s *Service) Settle(ctx context.Context) error {
	if s.revealable {
		return nil
	}
	_, err := s.store.Repos().Tokens.LimitKeys(ctx, RevealWithin)
	return err
}
