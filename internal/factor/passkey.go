package factor

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Verification says whether a passkey has to verify its person, by a PIN or a finger.
type Verification string

// The levels of verification, by the contract's names.
const (
	Required    Verification = "required"
	Preferred   Verification = "preferred"
	Discouraged Verification = "discouraged"
)

// Ceremony is what a flow keeps of a question to a passkey, to judge one answer by.
type Ceremony struct {
	Data webauthn.SessionData `json:"data"`
	At   time.Time            `json:"at"` // when it was asked, by the database's clock
}

// kept is what is stored of a passkey: public keys and counters, no secret.
type kept struct {
	Key   webauthn.Credential `json:"key"`
	Party string              `json:"party"` // the RP ID that it was made for
	// Last is the challenge of the last answer that counted: none counts twice.
	Last string `json:"last,omitempty"`
}

func (k kept) encode() ([]byte, error) { return json.Marshal(k) }

func keptOf(f *idp.Factor) (k kept, err error) {
	if err := json.Unmarshal(f.Credential, &k); err != nil {
		return k, fmt.Errorf("reading passkey %s: %w", f.ID, err)
	}
	return k, nil
}

// keysOf are the passkeys among factors that were made for the party.
func keysOf(has []idp.Factor, party string) (out []webauthn.Credential, err error) {
	for i := range has {
		if has[i].Kind != idp.FactorWebAuthn {
			continue
		}
		k, err := keptOf(&has[i])
		if err != nil {
			return nil, err
		}
		if k.Party == party {
			out = append(out, k.Key)
		}
	}
	return out, nil
}

// maxAnswer is the longest answer of a browser that is read, in bytes.
const maxAnswer = 64 << 10

// encoded is what a browser or program sent for a field: an object, or its text.
func encoded(field string, sent any) ([]byte, error) {
	invalid := idp.Invalid(field, "Expected the answer of a passkey, as JSON.")
	var raw []byte
	switch v := sent.(type) {
	case string:
		raw = []byte(v)
	case map[string]any:
		var err error
		if raw, err = json.Marshal(v); err != nil {
			return nil, invalid
		}
	default:
		return nil, invalid
	}
	if len(raw) > maxAnswer || !json.Valid(raw) {
		return nil, invalid
	}
	return raw, nil
}

// over reports whether a question was asked too long ago.
func (c Ceremony) over(now time.Time) bool {
	return c.Data.Challenge == "" || now.Sub(c.At) > ceremonyLife || now.Before(c.At.Add(-ceremonyLife))
}

// options are what a browser is given, without the envelope.
func options(v any) (map[string]any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(raw, &out)
}

// slim leaves out what nothing asks for again.
func slim(c webauthn.Credential) webauthn.Credential {
	c.Attestation = webauthn.CredentialAttestation{}
	return c
}

// verified reports whether the passkey has verified its person in this answer.
func verified(a *protocol.ParsedCredentialAssertionData) bool {
	return a.Response.AuthenticatorData.Flags.HasUserVerified()
}

// transports are those of a factor, for lists.
func aaguid(c webauthn.Credential) (out idp.UUID) {
	if len(c.Authenticator.AAGUID) == len(out) {
		copy(out[:], slices.Clone(c.Authenticator.AAGUID))
	}
	return out
}
