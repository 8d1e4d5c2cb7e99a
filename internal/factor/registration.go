package factor

import (
	"context"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Registering says what passkey is wanted.
type Registering struct {
	Verification Verification
	// Attachment is platform, cross-platform, or "" for either.
	Attachment string
	// Resident says whether the passkey has to know its account by itself, so that
	// nobody has to be named: required, preferred or discouraged.
	Resident string
}

// BeginRegistration makes a question for the browser of somebody who sets up a passkey:
// what navigator.credentials.create takes as publicKey, as JSON. Errors: CodeInvalid where
// passkeys cannot be used.
func (s *Service) BeginRegistration(ctx context.Context, actor idp.Actor, u *idp.User, r Registering) (map[string]any, Ceremony, error) {
	w, err := s.party(actor)
	if err != nil {
		return nil, Ceremony{}, err
	}
	has, err := s.store.Repos().Factors.Of(ctx, u.ID)
	if err != nil {
		return nil, Ceremony{}, err
	}
	keys, err := keysOf(has, w.Config.RPID)
	if err != nil {
		return nil, Ceremony{}, err
	}
	known := []protocol.CredentialDescriptor{}
	for _, k := range keys {
		known = append(known, k.Descriptor())
	}
	selection := protocol.AuthenticatorSelection{AuthenticatorAttachment: protocol.AuthenticatorAttachment(r.Attachment),
		UserVerification: protocol.UserVerificationRequirement(r.Verification)}
	asked, data, err := w.BeginRegistration(owner{u, nil}, webauthn.WithAuthenticatorSelection(selection),
		webauthn.WithResidentKeyRequirement(protocol.ResidentKeyRequirement(r.Resident)), webauthn.WithExclusions(known))
	if err != nil {
		return nil, Ceremony{}, fmt.Errorf("asking for a new passkey: %w", err)
	}
	return s.asked(ctx, asked.Response, data)
}

// asked is a question with the time it was asked at.
func (s *Service) asked(ctx context.Context, question any, data *webauthn.SessionData) (map[string]any, Ceremony, error) {
	now, err := s.store.Now(ctx)
	if err != nil {
		return nil, Ceremony{}, fmt.Errorf("asking for the time: %w", err)
	}
	out, err := options(question)
	return out, Ceremony{Data: *data, At: now}, err
}

// AddWebAuthn adds the passkey that answered. Errors: CodeInvalid on response for every
// answer but one to this question, from this origin; CodeConflict for a passkey that is
// registered; those of MayAdd.
func (s *Service) AddWebAuthn(ctx context.Context, actor idp.Actor, a Adding, c Ceremony, response any) (*idp.Factor, error) {
	raw, err := encoded("response", response)
	if err != nil {
		return nil, err
	}
	w, err := s.party(actor)
	if err != nil {
		return nil, err
	}
	now, err := s.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the time: %w", err)
	}
	if c.over(now) {
		return nil, idp.Invalid("response", "This took too long. Try again.")
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(raw)
	if err != nil {
		return nil, &idp.Error{Code: idp.CodeInvalid, Message: unregistered, Fields: map[string][]string{"response": {unregistered}}, Err: err}
	}
	made, err := w.CreateCredential(owner{a.User, nil}, c.Data, parsed)
	if err != nil {
		return nil, &idp.Error{Code: idp.CodeInvalid, Message: unregistered, Fields: map[string][]string{"response": {unregistered}}, Err: err}
	}
	stored, err := kept{Key: slim(*made), Party: w.Config.RPID, Last: c.Data.Challenge}.encode()
	if err != nil {
		return nil, err
	}
	f := &idp.Factor{Kind: idp.FactorWebAuthn, CredentialID: made.ID, Credential: stored, AAGUID: aaguid(*made)}
	return f, s.add(ctx, actor, a, f, nil)
}

const unregistered = "The passkey could not be registered. Try again."
