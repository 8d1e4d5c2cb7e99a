package secret

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// Bounds on foreign hashes, so that an imported one cannot occupy a processor for
// seconds on each attempt. Django 6.0 uses 1,200,000 iterations.
const (
	maxIterations = 2_000_000
	maxCost       = 14
)

// pbkdf2SHA256 is Django's pbkdf2_sha256$iterations$salt$hash.
type pbkdf2SHA256 struct {
	iterations int
	salt       string // used as text, not decoded
	key        []byte
}

func (p pbkdf2SHA256) matches(password []byte) bool {
	key, err := pbkdf2.Key(sha256.New, string(password), []byte(p.salt), p.iterations, len(p.key))
	return err == nil && subtle.ConstantTimeCompare(key, p.key) == 1
}

func (pbkdf2SHA256) kibibytes() int { return 0 }
func (pbkdf2SHA256) foreign() bool  { return true }
func (pbkdf2SHA256) outdated() bool { return true }

func parsePBKDF2(rest string) (pbkdf2SHA256, error) {
	var p pbkdf2SHA256
	parts := strings.Split(rest, "$")
	if len(parts) != 3 {
		return p, malformed("pbkdf2_sha256", "it needs iterations, a salt and a hash")
	}
	var err error
	if p.iterations, err = parseCount(parts[0], maxIterations); err != nil {
		return p, malformed("pbkdf2_sha256", "iterations: %v", err)
	}
	if p.salt = parts[1]; p.salt == "" || len(p.salt) > 128 {
		return p, malformed("pbkdf2_sha256", "salt: 1 to 128 characters are expected")
	}
	if p.key, err = decode(base64.StdEncoding, parts[2], sha256.Size, sha256.Size); err != nil {
		return p, malformed("pbkdf2_sha256", "hash: %v", err)
	}
	return p, nil
}

// bcryptHash is a bcrypt hash, of the password itself or, as Django's
// bcrypt_sha256 has it, of the password's SHA-256 in hexadecimal.
type bcryptHash struct {
	encoded []byte
	digest  bool
}

func (b bcryptHash) matches(password []byte) bool {
	if b.digest {
		sum := sha256.Sum256(password)
		password = []byte(hex.EncodeToString(sum[:]))
	}
	return bcrypt.CompareHashAndPassword(b.encoded, password) == nil
}

func (bcryptHash) kibibytes() int { return 0 }
func (bcryptHash) foreign() bool  { return true }
func (bcryptHash) outdated() bool { return true }

const (
	bcryptLength   = 60
	bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

func parseBcrypt(encoded string, digest bool) (bcryptHash, error) {
	if len(encoded) != bcryptLength || encoded[6] != '$' {
		return bcryptHash{}, malformed("bcrypt", "$2b$, a cost of two digits, $ and 53 characters are expected")
	}
	switch encoded[:4] {
	case "$2a$", "$2b$", "$2y$":
	default:
		return bcryptHash{}, malformed("bcrypt", "only $2a$, $2b$ and $2y$ are known")
	}
	if strings.Trim(encoded[7:], bcryptAlphabet) != "" {
		return bcryptHash{}, malformed("bcrypt", "base64 is expected")
	}
	cost, err := bcrypt.Cost([]byte(encoded))
	if err != nil || cost < bcrypt.MinCost {
		return bcryptHash{}, malformed("bcrypt", "the cost cannot be read")
	}
	if cost > maxCost {
		return bcryptHash{}, malformed("bcrypt", "cost %d exceeds %d", cost, maxCost)
	}
	return bcryptHash{encoded: []byte(encoded), digest: digest}, nil
}
