package feed

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Defaults of Options.
const (
	DefaultPoll  = 500 * time.Millisecond
	DefaultLease = 2 * time.Second
)

// maxTold is how many changes that were told may wait to be applied.
const maxTold = 64

// pageSize is how many changes are read at once.
const pageSize = 1000

// ReplicaID identifies a server for as long as it runs.
type ReplicaID = idp.ID[Feed]

// Source is where the changes are. All methods may be slow or fail; none may
// outlast its context.
type Source interface {
	// Read says that this server is at work and has applied what it has, and
	// returns the changes after that, oldest first, at most limit.
	Read(ctx context.Context, me Beat, limit int) (Reading, error)
	// Applied tells the other servers how far this one is.
	Applied(ctx context.Context, me Beat) error
	// Listen hears of changes and of how far others are, until the context ends
	// or the connection breaks. ready is called when nothing can be missed any
	// more. changed gets the change, or nil where it was only told that there are
	// some; those told come in the order of the commits.
	Listen(ctx context.Context, ready func(), changed func(*idp.Change), applied func(Beat)) error
	// Leave says that this server is gone.
	Leave(ctx context.Context, me ReplicaID) error
}

// Beat is how far a server is in the feed.
type Beat struct {
	ID      ReplicaID
	Applied int64
	// Lease is how long others count this server as at work after a beat.
	Lease time.Duration
}

// Reading is what a Source read.
type Reading struct {
	Changes []idp.Change
	Oldest  int64     // the first number still kept; 0 = none is
	Last    int64     // the last number that is committed; 0 = none is kept
	Newest  int64     // the last number given out, also to acts under way
	Now     time.Time // by the database's clock
	Peers   []Beat    // the other servers at work, read after the changes
}

// Subscriber keeps something in step. Its methods are called one at a time and
// must be quick: everything waits for them.
type Subscriber interface {
	// Reset drops everything, or loads it anew. After an error it is called again.
	Reset(ctx context.Context) error
	// Apply takes note of changes, in their order.
	Apply(changes []idp.Change)
}

// Options tune a Feed. The zero value is good.
type Options struct {
	Log   *slog.Logger  // nil = slog.Default()
	Poll  time.Duration // 0 = DefaultPoll
	Lease time.Duration // 0 = DefaultLease
	// Awaited hears how long each act waited for its change to take effect, and
	// whether every server at work had said so by then; nil = nobody.
	Awaited func(waited time.Duration, confirmed bool)
}

// Feed is this server's place in the feed. Start it once.
type Feed struct {
	source      Source
	log         *slog.Logger
	poll, lease time.Duration
	id          ReplicaID
	subscribers []Subscriber
	awaited     func(waited time.Duration, confirmed bool)

	began    time.Time
	verified atomic.Int64 // nanoseconds from began to the last reading's start, +1; 0 = none yet
	ahead    atomic.Int64 // the database's clock minus began's, in nanoseconds
	applied  atomic.Int64
	promised atomic.Int64 // a number that was committed here
	seen     atomic.Int64 // how far the last reading went
	wake     chan struct{}
	told     chan idp.Change // what Listen heard; what does not fit is read

	mu    sync.Mutex
	moved chan struct{} // closed when anything below or applied has moved on
	peers map[ReplicaID]int64

	stop context.CancelFunc
	done sync.WaitGroup
}

// New returns a Feed that keeps the subscribers in step.
func New(source Source, o Options, subscribers ...Subscriber) *Feed {
	f := &Feed{source: source, log: o.Log, poll: o.Poll, lease: o.Lease, id: idp.NewID[Feed](), subscribers: subscribers, awaited: o.Awaited,
		began: time.Now(), wake: make(chan struct{}, 1), told: make(chan idp.Change, maxTold), moved: make(chan struct{}), peers: map[ReplicaID]int64{}}
	if f.log == nil {
		f.log = slog.Default()
	}
	if f.poll <= 0 {
		f.poll = DefaultPoll
	}
	if f.lease <= 0 {
		f.lease = DefaultLease
	}
	f.promised.Store(-1)
	return f
}

// ID identifies this server in the feed.
func (f *Feed) ID() ReplicaID { return f.id }

// Lease is how long a reading of the feed is believed.
func (f *Feed) Lease() time.Duration { return f.lease }

// Start begins to follow the feed and returns when the subscribers are in step
// for the first time, or ctx ends. The Feed outlives ctx; Stop ends it.
func (f *Feed) Start(ctx context.Context) error {
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop = stop
	f.done.Go(func() { f.follow(own) })
	f.done.Go(func() { f.listen(own) })
	return f.wait(ctx, func() bool { return f.verified.Load() != 0 })
}

// Stop ends what Start began.
func (f *Feed) Stop() {
	if f.stop == nil {
		return
	}
	f.stop()
	f.done.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), f.lease)
	defer cancel()
	if err := f.source.Leave(ctx, f.id); err != nil {
		f.log.WarnContext(ctx, "leaving the change feed", "error", err)
	}
}

// State says whether what subscribers hold may be relied on.
type State int

// The states.
const (
	// Stale is before the first reading, and when the lease has run out.
	Stale State = iota
	// Behind is when an act of this very server is not applied yet.
	Behind
	// Fresh is when what is held is what the database holds.
	Fresh
)

// State is cheap enough for every request.
func (f *Feed) State() State {
	verified := f.verified.Load()
	switch {
	case f.applied.Load() < f.promised.Load():
		return Behind
	case verified == 0 || int64(time.Since(f.began))-verified >= int64(f.lease):
		return Stale
	}
	return Fresh
}

// Age is how long ago the last reading of the feed began that was applied; before
// the first it is longer than anybody waits.
func (f *Feed) Age() time.Duration {
	verified := f.verified.Load()
	if verified == 0 {
		return math.MaxInt64
	}
	return time.Duration(int64(time.Since(f.began)) - verified)
}

// Applied is the number of the last change that is applied here.
func (f *Feed) Applied() int64 { return f.applied.Load() }

// Peers is how many other servers are at work.
func (f *Feed) Peers() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.peers)
}

// Now is the time by the database's clock, or a little later: never earlier than
// it was at the last reading. It is this machine's before the first one.
func (f *Feed) Now() time.Time {
	return f.began.Add(time.Since(f.began) + time.Duration(f.ahead.Load())).UTC()
}

// Sync waits until every change that is committed by now is applied here.
func (f *Feed) Sync(ctx context.Context) error {
	start := int64(time.Since(f.began)) + 1
	f.nudge()
	return f.wait(ctx, func() bool { return f.verified.Load() > start })
}

func (f *Feed) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// progress lets everybody who waits look again.
func (f *Feed) progress() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.moved)
	f.moved = make(chan struct{})
}

// wait returns when the condition holds, or with the context's error.
func (f *Feed) wait(ctx context.Context, holds func() bool) error {
	for {
		f.mu.Lock()
		moved := f.moved
		f.mu.Unlock()
		if holds() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		}
	}
}
