package lockout

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	batchSize    = 256             // attempts in one transaction
	batchTimeout = 5 * time.Second // of one transaction
)

// op is what one attempt does to the standings it is counted by.
type op struct {
	on []idp.Standing // whose standings, by Subject and UserID
	// apply changes the standings, at the time by the database's clock. It may be
	// called again when the transaction is.
	apply func(held map[idp.UUID]*idp.Standing, now time.Time) effect
	done  chan error
}

// effect is what an op leads to besides.
type effect struct {
	lockout *idp.Lockout
	// told writes what a lockout leads to, once it has its ID, and returns its event.
	told   func(ctx context.Context, tx idp.Repos, l *idp.Lockout) (*idp.Event, error)
	failed *idp.Failure // of the attempt
	event  *idp.Event   // one more; nil = none
}

// committer does ops, all that wait together in one transaction: the disk is
// waited for once, and counting stays exact. Some transactions are under way at once,
// so that the database need not wait for this server nor the other way round; ops of
// one subject are done one transaction after the other.
type committer struct {
	store idp.Store

	mu      sync.Mutex
	waiting []*op
	busy    map[idp.UUID]bool // whose standings a transaction here is about
	under   int               // transactions under way
}

const (
	// batches is how many transactions are under way at once.
	batches = 2
	// worthwhile is how many ops a transaction beside another one is worth.
	worthwhile = 32
)

// do returns when the op is committed. When ctx ends first, it may still be.
func (c *committer) do(ctx context.Context, o *op) error {
	o.done = make(chan error, 1)
	c.mu.Lock()
	c.waiting = append(c.waiting, o)
	c.start()
	c.mu.Unlock()
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// start begins what can be begun. The caller holds mu.
func (c *committer) start() {
	for c.under == 0 || c.under < batches && len(c.waiting) >= worthwhile {
		batch := c.take()
		if len(batch) == 0 {
			return
		}
		c.under++
		go c.work(batch)
	}
}

// take returns the ops that nothing under way stands in the way of, and marks their
// subjects as busy. Of one subject it takes all, in their order, or none.
func (c *committer) take() (batch []*op) {
	passed := map[idp.UUID]bool{} // subjects of ops that have to wait; later ones wait behind them
	left := c.waiting[:0]
	for _, o := range c.waiting {
		if len(batch) == batchSize || slices.ContainsFunc(o.on, func(s idp.Standing) bool { return c.busy[s.Subject] || passed[s.Subject] }) {
			for _, s := range o.on {
				passed[s.Subject] = true
			}
			left = append(left, o)
			continue
		}
		batch = append(batch, o)
	}
	clear(c.waiting[len(left):])
	c.waiting = left
	if c.busy == nil {
		c.busy = map[idp.UUID]bool{}
	}
	for _, s := range subjects(batch) {
		c.busy[s.Subject] = true
	}
	return batch
}

// work does a batch. Those of whom somebody else holds a standing wait in a
// transaction of their own: nobody waits for somebody else's account to be free.
func (c *committer) work(batch []*op) {
	left := c.commit(batch, false)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.under--
	still := map[idp.UUID]bool{}
	for _, s := range subjects(left) {
		still[s.Subject] = true
	}
	for _, s := range subjects(batch) {
		if !still[s.Subject] {
			delete(c.busy, s.Subject)
		}
	}
	if len(left) > 0 {
		go c.wait(left)
	}
	c.start()
}

// wait does ops whose standings somebody else holds, once they are free.
func (c *committer) wait(left []*op) {
	c.commit(left, true)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range subjects(left) {
		delete(c.busy, s.Subject)
	}
	c.start()
}

// commit does a batch and answers each op; those whose standings somebody else
// holds are returned instead, unless it is to wait for them.
func (c *committer) commit(batch []*op, wait bool) (left []*op) {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()
	var done []*op
	err := c.store.InTx(ctx, func(tx idp.Repos) (err error) {
		done, left, err = apply(ctx, tx, batch, wait)
		return err
	})
	if err != nil {
		done, left = batch, nil
	}
	for _, o := range done {
		o.done <- err
	}
	return left
}

func apply(ctx context.Context, tx idp.Repos, batch []*op, wait bool) (done, left []*op, err error) {
	held, now, err := tx.Lockouts.Hold(ctx, subjects(batch), wait)
	if err != nil {
		return nil, nil, err
	}
	changed := map[idp.UUID]*idp.Standing{}
	var effects []effect
	var begun []idp.Lockout
	for _, o := range batch {
		if !has(held, o.on) {
			left = append(left, o)
			continue
		}
		done = append(done, o)
		e := o.apply(held, now)
		for _, s := range o.on {
			changed[s.Subject] = held[s.Subject]
		}
		if e.lockout != nil {
			begun = append(begun, *e.lockout)
		}
		effects = append(effects, e)
	}
	if len(changed) > 0 {
		list := make([]*idp.Standing, 0, len(changed))
		for _, s := range changed {
			list = append(list, s)
		}
		if err := tx.Lockouts.Save(ctx, list); err != nil {
			return nil, nil, err
		}
	}
	if len(begun) > 0 {
		if err := tx.Lockouts.Begin(ctx, begun); err != nil {
			return nil, nil, err
		}
	}
	return done, left, write(ctx, tx, effects, begun)
}

// write stores what a batch leads to: the events in one round trip, and the
// reputations in another.
func write(ctx context.Context, tx idp.Repos, effects []effect, begun []idp.Lockout) error {
	var events []*idp.Event
	deltas := map[idp.ReputationPair]int{}
	for _, e := range effects {
		if e.failed != nil {
			events = append(events, e.failed.Event)
			deltas[idp.ReputationPair{Identifier: e.failed.Identifier, IP: e.failed.Event.ClientIP}] += idp.ReputationFailed
		}
		if e.lockout != nil {
			event, err := e.told(ctx, tx, &begun[0])
			if err != nil {
				return err
			}
			events, begun = append(events, event), begun[1:]
		}
		if e.event != nil {
			events = append(events, e.event)
		}
	}
	if len(events) == 0 {
		return nil
	}
	if err := tx.Events.AppendAll(ctx, events); err != nil {
		return err
	}
	return tx.Reputations.AdjustAll(ctx, deltas)
}

// subjects are the standings of a batch, each once.
func subjects(batch []*op) []idp.Standing {
	seen := map[idp.UUID]bool{}
	var all []idp.Standing
	for _, o := range batch {
		for _, s := range o.on {
			if !seen[s.Subject] {
				seen[s.Subject] = true
				all = append(all, s)
			}
		}
	}
	return all
}

func has(held map[idp.UUID]*idp.Standing, on []idp.Standing) bool {
	for _, s := range on {
		if held[s.Subject] == nil {
			return false
		}
	}
	return true
}
