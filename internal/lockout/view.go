package lockout

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// most is how many lockouts a server holds in memory: about 10 MB. What it does not
// hold, the database refuses.
const most = 200_000

// Freshness says how old what is held may be; see feed.Feed.
type Freshness interface {
	Age() time.Duration
	Now() time.Time
	Lease() time.Duration
}

// View is what this server knows of lockouts in force and of the limits, so that
// attempts during a lockout cost nothing. It is a feed.Subscriber. Only the database
// decides that somebody is not locked out.
type View struct {
	store  idp.Store
	fresh  Freshness
	limits atomic.Pointer[Limits]

	mu    sync.RWMutex
	until map[idp.UUID]int64 // nanoseconds since 1970
	set   map[string]json.RawMessage

	refusals atomic.Uint64 // attempts that lockouts refused, since the start

	tally struct {
		sync.Mutex
		n map[idp.UUID]int
	}
}

var _ feed.Subscriber = (*View)(nil)

// NewView returns an empty view. Call Follow before it is asked anything.
func NewView(store idp.Store) *View {
	v := &View{store: store, until: map[idp.UUID]int64{}}
	l := DefaultLimits()
	v.limits.Store(&l)
	return v
}

// Follow says whose word on freshness counts.
func (v *View) Follow(f Freshness) { v.fresh = f }

// Len is how many lockouts are held.
func (v *View) Len() int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return len(v.until)
}

// Refusals is how many attempts lockouts have refused here, since the start.
func (v *View) Refusals() uint64 { return v.refusals.Load() }

// Limits are those in force.
func (v *View) Limits() Limits { return *v.limits.Load() }

// Locked reports whether a subject is known to be locked out, and until when. A
// view that may be out of date knows nothing: somebody may have been unlocked.
func (v *View) Locked(subject idp.UUID) (until time.Time, is bool) {
	v.mu.RLock()
	at, held := v.until[subject]
	v.mu.RUnlock()
	if !held || v.fresh == nil || v.fresh.Age() > v.fresh.Lease() {
		return time.Time{}, false
	}
	until = time.Unix(0, at).UTC()
	return until, until.After(v.fresh.Now())
}

func (v *View) now() time.Time {
	if v.fresh == nil {
		return time.Now()
	}
	return v.fresh.Now()
}

// Reset implements feed.Subscriber.
func (v *View) Reset(ctx context.Context) error {
	repos := v.store.Repos()
	until := map[idp.UUID]int64{}
	if err := repos.Lockouts.Load(ctx, most, func(s idp.UUID, t time.Time) { until[s] = t.UnixNano() }); err != nil {
		return err
	}
	set := map[string]json.RawMessage{}
	for _, k := range Settings() {
		value, err := repos.Settings.Get(ctx, k.Key)
		if err != nil {
			return fmt.Errorf("reading what bounds attempts: %w", err)
		}
		if value != nil {
			set[k.Key] = value
		}
	}
	v.mu.Lock()
	v.until, v.set = until, set
	v.mu.Unlock()
	v.settle()
	return nil
}

// Apply implements feed.Subscriber.
func (v *View) Apply(changes []idp.Change) {
	moved := false
	v.mu.Lock()
	for _, c := range changes {
		switch {
		case c.Kind == idp.ChangeLockout:
			v.note(c)
		case c.Kind == idp.ChangeSetting && Find(c.Subject) != nil:
			if moved = true; c.Value == nil {
				delete(v.set, c.Subject)
			} else {
				v.set[c.Subject] = c.Value
			}
		}
	}
	v.mu.Unlock()
	if moved {
		v.settle()
	}
}

func (v *View) note(c idp.Change) {
	var subject idp.UUID
	if subject.UnmarshalText([]byte(c.Subject)) != nil {
		return
	}
	if c.Until == nil {
		delete(v.until, subject)
		return
	}
	if len(v.until) >= most {
		v.sweep()
	}
	if len(v.until) < most {
		v.until[subject] = c.Until.UnixNano()
	}
}

// sweep drops what is over; v.mu is held.
func (v *View) sweep() {
	now := v.now().UnixNano()
	for s, until := range v.until {
		if until <= now {
			delete(v.until, s)
		}
	}
}

// settle makes limits of what is set.
func (v *View) settle() {
	v.mu.RLock()
	l := limitsOf(v.set)
	v.mu.RUnlock()
	v.limits.Store(&l)
}

// refused counts an attempt that a lockout has refused.
func (v *View) refused(subject idp.UUID) {
	v.refusals.Add(1)
	v.tally.Lock()
	defer v.tally.Unlock()
	if v.tally.n == nil {
		v.tally.n = map[idp.UUID]int{}
	}
	if _, has := v.tally.n[subject]; has || len(v.tally.n) < most {
		v.tally.n[subject]++
	}
}

// Tell writes down how many attempts were refused since the last time.
func (v *View) Tell(ctx context.Context) error {
	v.tally.Lock()
	n := v.tally.n
	v.tally.n = nil
	v.tally.Unlock()
	v.mu.Lock()
	v.sweep()
	v.mu.Unlock()
	if len(n) == 0 {
		return nil
	}
	return v.store.Repos().Lockouts.Refused(ctx, n)
}
