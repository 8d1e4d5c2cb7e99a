package lock

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// census counts the locks of an index by what readers have to look for.
type census struct {
	kinds   [32]int64   // by kind of key
	under   [32]int64   // by the kind of the one key that they are found under
	lengths map[int]int // of the networks that they are found under: bits → locks; IPv6 ones + 1000
}

func newCensus() *census { return &census{lengths: map[int]int{}} }

// note counts a lock in (1) or out (-1), found under the key of that number.
func (c *census) note(text []byte, under, n int) {
	read := cursor(text)
	for i := range int(read.byte()) {
		kind, _, network := read.key()
		c.kinds[kind] += int64(n)
		if i == under {
			c.under[kind] += int64(n)
			if kind == idp.LockIP {
				c.lengths[lengthOf(network)] += n
			}
		}
	}
}

func lengthOf(p netip.Prefix) int {
	if p.Addr().Is6() {
		return 1000 + p.Bits()
	}
	return p.Bits()
}

// networks are the lengths of the prefixes that locks are found under.
type networks struct{ v4, v6 []uint8 }

// networksOf merges those of several.
func networksOf(all ...*census) *networks {
	counted := map[int]bool{}
	for _, c := range all {
		maps.DeleteFunc(c.lengths, func(_, n int) bool { return n == 0 })
		for length := range c.lengths {
			counted[length] = true
		}
	}
	n := &networks{}
	for _, length := range slices.Sorted(maps.Keys(counted)) {
		switch {
		case length >= 1000:
			n.v6 = append(n.v6, uint8(length-1000))
		case length >= 0:
			n.v4 = append(n.v4, uint8(length))
		}
	}
	return n
}
