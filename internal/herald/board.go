package herald

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	// DefaultPatience is how long whoever is concerned waits for an act at most. Most take
	// some milliseconds; one that takes longer has met a database that is in trouble,
	// and nobody is to be held up by somebody else's trouble for long.
	DefaultPatience = time.Second
	// most is how many acts are told of at a time; what is more takes effect at its
	// commit, like everything else.
	most = 64
)

// ID identifies an act under way.
type ID = idp.ID[Board]

// Notice is what servers tell one another.
type Notice struct {
	ID   ID
	From ID   // the server
	Over bool // the act is committed, or has come to nothing
	// Whom the act is about: an account, or interactions that have all keys of a
	// target, canonical (idp.LockKey.Canonical).
	User   idp.UserID
	Target idp.LockTarget
}

// Board is what this server knows of acts under way. The zero value knows of none, and
// tells nobody.
type Board struct {
	// Patience replaces DefaultPatience; 0 does not. It is set before the first act.
	Patience time.Duration

	tell    func(Notice) // nil = there are no other servers
	self    ID
	count   atomic.Int32
	waiting atomic.Int32
	held    atomic.Int64

	mu    sync.Mutex
	posts map[ID]*post
}

type post struct {
	Notice
	over chan struct{} // closed when it is
	last *time.Timer
}

// New returns a Board whose notices are told to the other servers by tell, which must
// not block.
func New(tell func(Notice)) *Board { return &Board{tell: tell, self: idp.NewID[Board]()} }

// Post tells every server of an act on an account, or on what a lock is going to refuse;
// done says that it is over, and has to be called. Post must be called before the act's
// transaction, by whoever may do the act, and done when it has taken effect everywhere.
func (b *Board) Post(user idp.UserID, target idp.LockTarget) (done func()) {
	if b == nil {
		return func() {}
	}
	n := Notice{ID: idp.NewID[Board](), From: b.self, User: user, Target: target}
	if !b.put(n) {
		return func() {}
	}
	b.send(n)
	return func() {
		b.drop(n.ID)
		b.send(Notice{ID: n.ID, From: b.self, Over: true})
	}
}

func (b *Board) send(n Notice) {
	if b.tell != nil {
		b.tell(n)
	}
}

// Hear takes note of what a server has told. What this one has, it knows.
func (b *Board) Hear(n Notice) {
	switch {
	case n.From == b.self:
	case n.Over:
		b.drop(n.ID)
	default:
		b.put(n)
	}
}

func (b *Board) put(n Notice) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.posts[n.ID]; known || len(b.posts) >= most {
		return false
	}
	if b.posts == nil {
		b.posts = map[ID]*post{}
	}
	b.posts[n.ID] = &post{Notice: n, over: make(chan struct{}), last: time.AfterFunc(cmp.Or(b.Patience, DefaultPatience), func() { b.drop(n.ID) })}
	b.count.Store(int32(len(b.posts)))
	return true
}

func (b *Board) drop(id ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.posts[id]
	if !ok {
		return
	}
	delete(b.posts, id)
	b.count.Store(int32(len(b.posts)))
	p.last.Stop()
	close(p.over)
}

// Quiet reports whether no act is under way that anybody has told of: the usual case,
// for every request.
func (b *Board) Quiet() bool { return b == nil || b.count.Load() == 0 }

// Waiting is how many interactions wait for an act.
func (b *Board) Waiting() int { return int(b.waiting.Load()) }

// Held is how many have waited since the start.
func (b *Board) Held() int64 { return b.held.Load() }

// Settled is idp.Gate's, of an interaction of the user with these keys.
func (b *Board) Settled(ctx context.Context, user idp.UserID, keys []idp.LockKey) (bool, error) {
	p := b.concerning(user, keys)
	if p == nil {
		return true, nil
	}
	b.held.Add(1)
	b.waiting.Add(1)
	defer b.waiting.Add(-1)
	select {
	case <-p.over:
		return false, nil
	case <-ctx.Done():
		return false, &idp.Error{Code: idp.CodeUnavailable, Message: "An act that concerns you is under way.", Err: ctx.Err()}
	}
}

func (b *Board) concerning(user idp.UserID, keys []idp.LockKey) *post {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.posts {
		if p.User != 0 && p.User == user || len(p.Target) > 0 && covers(keys, p.Target) {
			return p
		}
	}
	return nil
}

func covers(keys []idp.LockKey, target idp.LockTarget) bool {
	for _, want := range target {
		found := false
		for _, k := range keys {
			found = found || k == want
		}
		if !found {
			return false
		}
	}
	return true
}
