package password

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ccojocar/zxcvbn-go"
	"github.com/ccojocar/zxcvbn-go/match"
	"github.com/ccojocar/zxcvbn-go/matching"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// maxEstimated is how many characters are looked at: the estimate takes time that
// grows faster than the password.
const maxEstimated = 100

// strength estimates how hard a password is to guess for somebody who knows the
// inputs, from 0 to 4.
func strength(password string, inputs []string) int {
	if utf8.RuneCountInString(password) > maxEstimated {
		password = string([]rune(password)[:maxEstimated])
	}
	var without []func(match.Matcher) bool
	if n := utf8.RuneCountInString(password); spellings(password)*n*n > maxLookups {
		without = append(without, matching.FilterL33tMatcher)
	}
	return zxcvbn.PasswordStrength(password, inputs, without...).Score
}

// substitutes are what people write in place of a letter.
var substitutes = map[rune]string{
	'a': "4@", 'b': "8", 'c': "({[<", 'e': "3", 'g': "69", 'i': "1!|", 'l': "1|7", 'o': "0", 's': "$5", 't': "+7", 'x': "%", 'z': "2",
}

// maxLookups bounds how often the dictionaries are asked, which is about 100 ms.
// The estimate looks up every part of every reading of the substitutes. That is
// nothing for p4$$w0rd; for a long password made to have thousands of readings it
// would take many seconds. Such a one is judged as it is written.
const maxLookups = 240_000

// spellings is at least the number of readings that the estimate would try.
func spellings(password string) int {
	n := 1
	letters := map[rune]int{} // by substitute
	for _, set := range substitutes {
		present := 0
		for _, c := range set {
			if strings.ContainsRune(password, c) {
				present++
				letters[c]++
			}
		}
		n *= max(1, present)
	}
	for _, count := range letters {
		n *= count
	}
	return n
}

// inputs are words, in any case, about the person and the place, which are the first that
// somebody would try: those of the account, and those being given with the
// password.
func inputs(req idp.PolicyRequest) []string {
	var out []string
	add := func(text string) {
		if text == "" || utf8.RuneCountInString(text) > maxEstimated {
			return
		}
		out = append(out, text)
		for _, word := range strings.FieldsFunc(text, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
			if word != text && utf8.RuneCountInString(word) > 2 {
				out = append(out, word)
			}
		}
	}
	if u := req.User; u != nil {
		add(u.Username)
		add(u.Name)
		add(u.Email)
	}
	answers, _ := req.Context["prompt_data"].(map[string]any)
	for _, field := range []string{"username", "name", "email"} {
		text, _ := answers[field].(string)
		add(text)
	}
	add(req.BrandTitle)
	return out
}
