package factor

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Proof is somebody's try to prove a factor of an account.
type Proof struct {
	User *idp.User // nil = nobody
	Name string    // as it was typed; counts where nobody has it
	// Generation is the account's session generation when the flow began with it.
	Generation int64
	// Device is the cookie's value that the browser may be known by; "" = none.
	Device string
	// Kinds are those that count.
	Kinds []idp.FactorKind
}

// ProveCode compares a code with the authenticator apps and recovery codes of the
// account that are of the kinds, and uses it up. proved is nil for whatever is refused.
// The error is CodeInvalid on code for what is no code, where an app's secret cannot be
// opened, and for the owner's known browser during a lockout; that of a lock for who typed the right one; CodeBusy; CodeRateLimited;
// or what kept the answer from being known: callers treat each as a refusal.
func (s *Service) ProveCode(ctx context.Context, actor idp.Actor, p Proof, code string) (proved *idp.Factor, err error) {
	code, err = digitsOf(code)
	if err != nil {
		return nil, err
	}
	has, err := s.having(ctx, p)
	if err != nil {
		return nil, err
	}
	keys, shut := s.opened(has)
	now, err := s.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the time: %w", err)
	}
	by := p.attempt(code)
	by.Against = against(has, now.Unix()/period)
	proved, err = s.attempt(ctx, actor, p, by, func(ctx context.Context) (*idp.Factor, func(tx idp.Repos) (bool, error), error) {
		if err := s.tellShut(ctx, actor, p, shut); err != nil {
			return nil, nil, err
		}
		return s.find(ctx, has, keys, code)
	})
	if proved == nil && err == nil {
		err = refuseShut(shut) // whatever was typed, and whether anything was compared
	}
	return proved, err
}

// having returns the factors of the account that count.
func (s *Service) having(ctx context.Context, p Proof) ([]idp.Factor, error) {
	if p.User == nil {
		return nil, nil
	}
	all, err := s.store.Repos().Factors.Of(ctx, p.User.ID)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(f idp.Factor) bool { return !has(p.Kinds, f.Kind) }), nil
}

func (p Proof) attempt(secret string) idp.Attempt {
	return idp.Attempt{User: p.User, Name: p.Name, Device: p.Device, Secret: secret, SecondFactor: true}
}

// against is what a code is compared with: the same one may be right in another step.
func against(has []idp.Factor, step int64) string {
	sum := sha256.New()
	for _, f := range has {
		sum.Write(f.ID[:])
	}
	return "second factors " + strconv.FormatInt(step, 10) + " " + string(sum.Sum(nil))
}

// find looks for the factor whose code it is, and says how the code is used up.
func (s *Service) find(ctx context.Context, has []idp.Factor, keys map[idp.FactorID]string, code string) (found *idp.Factor, use func(tx idp.Repos) (bool, error), err error) {
	now, err := s.store.Now(ctx) // whoever waited for others is judged by the present step
	if err != nil {
		return nil, nil, fmt.Errorf("asking for the time: %w", err)
	}
	for i := range has {
		f := &has[i]
		switch f.Kind {
		case idp.FactorTOTP:
			plain, ok := keys[f.ID]
			if !ok {
				continue // another factor may still do
			}
			if step, ok := matching(plain, code, f.Digits, now); ok {
				found, use = f, func(tx idp.Repos) (bool, error) { return tx.Factors.Step(ctx, f.ID, step) }
			}
		case idp.FactorStatic:
			digest, err := codeDigest(f.ID, code)
			if err != nil {
				return nil, nil, err
			}
			unused, err := s.store.Repos().Factors.HasCode(ctx, f.ID, digest)
			if err != nil {
				return nil, nil, err
			}
			if unused {
				found, use = f, func(tx idp.Repos) (bool, error) { return tx.Factors.UseCode(ctx, f.ID, digest) }
			}
		}
	}
	return found, use, nil
}

// attempt claims an attempt, has it compared, and passes the gate with what was proved.
// find returns nil where nothing fits.
func (s *Service) attempt(ctx context.Context, actor idp.Actor, p Proof, by idp.Attempt,
	find func(ctx context.Context) (*idp.Factor, func(tx idp.Repos) (bool, error), error)) (proved *idp.Factor, err error) {
	t := &try{s: s, actor: actor, p: p, door: idp.DoorSecondFactor}
	by.Failed = t.failed
	passed, err := s.guard.Try(ctx, actor, by, func(ctx context.Context) (idp.Refusal, error) {
		found, use, err := find(ctx)
		if err != nil {
			return "", err
		}
		return t.judge(ctx, found, use)
	})
	return t.outcome(passed, err)
}

// try is one attempt under way.
type try struct {
	s      *Service
	actor  idp.Actor
	p      Proof
	door   idp.Door
	met    *idp.Factor // whose code or answer it was
	proved *idp.Factor
	locked error // who proved it may know why it does not count
}

// judge passes the gate with a factor that was shown, and uses the proof up, in one
// transaction that shares the account. It says why it is refused, "" for a success.
func (t *try) judge(ctx context.Context, found *idp.Factor, use func(tx idp.Repos) (bool, error)) (idp.Refusal, error) {
	t.met, t.proved, t.locked = found, nil, nil
	reason := idp.RefusedPassword
	if t.p.User == nil {
		reason = idp.RefusedUnknown
	}
	if found != nil {
		var err error
		if reason, err = t.use(ctx, found, use); err != nil {
			return "", err
		}
	}
	if reason == "" {
		t.proved = found
		return "", nil
	}
	if t.s.hasher == nil {
		return reason, nil
	}
	return reason, t.s.hasher.VerifyAbsent(ctx, "a second factor")
}

func (t *try) use(ctx context.Context, found *idp.Factor, use func(tx idp.Repos) (bool, error)) (reason idp.Refusal, err error) {
	device, err := t.s.device(ctx, t.p)
	if err != nil {
		return "", err
	}
	err = t.s.store.InTx(ctx, func(tx idp.Repos) error {
		reason, t.locked = "", nil
		u, err := tx.Users.Share(ctx, found.UserID)
		if idp.Is(err, idp.CodeNotFound) {
			reason = idp.RefusedUnknown
			return nil
		}
		if err != nil {
			return err
		}
		with := idp.Credential{Family: idp.FamilySession, Generation: t.p.Generation, Device: device, Factor: &found.ID}
		if err := t.s.access.Admit(ctx, t.door, u, with); err != nil {
			var e *idp.Error
			if !errors.As(err, &e) || e.Code != idp.CodeRefused {
				return err
			}
			if reason = e.Reason; idp.Locked(err) {
				t.locked = err
			}
			return nil
		}
		used, err := use(tx)
		if err == nil && !used {
			reason = idp.RefusedPassword // it was used before
		}
		return err
	})
	return reason, err
}

// device is the browser, where the account is known in it: a lock may name it.
func (s *Service) device(ctx context.Context, p Proof) (*idp.KnownDeviceID, error) {
	if p.Device == "" || p.User == nil {
		return nil, nil
	}
	d, err := s.store.Repos().KnownDevices.Get(ctx, digestOf(p.Device), p.User.ID)
	switch {
	case idp.Is(err, idp.CodeNotFound), err == nil && !d.Known:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("asking whether a browser is known: %w", err)
	}
	return &d.ID, nil
}

func digestOf(value string) []byte {
	sum := sha256.Sum256([]byte(value))
	return sum[:]
}

// outcome is what callers are told.
func (t *try) outcome(passed bool, err error) (*idp.Factor, error) {
	var e *idp.Error
	switch {
	case errors.As(err, &e) && e.Reason == idp.RefusedLockout:
		told := idp.Invalid("code", "%s", e.Message)
		told.Reason = e.Reason
		return nil, told
	case err != nil:
		return nil, err
	case !passed:
		return nil, t.locked
	}
	return t.proved, nil
}

// failed is what an attempt leaves behind that did not succeed. What was typed is not
// kept.
func (t *try) failed(reason idp.Refusal) idp.Failure {
	actor := t.actor
	actor.User = nil // whoever is signed in in this browser has no part in it
	said, identifier := map[string]any{"reason": string(reason), "second_factor": true}, ""
	if t.p.User != nil {
		said["username"], identifier = t.p.User.Username, t.p.User.Username
	}
	if t.met != nil {
		said["device"] = Device(t.met)
	}
	return idp.Failure{Event: idp.LoginFailedEvent(app, actor, t.p.User, said), Identifier: identifier}
}
