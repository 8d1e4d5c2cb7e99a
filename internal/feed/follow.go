package feed

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// patience bounds one talk with the database: longer than the lease lasts,
// nothing it says is worth more than a new attempt.
func (f *Feed) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, f.lease)
}

// follow reads the feed whenever there is reason to, until ctx ends.
func (f *Feed) follow(ctx context.Context) {
	tick := time.NewTicker(f.poll)
	defer tick.Stop()
	reset, lost := true, false
	for {
		err := f.round(ctx, &reset)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !lost:
			f.log.WarnContext(ctx, "the change feed cannot be read", "error", err)
		case err == nil && lost:
			f.log.InfoContext(ctx, "the change feed is read again")
		}
		lost = err != nil
		wake := f.wake
		if lost {
			wake = nil // whoever waits must not make this loop spin
		}
		for heard := true; heard; {
			select {
			case <-ctx.Done():
				return
			case <-wake:
				heard = false
			case <-tick.C:
				heard = false
			case c := <-f.told:
				heard = lost || f.take(ctx, c)
			}
		}
	}
}

// take applies a change that was told, and reports whether that is all there is to
// do. Only the very next one is: where one is missing, it has to be read. An act of
// this server is read as well, with who else is at work.
func (f *Feed) take(ctx context.Context, c idp.Change) bool {
	applied := f.applied.Load()
	if c.Seq <= applied {
		return true
	}
	if c.Seq != applied+1 || c.Seq <= f.promised.Load() {
		return false
	}
	for _, s := range f.subscribers {
		s.Apply([]idp.Change{c})
	}
	f.applied.Store(c.Seq)
	f.mu.Lock()
	alone := len(f.peers) == 0
	f.mu.Unlock()
	if !alone {
		f.tell(ctx)
	}
	f.progress()
	return true
}

// hear notes a change that was told, or that there is one.
func (f *Feed) hear(c *idp.Change) {
	if c != nil {
		select {
		case f.told <- *c:
			return
		default:
		}
	}
	f.nudge()
}

// round reads what is new and applies it. reset asks for everything to be
// dropped first, and stays true until that has been done.
func (f *Feed) round(ctx context.Context, reset *bool) error {
	moved := false
	for {
		began := time.Now()
		r, err := f.read(ctx)
		if err != nil {
			return err
		}
		applied := f.applied.Load()
		// Behind what is still kept, or ahead of what there ever was (an older
		// copy of the database took its place): what is held means nothing.
		if r.Oldest > applied+1 || r.Newest < applied {
			*reset = true
		}
		if *reset {
			if err := f.reset(ctx, r.Last); err != nil {
				return err
			}
			*reset, moved = false, true
			continue // for what happened meanwhile, and with this number
		}
		if len(r.Changes) > 0 {
			for _, s := range f.subscribers {
				s.Apply(r.Changes)
			}
			applied, moved = r.Changes[len(r.Changes)-1].Seq, true
		}
		f.note(began, applied, r)
		if moved && len(r.Peers) > 0 {
			f.tell(ctx)
		}
		if len(r.Changes) < pageSize {
			f.verified.Store(int64(began.Sub(f.began)) + 1)
			f.progress()
			return nil
		}
	}
}

func (f *Feed) read(ctx context.Context) (Reading, error) {
	ctx, cancel := f.patience(ctx)
	defer cancel()
	return f.source.Read(ctx, f.beat(), pageSize)
}

// resetPatience bounds loading everything anew: a million locks take a busy
// machine a minute.
const resetPatience = 3 * time.Minute

// reset makes the subscribers begin anew after the change last, which was
// committed, and all before it with it, before they begin to load.
func (f *Feed) reset(ctx context.Context, last int64) error {
	ctx, cancel := context.WithTimeout(ctx, resetPatience)
	defer cancel()
	f.verified.Store(0)
	for _, s := range f.subscribers {
		if err := s.Reset(ctx); err != nil {
			return err
		}
	}
	f.promised.Store(-1) // what was committed here they have loaded, or it is gone
	f.applied.Store(last)
	return nil
}

// note makes a reading known.
func (f *Feed) note(began time.Time, applied int64, r Reading) {
	f.applied.Store(applied)
	f.seen.Store(applied)
	f.ahead.Store(int64(r.Now.Sub(began)))
	f.mu.Lock()
	defer f.mu.Unlock()
	peers := make(map[ReplicaID]int64, len(r.Peers))
	for _, p := range r.Peers {
		peers[p.ID] = max(p.Applied, f.peers[p.ID])
	}
	f.peers = peers
	close(f.moved)
	f.moved = make(chan struct{})
}

func (f *Feed) beat() Beat { return Beat{ID: f.id, Applied: f.applied.Load(), Lease: f.lease} }

// tell lets the others know how far this server is: somebody may wait for it.
func (f *Feed) tell(ctx context.Context) {
	ctx, cancel := f.patience(ctx)
	defer cancel()
	if err := f.source.Applied(ctx, f.beat()); err != nil {
		f.log.DebugContext(ctx, "telling how far the change feed is applied", "error", err)
	}
}

// listen hears of changes until ctx ends. What it misses, the next poll finds.
func (f *Feed) listen(ctx context.Context) {
	for {
		err := f.source.Listen(ctx, f.nudge, f.hear, f.heard)
		if ctx.Err() != nil {
			return
		}
		f.log.DebugContext(ctx, "listening for changes", "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(f.poll):
		}
	}
}

// heard notes another server's word of how far it is.
func (f *Feed) heard(b Beat) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at, known := f.peers[b.ID]; known && at < b.Applied {
		f.peers[b.ID] = b.Applied
		close(f.moved)
		f.moved = make(chan struct{})
	}
}
