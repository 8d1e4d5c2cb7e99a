package lockwatch

import (
	"net/netip"
	"slices"
)

// view finds locks by key. It takes time by the number of keys, not of locks.
type view struct {
	byName  map[string]*held
	byKey   map[Key][]*held
	byNet   map[netip.Prefix][]*held
	lengths map[int]int // of the networks: bits, + 1000 for IPv6 → locks
}

func newView() *view {
	return &view{byName: map[string]*held{}, byKey: map[Key][]*held{}, byNet: map[netip.Prefix][]*held{}, lengths: map[int]int{}}
}

func length(p netip.Prefix) int {
	if p.Addr().Is6() {
		return 1000 + p.Bits()
	}
	return p.Bits()
}

// put adds a lock, in place of one with its name.
func (v *view) put(h *held) {
	v.remove(h.Name)
	v.byName[h.Name] = h
	if h.dead {
		return
	}
	if key := h.under(); key.Kind != KindIP {
		v.byKey[key] = append(v.byKey[key], h)
		return
	}
	v.byNet[h.prefix] = append(v.byNet[h.prefix], h)
	v.lengths[length(h.prefix)]++
}

// remove takes a lock out; nil = there is none of that name.
func (v *view) remove(name string) *held {
	h := v.byName[name]
	if h == nil {
		return nil
	}
	delete(v.byName, name)
	if h.dead {
		return h
	}
	if key := h.under(); key.Kind != KindIP {
		without(v.byKey, key, h)
		return h
	}
	without(v.byNet, h.prefix, h)
	if v.lengths[length(h.prefix)]--; v.lengths[length(h.prefix)] == 0 {
		delete(v.lengths, length(h.prefix))
	}
	return h
}

func without[K comparable](m map[K][]*held, key K, h *held) {
	if m[key] = slices.DeleteFunc(m[key], func(x *held) bool { return x == h }); len(m[key]) == 0 {
		delete(m, key)
	}
}

// find returns the lock in force that refuses an interaction with these keys; nil
// = none does.
func (v *view) find(keys []Key, in func(*held) bool) *held {
	var best *held
	look := func(some []*held) {
		for _, h := range some {
			if in(h) && h.matches(keys) && (best == nil || h.outranks(best)) {
				best = h
			}
		}
	}
	for _, key := range keys {
		if key.Kind != KindIP {
			look(v.byKey[key])
			continue
		}
		a, err := netip.ParseAddr(key.Value)
		if err != nil {
			continue
		}
		a = a.Unmap()
		for n := range v.lengths {
			if (n >= 1000) != a.Is6() {
				continue
			}
			if p, err := a.Prefix(n % 1000); err == nil {
				look(v.byNet[p])
			}
		}
	}
	return best
}
