package factor

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// BeginAssertion makes a question for the passkeys among factors: what
// navigator.credentials.get takes as publicKey, as JSON. It is nil where the account has
// none that can be used at this address.
func (s *Service) BeginAssertion(ctx context.Context, actor idp.Actor, u *idp.User, has []idp.Factor, v Verification) (map[string]any, Ceremony, error) {
	w, err := s.party(actor)
	if idp.Is(err, idp.CodeInvalid) {
		return nil, Ceremony{}, nil
	}
	if err != nil {
		return nil, Ceremony{}, err
	}
	keys, err := keysOf(has, w.Config.RPID)
	if err != nil || len(keys) == 0 {
		return nil, Ceremony{}, err
	}
	asked, data, err := w.BeginLogin(owner{u, keys}, webauthn.WithUserVerification(protocol.UserVerificationRequirement(v)))
	if err != nil {
		return nil, Ceremony{}, fmt.Errorf("asking for a passkey: %w", err)
	}
	return s.asked(ctx, asked.Response, data)
}

// BeginPasskey makes a question for whichever passkey somebody has, who is not known
// yet. It stands for name and password, so its person has to be verified. It is nil where
// passkeys cannot be used.
func (s *Service) BeginPasskey(ctx context.Context, actor idp.Actor) (map[string]any, Ceremony, error) {
	w, err := s.party(actor)
	if idp.Is(err, idp.CodeInvalid) {
		return nil, Ceremony{}, nil
	}
	if err != nil {
		return nil, Ceremony{}, err
	}
	asked, data, err := w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, Ceremony{}, fmt.Errorf("asking for a passkey: %w", err)
	}
	return s.asked(ctx, asked.Response, data)
}

// ProveWebAuthn judges the answer of a passkey of the account to a question, which it
// uses up. Results and errors are those of ProveCode, on webauthn.
func (s *Service) ProveWebAuthn(ctx context.Context, actor idp.Actor, p Proof, c Ceremony, response any) (*idp.Factor, error) {
	a, err := parseAssertion("webauthn", response)
	if err != nil {
		return nil, err
	}
	has, err := s.having(ctx, p)
	if err != nil {
		return nil, err
	}
	var found *idp.Factor
	for i := range has {
		if has[i].Kind == idp.FactorWebAuthn && bytes.Equal(has[i].CredentialID, a.RawID) {
			found = &has[i]
		}
	}
	if len(c.Data.UserID) == 0 {
		found = nil // it was asked of somebody else
	}
	return s.assert(ctx, actor, p, idp.DoorSecondFactor, answer{c, a, found})
}

// ProvePasskey judges the answer of whichever passkey to a question of BeginPasskey, and
// returns whose it is as well. Results and errors are those of ProveCode, on field.
func (s *Service) ProvePasskey(ctx context.Context, actor idp.Actor, device, field string, c Ceremony, response any) (*idp.User, *idp.Factor, error) {
	a, err := parseAssertion(field, response)
	if err != nil {
		return nil, nil, err
	}
	p := Proof{Name: "passkey " + hex.EncodeToString(a.RawID[:min(len(a.RawID), 8)]), Device: device}
	repos := s.store.Repos()
	found, err := repos.Factors.GetByCredential(ctx, a.RawID)
	switch {
	case idp.Is(err, idp.CodeNotFound):
		found = nil
	case err != nil:
		return nil, nil, err
	default:
		u, err := repos.Users.Get(ctx, found.UserID)
		if idp.Is(err, idp.CodeNotFound) {
			found = nil
			break
		}
		if err != nil {
			return nil, nil, err
		}
		p.User, p.Generation = u, u.SessionGeneration
	}
	if len(c.Data.UserID) != 0 || len(a.Response.UserHandle) == 0 {
		found = nil // it was not asked so
	}
	proved, err := s.assert(ctx, actor, p, idp.DoorPasskey, answer{c, a, found})
	if proved == nil {
		return nil, nil, err
	}
	return p.User, proved, nil
}

func parseAssertion(field string, response any) (*protocol.ParsedCredentialAssertionData, error) {
	raw, err := encoded(field, response)
	if err != nil {
		return nil, err
	}
	a, err := protocol.ParseCredentialRequestResponseBytes(raw)
	if err != nil {
		const unread = "This is not the answer of a passkey."
		return nil, &idp.Error{Code: idp.CodeInvalid, Message: unread, Fields: map[string][]string{field: {unread}}, Err: err}
	}
	return a, nil
}

// answer is what a passkey said to a question; factor is the one it would be of.
type answer struct {
	Ceremony
	said   *protocol.ParsedCredentialAssertionData
	factor *idp.Factor
}

// assert claims an attempt and judges an answer. No answer counts twice: what verifies
// the next one is swapped for what verified this one, and names its question.
func (s *Service) assert(ctx context.Context, actor idp.Actor, p Proof, door idp.Door, a answer) (*idp.Factor, error) {
	t := &try{s: s, actor: actor, p: p, door: door}
	by := p.attempt("")
	by.Failed = t.failed
	passed, err := s.guard.Try(ctx, actor, by, func(ctx context.Context) (idp.Refusal, error) {
		next, ok, err := s.verify(ctx, actor, p, a)
		if err != nil {
			return "", err
		}
		if !ok {
			return t.judge(ctx, nil, nil)
		}
		return t.judge(ctx, a.factor, func(tx idp.Repos) (bool, error) {
			if next.Key.Authenticator.CloneWarning {
				return false, tx.Events.Append(ctx, cloned(actor, p.User, a.factor))
			}
			raw, err := next.encode()
			if err != nil {
				return false, err
			}
			return tx.Factors.Sign(ctx, a.factor.ID, a.factor.Credential, raw)
		})
	})
	return t.outcome(passed, err)
}

// verify compares an answer with the passkey; next is what verifies its next one.
func (s *Service) verify(ctx context.Context, actor idp.Actor, p Proof, a answer) (next kept, ok bool, err error) {
	if a.factor == nil || p.User == nil {
		return next, false, nil
	}
	now, err := s.store.Now(ctx)
	if err != nil {
		return next, false, fmt.Errorf("asking for the time: %w", err)
	}
	w, err := s.party(actor)
	if idp.Is(err, idp.CodeInvalid) {
		return next, false, nil
	}
	if err != nil {
		return next, false, err
	}
	former, err := keptOf(a.factor)
	if err != nil || a.over(now) || former.Party != w.Config.RPID || former.Last == a.Data.Challenge {
		return next, false, err
	}
	o := owner{p.User, []webauthn.Credential{former.Key}}
	var made *webauthn.Credential
	if len(a.Data.UserID) == 0 {
		if !verified(a.said) {
			return next, false, nil
		}
		made, err = w.ValidateDiscoverableLogin(func(_, handle []byte) (webauthn.User, error) { return o, nil }, a.Data, a.said)
	} else {
		data := a.Data
		data.AllowedCredentialIDs = [][]byte{former.Key.ID} // which were offered is the account's business, as it is now
		made, err = w.ValidateLogin(o, data, a.said)
	}
	if err != nil {
		return next, false, nil //nolint:nilerr // whatever was wrong with it, it is refused
	}
	return kept{Key: slim(*made), Party: former.Party, Last: a.Data.Challenge}, true, nil
}

// cloned is the event of a passkey whose counter went back.
func cloned(actor idp.Actor, u *idp.User, f *idp.Factor) *idp.Event {
	actor.User = nil
	return idp.SuspiciousEvent(app, actor, u, facts(ActionCloned, f, u))
}
