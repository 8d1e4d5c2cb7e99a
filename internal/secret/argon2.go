package secret

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Today's parameters: OWASP Password Storage Cheat Sheet, argon2id.
const (
	ourMemory  = 19 * 1024 // KiB
	ourPasses  = 2
	ourLanes   = 1
	saltLength = 16 // bytes, RFC 9106 section 3.1
	keyLength  = 32
)

// Bounds on argon2id hashes from elsewhere. Django's default (100 MiB, 2 passes,
// 8 lanes) and both recommendations of RFC 9106 except the 2 GiB one fit.
const (
	maxMemory = 128 * 1024 // KiB
	maxPasses = 16
	maxLanes  = 16
	maxWork   = 256 * 1024 // KiB × passes
)

// argon2id is a parsed argon2id hash.
type argon2id struct {
	memory int // KiB
	passes int
	lanes  int
	salt   []byte
	key    []byte
	django bool
}

func (a argon2id) derive(password []byte, length int) []byte {
	return argon2.IDKey(password, a.salt, uint32(a.passes), uint32(a.memory), uint8(a.lanes), uint32(length))
}

func (a argon2id) matches(password []byte) bool {
	return subtle.ConstantTimeCompare(a.derive(password, len(a.key)), a.key) == 1
}

func (a argon2id) kibibytes() int { return a.memory }
func (a argon2id) foreign() bool  { return a.django }

// outdated is also true for costlier parameters: they would take more memory
// than a sign-in is granted.
func (a argon2id) outdated() bool {
	return a.django || a.memory != ourMemory || a.passes != ourPasses || a.lanes != ourLanes ||
		len(a.salt) < saltLength || len(a.key) < keyLength
}

// String returns the PHC string format.
func (a argon2id) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, a.memory, a.passes, a.lanes,
		base64.RawStdEncoding.EncodeToString(a.salt), base64.RawStdEncoding.EncodeToString(a.key))
}

// parseArgon2id reads what follows "$argon2id".
func parseArgon2id(rest string) (argon2id, error) {
	var a argon2id
	parts := strings.Split(rest, "$")
	if len(parts) != 5 || parts[0] != "" {
		return a, malformed("argon2id", "it needs a version, parameters, a salt and a hash")
	}
	if parts[1] != "v=19" {
		return a, malformed("argon2id", "only version 19 is known")
	}
	if err := a.parseParameters(parts[2]); err != nil {
		return a, err
	}
	var err error
	if a.salt, err = decode(base64.RawStdEncoding, parts[3], 8, 64); err != nil {
		return a, malformed("argon2id", "salt: %v", err)
	}
	if a.key, err = decode(base64.RawStdEncoding, parts[4], 16, 64); err != nil {
		return a, malformed("argon2id", "hash: %v", err)
	}
	return a, nil
}

func (a *argon2id) parseParameters(s string) error {
	fields := strings.Split(s, ",")
	if len(fields) != 3 {
		return malformed("argon2id", "the parameters are m, t and p")
	}
	for i, p := range []struct {
		name string
		max  int
		into *int
	}{{"m=", maxMemory, &a.memory}, {"t=", maxPasses, &a.passes}, {"p=", maxLanes, &a.lanes}} {
		digits, found := strings.CutPrefix(fields[i], p.name)
		if !found {
			return malformed("argon2id", "the parameters are m, t and p")
		}
		n, err := parseCount(digits, p.max)
		if err != nil {
			return malformed("argon2id", "%s%v", p.name, err)
		}
		*p.into = n
	}
	if a.memory < 8*a.lanes {
		return malformed("argon2id", "m is below 8 KiB for each lane")
	}
	if a.memory*a.passes > maxWork {
		return malformed("argon2id", "m × t exceeds %d", maxWork)
	}
	return nil
}

// parseCount reads a decimal number from 1 to max without sign or leading zero.
func parseCount(digits string, max int) (int, error) {
	n, err := strconv.Atoi(digits)
	if err != nil || strconv.Itoa(n) != digits || n < 1 {
		return 0, fmt.Errorf("a positive whole number is expected")
	}
	if n > max {
		return 0, fmt.Errorf("%d exceeds %d", n, max)
	}
	return n, nil
}

func decode(encoding *base64.Encoding, s string, min, max int) ([]byte, error) {
	b, err := encoding.Strict().DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("base64 is expected")
	}
	if len(b) < min || len(b) > max {
		return nil, fmt.Errorf("%d to %d bytes are expected", min, max)
	}
	return b, nil
}
