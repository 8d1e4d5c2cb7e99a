// Package credential makes the keys of authenticators that exist only in tests.
package credential

import (
	"crypto/ecdsa"
	"crypto/x509"
	"fmt"

	"github.com/descope/virtualwebauthn"
)

// whole are the bits that a coordinate of P-256 has to have more of for its bytes to be all 32.
const whole = 31 * 8

// New returns a new credential with a key on P-256. The library leaves the leading zeros of its
// coordinates out, which RFC 9053, section 7.1.1 forbids and servers refuse: one key of 128 is
// thrown away here.
func New() virtualwebauthn.Credential {
	for {
		made := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
		parsed, err := x509.ParsePKCS8PrivateKey(made.Key.Data)
		if err != nil {
			panic(fmt.Sprintf("a key that was just made cannot be read: %v", err))
		}
		if key := parsed.(*ecdsa.PrivateKey); key.X.BitLen() > whole && key.Y.BitLen() > whole {
			return made
		}
	}
}
