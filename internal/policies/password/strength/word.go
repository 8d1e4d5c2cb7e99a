package strength

import "slices"

// maxWord is the length of the longest word that is looked for beside inputs.
const maxWord = 64

// each calls found for every known word in a text of small letters, from i to j.
func (s *search) each(text []rune, found func(i, j int, rank float64)) {
	for i := range text {
		s.words.from(text[i:], func(n int, rank float64) { found(i, i+n-1, rank) })
		for _, in := range s.inputs {
			if len(in.text) <= len(text)-i && slices.Equal(in.text, text[i:i+len(in.text)]) {
				found(i, i+len(in.text)-1, in.rank)
			}
		}
	}
}

// plain finds words as they are.
func (s *search) plain(password, lower []rune, found func(match)) {
	s.each(lower, func(i, j int, rank float64) {
		found(match{i, j, rank * capitals(password[i:j+1])})
	})
}

// reversed finds words that are written backwards.
func (s *search) reversed(password, lower []rune, found func(match)) {
	back := slices.Clone(lower)
	slices.Reverse(back)
	last := len(back) - 1
	s.each(back, func(i, j int, rank float64) {
		i, j = last-j, last-i
		found(match{i, j, 2 * rank * capitals(password[i:j+1])})
	})
}

// capitals is how many ways there are to set the capitals of a word: 1 without
// any; 2 where they are where people set them, at an end or everywhere.
func capitals(word []rune) float64 {
	upper, lower := 0, 0
	for _, r := range word {
		switch {
		case r >= 'A' && r <= 'Z':
			upper++
		case r >= 'a' && r <= 'z':
			lower++
		}
	}
	isUpper := func(r rune) bool { return r >= 'A' && r <= 'Z' }
	switch {
	case upper == 0:
		return 1
	case lower == 0, upper == 1 && len(word) > 1 && (isUpper(word[0]) || isUpper(word[len(word)-1])):
		return 2
	}
	return choices(upper+lower, min(upper, lower))
}

// choices is how many ways there are to choose 1 to most of n.
func choices(n, most int) float64 {
	sum := 0.0
	for k := 1; k <= most; k++ {
		sum += binomial(n, k)
	}
	return sum
}

func binomial(n, k int) float64 {
	if k > n {
		return 0
	}
	r := 1.0
	for d := 1; d <= k; d++ {
		r = r * float64(n) / float64(d)
		n--
	}
	return r
}
