package factor

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Adding says who adds a factor to their own account.
type Adding struct {
	User *idp.User
	// Generation is the account's session generation when a flow established who it is.
	Generation int64
	// Proved says that the flow itself has just established it, and Factor with which
	// second factor, nil = with none: that adds the first one, and no other. Otherwise
	// whoever is signed in has to have done so lately: a stolen session adds nothing.
	Proved bool
	Factor *idp.FactorID
	// Name is what the factor is called; "" = after its kind.
	Name string
}

// names are what factors are called that nobody has named.
var names = map[idp.FactorKind]string{idp.FactorTOTP: "Authenticator app", idp.FactorStatic: "Recovery codes", idp.FactorWebAuthn: "Passkey"}

// MayAdd returns nil when the account may get one more factor in this way; otherwise
// CodeStepUp, CodeForbidden, CodeInvalid or CodeRefused. Stages ask it before they show
// anything, and every Add asks again.
func (s *Service) MayAdd(ctx context.Context, actor idp.Actor, a Adding) error {
	return s.mayAdd(ctx, s.store.Repos(), actor, a, a.User)
}

func (s *Service) mayAdd(ctx context.Context, repos idp.Repos, actor idp.Actor, a Adding, u *idp.User) error {
	proof := idp.Credential{Family: idp.FamilySession, Generation: a.Generation}
	if err := s.access.Admit(ctx, idp.DoorSecondFactor, u, proof); err != nil {
		return err
	}
	has, err := repos.Factors.Of(ctx, u.ID)
	if err != nil {
		return err
	}
	if len(has) >= most {
		return idp.Invalid("", "An account has at most %d second factors. Remove one that is not used any more first.", most)
	}
	switch {
	case a.Proved && (len(has) == 0 || a.Factor != nil):
		return nil
	case a.Proved && !actor.Is(u.ID):
		return idp.Forbidden("This account has a second factor already. Sign in with it, and set another one up in the settings.")
	case !actor.Is(u.ID):
		return idp.Forbidden("Second factors are set up by their owners alone.")
	}
	if err := s.access.Check(actor, idp.VerbCreate, idp.Of(idp.ResourceFactor, u.ID)); err != nil {
		return err
	}
	return s.access.Fresh(actor)
}

// add stores a factor whose owner has just shown that they have it, with the account
// held, so that none passes a lockdown. What was to be renewed is renewed by it.
func (s *Service) add(ctx context.Context, actor idp.Actor, a Adding, f *idp.Factor, codes [][]byte) error {
	name := a.Name
	if name == "" {
		name = names[f.Kind]
	}
	var err error
	if f.Name, err = judgeName(name); err != nil {
		return err
	}
	f.UserID = a.User.ID
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		u, err := tx.Users.Hold(ctx, a.User.ID)
		if idp.Is(err, idp.CodeNotFound) {
			return idp.Refuse(idp.DoorSecondFactor, idp.RefusedUnknown)
		}
		if err != nil {
			return err
		}
		now := actor
		if !actor.Is(u.ID) {
			now.User = nil // whoever else is signed in in this browser has no part in it
		} else if now, err = actor.Renew(ctx, tx, s.access); err != nil {
			return err
		}
		if err := s.mayAdd(ctx, tx, now, a, u); err != nil {
			return err
		}
		if err := tx.Factors.Create(ctx, f, codes); err != nil {
			return err
		}
		if u.RenewFactor {
			u.RenewFactor = false
			if err := tx.Users.Update(ctx, u); err != nil {
				return err
			}
		}
		f.Username = u.Username
		return tx.Events.Append(ctx, idp.ModelCreatedEvent(app, now, u, facts(ActionAdded, f, u)))
	})
	if err != nil {
		return fmt.Errorf("adding a second factor to user %d: %w", a.User.ID, err)
	}
	return nil
}
