package secret

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// stored is an encoded hash, parsed.
type stored interface {
	matches(password []byte) bool
	kibibytes() int // what matches allocates, where it matters
	foreign() bool  // made without normalising the password
	outdated() bool // to be replaced at the next sign-in
}

const (
	unusablePrefix = "!"
	maxEncoded     = 512 // bytes
)

// Unusable returns an encoded hash that no password matches: "!" and a random
// tail, as Django has it, so that two of them never look alike.
func Unusable() string { return unusablePrefix + Token() }

// Usable reports whether a password could match the encoded hash at all.
func Usable(encoded string) bool {
	return encoded != "" && !strings.HasPrefix(encoded, unusablePrefix)
}

// ValidEncoded returns nil for an encoded hash that Verify can use, or that
// starts with "!". Otherwise the error is idp.CodeInvalid on the field
// "password_hash" and says what was expected: an unknown scheme, a malformed
// hash, or one that costs more than a sign-in may.
func ValidEncoded(encoded string) error {
	if strings.HasPrefix(encoded, unusablePrefix) && len(encoded) <= maxEncoded && utf8.ValidString(encoded) {
		return nil
	}
	if _, err := parse(encoded); err != nil {
		var e *idp.Error
		if errors.As(err, &e) {
			return idp.Invalid("password_hash", "%s", e.Message)
		}
		return err
	}
	return nil
}

func parse(encoded string) (stored, error) {
	if len(encoded) > maxEncoded {
		return nil, &idp.Error{Code: idp.CodeInternal, Message: "The password hash is too long."}
	}
	scheme, rest, _ := strings.Cut(encoded, "$")
	switch scheme {
	case "":
		if rest, found := strings.CutPrefix(encoded, "$argon2id"); found {
			return asStored(parseArgon2id(rest))
		}
		if strings.HasPrefix(encoded, "$2") {
			return asStored(parseBcrypt(encoded, false))
		}
	case "argon2":
		if rest, found := strings.CutPrefix(rest, "argon2id"); found {
			a, err := parseArgon2id(rest)
			a.django = true
			return asStored(a, err)
		}
	case "pbkdf2_sha256":
		return asStored(parsePBKDF2(rest))
	case "bcrypt":
		return asStored(parseBcrypt(rest, false))
	case "bcrypt_sha256":
		return asStored(parseBcrypt(rest, true))
	}
	return nil, &idp.Error{Code: idp.CodeInternal,
		Message: "The scheme of the password hash is not known; argon2id, bcrypt and Django's pbkdf2_sha256, bcrypt, bcrypt_sha256 and argon2 are."}
}

func asStored[T stored](s T, err error) (stored, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// malformed never quotes the hash: it must not reach a log.
func malformed(scheme, format string, args ...any) error {
	return &idp.Error{Code: idp.CodeInternal,
		Message: fmt.Sprintf("The %s password hash is not valid: %s.", scheme, fmt.Sprintf(format, args...))}
}
