package password

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// static reports whether the password has enough of everything. Letters and
// digits are those of any alphabet.
func (s *Settings) static(password string) bool {
	var upper, lower, digits, symbols int
	for _, c := range password {
		switch {
		case unicode.IsUpper(c):
			upper++
		case unicode.IsLower(c):
			lower++
		case unicode.IsDigit(c):
			digits++
		}
		if strings.ContainsRune(s.SymbolCharset, c) {
			symbols++
		}
	}
	return utf8.RuneCountInString(password) >= s.LengthMin && upper >= s.AmountUppercase &&
		lower >= s.AmountLowercase && digits >= s.AmountDigits && symbols >= s.AmountSymbols
}

// staticMessage says what is expected.
func (s *Settings) staticMessage() string {
	if s.ErrorMessage != "" {
		return s.ErrorMessage
	}
	var parts []string
	for _, p := range []struct {
		n            int
		one, several string
	}{
		{s.LengthMin, "character", "characters"},
		{s.AmountUppercase, "upper-case letter", "upper-case letters"},
		{s.AmountLowercase, "lower-case letter", "lower-case letters"},
		{s.AmountDigits, "digit", "digits"},
		{s.AmountSymbols, "symbol", "symbols"},
	} {
		switch {
		case p.n == 1:
			parts = append(parts, "1 "+p.one)
		case p.n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.several))
		}
	}
	return "The password needs at least " + list(parts) + "."
}

// list joins with commas and a last “and”.
func list(parts []string) string {
	last := len(parts) - 1
	if last < 1 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:last], ", ") + " and " + parts[last]
}
