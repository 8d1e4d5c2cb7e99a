package idp

import (
	"context"
	"encoding/json"
	"time"
)

// FactorKind says what a second factor is.
type FactorKind string

// The kinds of factors, by the names of their device classes on the wire.
const (
	FactorTOTP     FactorKind = "totp"     // an authenticator app (RFC 6238)
	FactorStatic   FactorKind = "static"   // recovery codes, each good once
	FactorWebAuthn FactorKind = "webauthn" // a passkey or security key
)

// FactorKinds lists every kind.
func FactorKinds() []FactorKind { return []FactorKind{FactorTOTP, FactorStatic, FactorWebAuthn} }

// Factor is a second factor of an account. Its ID is what a lock on an MFA device
// names. A row exists only once its owner has shown that they have it.
type Factor struct {
	ID         FactorID
	Num        int32 // the integer form that the API shows
	UserID     UserID
	Username   string // derived
	Kind       FactorKind
	Name       string // ≤ 64 characters
	CreatedAt  time.Time
	UpdatedAt  time.Time
	LastUsedAt *time.Time

	// Of authenticator apps: the sealed secret, how many digits a code has, and the
	// last 30-second step that a code was taken of: none is taken twice.
	Secret   string
	Digits   int
	LastStep int64

	// Of passkeys: the identifier that the browser knows it by, what verifies its
	// answers (as JSON, no secret), and the model.
	CredentialID []byte
	Credential   []byte
	AAGUID       UUID

	// CodesLeft is how many recovery codes are unused. Derived.
	CodesLeft int
}

// Methods are what was shown by whoever proved to have it (RFC 8176).
func (f *Factor) Methods() []string {
	if f.Kind != FactorWebAuthn {
		return []string{"otp"}
	}
	var c struct {
		Key struct {
			Flags struct {
				BackupEligible bool `json:"backupEligible"`
			} `json:"flags"`
		} `json:"key"`
	}
	if json.Unmarshal(f.Credential, &c) != nil || c.Key.Flags.BackupEligible {
		return []string{"swk"} // its provider copies the key from device to device
	}
	return []string{"hwk"}
}

// FactorFilter selects factors.
type FactorFilter struct {
	Paging
	UserID *UserID
	Kind   *FactorKind
	Num    *int32
	Name   *string
}

// Factors stores second factors. Whatever changes those of an account holds its user.
type Factors interface {
	Get(ctx context.Context, id FactorID) (*Factor, error)
	// GetByNum returns one of the kind by its number.
	GetByNum(ctx context.Context, kind FactorKind, num int32) (*Factor, error)
	// GetByCredential returns a passkey by its identifier.
	GetByCredential(ctx context.Context, credentialID []byte) (*Factor, error)
	Find(ctx context.Context, filter FactorFilter) (Page[Factor], error)
	// Of returns all factors of a user, the oldest first.
	Of(ctx context.Context, user UserID) ([]Factor, error)
	// Create assigns ID, Num and CreatedAt. CodeConflict when the passkey is known.
	Create(ctx context.Context, f *Factor, codes [][]byte) error
	Rename(ctx context.Context, id FactorID, name string) error
	Delete(ctx context.Context, id FactorID) error
	// Step notes that a code of the step was taken; taken is false when one of it, or
	// of a later one, was before.
	Step(ctx context.Context, id FactorID, step int64) (taken bool, err error)
	// HasCode reports whether a recovery code of the digest is unused.
	HasCode(ctx context.Context, id FactorID, digest []byte) (bool, error)
	// UseCode uses up a recovery code by its digest; used is false when there is none
	// such, or it was used before.
	UseCode(ctx context.Context, id FactorID, digest []byte) (used bool, err error)
	// Sign notes a passkey's use: what verifies its next answer. swapped is false when
	// the stored one is not former any more.
	Sign(ctx context.Context, id FactorID, former, credential []byte) (swapped bool, err error)
	// Prove notes that a factor was proved in a browser, whose cookie has this digest,
	// by somebody of this session generation.
	Prove(ctx context.Context, id FactorID, browser []byte, generation int64) error
	// ProvedWithin returns the factor of a user that was proved in the browser within
	// so long, under the user's present generation; CodeNotFound when none was.
	ProvedWithin(ctx context.Context, user UserID, browser []byte, within time.Duration) (*Factor, error)
}
