package strength

import (
	"maps"
	"slices"
)

// disguises lists what people write in place of letters.
var disguises = []struct {
	letter rune
	signs  []rune
}{
	{'a', []rune("4@")}, {'b', []rune("8")}, {'c', []rune("({[<")}, {'e', []rune("3")}, {'g', []rune("69")},
	{'i', []rune("1!|")}, {'l', []rune("1|7")}, {'o', []rune("0")}, {'s', []rune("$5")}, {'t', []rune("+7")},
	{'x', []rune("%")}, {'z', []rune("2")},
}

// maxDisguises bounds the readings of one password. One with every sign there is
// has some thousand; those that are left out differ in several rare signs.
const maxDisguises = 400

// reading says which letter each sign stands for.
type reading map[rune]rune

// disguised finds words in which signs stand for letters.
func (s *search) disguised(password, lower []rune, found func(match)) {
	text := make([]rune, len(lower))
	for _, one := range readings(lower) {
		for i, r := range lower {
			text[i] = r
			if letter, ok := one[r]; ok {
				text[i] = letter
			}
		}
		s.each(text, func(i, j int, rank float64) {
			if i == j || slices.Equal(lower[i:j+1], text[i:j+1]) {
				return // too short to mean anything, or not disguised
			}
			found(match{i, j, rank * capitals(password[i:j+1]) * one.variations(lower[i:j+1])})
		})
	}
}

// readings lists how the signs of a password can be read: each letter takes one
// of its signs, and each sign one of the letters that want it.
func readings(password []rune) []reading {
	all := []reading{{}}
	for _, d := range disguises {
		var next []reading
		for _, sign := range d.signs {
			if !slices.Contains(password, sign) {
				continue
			}
			for _, one := range all {
				if _, taken := one[sign]; taken {
					next = append(next, one)
				}
				other := maps.Clone(one)
				other[sign] = d.letter
				next = append(next, other)
			}
		}
		if next != nil {
			all = distinct(next)
		}
	}
	if len(all) == 1 && len(all[0]) == 0 {
		return nil
	}
	return all
}

// distinct drops readings that occur twice, and those beyond the bound.
func distinct(list []reading) []reading {
	seen := map[string]bool{}
	var out []reading
	for _, one := range list {
		var key []rune
		for _, sign := range slices.Sorted(maps.Keys(one)) {
			key = append(key, sign, one[sign])
		}
		if !seen[string(key)] && len(out) < maxDisguises {
			seen[string(key)] = true
			out = append(out, one)
		}
	}
	return out
}

// variations is how many ways there are to disguise a word: for each pair of
// sign and letter, which of its places have the sign.
func (one reading) variations(word []rune) float64 {
	product := 1.0
	for sign, letter := range one {
		signs, letters := 0, 0
		for _, r := range word {
			switch r {
			case sign:
				signs++
			case letter:
				letters++
			}
		}
		switch {
		case signs == 0:
		case letters == 0:
			product *= 2
		default:
			product *= choices(signs+letters, min(signs, letters))
		}
	}
	return product
}
