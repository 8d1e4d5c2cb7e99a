package lockwatch

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// Lock is a lock in force, as the API shows it.
type Lock struct {
	Name      string            `json:"name"`   // a UUID
	Target    map[string]string `json:"target"` // by kind; all of them have to match
	Message   string            `json:"message"`
	Expires   *time.Time        `json:"expires"` // nil = until it is lifted
	CreatedAt time.Time         `json:"created_at"`
	CreatedBy string            `json:"created_by"`
	// Text is what whoever is refused is told.
	Text string `json:"text"`
}

// Mode says what counts while a view may be out of date.
type Mode string

// The modes.
const (
	BestEffort Mode = "best_effort" // the last view
	Strict     Mode = "strict"      // nothing: every interaction is refused
)

// StaleText is what is refused with in Strict mode while the view is stale.
const StaleText = "preventive lock-out due to local lock view becoming unreliable"

// Refusal is the error of an interaction that is not allowed. Its text is for
// whoever is refused.
type Refusal struct {
	Lock *Lock // nil = what Detail says; without any, the view is stale, and it was judged strictly
	// Detail is the server's word, where it was asked.
	Detail string
}

// Error implements error.
func (r *Refusal) Error() string {
	switch {
	case r.Lock != nil:
		return r.Lock.Text
	case r.Detail != "":
		return r.Detail
	}
	return StaleText
}

// held is a lock in the view. It never changes.
type held struct {
	Lock
	keys   []Key
	prefix netip.Prefix // of a key of kind ip
	dead   bool         // it names nothing that can be matched
}

func hold(l Lock) *held {
	h := &held{Lock: l, dead: len(l.Target) == 0}
	for _, kind := range slices.Sorted(maps.Keys(l.Target)) {
		key := Key{Kind(kind), l.Target[kind]}.canonical()
		if key.Kind == KindIP {
			var err error
			h.prefix, err = parsePrefix(key.Value)
			h.dead = h.dead || err != nil
		}
		h.keys = append(h.keys, key)
	}
	return h
}

// under is the key that the lock is found under: one that few interactions share.
func (h *held) under() Key {
	best, rank := h.keys[0], len(shared)
	for _, key := range h.keys {
		if r := slices.Index(shared, key.Kind); r < rank {
			best, rank = key, r // -1 = no kind that many share
		}
	}
	return best
}

// shared lists the kinds that many interactions have in common, the worst last.
var shared = []Kind{KindUser, KindServer, KindLogin, KindApplication, KindIP, KindGroup, KindRole, KindSourceASN}

// matches reports whether an interaction has every key of the target.
func (h *held) matches(keys []Key) bool {
	for _, want := range h.keys {
		if !slices.ContainsFunc(keys, func(k Key) bool { return h.met(want, k) }) {
			return false
		}
	}
	return true
}

func (h *held) met(want, k Key) bool {
	if k == want {
		return true
	}
	if want.Kind != KindIP || k.Kind != KindIP {
		return false
	}
	a, err := netip.ParseAddr(k.Value)
	return err == nil && h.prefix.Contains(a.Unmap())
}

// over reports whether the lock's time is up.
func (h *held) over(now time.Time) bool { return h.Expires != nil && !now.Before(*h.Expires) }

// outranks decides which of several locks an interaction is told of, as the server
// does: the one that ends last, then the oldest, then the one with the lowest name.
func (h *held) outranks(other *held) bool {
	switch {
	case (h.Expires == nil) != (other.Expires == nil):
		return h.Expires == nil
	case h.Expires != nil && !h.Expires.Equal(*other.Expires):
		return h.Expires.After(*other.Expires)
	case !h.CreatedAt.Equal(other.CreatedAt):
		return h.CreatedAt.Before(other.CreatedAt)
	}
	return h.Name < other.Name
}
