package secret

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// MinSecret is how many bytes the secret of a Sealer has at least.
const MinSecret = 32

// What Open says of a value it cannot open.
var (
	// ErrOtherSecret: it was sealed with a secret that this Sealer does not have.
	ErrOtherSecret = errors.New("sealed with another secret")
	// ErrTampered: it was changed, or sealed for another purpose.
	ErrTampered = errors.New("not what was sealed")
)

// A sealed value is a version, the mark of the key, a nonce and the ciphertext.
const (
	sealVersion = 1
	markSize    = 8
	headSize    = 1 + markSize
	minSealed   = headSize + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
)

// Sealer encrypts small values with the server's own secret (XChaCha20-Poly1305
// under a key from HKDF-SHA256, RFC 5869), so that a copy of the database alone
// does not give them away. It may be used by many at once.
type Sealer struct{ keys []sealKey }

type sealKey struct {
	mark [markSize]byte // tells the keys apart, and nothing about them
	aead cipher.AEAD

	digest []byte // the key of Digest
}

// NewSealer returns a Sealer. The first secret seals; the others only open what
// was sealed before the secret was changed. Each has at least MinSecret bytes.
func NewSealer(secrets ...[]byte) (*Sealer, error) {
	if len(secrets) == 0 {
		return nil, errors.New("a sealer needs a secret")
	}
	s := &Sealer{}
	for _, secret := range secrets {
		if len(secret) < MinSecret {
			return nil, fmt.Errorf("a secret has at least %d bytes, this one has %d", MinSecret, len(secret))
		}
		k, err := newSealKey(secret)
		if err != nil {
			return nil, fmt.Errorf("deriving the key of a sealer: %w", err)
		}
		s.keys = append(s.keys, k)
	}
	return s, nil
}

func newSealKey(secret []byte) (k sealKey, err error) {
	pseudorandom, err := hkdf.Extract(sha256.New, secret, []byte("portcullis sealer"))
	if err != nil {
		return k, err
	}
	key, err := hkdf.Expand(sha256.New, pseudorandom, "key", chacha20poly1305.KeySize)
	if err != nil {
		return k, err
	}
	if k.digest, err = hkdf.Expand(sha256.New, pseudorandom, "digest", sha256.Size); err != nil {
		return k, err
	}
	mark, err := hkdf.Expand(sha256.New, pseudorandom, "mark", markSize)
	if err != nil {
		return k, err
	}
	k.mark = [markSize]byte(mark)
	k.aead, err = chacha20poly1305.NewX(key)
	return k, err
}

// Seal encrypts a value for a purpose. Two calls never give the same.
func (s *Sealer) Seal(purpose string, plain []byte) []byte {
	k := s.keys[0]
	out := make([]byte, headSize+chacha20poly1305.NonceSizeX, headSize+chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	out[0] = sealVersion
	copy(out[1:], k.mark[:])
	nonce := out[headSize:]
	rand.Read(nonce) // never fails: crypto/rand ends the process instead
	return k.aead.Seal(out, nonce, plain, associated(out[:headSize], purpose))
}

// Digest is a keyed digest of a value for a purpose (HMAC-SHA256 under the secret
// that seals, RFC 2104), so that nobody can try values without it.
func (s *Sealer) Digest(purpose string, value []byte) []byte {
	mac := hmac.New(sha256.New, s.keys[0].digest)
	mac.Write([]byte(purpose))
	mac.Write([]byte{0})
	mac.Write(value)
	return mac.Sum(nil)
}

// Mark tells the secret that Digest uses from others, and nothing about it.
func (s *Sealer) Mark() string { return hex.EncodeToString(s.keys[0].mark[:]) }

// DigestBy is what Digest gave under the secret with a mark; known is false where
// the Sealer has no such secret.
func (s *Sealer) DigestBy(mark, purpose string, value []byte) (digest []byte, known bool) {
	for _, k := range s.keys {
		if hex.EncodeToString(k.mark[:]) == mark {
			return (&Sealer{keys: []sealKey{k}}).Digest(purpose, value), true
		}
	}
	return nil, false
}

// Open decrypts what Seal made for the same purpose. The error is
// ErrOtherSecret or ErrTampered.
func (s *Sealer) Open(purpose string, sealed []byte) ([]byte, error) {
	if len(sealed) < minSealed || sealed[0] != sealVersion {
		return nil, ErrTampered
	}
	head, rest := sealed[:headSize], sealed[headSize:]
	for _, k := range s.keys {
		if k.mark != [markSize]byte(head[1:]) {
			continue
		}
		plain, err := k.aead.Open(nil, rest[:chacha20poly1305.NonceSizeX], rest[chacha20poly1305.NonceSizeX:], associated(head, purpose))
		if err != nil {
			return nil, ErrTampered
		}
		return plain, nil
	}
	return nil, ErrOtherSecret
}

// associated is what is authenticated along with the value.
func associated(head []byte, purpose string) []byte {
	return append(append([]byte{}, head...), purpose...)
}
