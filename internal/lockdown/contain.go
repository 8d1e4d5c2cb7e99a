package lockdown

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// perUser bounds the containment of one account, waiting for its row included.
const perUser = 30 * time.Second

// Contain locks accounts down, each in a transaction of its own; the actor's own
// account comes last. What fails for one account is in its Result and does not
// stop the rest; Results are in the order of execution.
//
// The error is about the whole request, and then nothing was changed:
// CodeInvalid on users, reason or idempotency_key, CodeForbidden when the actor
// may not contain every one of the accounts, CodeUnsigned; CodeStepUp when they are
// not fresh and one of the accounts is not their own (idp.Access.Fresh). Whoever was
// fresh when it began may finish it.
//
// Once begun it goes on although ctx is cancelled: somebody who closes the page
// half-way must not leave half of the accounts open.
func (s *Service) Contain(ctx context.Context, actor idp.Actor, req Request) ([]Result, error) {
	req, err := accept(actor, req)
	if err != nil {
		return nil, err
	}
	if err := s.mayAll(actor, req.Users); err != nil {
		return nil, err
	}
	if err := s.fresh(actor, req.Users...); err != nil {
		return nil, err
	}
	done := s.heralds.Post(req.Users[0], nil) // whoever is contained next waits for it everywhere
	defer func() { done() }()
	targets, err := s.targets(ctx, "users", req.Users)
	if err != nil {
		return nil, err
	}
	a := act{Request: req, byBatch: req.Batch != (idp.UUID{})}
	if !a.byBatch {
		a.Batch = uuid.UUID(idp.NewID[idp.Lockdown]())
	}
	if err := s.recall(ctx, actor, &a); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	results := make([]Result, 0, len(targets))
	for i, u := range targets {
		if i > 0 {
			done()
			done = s.heralds.Post(u.ID, nil)
		}
		result := s.contain(context.WithoutCancel(ctx), actor, &a, u)
		if i == 0 && idp.Is(result.Err, idp.CodeStepUp) {
			return nil, result.Err // nothing was done yet
		}
		results = append(results, result)
	}
	return results, nil
}

// act is a Request under way.
type act struct {
	Request
	byBatch bool // the caller named the batch: it makes the act repeatable
	fresh   bool // the actor was, in the transaction of the first account
	digest  []byte
}

// recall looks up what an earlier call with the same idempotency key did, and
// goes on with its batch.
func (s *Service) recall(ctx context.Context, actor idp.Actor, a *act) error {
	if a.IdempotencyKey == "" {
		return nil
	}
	a.digest = digest(a.Request)
	earlier, err := s.store.Repos().Lockdowns.FindByKey(ctx, actorID(actor), a.IdempotencyKey)
	if err != nil {
		return fmt.Errorf("looking up the idempotency key: %w", err)
	}
	for i := range earlier {
		if err := a.sameAs(&earlier[i]); err != nil {
			return err
		}
		if !a.byBatch {
			a.Batch = earlier[i].BatchID
		}
	}
	return nil
}

// contain deals with one account. u is the account as it was read before.
func (s *Service) contain(ctx context.Context, actor idp.Actor, a *act, u *idp.User) Result {
	result := Result{User: u.ID, Username: u.Username, SelfService: actor.Is(u.ID)}
	ctx, cancel := context.WithTimeout(ctx, perUser)
	defer cancel()
	protected := ""
	err := s.store.Lockdown(ctx, func(tx idp.Repos) error {
		result.Lockdown, protected = nil, ""
		held, err := hold(ctx, tx, u, a.Switches)
		if err != nil {
			return err
		}
		if result.Lockdown, err = a.done(ctx, tx, actor, held); err != nil || result.Lockdown != nil {
			return err
		}
		if protected = held.Protected(); protected != "" {
			return nil
		}
		now, err := s.permitted(ctx, tx, actor, a, held)
		if err != nil {
			return err
		}
		result.Lockdown, err = s.containHeld(ctx, tx, now, *a, held)
		return err
	})
	switch {
	case err != nil:
		err = fmt.Errorf("locking down user %d: %w", u.ID, err)
		result.Lockdown, result.Status, result.Error, result.Err = nil, Failed, sayable(err), err
	case protected != "":
		result.Status, result.Error = Skipped, protected
	default:
		result.Status, result.Username = Success, result.Lockdown.Username
	}
	return result
}

// permitted judges the actor again with what is true now.
func (s *Service) permitted(ctx context.Context, tx idp.Repos, actor idp.Actor, a *act, held *idp.User) (idp.Actor, error) {
	now, err := actor.Renew(ctx, tx, s.access)
	if idp.Is(err, idp.CodeRefused) {
		return actor, idp.Forbidden(forbidden)
	}
	if err != nil {
		return actor, err
	}
	if err := s.may(now, held.ID); err != nil || a.fresh {
		return now, err
	}
	err = s.fresh(now, held.ID)
	a.fresh = err == nil && !now.Is(held.ID)
	return now, err
}

// containHeld closes a held account and writes its record and event.
func (s *Service) containHeld(ctx context.Context, tx idp.Repos, actor idp.Actor, a act, u *idp.User) (*idp.Lockdown, error) {
	id := u.ID
	record := &idp.Lockdown{
		ID: idp.NewID[idp.Lockdown](), BatchID: a.Batch, UserID: &id, Username: u.Username,
		ActorID: actorID(actor), ActorName: actorName(actor), Reason: a.Reason, Switches: a.Switches,
		SelfService: actor.Is(id), WasActive: u.IsActive, HadPassword: u.HasUsablePassword(),
		IdempotencyKey: a.IdempotencyKey, RequestDigest: a.digest,
	}
	u.SessionsEnded = idp.EndedByLockdown
	var err error
	if record.Ended, err = s.CloseIn(ctx, tx, u, a.Switches); err != nil {
		return nil, err
	}
	if err := tx.Lockdowns.Create(ctx, record); err != nil {
		return nil, fmt.Errorf("writing the record: %w", err)
	}
	event := idp.UserWriteEvent(app, actor, u, map[string]any{
		"action_id":     idp.ActionIDLockdown,
		"reason":        a.Reason,
		"affected_user": u.Username,
		"switches": map[string]any{
			"deactivate_user":       a.Switches.DeactivateUser,
			"set_unusable_password": a.Switches.SetUnusablePassword,
			"delete_sessions":       a.Switches.DeleteSessions,
			"revoke_tokens":         a.Switches.RevokeTokens,
		},
		"ended":        endedFacts(record.Ended),
		"self_service": record.SelfService,
		"lockdown":     record.ID.String(),
	})
	if err := tx.Events.Append(ctx, event); err != nil {
		return nil, fmt.Errorf("writing the event: %w", err)
	}
	if err := idp.TellEnded(ctx, tx, app, actor, u, record.Ended.Sessions); err != nil {
		return nil, fmt.Errorf("writing the event of the sessions: %w", err)
	}
	return record, nil
}
