package lock

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// indexShards spreads the locks, so that making room for one more copies little.
const indexShards = 256

// index finds locks by key. Readers take no lock and never wait; there is one writer
// at a time.
//
// What it holds has no pointers beside one for each part of a shard: a million locks
// that the garbage collector had to walk would hold up every answer while it does.
type index struct {
	seed   maphash.Seed
	sieve  atomic.Pointer[sieve]
	shards [indexShards]atomic.Pointer[shard]

	told int // for the writer alone: how many hashes the sieve was told of
}

// sieve says of most hashes that are not in the index that they are not, from one
// look at little memory. It knows of all that are. Its words are a power of two.
type sieve []atomic.Uint64

// sieveShare is how many hashes share a word at most.
const sieveShare = 4

// at returns where the sieve knows of a hash, and by which bits.
func (s sieve) at(hash uint64) (word *atomic.Uint64, bits uint64) {
	return &s[hash>>8&uint64(len(s)-1)], 1<<(hash>>44&63) | 1<<(hash>>50&63)
}

// lacks reports whether the hash is not in the index; when not, it may be.
func (s sieve) lacks(hash uint64) bool {
	word, bits := s.at(hash)
	return word.Load()&bits != bits
}

// tell has the sieve know of a hash, or makes one with room for what there is now.
func (x *index) tell(hash uint64) {
	s := *x.sieve.Load()
	if x.told++; x.told > sieveShare*len(s) {
		size := 1
		for sieveShare*size < 2*x.taken() {
			size *= 2
		}
		s, x.told = make(sieve, size), 0
		for i := range x.shards {
			if old := x.shards[i].Load(); old != nil {
				for j := range old.hashes {
					if h := old.hashes[j].Load(); h != 0 {
						word, bits := s.at(h)
						word.Store(word.Load() | bits)
						x.told++
					}
				}
			}
		}
		x.sieve.Store(&s)
	}
	word, bits := s.at(hash)
	word.Or(bits)
}

// taken is how many hashes there are.
func (x *index) taken() int {
	n := 0
	for i := range x.shards {
		if s := x.shards[i].Load(); s != nil {
			n += s.taken
		}
	}
	return n
}

// shard holds the locks whose hashes begin with its number. Rows and texts are only
// ever appended to; when there is no room left, what is still held is copied into a
// new shard. A reader that is on its way through the old one sees it as it was.
type shard struct {
	hashes []atomic.Uint64 // an open hash table; 0 = free. A hash stays, with no head, when its locks are gone
	heads  []atomic.Uint32 // of the chain of a hash: a row's number + 1; 0 = none
	rows   []row           // as many as there is room for
	texts  []byte

	// For the writer alone.
	used, live   int // rows
	wrote, keeps int // bytes of texts
	taken        int // hashes
}

// row is a lock. It does not change once it can be found, but for next.
type row struct {
	id      idp.LockID
	expires int64 // Unix nanoseconds; 0 = never
	created int64
	at, len uint32        // of its text
	next    atomic.Uint32 // the next of the chain, as heads has it
	under   uint8         // which of the target's keys it is found under
}

// entry is a lock in a shard. The zero entry is none.
type entry struct {
	shard *shard
	row   *row
}

func (e entry) text() []byte {
	return e.shard.texts[e.row.at : e.row.at+e.row.len : e.row.at+e.row.len]
}

// after is the next one of the chain.
func (e entry) after() entry { return e.shard.at(e.row.next.Load()) }

func (s *shard) at(place uint32) entry {
	if place == 0 {
		return entry{}
	}
	return entry{s, &s.rows[place-1]}
}

func newIndex() *index {
	x := &index{seed: maphash.MakeSeed()}
	x.sieve.Store(&sieve{{}})
	return x
}

// hash is never 0.
func (x *index) hash(key idp.LockKey) uint64 {
	return (maphash.String(x.seed, key.Value) ^ uint64(key.Kind)*0x9e3779b97f4a7c15) | 1
}

func (x *index) hashPrefix(p netip.Prefix) uint64 {
	return maphash.Comparable(x.seed, p) | 1
}

// place is where a lock with that key is found.
func (x *index) place(key idp.LockKey) uint64 {
	if key.Kind == idp.LockIP {
		p, _ := idp.ParseLockPrefix(key.Value)
		return x.hashPrefix(p)
	}
	return x.hash(key)
}

// find returns the first of the locks of a hash; other keys may share it.
func (x *index) find(hash uint64) entry {
	s := x.shards[hash>>56].Load()
	if s == nil {
		return entry{}
	}
	mask := uint64(len(s.hashes) - 1)
	for i := hash >> 8 & mask; ; i = (i + 1) & mask {
		switch s.hashes[i].Load() {
		case hash:
			return s.at(s.heads[i].Load())
		case 0:
			return entry{}
		}
	}
}

// slot returns where the hash is or belongs. There is always a free slot.
func (s *shard) slot(hash uint64) uint64 {
	mask := uint64(len(s.hashes) - 1)
	i := hash >> 8 & mask
	for h := s.hashes[i].Load(); h != 0 && h != hash; h = s.hashes[i].Load() {
		i = (i + 1) & mask
	}
	return i
}

// longEnough is how many locks are looked at where they share their most selective
// key before another of their keys is taken.
const longEnough = 8

// choose returns which key of the target to find a lock under, and its hash: the one
// that fewest interactions share, unless many locks share it; then the one that
// fewest locks share.
func (x *index) choose(p *packed) (key int, hash uint64) {
	best, shortest := -1, 0
	for i, k := range p.bySelectivity() {
		h := x.place(p.target[k])
		length := 0
		for e := x.find(h); e.row != nil && length < 1<<10; e = e.after() {
			length++
		}
		if i == 0 && length < longEnough {
			return k, h
		}
		if best < 0 || length < shortest {
			best, key, hash, shortest = i, k, h, length
		}
	}
	return key, hash
}

// put adds a lock under that key, and returns its row: good until the next one is put.
func (x *index) put(p *packed, key int, hash uint64) *row {
	s := x.room(hash>>56, len(p.data))
	r := &s.rows[s.used]
	r.id, r.expires, r.created, r.under = p.id, p.expires, p.created, uint8(key)
	r.at, r.len = uint32(s.wrote), uint32(len(p.data))
	copy(s.texts[s.wrote:], p.data)
	s.wrote += len(p.data)
	s.keeps += len(p.data)
	s.used++
	s.live++
	x.tell(hash) // before it can be found: whoever is sent on finds nothing yet
	s.link(hash, uint32(s.used))
	return r
}

// held returns a lock that is in the index under that hash.
func (x *index) held(hash uint64, id idp.LockID) entry {
	e := x.find(hash)
	for e.row != nil && e.row.id != id {
		e = e.after()
	}
	return e
}

// link puts a row in front of the chain of its hash.
func (s *shard) link(hash uint64, place uint32) {
	i := s.slot(hash)
	s.rows[place-1].next.Store(s.heads[i].Load())
	s.heads[i].Store(place) // readers see it from here on
	if s.hashes[i].Load() == 0 {
		s.taken++
		s.hashes[i].Store(hash)
	}
}

// room returns a shard with room for one more lock and its text.
func (x *index) room(number uint64, text int) *shard {
	old := x.shards[number].Load()
	if old != nil && old.used < len(old.rows) && old.wrote+text <= len(old.texts) && 3*(old.taken+1) <= 2*len(old.hashes) {
		return old
	}
	live, keeps := 0, 0
	if old != nil {
		live, keeps = old.live, old.keeps
	}
	size := 4
	for 2*size < 3*(live+live/2+2) {
		size *= 2
	}
	s := &shard{hashes: make([]atomic.Uint64, size), heads: make([]atomic.Uint32, size),
		rows: make([]row, live+live/2+2), texts: make([]byte, keeps+keeps/2+text+64)}
	if old != nil {
		for i := range old.heads {
			s.follow(old, old.hashes[i].Load(), old.heads[i].Load())
		}
	}
	x.shards[number].Store(s)
	return s
}

// follow copies a chain.
func (s *shard) follow(old *shard, hash uint64, head uint32) {
	for e := old.at(head); e.row != nil; e = e.after() {
		r := &s.rows[s.used]
		r.id, r.expires, r.created, r.under = e.row.id, e.row.expires, e.row.created, e.row.under
		r.at, r.len = uint32(s.wrote), e.row.len
		s.wrote += copy(s.texts[s.wrote:], e.text())
		s.used++
		s.link(hash, uint32(s.used))
	}
	s.live, s.keeps = s.used, s.wrote
}

// drop takes a lock out, of which the index holds one state at most but for the
// newer one that keep is; nil = none. It returns what it was.
func (x *index) drop(hash uint64, id idp.LockID, keep *row) entry {
	s := x.shards[hash>>56].Load()
	if s == nil {
		return entry{}
	}
	link := &s.heads[s.slot(hash)]
	for e := s.at(link.Load()); e.row != nil; e = e.after() {
		if e.row.id == id && e.row != keep {
			link.Store(e.row.next.Load()) // whoever stands on it goes on along its own
			s.live--
			s.keeps -= int(e.row.len)
			return e
		}
		link = &e.row.next
	}
	return entry{}
}
