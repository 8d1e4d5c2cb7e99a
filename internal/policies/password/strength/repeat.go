package strength

import (
	"slices"
	"strings"
)

// repeated finds what is written twice or more in a row. It costs the guesses of
// what is repeated, times how often.
func (s *search) repeated(password, _ []rune, found func(match)) {
	for i := 0; i < len(password); {
		start, unit, whole := nextRepeat(password, i)
		if unit == 0 {
			return
		}
		once := s.guesses(password[start : start+unit])
		found(match{start, start + whole - 1, once * float64(whole) / float64(unit)})
		i = start + whole
	}
}

// nextRepeat finds the first repetition at i or later: where it starts, the
// length of what is repeated, and of the whole. Of the longest unit that repeats
// there and the shortest the one counts that covers more; of the longest it is
// the smallest part that makes all of it up.
func nextRepeat(p []rune, i int) (start, unit, whole int) {
	for ; i < len(p)-1; i++ {
		rest := p[i:]
		longest, shortest := 0, 0
		for n := 1; n <= len(rest)/2; n++ {
			if slices.Equal(rest[:n], rest[n:2*n]) {
				longest = n
				if shortest == 0 {
					shortest = n
				}
			}
		}
		if longest == 0 {
			continue
		}
		most, least := stretch(rest, longest), stretch(rest, shortest)
		if most <= least {
			return i, shortest, least
		}
		for n := 1; ; n++ {
			if most%n == 0 && stretch(rest[:most], n) == most {
				return i, n, most
			}
		}
	}
	return 0, 0, 0
}

// stretch is how far the first n characters repeat.
func stretch(p []rune, n int) int {
	end := n
	for end+n <= len(p) && slices.Equal(p[:n], p[end:end+n]) {
		end += n
	}
	return end
}

// maxDelta is how far apart the neighbours of a sequence may be.
const maxDelta = 5

// sequences finds characters that follow one another at one distance: abcd, 97531.
func sequences(password, _ []rune, found func(match)) {
	if len(password) < 2 {
		return
	}
	i, last := 0, password[1]-password[0]
	for k := 2; k <= len(password); k++ {
		if k < len(password) && password[k]-password[k-1] == last {
			continue
		}
		noteSequence(password, i, k-1, last, found)
		if k < len(password) {
			i, last = k-1, password[k]-password[k-1]
		}
	}
}

func noteSequence(password []rune, i, j int, delta rune, found func(match)) {
	distance := max(delta, -delta)
	if j-i < 2 && distance != 1 || distance == 0 || distance > maxDelta {
		return
	}
	base := 26.0
	switch first := password[i]; {
	case strings.ContainsRune("aAzZ019", first):
		base = 4 // where people begin
	case first >= '0' && first <= '9':
		base = 10
	}
	if delta < 0 {
		base *= 2
	}
	found(match{i, j, base * float64(j-i+1)})
}
