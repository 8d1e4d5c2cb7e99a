package idp

import (
	"slices"
	"strings"
)

// Hidden stands for a secret that is not shown.
const Hidden = "********************"

// secretNames are parts of names whose values are never shown.
var secretNames = []string{"password", "passwd", "secret", "token", "signature", "api_key", "cookie", "authorization", "otp"}

// SecretName reports whether a value of that name is likely to be a secret.
func SecretName(name string) bool {
	lower := strings.ToLower(name)
	return lower == "key" || lower == "code" ||
		slices.ContainsFunc(secretNames, func(part string) bool { return strings.Contains(lower, part) })
}
