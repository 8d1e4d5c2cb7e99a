package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
)

const (
	alphabet    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	tokenLength = 43 // 43 × log2(62) = 256.03 bits
)

// Token returns 256 random bits as 43 letters and digits: nothing that needs
// escaping in URLs, headers or shells, and a double click selects all of it.
func Token() string {
	// A byte below 248 = 4 × 62 gives each character the same chance; others are
	// thrown away.
	const fair = 256 - 256%len(alphabet)
	out := make([]byte, 0, tokenLength)
	var raw [64]byte
	for {
		rand.Read(raw[:])
		for _, b := range raw {
			if int(b) >= fair {
				continue
			}
			if out = append(out, alphabet[int(b)%len(alphabet)]); len(out) == tokenLength {
				return string(out)
			}
		}
	}
}

// Digest is the SHA-256 of a random value: what is stored of a token or a cookie
// in its place. It suits random values only; passwords need a Hasher.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a value.
func DigestOf(value string) Digest { return sha256.Sum256([]byte(value)) }

// Bytes returns the digest as the storage takes it.
func (d Digest) Bytes() []byte { return d[:] }

// AllBytes is Bytes of several.
func AllBytes(all []Digest) [][]byte {
	out := make([][]byte, len(all))
	for i := range all {
		out[i] = all[i][:]
	}
	return out
}

// Equal compares with stored bytes in a time that does not depend on where they
// differ.
func (d Digest) Equal(stored []byte) bool { return subtle.ConstantTimeCompare(d[:], stored) == 1 }

// Equal compares two secrets in a time that does not depend on where they
// differ, nor on their lengths.
func Equal(a, b string) bool {
	x, y := DigestOf(a), DigestOf(b)
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
