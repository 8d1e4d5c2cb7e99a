package settingsform

import (
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// words are parts of names that people write otherwise.
var words = map[string]string{"id": "ID", "ip": "IP", "url": "URL", "ttl": "TTL", "mfa": "MFA", "totp": "TOTP", "upn": "UPN", "tls": "TLS",
	"ssl": "SSL", "html": "HTML", "smtp": "SMTP", "sms": "SMS", "geoip": "GeoIP", "asn": "ASN", "api": "API", "webauthn": "WebAuthn", "json": "JSON",
	"csrf": "CSRF", "email": "Email", "hibp": "HIBP"}

// Words makes a name of machines readable: never_create is "Never create".
func Words(name string) string {
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' || r == ' ' })
	for i, p := range parts {
		switch known, ok := words[p]; {
		case ok && (i == 0 || strings.ToUpper(known) == known || strings.ToLower(known[1:]) != known[1:]):
			parts[i] = known
		case i == 0:
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, " ")
}

// label is what stands above a setting's field.
func label(s flow.Setting) string {
	if s.Label != "" {
		return s.Label
	}
	return Words(s.Name)
}

// value is what people read for one of the values of an enumeration.
func value(s flow.Setting, i int) string {
	if i < len(s.Labels) {
		return s.Labels[i]
	}
	return choice(s.Enum[i])
}

// choice is what people read for a value. Names of code stay as they are, but for
// where they come from.
func choice(value string) string {
	if i := strings.LastIndexByte(value, '.'); i >= 0 && !strings.ContainsRune(value, ' ') {
		return value[i+1:]
	}
	return Words(value)
}

// ofLanguage reports whether an entry is the language's own.
func ofLanguage(e policy.Entry) bool { return strings.HasSuffix(e.Usage, "(…)") }

// usage is how an entry is written.
func usage(e policy.Entry) string {
	if e.Kind == "function" {
		return e.Usage
	}
	return e.Name + ": " + e.Usage
}
