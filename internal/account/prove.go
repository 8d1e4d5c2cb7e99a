package account

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// AppPasswords knows the app passwords of accounts; see token.Service.
type AppPasswords interface {
	// AppPassword returns the token whose key it is, if the user may be proved by it
	// now; otherwise the error is CodeRefused. u is nil for nobody, which takes the
	// same time.
	AppPassword(ctx context.Context, u *idp.User, key string) (*idp.Token, error)
}

// noAppPasswords is what an account has where none are kept.
type noAppPasswords struct{}

func (noAppPasswords) AppPassword(context.Context, *idp.User, string) (*idp.Token, error) {
	return nil, idp.Refuse(idp.DoorAppPassword, idp.RefusedUnknown)
}

// Authenticate is Prove with the account's own password alone.
func (s *Service) Authenticate(ctx context.Context, actor idp.Actor, by idp.Attempt) (bool, error) {
	by.AppPasswords, by.NoPassword = false, false
	passed, _, err := s.Prove(ctx, actor, by)
	return passed, err
}

// Prove reports whether what was typed is the user's password, or an app password of
// theirs where the attempt says so, and the user may act. with is the app password,
// nil for the password. It is the only caller of the verifier, and asks the guard
// first: what is not claimed is not compared. by.User is as it was read in this
// request; nil stands for nobody and costs the same time. Every false but those of a
// lockout is a login_failed event that names the reason; strangers must not learn it.
//
// Whatever is refused has cost one hash: app passwords are found by their digest,
// and one that is wrong, has ended or is another account's must take as long as a
// wrong password. Only the right one is spared it, which its owner may notice.
//
// A hash from elsewhere is replaced after success. It may take another time to
// verify than ours, which tells an imported account from an unknown one until
// its first sign-in; nothing but replacing it can hide that.
//
// The error is CodeBusy while too many passwords are being hashed, CodeRateLimited
// for addresses that try too many accounts, CodeInvalid with a text for the owner in
// a browser that is known, that of a lock for who gave the right secret, or what kept
// the answer from being known: callers treat it as a refusal.
func (s *Service) Prove(ctx context.Context, actor idp.Actor, by idp.Attempt) (passed bool, with *idp.Token, err error) {
	p := &proof{s: s, by: by, met: by.User}
	by.Against = p.against()
	by.Failed = func(reason idp.Refusal) idp.Failure { return failed(actor, p.met, reason) }
	passed, err = s.guard.Try(ctx, actor, by, p.compare)
	switch {
	case err != nil:
		return false, nil, err
	case !passed:
		return false, nil, p.locked
	}
	if p.rehash {
		s.upgrade(ctx, by.User, by.Secret)
	}
	return true, p.with, nil
}

// proof is one attempt that is being compared.
type proof struct {
	s      *Service
	by     idp.Attempt
	met    *idp.User  // whom the event is about
	with   *idp.Token // the app password that it was
	rehash bool
	locked error // who gave the right secret may know why it does not count
}

// against is what the secret is compared with: the same one, wrong here, may be right
// where other secrets are good.
func (p *proof) against() string {
	var known string
	switch {
	case p.by.User != nil && !p.by.NoPassword:
		known = p.by.User.Password
	case p.by.NoPassword:
		known = "no password"
	}
	if p.by.AppPasswords {
		known += "\x00app passwords"
	}
	return known
}

// compare says why the secret is refused, "" for a success.
func (p *proof) compare(ctx context.Context) (idp.Refusal, error) {
	reason, err := p.appPassword(ctx)
	if err != nil || reason == "" {
		return reason, err
	}
	if p.by.User == nil || p.by.NoPassword {
		return reason, p.s.hasher.VerifyAbsent(ctx, p.by.Secret)
	}
	own, err := p.password(ctx)
	if err != nil || own == "" {
		return own, err
	}
	if reason != idp.RefusedPassword {
		return reason, nil // it says more: whose app password ended, for example
	}
	return own, nil
}

// appPassword compares with the app passwords of the account, where they are good.
func (p *proof) appPassword(ctx context.Context) (idp.Refusal, error) {
	wrong := idp.RefusedPassword
	if p.by.User == nil {
		wrong = idp.RefusedUnknown
	}
	if !p.by.AppPasswords {
		return wrong, nil
	}
	t, err := p.s.appPasswords.AppPassword(ctx, p.by.User, p.by.Secret)
	switch {
	case err == nil:
		p.with = t
		return "", nil
	case !idp.Is(err, idp.CodeRefused):
		return "", fmt.Errorf("comparing with app passwords: %w", err)
	}
	if idp.Locked(err) {
		p.locked = err
	}
	if reason := refusalOf(err); reason != idp.RefusedUnknown {
		return reason, nil
	}
	return wrong, nil
}

// password compares with the account's own password.
func (p *proof) password(ctx context.Context) (idp.Refusal, error) {
	user := p.by.User
	result, err := p.s.hasher.Verify(ctx, user.Password, p.by.Secret)
	if err != nil {
		return "", fmt.Errorf("verifying the password of user %d: %w", user.ID, err)
	}
	if !result.OK {
		return idp.RefusedPassword, nil
	}
	// Hashing takes long enough for a lockdown to pass.
	now, err := p.s.store.Repos().Users.Get(ctx, user.ID)
	if idp.Is(err, idp.CodeNotFound) {
		p.met = nil
		return idp.RefusedUnknown, nil
	}
	if err != nil {
		return "", err
	}
	p.rehash = result.Rehash
	if err := p.s.passwordRefusal(ctx, now, user); err != nil {
		if idp.Locked(err) {
			p.locked = err
		}
		return refusalOf(err), nil
	}
	return "", nil
}

// passwordRefusal says why a matching password does not count. Accounts of programs
// have none to sign in with, whatever was set: theirs are tokens and app passwords.
func (s *Service) passwordRefusal(ctx context.Context, now, read *idp.User) error {
	proof := idp.Credential{Family: idp.FamilySession, Generation: read.SessionGeneration}
	if err := s.access.Admit(ctx, idp.DoorPassword, now, proof); err != nil {
		return err
	}
	// A concurrent upgrade of the same password changes the hash too; a new
	// password raises the generation.
	if !now.HasUsablePassword() || now.Type == idp.UserServiceAccount || now.Type == idp.UserInternalServiceAccount {
		return idp.Refuse(idp.DoorPassword, idp.RefusedPassword)
	}
	return nil
}

// failed is what an attempt to sign in leaves behind that did not succeed. What was
// typed is not kept: people type passwords into the wrong field.
func failed(actor idp.Actor, u *idp.User, reason idp.Refusal) idp.Failure {
	actor.User = nil // whoever is signed in in this browser has no part in it
	facts, identifier := map[string]any{"reason": string(reason)}, ""
	if u != nil {
		facts["username"], identifier = u.Username, u.Username
	}
	return idp.Failure{Event: idp.LoginFailedEvent(app, actor, u, facts), Identifier: identifier}
}

// upgrade replaces a foreign or outdated hash. It is a kindness that may fail:
// the next sign-in tries again.
func (s *Service) upgrade(ctx context.Context, u *idp.User, password string) {
	encoded, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return
	}
	_ = s.store.Repos().Users.UpgradePassword(ctx, u.ID, u.Password, encoded)
}
