package blueprint

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Bounds of how passwords are prepared.
const (
	maxPasswords = 200 // in one transaction
	maxAttempts  = 5   // until the accounts concerned stay the same
)

// secrets are what hashing told before the transaction: it takes too long, and
// too much memory, to be done inside one.
type secrets struct {
	now      time.Time
	hashes   map[string]string // of passwords
	verdicts map[verdict]bool  // whether a hash is that of a password
	wanted   map[verdict]bool  // what the last attempt asked in vain; a verdict without a hash asks for one
}

// verdict is a question about a hash and a password.
type verdict struct{ encoded, password string }

type secretsKey struct{}

// secretsOf are those that InTx put into the context; nil outside of it.
func secretsOf(ctx context.Context) *secrets {
	known, _ := ctx.Value(secretsKey{}).(*secrets)
	return known
}

// errUnprepared asks InTx to hash and to try again.
var errUnprepared = errors.New("passwords have to be hashed first")

// InTx runs fn in one transaction. Where a document that fn applies with the
// context it is given sets passwords, the transaction is undone, they are hashed,
// and fn runs again.
func (s *Service) InTx(ctx context.Context, fn func(ctx context.Context, tx idp.Repos) error) error {
	now, err := s.Store.Now(ctx)
	if err != nil {
		return fmt.Errorf("asking for the time: %w", err)
	}
	known := &secrets{now: now, hashes: map[string]string{}, verdicts: map[verdict]bool{}}
	ctx = context.WithValue(ctx, secretsKey{}, known)
	for range maxAttempts {
		err := s.Store.InTx(ctx, func(tx idp.Repos) error {
			known.wanted = map[verdict]bool{}
			return fn(ctx, tx)
		})
		if !errors.Is(err, errUnprepared) {
			return err
		}
		if err := s.prepare(ctx, known); err != nil {
			return err
		}
	}
	return &idp.Error{Code: idp.CodeBusy, Message: "The accounts concerned keep changing. Try again in a moment.", RetryAfter: time.Second}
}

// prepare answers what the last attempt asked in vain.
func (s *Service) prepare(ctx context.Context, known *secrets) (err error) {
	for w := range known.wanted {
		if w.encoded != "" {
			known.verdicts[w], err = s.Accounts.VerifyPassword(ctx, w.encoded, w.password)
		} else {
			known.hashes[w.password], err = s.Accounts.HashPassword(ctx, w.password)
		}
		if err != nil {
			return fmt.Errorf("preparing a password of a blueprint: %w", err)
		}
	}
	return nil
}

// missing is the error that sends the transaction back, when something was asked
// in vain.
func (k *secrets) missing() error {
	if k == nil || len(k.wanted) == 0 {
		return nil
	}
	if len(k.wanted) > maxPasswords {
		return idp.Invalid("content", "More than %d passwords are set at once.", maxPasswords)
	}
	return errUnprepared
}

// password is the hash to store for a password: the present one where it fits.
// Before it is known the answer is the present one.
func (k *secrets) password(present, password string) (encoded string, err error) {
	if err := k.ready(); err != nil {
		return "", err
	}
	if usable(present) {
		fits, asked := k.verdicts[verdict{present, password}]
		if !asked {
			k.wanted[verdict{present, password}] = true
			return present, nil
		}
		if fits {
			return present, nil
		}
	}
	if encoded, ok := k.hashes[password]; ok {
		return encoded, nil
	}
	k.wanted[verdict{"", password}] = true
	return present, nil
}

// ready is the error of whoever applies a document with passwords in another
// transaction than one of InTx.
func (k *secrets) ready() error {
	if k == nil {
		return errors.New("passwords of a blueprint need a transaction of blueprint.Service.InTx")
	}
	return nil
}

func usable(encoded string) bool { return (&idp.User{Password: encoded}).HasUsablePassword() }
