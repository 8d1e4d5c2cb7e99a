package token

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	maxIdentifier  = 255    // characters
	maxDescription = 10_000 // characters
	minKey         = 20     // characters of a key that is not ours
	maxKey         = 255
)

var slug = regexp.MustCompile(`^[-a-zA-Z0-9_]+$`)

// The messages are worded as Django REST framework words them: clients of the
// API look for them.
func checkIdentifier(faults *idp.Faults, s string) {
	switch {
	case s == "":
		faults.Add("identifier", "This field may not be blank.")
	case utf8.RuneCountInString(s) > maxIdentifier:
		faults.Add("identifier", "Ensure this field has no more than %d characters.", maxIdentifier)
	case !slug.MatchString(s):
		faults.Add("identifier", "Enter a valid “slug” consisting of letters, numbers, underscores or hyphens.")
	}
}

func checkDescription(faults *idp.Faults, s string) {
	switch {
	case !utf8.ValidString(s):
		faults.Add("description", "Not a valid string.")
	case strings.ContainsRune(s, 0):
		faults.Add("description", "Null characters are not allowed.")
	case utf8.RuneCountInString(s) > maxDescription:
		faults.Add("description", "Ensure this field has no more than %d characters.", maxDescription)
	}
}

// checkIntent lets people make what they use themselves; what opens a flow in
// another person's hands is made by administrators and by the system.
func checkIntent(faults *idp.Faults, intent idp.TokenIntent, administers bool) {
	switch {
	case !slices.Contains(idp.TokenIntents(), intent):
		faults.Add("intent", "\"%s\" is not a valid choice.", clip(string(intent)))
	case !administers && opensFlow(intent):
		faults.Add("intent", "Only administrators may create tokens of this intent.")
	}
}

func checkKey(faults *idp.Faults, key string) {
	switch n := utf8.RuneCountInString(key); {
	case n < minKey || n > maxKey:
		faults.Add("key", "Ensure this field has at least %d and no more than %d characters.", minKey, maxKey)
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		faults.Add("key", "Expected printable ASCII without spaces.") // or no header could carry it
	}
}

func opensFlow(intent idp.TokenIntent) bool {
	return intent == idp.IntentRecovery || intent == idp.IntentVerification
}

// expiry returns when a token ends, judged by the database's clock.
func expiry(faults *idp.Faults, expiring bool, at *time.Time, now time.Time) *time.Time {
	if !expiring {
		return nil
	}
	if at == nil {
		end := now.Add(DefaultLifetime)
		return &end
	}
	if !at.After(now) {
		faults.Add("expires", "Ensure this value is in the future.")
	}
	if at.Year() > 9999 {
		faults.Add("expires", "Ensure this value is before the year 10000.")
	}
	end := at.UTC()
	return &end
}

func clip(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
	if r := []rune(s); len(r) > 50 {
		return string(r[:50]) + "…"
	}
	return s
}
