package idp

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of free-form attributes.
const (
	maxAttributes = 64 * 1024 // bytes of JSON
	maxDepth      = 64        // levels of nesting
)

// Line judges a single line of text of at most max characters, and reports
// whether it is right. The messages of Faults are worded as Django REST
// framework words them: clients of the API look for them.
func (f *Faults) Line(field, s string, max int, blank bool) bool {
	if utf8.ValidString(s) && !strings.ContainsRune(s, 0) && strings.ContainsFunc(s, unicode.IsControl) {
		f.Add(field, "Control characters are not allowed.")
		return false
	}
	return f.Text(field, s, max, blank)
}

// Text is Line for text of several lines.
func (f *Faults) Text(field, s string, max int, blank bool) bool {
	switch {
	case !utf8.ValidString(s):
		f.Add(field, "Not a valid string.")
	case strings.ContainsRune(s, 0):
		f.Add(field, "Null characters are not allowed.")
	case s == "" && !blank:
		f.Add(field, "This field may not be blank.")
	case utf8.RuneCountInString(s) > max:
		f.Add(field, "Ensure this field has no more than %d characters.", max)
	default:
		return true
	}
	return false
}

// Choice judges a value of an enumeration, and returns whether it is right.
func Choice[T ~string](f *Faults, field string, value T, of []T) bool {
	if slices.Contains(of, value) {
		return true
	}
	names := make([]string, len(of))
	for i, name := range of {
		names[i] = string(name)
	}
	f.Add(field, "%q is not a valid choice. Expected one of: %s.", clip(strings.ToValidUTF8(string(value), ""), 50), strings.Join(names, ", "))
	return false
}

// Attributes judges free-form attributes: at most 64 KiB of JSON, nested no
// more than 64 levels deep.
func (f *Faults) Attributes(field string, a Attributes) bool {
	if message := flawed(map[string]any(a), maxDepth); message != "" {
		f.Add(field, "%s", message)
		return false
	}
	raw, err := json.Marshal(a)
	switch {
	case err != nil:
		f.Add(field, "Value must be valid JSON.")
	case len(raw) > maxAttributes:
		f.Add(field, "Ensure this field has no more than %d bytes.", maxAttributes)
	default:
		return true
	}
	return false
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
