package webhook

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of the headers that a mapping makes.
const (
	maxHeaders     = 50
	maxHeaderBytes = 8 << 10 // names and values together
)

// ourHeaders begin what only the server says.
const ourHeaders = "X-Portcullis-"

// framing are the headers that say how a request travels (RFC 9110 section 7.6.1, RFC
// 9112 section 6), so they are not for mappings.
var framing = []string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Trailer", "Te", "Keep-Alive", "Expect", "Http2-Settings"}

// mapped are the headers that a mapping made. The error names the header.
func mapped(values map[string]any) (http.Header, error) {
	out := http.Header{}
	if len(values) > maxHeaders {
		return nil, final("the mapping of the headers gives %d, expected at most %d", len(values), maxHeaders)
	}
	total := 0
	for name, v := range values {
		value, why := text(v)
		if bad := refusedName(name); bad != "" {
			why = bad
		}
		canonical := http.CanonicalHeaderKey(name)
		if why == "" && out[canonical] != nil {
			why = "it is given twice, in different spellings"
		}
		if why != "" {
			return nil, final("the header %q of the mapping: %s", oneLine(name, 100), why)
		}
		if total += len(name) + len(value); total > maxHeaderBytes {
			return nil, final("the headers of the mapping have more than %d kB together, with %q", maxHeaderBytes>>10, name)
		}
		out.Set(name, value)
	}
	return out, nil
}

// refusedName says why a header may not have a name; "" = it may.
func refusedName(name string) string {
	canonical := http.CanonicalHeaderKey(name)
	switch {
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return !tokenRune(r) }):
		return "a name has letters, digits and hyphens"
	case strings.HasPrefix(canonical, ourHeaders):
		return "the server alone sends names that begin with " + ourHeaders
	case slices.Contains(framing, canonical), strings.HasPrefix(canonical, "Proxy-"):
		return "it says how the request travels, which is not for mappings"
	}
	return ""
}

// tokenRune reports whether a name of a header may have the character (RFC 9110
// section 5.6.2).
func tokenRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// text is a value as it is sent; why says what is wrong with it.
func text(v any) (out, why string) {
	switch x := v.(type) {
	case string:
		out = x
	case bool:
		out = strconv.FormatBool(x)
	case int:
		out = strconv.Itoa(x)
	case int64:
		out = strconv.FormatInt(x, 10)
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return "", "it is not a number that can be written"
		}
		out = strconv.FormatFloat(x, 'f', -1, 64)
	default:
		return "", "a text, a number, or true or false is expected"
	}
	if !utf8.ValidString(out) || strings.ContainsFunc(out, unicode.IsControl) {
		return "", "a value must not have line breaks or other control characters"
	}
	return out, ""
}
