package strength

import (
	"math"
	"strings"
	"sync"
)

// keyboard knows the neighbours of each key.
type keyboard struct {
	// next gives the neighbours of a character by direction; "" = none. A
	// neighbour is what its key writes, without and with shift.
	next    map[rune][]string
	keys    float64 // characters one can begin at
	degree  float64 // neighbours of a character, on average
	shifted string  // what needs the shift key; "" = the keyboard has none
}

const shifted = `~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:"ZXCVBNM<>?`

// keyboards are the layouts of the published estimator. Both keypads count with
// the numbers of the first, and both keyboards with those of QWERTY.
var keyboards = sync.OnceValue(func() []keyboard {
	qwerty := newKeyboard(true, shifted,
		"0 `~ 1! 2@ 3# 4$ 5% 6^ 7& 8* 9( 0) -_ =+", `1 qQ wW eE rR tT yY uU iI oO pP [{ ]} \|`,
		`1 aA sS dD fF gG hH jJ kK lL ;: '"`, "1 zZ xX cC vV bB nN mM ,< .> /?")
	dvorak := newKeyboard(true, shifted,
		"0 `~ 1! 2@ 3# 4$ 5% 6^ 7& 8* 9( 0) [{ ]}", `1 '" ,< .> pP yY fF gG cC rR lL /? =+ \|`,
		"1 aA oO eE uU iI dD hH tT nN sS -_", "1 ;: qQ jJ kK xX bB mM wW vV zZ")
	keypad := newKeyboard(false, "", "1 / * -", "0 7 8 9 +", "0 4 5 6", "0 1 2 3", "1 0 .")
	mac := newKeyboard(false, "", "1 = / *", "0 7 8 9 -", "0 4 5 6 +", "0 1 2 3", "1 0 .")
	dvorak.keys, dvorak.degree = qwerty.keys, qwerty.degree
	mac.keys, mac.degree = keypad.keys, keypad.degree
	return []keyboard{qwerty, dvorak, keypad, mac}
})

// newKeyboard reads rows: the column of their first key, then the keys. In a
// slanted layout a key stands between two of the row above.
func newKeyboard(slanted bool, shifted string, rows ...string) keyboard {
	type place struct{ x, y int }
	at := map[place]string{}
	for y, row := range rows {
		keys := strings.Fields(row)
		first := int(keys[0][0] - '0')
		for x, key := range keys[1:] {
			at[place{first + x, y}] = key
		}
	}
	around := []place{{-1, 0}, {-1, -1}, {0, -1}, {1, -1}, {1, 0}, {1, 1}, {0, 1}, {-1, 1}}
	if slanted {
		around = []place{{-1, 0}, {0, -1}, {1, -1}, {1, 0}, {0, 1}, {-1, 1}}
	}
	k := keyboard{next: map[rune][]string{}, shifted: shifted}
	sum := 0
	for p, key := range at {
		for _, r := range key {
			for _, d := range around {
				neighbour := at[place{p.x + d.x, p.y + d.y}]
				k.next[r] = append(k.next[r], neighbour)
				if neighbour != "" {
					sum++
				}
			}
		}
	}
	k.keys = float64(len(k.next))
	k.degree = float64(sum) / k.keys
	return k
}

// spatial finds walks over a keyboard of three keys or more.
func spatial(password, _ []rune, found func(match)) {
	for _, k := range keyboards() {
		k.walks(password, found)
	}
}

func (k keyboard) walks(password []rune, found func(match)) {
	for i := 0; i < len(password)-1; {
		j, direction, turns, shifts := i+1, -1, 0, 0
		if strings.ContainsRune(k.shifted, password[i]) {
			shifts = 1
		}
		for ; j < len(password); j++ {
			to, withShift := k.step(password[j-1], password[j])
			if to < 0 {
				break
			}
			if withShift {
				shifts++
			}
			if to != direction {
				turns, direction = turns+1, to
			}
		}
		if j-i > 2 {
			found(match{i, j - 1, k.guesses(j-i, turns, shifts)})
		}
		i = j
	}
}

// step returns the direction from one character to the next, -1 when they are
// not neighbours, and whether the next needs the shift key.
func (k keyboard) step(from, to rune) (direction int, withShift bool) {
	for d, key := range k.next[from] {
		if at := strings.IndexRune(key, to); at >= 0 {
			return d, at == 1
		}
	}
	return -1, false
}

// guesses counts the walks of that length or shorter with that many turns or
// fewer, and the ways to hold the shift key during one.
func (k keyboard) guesses(length, turns, shifts int) float64 {
	sum := 0.0
	for i := 2; i <= length; i++ {
		for j := 1; j <= min(turns, i-1); j++ {
			sum += binomial(i-1, j-1) * k.keys * math.Pow(k.degree, float64(j))
		}
	}
	switch plain := length - shifts; {
	case shifts == 0:
		return sum
	case plain == 0:
		return 2 * sum
	default:
		return sum * choices(length, min(shifts, plain))
	}
}
