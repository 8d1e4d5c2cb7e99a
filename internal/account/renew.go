package account

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// RequireIn asks for a new password, a new second factor, or both, before the user is
// signed in again; what was asked for before stays. It is for transactions of the
// caller's, which writes the event. It takes the right to change users, and every right
// of the account. Errors: CodeForbidden; CodeNotFound;
// CodeStepUp.
func (s *Service) RequireIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.UserID, password, factor bool) error {
	u, err := tx.Users.Hold(ctx, id)
	if err != nil {
		return err
	}
	now, err := s.permitted(ctx, tx, actor, idp.VerbUpdate, administer)
	if err != nil {
		return err
	}
	if u.IsAnonymous() {
		return idp.Invalid("", anonymousFixed)
	}
	if err := s.access.Covers(now, idp.RightsOf(u)); err != nil {
		return err
	}
	if err := s.access.Fresh(now); err != nil {
		return err
	}
	u.RenewPassword, u.RenewFactor = u.RenewPassword || password, u.RenewFactor || factor
	return tx.Users.Update(ctx, u)
}

// samePassword is why a password is refused that is to be a new one.
const samePassword = "Choose a password that is not the present one."

// differs refuses the present password where a new one is asked for, and returns the
// hash that it was compared with: outside of any transaction, for it takes its time.
func (s *Service) differs(ctx context.Context, id idp.UserID, password string) (string, error) {
	u, err := s.store.Repos().Users.Get(ctx, id)
	if err != nil || !u.RenewPassword {
		return "", err
	}
	if !u.HasUsablePassword() {
		return u.Password, nil
	}
	same, err := s.VerifyPassword(ctx, u.Password, password)
	if err == nil && same {
		err = idp.Invalid("password", samePassword)
	}
	return u.Password, err
}

// ReaddressIn gives the user another address, in a transaction of the caller's; see
// Update.
func (s *Service) ReaddressIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.UserID, email string) error {
	_, err := s.UpdateIn(ctx, tx, actor, id, Patch{Email: &email}, time.Time{})
	return err
}
