package strength

import (
	"strings"
	"time"
	"unicode"
)

// MaxLength is how many characters of a password count; what follows is not
// looked at.
const MaxLength = 100

// maxInputs and minInput bound what is known of the person.
const (
	maxInputs = 50
	minInput  = 3 // characters of a part of an input
)

// MaxScore is the best score.
const MaxScore = 4

// thresholds are the guesses at which the scores 1 to 4 begin, with the little
// extra that the published estimator gives them.
var thresholds = [MaxScore]float64{1e3 + 5, 1e6 + 5, 1e8 + 5, 1e10 + 5}

// Score estimates a password from 0 (guessed at once) to 4 (a strong protection
// even when its hash was stolen). inputs are words that whoever guesses knows:
// names, addresses, what the site is called; the most telling first.
func Score(password string, inputs ...string) int {
	guesses := Guesses(password, inputs...)
	score := 0
	for score < MaxScore && guesses >= thresholds[score] {
		score++
	}
	return score
}

// Guesses estimates how many guesses the password costs, at least 1; +Inf when a
// float64 cannot tell.
func Guesses(password string, inputs ...string) float64 {
	return newSearch(inputs).guesses(runes(password))
}

// runes are the characters that count.
func runes(s string) []rune {
	out := make([]rune, 0, MaxLength)
	for _, r := range s {
		if len(out) == MaxLength {
			break
		}
		out = append(out, r)
	}
	return out
}

// search is one estimate: what is known, and today's year.
type search struct {
	words  *words
	inputs []input
	year   int
}

// input is a word that is known of the person.
type input struct {
	text []rune // in small letters
	rank float64
}

func newSearch(given []string) *search {
	s := &search{words: load(), year: time.Now().Year()}
	seen := map[string]bool{}
	add := func(text string) {
		text = strings.ToLower(text)
		if r := runes(text); len(r) > 0 && !seen[text] && len(s.inputs) < maxInputs {
			seen[text] = true
			s.inputs = append(s.inputs, input{r, float64(len(s.inputs) + 1)})
		}
	}
	for _, text := range given {
		add(text)
	}
	for _, text := range given { // and what they are made of
		for _, part := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if len([]rune(part)) >= minInput {
				add(part)
			}
		}
	}
	return s
}

// match is a part of the password, from i to j, that costs so many guesses.
type match struct {
	i, j    int
	guesses float64
}

func (s *search) guesses(password []rune) float64 {
	if len(password) == 0 {
		return 1
	}
	lower := make([]rune, len(password))
	for i, r := range password {
		lower[i] = unicode.ToLower(r)
	}
	c := newCosts(len(password))
	for _, find := range []func(password, lower []rune, found func(match)){
		s.plain, s.reversed, s.disguised, spatial, s.repeated, sequences, s.years, s.dates,
	} {
		find(password, lower, c.note)
	}
	return c.cheapest()
}
