package session

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// ActionProved is the context.action_id of the event of Prove.
const ActionProved = "step_up"

// Proof is how somebody in a session proved once more who they are.
type Proof struct {
	Method string        // password, factor
	Factor *idp.FactorID // the second factor; nil = none
}

// Prove notes that whoever is in the actor's session has just proved once more who they
// are, on every server before it returns. It is called when a flow has established
// that, and asks no permission, but the rule of the session, and of the second factor
// where there was one, once more with the account shared. The error is CodeRefused when
// the account, its session or the factor may not be used any more.
func (s *Service) Prove(ctx context.Context, actor idp.Actor, p Proof) error {
	if actor.User == nil || actor.Session == nil {
		return idp.Refuse(idp.DoorSession, idp.RefusedUnknown)
	}
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		if _, err := tx.Users.Share(ctx, actor.User.ID); idp.Is(err, idp.CodeNotFound) {
			return idp.Refuse(idp.DoorSession, idp.RefusedUnknown)
		} else if err != nil {
			return err
		}
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		facts := map[string]any{"action_id": ActionProved, "auth_method": p.Method, "session": now.Session.ID.String()}
		if p.Factor != nil {
			with := now.Session.Credential()
			with.Factor = p.Factor
			if err := s.access.Admit(ctx, idp.DoorSecondFactor, now.User, with); err != nil {
				return err
			}
			facts["mfa_device"] = p.Factor.String()
		}
		if err := tx.Sessions.Prove(ctx, now.Session.ID, p.Factor); err != nil {
			return err
		}
		return tx.Events.Append(ctx, idp.UserWriteEvent(app, now, now.User, facts))
	})
	if err != nil {
		return fmt.Errorf("noting a proof in session %s: %w", actor.Session.ID, err)
	}
	return nil
}
