package lock

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// naive is a view as one would write it who has all the time in the world.
type naive map[idp.LockID]*idp.Lock

func (n naive) find(keys []idp.LockKey, now time.Time) *idp.Lock {
	var best *idp.Lock
	for _, l := range n {
		if l.ExpiresAt != nil && !now.Before(*l.ExpiresAt) {
			continue
		}
		if hit(l.Target, keys) && (best == nil || l.Outranks(best)) {
			best = l
		}
	}
	return best
}

func hit(target idp.LockTarget, keys []idp.LockKey) bool {
	for _, want := range target {
		if !slices.ContainsFunc(keys, func(have idp.LockKey) bool { return equal(want, have) }) {
			return false
		}
	}
	return true
}

func equal(want, have idp.LockKey) bool {
	switch {
	case want.Kind != have.Kind:
		return false
	case want.Kind == idp.LockUser:
		return strings.EqualFold(want.Value, have.Value)
	case want.Kind != idp.LockIP:
		return want.Value == have.Value
	}
	address := netip.MustParseAddr(have.Value)
	if p, err := netip.ParsePrefix(want.Value); err == nil {
		return p.Masked().Contains(address)
	}
	return netip.MustParseAddr(want.Value) == address
}

// world draws locks and interactions from few values, so that they often meet.
type world struct{ *rand.Rand }

func (w world) one(of ...string) string { return of[w.IntN(len(of))] }

func (w world) lock(ids []idp.LockID, now time.Time) *idp.Lock {
	l := &idp.Lock{ID: ids[w.IntN(len(ids))], CreatedBy: "m", Message: w.one("", "why"), InForce: true,
		CreatedAt: began.Add(time.Duration(w.IntN(3)) * time.Second)}
	if w.IntN(3) == 0 {
		ends := now.Add(time.Duration(1+w.IntN(30)) * time.Second)
		l.ExpiresAt = &ends
	}
	for _, kind := range []idp.LockKind{idp.LockUser, idp.LockRole, idp.LockGroup, idp.LockLogin, idp.LockIP} {
		if w.IntN(3) == 0 {
			l.Target = append(l.Target, idp.LockKey{Kind: kind, Value: w.target(kind)})
		}
	}
	if l.Target == nil {
		l.Target = idp.LockTarget{{Kind: idp.LockIP, Value: w.target(idp.LockIP)}}
	}
	return l
}

func (w world) target(kind idp.LockKind) string {
	switch kind {
	case idp.LockUser:
		return w.one("a", "A", "b", "B", "c")
	case idp.LockIP:
		return w.one("10.0.0.1", "10.0.0.2", "10.0.0.0/24", "10.0.0.0/16", "10.0.1.0/30", "0.0.0.0/0", "2001:db8::/64", "2001:db8::1", "2001:db8::/32")
	}
	return w.one("a", "b", "c", "d")
}

func (w world) interaction() []idp.LockKey {
	var keys []idp.LockKey
	if w.IntN(5) > 0 {
		keys = append(keys, idp.LockKey{Kind: idp.LockUser, Value: w.one("a", "b", "c", "d")})
	}
	for _, kind := range []idp.LockKind{idp.LockRole, idp.LockGroup, idp.LockLogin} {
		for range w.IntN(3) {
			keys = append(keys, idp.LockKey{Kind: kind, Value: w.target(kind)})
		}
	}
	if w.IntN(5) > 0 {
		keys = append(keys, idp.LockKey{Kind: idp.LockIP, Value: w.one("10.0.0.1", "10.0.0.2", "10.0.0.9", "10.0.1.2", "10.1.0.1", "192.0.2.1", "2001:db8::1", "2001:db8::2", "2001:db8:1::1", "fe80::1")})
	}
	return keys
}

// Whatever is put, replaced, lifted, runs out or is loaded anew: the view says what
// the naive one says, and so does whoever watches it.
func TestTheViewIsTheNaiveOne(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := world{rand.New(rand.NewPCG(seed, 1))}
			d, model := newDesk(t, Options{}), naive{}
			ids := make([]idp.LockID, 1+w.IntN(40))
			for i := range ids {
				binary.BigEndian.PutUint64(ids[i][:], w.Uint64())
			}
			mirror, watch := naive{}, d.Watch()
			defer watch.Close()
			for step := range 3000 {
				now := d.clock.Now()
				switch w.IntN(10) {
				case 0, 1, 2:
					l := w.lock(ids, now)
					d.put(l)
					model[l.ID] = l
				case 3, 4:
					id := ids[w.IntN(len(ids))]
					d.lift(id)
					delete(model, id)
				case 5:
					d.clock.now.Add(int64(w.IntN(5)) * int64(time.Second))
				case 6:
					d.sweep()
				case 7:
					if w.IntN(10) == 0 { // cut off for a while
						for range w.IntN(5) {
							l := w.lock(ids, now)
							model[l.ID] = l
							delete(model, ids[w.IntN(len(ids))])
						}
						d.shelf.all = model
						require.NoError(t, d.Reset(t.Context()))
					}
				default:
					keys := w.interaction()
					want, got := model.find(keys, d.clock.Now()), d.Find(keys)
					require.Equal(t, want == nil, got == nil, "step %d: %v, want %v, got %v", step, keys, want, got)
					if want != nil {
						require.Equal(t, want, got, "step %d: %v", step, keys)
					}
					for kind := idp.LockUser; kind <= idp.LockSourceASN; kind++ {
						for _, l := range model {
							ended := l.ExpiresAt != nil && !d.clock.Now().Before(*l.ExpiresAt)
							require.False(t, !ended && l.Target.Get(kind) != "" && !d.Names(kind), "step %d: %v", step, l)
						}
					}
				}
				mirror.follow(watch)
			}
			d.sweep()
			mirror.follow(watch)
			now := d.clock.Now()
			for id, l := range model {
				if l.ExpiresAt != nil && !now.Before(*l.ExpiresAt) {
					delete(model, id)
				}
			}
			require.Equal(t, model, mirror)
			require.Equal(t, len(model), d.Len())
		})
	}
}

// follow takes in what a watch has to say.
func (n naive) follow(w *Watch) {
	for {
		select {
		case <-w.Resets():
			clear(n)
			for _, l := range w.All() {
				n[l.ID] = l
			}
		case c := <-w.Changes():
			if c.Put != nil {
				n[c.Put.ID] = c.Put
			} else {
				delete(n, *c.Removed)
			}
		default:
			return
		}
	}
}

// A lock that is in force before and after, whether as it was or with another
// target that matches as well, is missed by nobody who asks meanwhile.
func TestNobodyMissesALockWhileTheViewChanges(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{})
	keys := of("user", "alice", "role", "staff", "group", "night", "ip", "10.0.0.1")
	wanderer := lockOn("user", "alice") // moves from key to key
	constant := lockOn("ip", "10.0.0.0/8", "role", "staff")
	targets := []idp.LockTarget{idp.LockTarget(keysOf("user", "alice")), idp.LockTarget(keysOf("ip", "10.0.0.0/24")), idp.LockTarget(keysOf("role", "staff")),
		idp.LockTarget(keysOf("ip", "10.0.0.0/16")), idp.LockTarget(keysOf("group", "night", "ip", "10.0.0.1")), idp.LockTarget(keysOf("ip", "10.0.0.0/9"))}
	d.put(wanderer, constant)
	apart := keys[:len(keys):len(keys)]
	apart = slices.DeleteFunc(slices.Clone(apart), func(k idp.LockKey) bool { return k.Kind == idp.LockUser })

	var stop, missed atomic.Bool
	var asked atomic.Int64
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for !stop.Load() {
				if d.Find(keys) == nil {
					missed.Store(true)
				}
				if d.Find(apart) == nil {
					missed.Store(true)
				}
				asked.Add(2)
			}
		})
	}
	w := world{rand.New(rand.NewPCG(7, 7))}
	crowd := make([]*idp.Lock, 300)
	for i := range crowd {
		crowd[i] = lockOn("user", fmt.Sprint("other", i), "ip", fmt.Sprintf("10.0.0.0/%d", 8+i%25))
	}
	for step := 0; step < 3000 || asked.Load() < 10_000; step++ {
		switch w.IntN(6) {
		case 0: // it is made anew by a load
			d.shelf.all = naive{wanderer.ID: wanderer, constant.ID: constant}
			require.NoError(t, d.Reset(t.Context()))
		case 1: // it had another target when it was loaded
			moved := *wanderer
			moved.Target = targets[w.IntN(len(targets))]
			wanderer = &moved
			d.shelf.all = naive{wanderer.ID: wanderer, constant.ID: constant}
			require.NoError(t, d.Reset(t.Context()))
		case 2: // others come and go beside it
			d.put(crowd[w.IntN(len(crowd))], crowd[w.IntN(len(crowd))])
		case 3:
			d.lift(crowd[w.IntN(len(crowd))].ID)
		default:
			moved := *wanderer
			moved.Target = targets[w.IntN(len(targets))]
			wanderer = &moved
			d.put(wanderer)
		}
	}
	stop.Store(true)
	readers.Wait()
	require.False(t, missed.Load(), "of %d", asked.Load())
}

// With nothing else in force, the lock that moves must be found all the same.
func TestALockThatMovesIsNeverMissed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{})
	keys := of("ip", "10.0.0.1", "user", "alice", "role", "staff")
	l := lockOn("user", "alice")
	d.put(l)
	var stop, missed atomic.Bool
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for !stop.Load() {
				if d.Find(keys) == nil {
					missed.Store(true)
				}
			}
		})
	}
	for i := range 20_000 {
		moved := *l
		moved.Target = idp.LockTarget(keysOf([][]string{{"user", "alice"}, {"ip", "10.0.0.0/24"}, {"role", "staff"}, {"ip", "10.0.0.0/16"}}[i%4]...))
		if i%100 == 99 {
			d.shelf.all = naive{l.ID: &moved}
			require.NoError(t, d.Reset(t.Context()))
		} else {
			d.put(&moved)
		}
	}
	stop.Store(true)
	readers.Wait()
	require.False(t, missed.Load())
}
