package account

import (
	"encoding/json"
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Bounds of the fields.
const (
	maxUsername   = 150 // characters, as the API has it
	maxName       = 255
	maxEmail      = 254 // RFC 5321 as corrected by erratum 1690
	maxPath       = 512
	maxGroupName  = 255
	maxAttributes = 64 * 1024 // bytes of JSON
	maxDepth      = 64        // levels of nesting in attributes
	minPassword   = 8         // characters (NIST SP 800-63B, section 5.1.1.1)
)

// checkLine judges a single line of text. The messages here are worded as
// Django REST framework words them: clients of the API look for them.
func checkLine(faults *idp.Faults, field, s string, max int, blank bool) bool {
	switch {
	case !utf8.ValidString(s):
		faults.Add(field, "Not a valid string.")
	case strings.ContainsRune(s, 0):
		faults.Add(field, "Null characters are not allowed.")
	case strings.ContainsFunc(s, unicode.IsControl):
		faults.Add(field, "Control characters are not allowed.")
	case s == "" && !blank:
		faults.Add(field, "This field may not be blank.")
	case utf8.RuneCountInString(s) > max:
		faults.Add(field, "Ensure this field has no more than %d characters.", max)
	default:
		return true
	}
	return false
}

func checkEmail(faults *idp.Faults, s string) {
	if !checkLine(faults, "email", s, maxEmail, true) || s == "" {
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
	case !checkLine(faults, "path", s, maxPath, false):
	case strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/"):
		faults.Add("path", "No leading or trailing slashes allowed.")
	case strings.Contains(s, "//"):
		faults.Add("path", "No empty segments in user path allowed.")
	}
}

func checkType(faults *idp.Faults, t idp.UserType) {
	if !slices.Contains(idp.UserTypes(), t) {
		faults.Add("type", "%q is not a valid choice.", clip(string(t)))
	}
}

func clip(s string) string {
	s = strings.ToValidUTF8(s, "")
	if r := []rune(s); len(r) > 50 {
		return string(r[:50]) + "…"
	}
	return s
}

func checkAttributes(faults *idp.Faults, a idp.Attributes) {
	if message := flawed(map[string]any(a), maxDepth); message != "" {
		faults.Add("attributes", "%s", message)
		return
	}
	raw, err := json.Marshal(a)
	switch {
	case err != nil:
		faults.Add("attributes", "Value must be valid JSON.")
	case len(raw) > maxAttributes:
		faults.Add("attributes", "Ensure this field has no more than %d bytes.", maxAttributes)
	}
}

// flawed says what PostgreSQL's jsonb would refuse in a value, or "".
func flawed(value any, depth int) string {
	if depth == 0 {
		return "Ensure this field is nested no more than 64 levels deep."
	}
	switch v := value.(type) {
	case string:
		switch {
		case !utf8.ValidString(v):
			return "Not a valid string."
		case strings.ContainsRune(v, 0):
			return "Null characters are not allowed."
		}
	case map[string]any:
		for key, inner := range v {
			if message := flawed(key, depth); message != "" {
				return message
			}
			if message := flawed(inner, depth-1); message != "" {
				return message
			}
		}
	case []any:
		for _, inner := range v {
			if message := flawed(inner, depth-1); message != "" {
				return message
			}
		}
	}
	return ""
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
