package token

import (
	"context"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Issue makes a token and returns it with its key, which is kept sealed for
// Reveal only. The
// user's row is shared and everything judged again inside the transaction, so
// that no token passes a lockdown: it either is issued before and carries the
// former generation, or waits and is refused.
//
// Errors: CodeForbidden; CodeInvalid on identifier, intent, user, description or
// expires; CodeRefused when the user, or the credential of the actor, may not
// act any more; CodeStepUp (idp.Access.Fresh), also for the mark; see mayMark.
func (s *Service) Issue(ctx context.Context, actor idp.Actor, d Draft) (*idp.Token, string, error) {
	if err := s.access.Check(actor, idp.VerbCreate, idp.Of(idp.ResourceToken, d.User)); err != nil {
		return nil, "", err
	}
	if (d.Key != nil || d.Managed != nil) && !actor.System {
		return nil, "", idp.Forbidden("Only the system may choose the key of a token or manage it.")
	}
	if err := s.access.Fresh(actor); err != nil {
		return nil, "", err
	}
	draft, key, err := s.draw(ctx, actor, d)
	if err != nil {
		return nil, "", err
	}
	var issued *idp.Token
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		u, err := tx.Users.Share(ctx, d.User)
		if idp.Is(err, idp.CodeNotFound) {
			return idp.Invalid("user", "Invalid pk \"%d\" - object does not exist.", d.User)
		}
		if err != nil {
			return err
		}
		now, err := s.permitted(ctx, tx, actor, idp.VerbCreate, d.User)
		if err != nil {
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
		row := *draft
		issued = &row
		if err := s.mark(now, issued, d.StepUpExempt); err != nil {
			return err
		}
		issued.Generation, issued.Username = u.TokenGeneration, u.Username
		if err := tx.Tokens.Create(ctx, issued); err != nil {
			return err
		}
		if d.Key == nil { // who chose it knows it
			if err := s.keep(ctx, tx, issued, key); err != nil {
				return err
			}
		}
		return tx.Events.Append(ctx, idp.ModelCreatedEvent(app, now, u, modelFacts(issued)))
	})
	if err != nil {
		return nil, "", fmt.Errorf("issuing a token of user %d: %w", d.User, err)
	}
	return issued, key, nil
}

// draw validates a draft and makes the row of it, still without a generation.
func (s *Service) draw(ctx context.Context, actor idp.Actor, d Draft) (*idp.Token, string, error) {
	now, err := s.store.Now(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("asking for the time: %w", err)
	}
	if d.Intent == "" {
		d.Intent = idp.IntentAPI
	}
	administers := s.administers(actor)
	var faults idp.Faults
	checkIdentifier(&faults, d.Identifier)
	checkDescription(&faults, d.Description)
	checkIntent(&faults, d.Intent, administers)
	ends := expiry(&faults, d.Expiring, d.ExpiresAt, now)
	if d.FlowSlug != "" && !(administers && opensFlow(d.Intent)) {
		faults.Add("intent", "Only recovery and verification tokens open a flow.")
	}
	key := secret.Token()
	if d.Key != nil {
		key = *d.Key
		checkKey(&faults, key)
	}
	return &idp.Token{
		ID: idp.NewID[idp.Token](), Identifier: d.Identifier, Intent: d.Intent, UserID: d.User,
		Digest: secret.DigestOf(key).Bytes(), Description: d.Description, Expiring: d.Expiring,
		ExpiresAt: ends, CreatedAt: now, Managed: d.Managed, FlowSlug: d.FlowSlug,
	}, key, faults.Err()
}

// mayActAs judges whether the actor may have a key with which to act as the user:
// with it they have every right of theirs (adr/0009).
func (s *Service) mayActAs(now idp.Actor, u *idp.User) error {
	if now.Is(u.ID) {
		return nil
	}
	return s.access.Covers(now, idp.RightsOf(u))
}

// administers reports whether the actor may create anybody's tokens.
func (s *Service) administers(actor idp.Actor) bool {
	return s.access.Check(actor, idp.VerbCreate, idp.Object{Resource: idp.ResourceToken}) == nil
}

// permitted judges the actor with what is true now.
func (s *Service) permitted(ctx context.Context, tx idp.Repos, actor idp.Actor, verb idp.Verb, owner idp.UserID) (idp.Actor, error) {
	now, err := actor.Renew(ctx, tx, s.access)
	if err != nil {
		return actor, err
	}
	return now, s.access.Check(now, verb, idp.Of(idp.ResourceToken, owner))
}

// Update changes a token. A token that has ended stays ended. Errors:
// CodeNotFound for one that the actor may not see, CodeInvalid, CodeRefused;
// CodeStepUp for marking it (see mayMark).
func (s *Service) Update(ctx context.Context, actor idp.Actor, id idp.TokenID, p Patch) (*idp.Token, error) {
	clock, err := s.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the time: %w", err)
	}
	var changed *idp.Token
	err = s.held(ctx, actor, idp.VerbUpdate, id, func(tx idp.Repos, now idp.Actor, t *idp.Token, u *idp.User) error {
		if err := s.mayActAs(now, u); err != nil {
			return err
		}
		if err := s.access.Admit(ctx, idp.DoorTokenIssue, u, idp.Credential{}); err != nil {
			return err
		}
		if !t.Live {
			return idp.Invalid("", "This token has ended and cannot be changed.")
		}
		if t.Managed != nil && !now.System {
			return idp.Invalid("", "This token is managed by the system and cannot be changed.")
		}
		if err := p.apply(t, s.administers(now), clock); err != nil {
			return err
		}
		if err := s.remark(now, t, p.StepUpExempt); err != nil {
			return err
		}
		if err := tx.Tokens.Update(ctx, t); err != nil {
			return err
		}
		changed = t
		return tx.Events.Append(ctx, idp.ModelUpdatedEvent(app, now, u, modelFacts(t)))
	})
	if err != nil {
		return nil, fmt.Errorf("changing token %s: %w", id, err)
	}
	return changed, nil
}

// mayMark judges whether the actor may make a token that is asked for no fresh proof:
// whoever is fresh in a session, or has such a token. Where nobody is asked, another
// token cannot make one either, for the day when somebody is.
func (s *Service) mayMark(now idp.Actor) error {
	if now.Grant != nil || now.Token != nil && !now.System && !now.Token.StepUpExempt {
		return &idp.Error{Code: idp.CodeStepUp, Message: "This token may not mark tokens as allowed without a fresh sign-in: it takes one that is marked itself."}
	}
	return s.access.Fresh(now)
}

// mark marks a token as it is wanted; nil = as the actor may. What opens a flow acts
// as nobody and has no mark.
func (s *Service) mark(now idp.Actor, t *idp.Token, wanted *bool) error {
	if opensFlow(t.Intent) {
		return nil
	}
	err := s.mayMark(now)
	switch {
	case wanted == nil:
		t.StepUpExempt = err == nil
		return nil
	case *wanted && err != nil:
		return err
	}
	t.StepUpExempt = *wanted
	return nil
}

// remark is mark for a change: only setting the mark asks anything.
func (s *Service) remark(now idp.Actor, t *idp.Token, wanted *bool) error {
	if wanted == nil || *wanted == t.StepUpExempt {
		return nil
	}
	return s.mark(now, t, wanted)
}

// apply puts the patch on a token.
func (p Patch) apply(t *idp.Token, administers bool, now time.Time) error {
	var faults idp.Faults
	if p.Identifier != nil {
		checkIdentifier(&faults, *p.Identifier)
		t.Identifier = *p.Identifier
	}
	if p.Description != nil {
		checkDescription(&faults, *p.Description)
		t.Description = *p.Description
	}
	if p.Intent != nil && *p.Intent != t.Intent {
		checkIntent(&faults, *p.Intent, administers)
		if opensFlow(t.Intent) || opensFlow(*p.Intent) {
			faults.Add("intent", "A token that opens a flow cannot become another one, nor the reverse.")
		}
		t.Intent = *p.Intent
	}
	if p.Expiring != nil || p.ExpiresAt != nil {
		expiring := t.Expiring
		if p.Expiring != nil {
			expiring = *p.Expiring
		}
		at := p.ExpiresAt
		if at == nil {
			at = t.ExpiresAt
		}
		t.Expiring, t.ExpiresAt = expiring, expiry(&faults, expiring, at, now)
	}
	return faults.Err()
}

// Revoke ends a token and removes it, so that its identifier is free again; the
// event keeps it. Errors: CodeNotFound for one that the actor may not end.
func (s *Service) Revoke(ctx context.Context, actor idp.Actor, id idp.TokenID) error {
	err := s.held(ctx, actor, idp.VerbDelete, id, func(tx idp.Repos, now idp.Actor, t *idp.Token, u *idp.User) error {
		if err := tx.Tokens.Delete(ctx, id); err != nil {
			return err
		}
		return tx.Events.Append(ctx, idp.ModelDeletedEvent(app, now, u, modelFacts(t)))
	})
	if err != nil {
		return fmt.Errorf("revoking token %s: %w", id, err)
	}
	return nil
}

// held runs fn on a token whose user is held, so that changes of one user's
// tokens follow one another, with a permitted actor.
func (s *Service) held(ctx context.Context, actor idp.Actor, verb idp.Verb, id idp.TokenID,
	fn func(idp.Repos, idp.Actor, *idp.Token, *idp.User) error) error {
	return s.store.InTx(ctx, func(tx idp.Repos) error {
		found, err := tx.Tokens.Get(ctx, id)
		found, err = s.visible(actor, verb, found, err)
		if err != nil {
			return err
		}
		u, err := tx.Users.Hold(ctx, found.UserID)
		if err != nil {
			return err
		}
		now, err := s.permitted(ctx, tx, actor, verb, u.ID)
		if err != nil {
			return err
		}
		t, err := tx.Tokens.Get(ctx, id)
		if err != nil {
			return err
		}
		return fn(tx, now, t, u)
	})
}
