package lock

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// shelf is what a View loads from.
type shelf struct {
	idp.Store
	mu      sync.Mutex
	all     map[idp.LockID]*idp.Lock
	setting json.RawMessage
	broken  bool
}

func (s *shelf) Repos() idp.Repos {
	return idp.Repos{Locks: shelved{shelf: s}, Settings: settled{shelf: s}}
}

type shelved struct {
	idp.Locks
	shelf *shelf
}

func (s shelved) Load(_ context.Context, each func(*idp.Lock)) error {
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	if s.shelf.broken {
		return errors.New("no database")
	}
	for _, l := range s.shelf.all {
		each(l)
	}
	return nil
}

type settled struct {
	idp.Settings
	shelf *shelf
}

func (s settled) Get(_ context.Context, name string) (json.RawMessage, error) {
	if name != PreferenceName {
		return nil, nil
	}
	return s.shelf.setting, nil
}

// clock is a Freshness that a test sets.
type clock struct{ now, age atomic.Int64 }

func (c *clock) Now() time.Time     { return time.Unix(0, c.now.Load()).UTC() }
func (c *clock) Age() time.Duration { return time.Duration(c.age.Load()) }

var began = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// desk is a view in a test's hands.
type desk struct {
	*testing.T
	*View
	shelf *shelf
	clock *clock
}

func newDesk(t testing.TB, o Options) *desk {
	d := &desk{shelf: &shelf{all: map[idp.LockID]*idp.Lock{}}, clock: &clock{}}
	d.T, _ = t.(*testing.T)
	d.clock.now.Store(began.UnixNano())
	d.View = NewView(d.shelf, o)
	d.View.Follow(d.clock)
	require.NoError(t, d.Reset(context.Background()))
	return d
}

// lockOn makes a lock of pairs of a kind and a value.
func lockOn(pairs ...string) *idp.Lock {
	l := &idp.Lock{ID: idp.NewID[idp.Lock](), CreatedAt: began, CreatedBy: "admin", InForce: true}
	l.Target = idp.LockTarget(keysOf(pairs...))
	return l
}

func keysOf(pairs ...string) (keys []idp.LockKey) {
	for i := 0; i < len(pairs); i += 2 {
		kind, known := idp.ParseLockKind(pairs[i])
		if !known {
			panic(pairs[i])
		}
		keys = append(keys, idp.LockKey{Kind: kind, Value: pairs[i+1]})
	}
	return keys
}

// of is an interaction.
func of(pairs ...string) []idp.LockKey {
	keys := keysOf(pairs...)
	for i := range keys {
		keys[i] = keys[i].Canonical()
	}
	return keys
}

func put(l *idp.Lock) idp.Change {
	c := *l
	return idp.Change{Kind: idp.ChangeLock, Subject: l.ID.String(), Lock: &c}
}

func gone(id idp.LockID) idp.Change { return idp.Change{Kind: idp.ChangeLock, Subject: id.String()} }

func (d *desk) put(locks ...*idp.Lock) {
	var changes []idp.Change
	for _, l := range locks {
		changes = append(changes, put(l))
	}
	d.Apply(changes)
}

func (d *desk) lift(id idp.LockID) { d.Apply([]idp.Change{gone(id)}) }

// never is older than anybody waits.
const never = int64(math.MaxInt64)
