package strength

import (
	"math"
	"slices"
	"strings"
)

// The years of dates, and how far from today's a year is at least taken to be.
const (
	minYear   = 1000
	maxYear   = 2050
	minSpace  = 20
	firstYear = 1900 // of a year that stands alone
)

func (s *search) space(year int) float64 { return math.Max(math.Abs(float64(year-s.year)), minSpace) }

// years finds four digits that are a year of living memory.
func (s *search) years(password, _ []rune, found func(match)) {
	for i := 0; i+4 <= len(password); i++ {
		if year, ok := number(password[i : i+4]); ok && year >= firstYear && year < maxYear {
			found(match{i, i + 3, s.space(year)})
			i += 3
		}
	}
}

// number reads digits.
func number(digits []rune) (int, bool) {
	n := 0
	for _, r := range digits {
		if r < '0' || r > '9' {
			return 0, false
		}
		n = 10*n + int(r-'0')
	}
	return n, len(digits) > 0
}

// splits says where digits in a row may be cut into three numbers.
var splits = map[int][][2]int{
	4: {{1, 2}, {2, 3}},
	5: {{1, 3}, {2, 3}},
	6: {{1, 2}, {2, 4}, {4, 5}},
	7: {{1, 3}, {2, 3}, {4, 5}, {4, 6}},
	8: {{2, 4}, {4, 6}},
}

// dates finds days, with and without signs between the numbers, except those
// that are part of a longer one.
func (s *search) dates(password, _ []rune, found func(match)) {
	var all []match
	for i := range password {
		for n := 4; n <= 10 && i+n <= len(password); n++ {
			token := password[i : i+n]
			year, separated, ok := s.dateOf(token)
			if !ok {
				continue
			}
			guesses := s.space(year) * 365
			if separated {
				guesses *= 4
			}
			all = append(all, match{i, i + n - 1, guesses})
		}
	}
	for _, m := range all {
		if !slices.ContainsFunc(all, func(o match) bool { return o != m && o.i <= m.i && o.j >= m.j }) {
			found(m)
		}
	}
}

// dateOf returns the year of a date: of several readings the one nearest to now.
func (s *search) dateOf(token []rune) (year int, separated, ok bool) {
	if len(token) >= 6 {
		if y, is := separatedDate(token); is {
			return y, true, true
		}
	}
	if _, digits := number(token); !digits {
		return 0, false, false
	}
	for _, cut := range splits[len(token)] {
		var n [3]int
		for i, part := range [][]rune{token[:cut[0]], token[cut[0]:cut[1]], token[cut[1]:]} {
			n[i], _ = number(part)
		}
		if y, is := yearOf(n); is && (!ok || s.away(y) < s.away(year)) {
			year, ok = y, true
		}
	}
	return year, false, ok
}

func (s *search) away(year int) int { return max(year-s.year, s.year-year) }

// separatedDate reads three numbers with the same sign between them.
func separatedDate(token []rune) (int, bool) {
	first := slices.IndexFunc(token, func(r rune) bool { return strings.ContainsRune(` /\_.-`+"\t\n\r\f\v", r) })
	if first < 1 || first > 4 {
		return 0, false
	}
	rest := token[first+1:]
	second := slices.Index(rest, token[first])
	if second < 1 || second > 2 || len(rest)-second-1 > 4 {
		return 0, false
	}
	var n [3]int
	for i, part := range [][]rune{token[:first], rest[:second], rest[second+1:]} {
		var ok bool
		if n[i], ok = number(part); !ok {
			return 0, false
		}
	}
	return yearOf(n)
}

// yearOf returns the year when the numbers are day, month and year, the year
// first or last.
func yearOf(n [3]int) (int, bool) {
	if n[1] > 31 || n[1] < 1 {
		return 0, false
	}
	over12, over31, under1 := 0, 0, 0
	for _, v := range n {
		if v > 99 && v < minYear || v > maxYear {
			return 0, false
		}
		if v > 31 {
			over31++
		}
		if v > 12 {
			over12++
		}
		if v < 1 {
			under1++
		}
	}
	if over31 > 1 || over12 > 2 || under1 > 1 {
		return 0, false
	}
	forms := [][3]int{{n[2], n[0], n[1]}, {n[0], n[1], n[2]}} // year, and the two others
	for _, f := range forms {
		if f[0] >= minYear {
			return f[0], dayAndMonth(f[1], f[2])
		}
	}
	for _, f := range forms {
		if dayAndMonth(f[1], f[2]) {
			return century(f[0]), true
		}
	}
	return 0, false
}

func dayAndMonth(a, b int) bool {
	is := func(day, month int) bool { return day >= 1 && day <= 31 && month >= 1 && month <= 12 }
	return is(a, b) || is(b, a)
}

// century completes a year of two digits.
func century(year int) int {
	switch {
	case year > 99:
		return year
	case year > 50:
		return year + 1900
	}
	return year + 2000
}
