package lockdown

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The context.action_id of switching accounts on and off outside a lockdown.
const (
	ActionIDDeactivate = "account_deactivate"
	ActionIDActivate   = "account_activate"
)

const app = "lockdown"

// ReopenIn switches u, which tx must hold, on, saves it with whatever else the
// caller changed, and marks its open lockdowns restored. Nothing that was ended
// works again: generations are never lowered. It writes the event.
func (s *Service) ReopenIn(ctx context.Context, tx idp.Repos, actor idp.Actor, u *idp.User) error {
	wasActive := u.IsActive
	u.IsActive = true
	if err := tx.Users.Update(ctx, u); err != nil {
		return fmt.Errorf("reopening user %d: %w", u.ID, err)
	}
	restored, err := tx.Lockdowns.MarkRestored(ctx, u.ID, actor.User)
	if err != nil {
		return fmt.Errorf("closing the lockdowns of user %d: %w", u.ID, err)
	}
	if wasActive && restored == 0 {
		return nil
	}
	facts := map[string]any{"action_id": ActionIDActivate, "affected_user": u.Username}
	if restored > 0 {
		facts["action_id"] = idp.ActionIDRestore
		facts["lockdowns_restored"] = restored
	}
	return tx.Events.Append(ctx, idp.UserWriteEvent(app, actor, u, facts))
}

// Activate switches an account on again; see ReopenIn. Activating an active
// account changes nothing. It takes the right to change users or that to change
// lockdowns, and every right of the account (adr/0009). Errors: CodeForbidden,
// CodeNotFound; CodeStepUp (idp.Access.Fresh).
func (s *Service) Activate(ctx context.Context, actor idp.Actor, id idp.UserID) error {
	return s.change(ctx, actor, id, idp.Switches{}, s.mayReopen, s.activate)
}

// ActivateIn is Activate in a transaction of the caller's.
func (s *Service) ActivateIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.UserID) error {
	return s.changeIn(ctx, tx, actor, &idp.User{ID: id}, idp.Switches{}, s.mayReopen, s.activate)
}

func (s *Service) activate(ctx context.Context, tx idp.Repos, actor idp.Actor, u *idp.User) error {
	if err := s.access.Covers(actor, idp.RightsOf(u)); err != nil {
		return err
	}
	return s.ReopenIn(ctx, tx, actor, u)
}

// administer is the right to change users. It has no owner: switching one's own
// account on or off is not part of editing it.
var administer = idp.Object{Resource: idp.ResourceUser}

func (s *Service) mayClose(actor idp.Actor) error {
	return s.access.Check(actor, idp.VerbUpdate, administer)
}

func (s *Service) mayReopen(actor idp.Actor) error {
	if s.access.Check(actor, idp.VerbUpdate, idp.Object{Resource: idp.ResourceLockdown}) == nil {
		return nil
	}
	return s.access.Check(actor, idp.VerbUpdate, administer)
}

// Deactivate switches an account off and ends every session and token of it;
// the password stays. Deactivating an inactive account ends what may still be
// there. Errors: CodeForbidden, CodeNotFound, CodeInvalid for the last
// administrator; CodeStepUp for another's account.
func (s *Service) Deactivate(ctx context.Context, actor idp.Actor, id idp.UserID) error {
	sw := idp.Switches{DeactivateUser: true, DeleteSessions: true, RevokeTokens: true}
	return s.change(ctx, actor, id, sw, s.mayClose, func(ctx context.Context, tx idp.Repos, actor idp.Actor, u *idp.User) error {
		ended, err := s.CloseIn(ctx, tx, u, sw)
		if err != nil {
			return err
		}
		if err := tx.Events.Append(ctx, idp.UserWriteEvent(app, actor, u, map[string]any{
			"action_id": ActionIDDeactivate, "affected_user": u.Username, "ended": endedFacts(ended)})); err != nil {
			return err
		}
		return idp.TellEnded(ctx, tx, app, actor, u, ended.Sessions)
	})
}

// change runs fn on a held user with a permitted actor, as both are now.
func (s *Service) change(ctx context.Context, actor idp.Actor, id idp.UserID, sw idp.Switches, may func(idp.Actor) error,
	fn func(context.Context, idp.Repos, idp.Actor, *idp.User) error) error {
	if err := may(actor); err != nil {
		return err
	}
	if err := s.fresh(actor, id); err != nil {
		return err
	}
	expect, err := s.store.Repos().Users.Get(ctx, id)
	if err != nil {
		return err
	}
	if sw != (idp.Switches{}) {
		defer s.heralds.Post(id, nil)()
	}
	return s.store.Lockdown(ctx, func(tx idp.Repos) error {
		return s.changeIn(ctx, tx, actor, expect, sw, may, fn)
	})
}

// changeIn is change in a transaction that there is; expect is what is known of the
// user so far.
func (s *Service) changeIn(ctx context.Context, tx idp.Repos, actor idp.Actor, expect *idp.User, sw idp.Switches, may func(idp.Actor) error,
	fn func(context.Context, idp.Repos, idp.Actor, *idp.User) error) error {
	u, err := hold(ctx, tx, expect, sw)
	if err != nil {
		return err
	}
	now, err := actor.Renew(ctx, tx, s.access)
	if err != nil {
		return err
	}
	if err := may(now); err != nil {
		return err
	}
	if err := s.fresh(now, u.ID); err != nil {
		return err
	}
	return fn(ctx, tx, now, u)
}

// endedFacts shows what ended inside an event.
func endedFacts(h idp.Holdings) map[string]any {
	tokens := map[string]any{}
	for intent, n := range h.Tokens {
		tokens[string(intent)] = n
	}
	facts := map[string]any{"sessions": h.Sessions, "tokens": tokens, "consents": h.Consents, "invitations": h.Invitations,
		"grants": h.Grants, "applications": h.Applications}
	if h.AtLeast {
		facts["at_least"] = true
	}
	return facts
}
