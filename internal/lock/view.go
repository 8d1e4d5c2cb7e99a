package lock

import (
	"cmp"
	"container/heap"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// DefaultStaleness is how old the view may be where locks are judged strictly
// (the default of the system that the seed describes).
const DefaultStaleness = 5 * time.Minute

// Freshness says how old what is held may be; see feed.Feed.
type Freshness interface {
	// Age is how long ago the view was certain to hold every lock.
	Age() time.Duration
	// Now is the time by the database's clock, or a little later.
	Now() time.Time
}

// Options tune a View.
type Options struct {
	// Mode is the operator's word on the locking mode; "" = what the setting says.
	Mode idp.LockingMode
	// Origin is where the operator has said so, for people.
	Origin string
	// Staleness is how old the view may be in strict mode; 0 = DefaultStaleness.
	Staleness time.Duration
}

// View is what this server knows of the locks in force. It is a feed.Subscriber:
// it loads them all, and then hears of each that is made, changed or lifted.
// Checking takes time by the number of keys, not of locks.
type View struct {
	store     idp.Store
	fresh     Freshness
	static    idp.LockingMode
	origin    string
	staleness time.Duration

	strict     atomic.Bool
	generation atomic.Uint64
	counts     [32]atomic.Int64 // locks by kind of key
	entries    [32]atomic.Int64 // locks by the kind of the one key that they are found under
	networks   atomic.Pointer[networks]
	index      atomic.Pointer[index]
	tally      tally
	glass      atomic.Pointer[Glass]

	mu    sync.Mutex            // of what follows, and for writing
	byID  map[idp.LockID]uint64 // the hash that each lock is found under
	sum   *census               // what counts and entries publish
	ends  deadlines
	heard map[*Watch]struct{}
}

var _ feed.Subscriber = (*View)(nil)

// NewView returns an empty view. Call Follow before it is asked anything.
func NewView(store idp.Store, o Options) *View {
	v := &View{store: store, static: o.Mode, origin: o.Origin, staleness: cmp.Or(o.Staleness, DefaultStaleness), heard: map[*Watch]struct{}{},
		byID: map[idp.LockID]uint64{}, sum: newCensus()}
	v.strict.Store(o.Mode == idp.Strict)
	v.index.Store(newIndex())
	v.networks.Store(&networks{})
	return v
}

// Follow says whose word on freshness counts.
func (v *View) Follow(f Freshness) { v.fresh = f }

// Strict reports whether locks are judged strictly for everybody.
func (v *View) Strict() bool { return v.strict.Load() }

// Mode is the locking mode of the installation, and whether the operator has
// fixed it.
func (v *View) Mode() (mode idp.LockingMode, fixed bool) {
	if v.strict.Load() {
		return idp.Strict, v.static != ""
	}
	return idp.BestEffort, v.static != ""
}

// Stale reports whether the view is too old for judging strictly.
func (v *View) Stale() bool { return v.fresh.Age() > v.staleness }

// AsOf is when the view was certain to hold every lock, by the database's clock;
// the zero time before it ever was.
func (v *View) AsOf() time.Time {
	age := v.fresh.Age()
	if now := v.fresh.Now(); age < now.Sub(time.Time{}) {
		return now.Add(-age)
	}
	return time.Time{}
}

// Generation is another one after every change of the locks: what was checked
// against the same keys at the same generation needs no second check, until the
// lock that was found expires.
func (v *View) Generation() uint64 { return v.generation.Load() }

// Names reports whether a lock in force may have a key of the kind.
func (v *View) Names(kind idp.LockKind) bool { return v.counts[kind].Load() > 0 }

// Len is how many locks are held.
func (v *View) Len() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.byID)
}

// Check implements access.Locks. What it refuses is counted; see Service.Run.
func (v *View) Check(keys []idp.LockKey, strict bool) error {
	l, err := v.check(keys, strict)
	if err != nil {
		v.tally.note(l, time.Now())
		return err
	}
	return nil
}

// check returns the lock that refuses, and the error; no lock for want of knowing.
func (v *View) check(keys []idp.LockKey, strict bool) (*idp.Lock, *idp.Error) {
	if (strict || v.strict.Load()) && v.Stale() {
		return nil, idp.StaleRefusal()
	}
	if l := v.Find(keys); l != nil {
		return l, l.Refusal()
	}
	return nil, nil
}

// Find returns the lock in force that refuses an interaction with these keys, nil
// when none does. Keys are canonical.
func (v *View) Find(keys []idp.LockKey) *idp.Lock {
	for tries := 0; ; tries++ {
		generation := v.generation.Load()
		if best := v.search(keys); best.row != nil {
			return best.lock()
		}
		// A lock whose target was changed meanwhile may have gone from where it
		// was not looked for yet to where it had been looked for.
		if v.generation.Load() == generation || tries == maxTries {
			return nil
		}
	}
}

// maxTries bounds how often a search begins anew, should locks change all the time.
const maxTries = 16

func (v *View) search(keys []idp.LockKey) entry {
	x := v.index.Load()
	known := *x.sieve.Load()
	var best entry
	for i := range keys {
		if keys[i].Kind == idp.LockIP {
			best = v.address(x, keys, keys[i].Value, best)
			continue
		}
		if v.entries[keys[i].Kind].Load() == 0 {
			continue // counted before a lock is put, and until it is dropped
		}
		if hash := x.hash(keys[i]); !known.lacks(hash) {
			best = v.along(x.find(hash), keys, best)
		}
	}
	return best
}

// along returns the one of the locks of a chain, and best, that an interaction is
// told of.
func (v *View) along(at entry, keys []idp.LockKey, best entry) entry {
	for ; at.row != nil; at = at.after() {
		if !matches(at.text(), keys) || at.row.expires != 0 && v.fresh.Now().UnixNano() >= at.row.expires {
			continue
		}
		if best.row == nil || best.row != at.row && at.row.outranks(best.row) {
			best = at
		}
	}
	return best
}

// outranks is idp.Lock.Outranks.
func (p *row) outranks(other *row) bool {
	switch {
	case p.expires != other.expires:
		return p.expires == 0 || other.expires != 0 && p.expires > other.expires
	case p.created != other.created:
		return p.created < other.created
	}
	return slices.Compare(p.id[:], other.id[:]) < 0
}

func (v *View) address(x *index, keys []idp.LockKey, text string, best entry) entry {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return best
	}
	a = a.Unmap().WithZone("")
	n := v.networks.Load()
	lengths := n.v4
	if a.Is6() {
		lengths = n.v6
	}
	for _, bits := range lengths {
		if p, err := a.Prefix(int(bits)); err == nil {
			best = v.along(x.find(x.hashPrefix(p)), keys, best)
		}
	}
	return best
}

// Reset implements feed.Subscriber: everything is loaded anew. Until it has been,
// the last view answers.
func (v *View) Reset(ctx context.Context) error {
	next := &loading{index: newIndex(), byID: map[idp.LockID]uint64{}, sum: newCensus()}
	if err := v.store.Repos().Locks.Load(ctx, func(l *idp.Lock) { next.hold(pack(l)) }); err != nil {
		return err
	}
	value, err := v.store.Repos().Settings.Get(ctx, PreferenceName)
	if err != nil {
		return fmt.Errorf("loading the locking mode: %w", err)
	}
	broken, err := v.store.Repos().Settings.Get(ctx, GlassName)
	if err != nil {
		return fmt.Errorf("loading the break-glass: %w", err)
	}
	v.prefer(value)
	v.glass.Store(glassOf(broken))
	v.mu.Lock()
	defer v.mu.Unlock()
	old := v.sum
	v.publish(next.sum, 1)
	v.networks.Store(networksOf(old, next.sum))
	v.byID, v.sum, v.ends = next.byID, next.sum, next.ends
	v.index.Store(next.index) // readers see the old locks until all new ones are there
	v.generation.Add(1)
	v.publish(old, -1)
	v.networks.Store(networksOf(next.sum))
	v.generation.Add(1)
	v.tellReset()
	return nil
}

// loading is what a View is to become.
type loading struct {
	index *index
	byID  map[idp.LockID]uint64
	sum   *census
	ends  deadlines
}

func (l *loading) hold(p *packed) {
	key, hash := l.index.choose(p)
	l.sum.note(p.data, key, 1)
	l.index.put(p, key, hash)
	l.byID[p.id] = hash
	if p.expires != 0 {
		l.ends.push(deadline{p.expires, p.id})
	}
}

// publish adds counts to, or with -1 takes them from, those that readers see.
func (v *View) publish(c *census, sign int64) {
	for kind := range c.kinds {
		if n := c.kinds[kind]; n != 0 {
			v.counts[kind].Add(sign * n)
		}
		if n := c.under[kind]; n != 0 {
			v.entries[kind].Add(sign * n)
		}
	}
}

// Apply implements feed.Subscriber.
func (v *View) Apply(changes []idp.Change) {
	v.mu.Lock()
	defer v.mu.Unlock()
	moved := false
	for i := range changes {
		switch c := &changes[i]; c.Kind {
		case idp.ChangeLock:
			moved = v.apply(c) || moved
		case idp.ChangeSetting:
			switch c.Subject {
			case PreferenceName:
				v.prefer(c.Value)
			case GlassName:
				v.glass.Store(glassOf(c.Value))
				moved = true
			}
		}
	}
	if v.fresh != nil {
		moved = v.expire(v.fresh.Now().UnixNano()) || moved
	}
	if moved {
		v.spread()
		v.generation.Add(1)
	}
}

func (v *View) apply(c *idp.Change) bool {
	id, err := idp.ParseID[idp.Lock](c.Subject)
	if err != nil {
		return false
	}
	x := v.index.Load()
	old, held := v.byID[id]
	if c.Lock == nil {
		if !held {
			return false
		}
		delete(v.byID, id)
		v.release(x, old, id, nil)
		v.tell(Change{Removed: &id})
		return true
	}
	now := v.hold(x, pack(c.Lock))
	if held { // it is found by its new target before it is lost by its old one
		v.spread()
		v.generation.Add(1)
		v.release(x, old, id, now)
	}
	v.tell(Change{Put: c.Lock})
	return true
}

// hold adds a lock; an earlier state of it stays in the index until it is dropped.
func (v *View) hold(x *index, p *packed) *row {
	key, hash := x.choose(p)
	v.count(p.data, key, 1)
	added := x.put(p, key, hash)
	v.byID[p.id] = hash
	if p.expires != 0 {
		v.ends.push(deadline{p.expires, p.id})
		if len(v.ends) > 2*len(v.byID)+spareEnds {
			v.prune()
		}
	}
	return added
}

// spareEnds is how many ends of locks that are gone are kept at least.
const spareEnds = 1024

// prune forgets the ends of locks that are gone or end at another time: changing
// one lock again and again must not fill the memory.
func (v *View) prune() {
	v.ends = v.ends[:0]
	x := v.index.Load()
	for id, hash := range v.byID {
		if at := x.held(hash, id).row.expires; at != 0 {
			v.ends = append(v.ends, deadline{at, id})
		}
	}
	heap.Init(&v.ends)
}

// count notes what readers have to look for: before a lock can be found, and after
// it cannot be any more.
func (v *View) count(text []byte, under, n int) {
	moved := newCensus()
	moved.note(text, under, n)
	v.sum.note(text, under, n)
	v.publish(moved, 1)
}

// release takes a lock out, but for its newer state.
func (v *View) release(x *index, hash uint64, id idp.LockID, keep *row) {
	if e := x.drop(hash, id, keep); e.row != nil {
		v.count(e.text(), int(e.row.under), -1)
	}
}

// spread publishes which lengths of networks are locked.
func (v *View) spread() { v.networks.Store(networksOf(v.sum)) }

// sweepEvery is how long a lock whose time is over may stay in memory.
const sweepEvery = 250 * time.Millisecond

// Run drops locks whose time is over, and has watchers told, until ctx ends. They
// refuse nothing since then in any case.
func (v *View) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			v.sweep()
		}
	}
}

func (v *View) sweep() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.expire(v.fresh.Now().UnixNano()) {
		v.spread()
		v.generation.Add(1)
	}
}

// expire drops locks whose time is over; they refuse nothing since then.
func (v *View) expire(now int64) bool {
	moved := false
	for len(v.ends) > 0 && v.ends[0].at <= now {
		d := v.ends.pop()
		x := v.index.Load()
		hash, held := v.byID[d.id]
		if held && x.held(hash, d.id).row.expires == d.at {
			delete(v.byID, d.id)
			v.release(x, hash, d.id, nil)
			v.tell(Change{Removed: &d.id})
			moved = true
		}
	}
	return moved
}

// prefer takes note of the setting.
func (v *View) prefer(value json.RawMessage) {
	if v.static == "" {
		v.strict.Store(modeOf(value) == idp.Strict)
	}
}
