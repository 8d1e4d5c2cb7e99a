package token

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// The acts of this file are those of everybody's changes in a transaction of the
// caller's, who has made sure with Actor.Renew that the actor may act, and says
// what time it is by the database's clock.

// IssueIn makes a token of t.UserID with what t says, but for the mark, which is
// exempt's; nil key = a random one, which nobody learns. Errors: those of Issue.
func (s *Service) IssueIn(ctx context.Context, tx idp.Repos, actor idp.Actor, t idp.Token, key *string, exempt *bool, now time.Time) (*idp.Token, error) {
	if err := s.access.Check(actor, idp.VerbCreate, idp.Object{Resource: idp.ResourceToken}); err != nil {
		return nil, err
	}
	if err := s.access.Fresh(actor); err != nil {
		return nil, err
	}
	u, err := tx.Users.Share(ctx, t.UserID)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, idp.Invalid("user", "Invalid pk \"%d\" - object does not exist.", t.UserID)
	}
	if err != nil {
		return nil, err
	}
	if err := s.mayActAs(actor, u); err != nil {
		return nil, err
	}
	if err := s.access.Admit(ctx, idp.DoorTokenIssue, u, idp.Credential{}); err != nil {
		return nil, err
	}
	if t.Intent == "" {
		t.Intent = idp.IntentAPI
	}
	var faults idp.Faults
	checkIdentifier(&faults, t.Identifier)
	checkDescription(&faults, t.Description)
	checkIntent(&faults, t.Intent, true)
	t.ExpiresAt = expiry(&faults, t.Expiring, t.ExpiresAt, now)
	secretKey := secret.Token()
	if key != nil {
		secretKey = *key
		checkKey(&faults, *key)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if err := s.mark(actor, &t, exempt); err != nil {
		return nil, err
	}
	if t.ID.IsZero() {
		t.ID = idp.NewID[idp.Token]()
	}
	t.Digest, t.CreatedAt, t.Generation, t.Username = secret.DigestOf(secretKey).Bytes(), now, u.TokenGeneration, u.Username
	if err := tx.Tokens.Create(ctx, &t); err != nil {
		return nil, err
	}
	if key == nil { // who chose it knows it
		if err := s.keep(ctx, tx, &t, secretKey); err != nil {
			return nil, err
		}
	}
	issued, err := tx.Tokens.Get(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	return issued, tx.Events.Append(ctx, idp.ModelCreatedEvent(app, actor, u, modelFacts(issued)))
}

// ChangeIn changes a token to what t says. Whose it is stays, and so does the mark
// unless exempt says otherwise. A key that is not nil replaces the present one.
// Errors: those of Update and SetKey; CodeInvalid on user and key.
func (s *Service) ChangeIn(ctx context.Context, tx idp.Repos, actor idp.Actor, t idp.Token, key *string, exempt *bool, now time.Time) (*idp.Token, error) {
	if err := s.access.Check(actor, idp.VerbUpdate, idp.Object{Resource: idp.ResourceToken}); err != nil {
		return nil, err
	}
	row, err := tx.Tokens.Get(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	u, err := tx.Users.Hold(ctx, row.UserID)
	if err != nil {
		return nil, err
	}
	if err := s.mayActAs(actor, u); err != nil {
		return nil, err
	}
	if err := s.access.Admit(ctx, idp.DoorTokenIssue, u, idp.Credential{}); err != nil {
		return nil, err
	}
	switch row, err = tx.Tokens.Get(ctx, t.ID); {
	case err != nil:
		return nil, err
	case !row.Live:
		return nil, idp.Invalid("", "This token has ended and cannot be changed.")
	case row.Managed != nil && !actor.System:
		return nil, idp.Invalid("", "This token is managed by the system and cannot be changed.")
	case t.UserID != row.UserID:
		return nil, idp.Invalid("user", "Whose token it is cannot be changed.")
	}
	p := Patch{Identifier: &t.Identifier, Intent: &t.Intent, Description: &t.Description, Expiring: &t.Expiring, ExpiresAt: t.ExpiresAt}
	if err := p.apply(row, true, now); err != nil {
		return nil, err
	}
	if err := s.remark(actor, row, exempt); err != nil {
		return nil, err
	}
	action := idp.ActionModelUpdated
	if key != nil {
		if opensFlow(row.Intent) {
			return nil, idp.Invalid("key", "The key of a link cannot be chosen.")
		}
		if err := s.access.Fresh(actor); err != nil {
			return nil, err
		}
		var faults idp.Faults
		if checkKey(&faults, *key); len(faults) > 0 {
			return nil, faults.Err()
		}
		row.Digest, action = secret.DigestOf(*key).Bytes(), idp.ActionSecretRotate
	}
	if err := tx.Tokens.Update(ctx, row); err != nil {
		return nil, err
	}
	if key != nil {
		if err := s.keep(ctx, tx, row, *key); err != nil {
			return nil, err
		}
	}
	return row, tx.Events.Append(ctx, action.Event(app, actor, u, modelFacts(row)))
}

// RevokeIn ends a token and removes it. Errors: CodeForbidden; CodeNotFound.
func (s *Service) RevokeIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.TokenID) error {
	if err := s.access.Check(actor, idp.VerbDelete, idp.Object{Resource: idp.ResourceToken}); err != nil {
		return err
	}
	t, err := tx.Tokens.Get(ctx, id)
	if err != nil {
		return err
	}
	u, err := tx.Users.Hold(ctx, t.UserID)
	if err != nil {
		return err
	}
	if err := tx.Tokens.Delete(ctx, id); err != nil {
		return err
	}
	return tx.Events.Append(ctx, idp.ModelDeletedEvent(app, actor, u, modelFacts(t)))
}
