package secret

import (
	"encoding/base64"
	"strings"
)

// textPrefix begins a sealed value that stands where a text is expected.
const textPrefix = "sealed:"

// SealText is Seal for a text, as a text.
func (s *Sealer) SealText(purpose, plain string) string {
	return textPrefix + base64.RawStdEncoding.EncodeToString(s.Seal(purpose, []byte(plain)))
}

// OpenText decrypts what SealText made for the same purpose. The error is
// ErrOtherSecret or ErrTampered.
func (s *Sealer) OpenText(purpose, text string) (string, error) {
	sealed := sealedIn(text)
	if sealed == nil {
		return "", ErrTampered
	}
	plain, err := s.Open(purpose, sealed)
	return string(plain), err
}

// Current reports whether the text was sealed with the secret that seals now,
// and not with one that it replaced.
func (s *Sealer) Current(text string) bool {
	sealed := sealedIn(text)
	return sealed != nil && [markSize]byte(sealed[1:headSize]) == s.keys[0].mark
}

// IsSealed reports whether a text has the form that SealText gives it. Whoever
// takes texts from people must not believe it of those: anybody can type one.
func IsSealed(text string) bool { return sealedIn(text) != nil }

// sealedIn is the sealed value of a text; nil when it is another text.
func sealedIn(text string) []byte {
	encoded, ok := strings.CutPrefix(text, textPrefix)
	if !ok {
		return nil
	}
	sealed, err := base64.RawStdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(sealed) < minSealed || sealed[0] != sealVersion {
		return nil
	}
	return sealed
}
