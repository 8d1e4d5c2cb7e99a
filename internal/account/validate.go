package account

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Bounds of the fields.
const (
	maxUsername  = 150 // characters, as the API has it
	maxName      = 255
	maxEmail     = 254 // RFC 5321 as corrected by erratum 1690
	maxPath      = 512
	maxGroupName = 255
	minPassword  = 8 // characters (NIST SP 800-63B, section 5.1.1.1)
)

func checkEmail(faults *idp.Faults, s string) {
	if !faults.Line("email", s, maxEmail, true) || s == "" {
		return
	}
	at := strings.LastIndexByte(s, '@')
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Address != s || at < 1 || strings.ContainsAny(s, " \t<>\"") || !validDomain(s[at+1:]) {
		faults.Add("email", "Enter a valid email address.")
	}
}

// validDomain asks for labels of letters, digits and hyphens (or any script's
// letters), and for at least two of them unless it is localhost.
func validDomain(s string) bool {
	labels := strings.Split(s, ".")
	if len(labels) < 2 && s != "localhost" {
		return false
	}
	for _, l := range labels {
		if l == "" || strings.HasPrefix(l, "-") || strings.HasSuffix(l, "-") ||
			strings.ContainsFunc(l, func(r rune) bool { return r != '-' && !unicode.In(r, unicode.L, unicode.M, unicode.N) }) {
			return false
		}
	}
	return true
}

func checkPath(faults *idp.Faults, s string) {
	switch {
	case !faults.Line("path", s, maxPath, false):
	case strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/"):
		faults.Add("path", "No leading or trailing slashes allowed.")
	case strings.Contains(s, "//"):
		faults.Add("path", "No empty segments in user path allowed.")
	}
}

// checkPassword applies NIST SP 800-63B: a minimum length, no composition rules,
// every character allowed. Length is counted in characters, the upper bound in
// bytes, because hashing costs by the byte.
func checkPassword(faults *idp.Faults, field, password string) {
	switch {
	case !utf8.ValidString(password):
		faults.Add(field, "Not a valid string.")
	case password == "":
		faults.Add(field, "This field may not be blank.")
	case utf8.RuneCountInString(password) < minPassword:
		faults.Add(field, "Ensure this field has at least %d characters.", minPassword)
	case len(password) > secret.MaxPassword:
		faults.Add(field, "Ensure this field has no more than %d bytes.", secret.MaxPassword)
	}
}

func checkHash(faults *idp.Faults, encoded string) {
	if err := secret.ValidEncoded(encoded); err != nil {
		faults.Add("password_hash", "%s", errorText(err))
	}
}

// unique drops repeated values and keeps the order.
func unique[T comparable](in []T) []T {
	seen := make(map[T]bool, len(in))
	out := make([]T, 0, len(in))
	for _, v := range in {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}
