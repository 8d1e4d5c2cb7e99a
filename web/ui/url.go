package ui

import (
	"strings"

	"github.com/a-h/templ"
)

// address makes an address safe to put into href, action, formaction or src: schemes that can run script are replaced.
// Addresses that start with /, ? or # have no scheme, whatever follows.
func address(s string) templ.SafeURL {
	if s == "" || strings.IndexByte("/?#", s[0]) >= 0 {
		return templ.SafeURL(s)
	}
	return templ.URL(s)
}

// slug turns a text into something that can be part of an id.
func slug(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '-':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}

// Pair is a name with a value, such as a hidden input.
type Pair struct{ Name, Value string }
