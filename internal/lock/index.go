package lock

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// indexShards spreads the locks, so that growing one part copies little.
const indexShards = 256

// index finds locks by key. Readers take no lock and never wait; there is one
// writer at a time.
type index struct {
	seed   maphash.Seed
	shards [indexShards]atomic.Pointer[slots]
	counts [indexShards]int // slots taken, also by keys that are gone
}

// slots is an open hash table. hashes[i] is written after heads[i], and never
// again: a key that is gone keeps its slot, with no head, until the table grows.
type slots struct {
	hashes []atomic.Uint64 // 0 = free
	heads  []atomic.Pointer[packed]
}

func newIndex() *index { return &index{seed: maphash.MakeSeed()} }

// hash is never 0.
func (x *index) hash(key idp.LockKey) uint64 {
	return (maphash.String(x.seed, key.Value) ^ uint64(key.Kind)*0x9e3779b97f4a7c15) | 1
}

func (x *index) hashPrefix(p netip.Prefix) uint64 {
	return maphash.Comparable(x.seed, p) | 1
}

// place is where a lock is found.
func (x *index) place(p *packed) uint64 {
	key := p.under()
	if key.Kind == idp.LockIP {
		return x.hashPrefix(p.prefix)
	}
	return x.hash(key)
}

// find returns the first of the locks of a hash; other keys may share it.
func (x *index) find(hash uint64) *packed {
	t := x.shards[hash>>56].Load()
	if t == nil {
		return nil
	}
	mask := uint64(len(t.hashes) - 1)
	for i := hash >> 8 & mask; ; i = (i + 1) & mask {
		switch t.hashes[i].Load() {
		case hash:
			return t.heads[i].Load()
		case 0:
			return nil
		}
	}
}

// slot returns where the hash is or belongs. There is always a free slot.
func (t *slots) slot(hash uint64) uint64 {
	mask := uint64(len(t.hashes) - 1)
	i := hash >> 8 & mask
	for h := t.hashes[i].Load(); h != 0 && h != hash; h = t.hashes[i].Load() {
		i = (i + 1) & mask
	}
	return i
}

// put adds a lock that is not in the index.
func (x *index) put(p *packed) {
	hash := x.place(p)
	t := x.room(hash >> 56)
	i := t.slot(hash)
	p.next = t.heads[i].Load()
	t.heads[i].Store(p)
	if t.hashes[i].Load() == 0 {
		x.counts[hash>>56]++
		t.hashes[i].Store(hash)
	}
}

// room returns the table of a shard with a free slot in it, at most two thirds
// full.
func (x *index) room(shard uint64) *slots {
	old := x.shards[shard].Load()
	if old != nil && 3*(x.counts[shard]+1) <= 2*len(old.hashes) {
		return old
	}
	live := 0
	if old != nil {
		for i := range old.heads {
			if old.heads[i].Load() != nil {
				live++
			}
		}
	}
	size := 4
	for 2*size < 4*(live+1) {
		size *= 2
	}
	t := &slots{hashes: make([]atomic.Uint64, size), heads: make([]atomic.Pointer[packed], size)}
	if old != nil {
		for i := range old.heads {
			if head := old.heads[i].Load(); head != nil {
				hash := old.hashes[i].Load()
				j := t.slot(hash)
				t.heads[j].Store(head)
				t.hashes[j].Store(hash)
			}
		}
	}
	x.counts[shard] = live
	x.shards[shard].Store(t)
	return t
}

// same tells a lock from a later state of it, and finds copies of it.
func (p *packed) same(other *packed) bool {
	return p == other || p.id == other.id && p.expires == other.expires && p.created == other.created && p.data == other.data
}

// drop takes a lock out. Those in front of it are copied: a reader may be on its
// way along them.
func (x *index) drop(p *packed) {
	hash := x.place(p)
	t := x.shards[hash>>56].Load()
	if t == nil {
		return
	}
	i := t.slot(hash)
	var front []*packed
	at := t.heads[i].Load()
	for at != nil && !at.same(p) {
		front = append(front, at)
		at = at.next
	}
	if at == nil {
		return
	}
	rest := at.next
	for k := len(front) - 1; k >= 0; k-- {
		c := *front[k]
		c.next = rest
		rest = &c
	}
	t.heads[i].Store(rest)
}
