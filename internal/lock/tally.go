package lock

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// ActionRefused is what context.action_id of events about refused interactions
// says.
const ActionRefused = "lock.refused"

const (
	// tellEvery is how often a lock's refusals are told of at most.
	tellEvery = time.Minute
	// tellAtOnce bounds how many events one round writes; the others wait.
	tellAtOnce = 20
	// tallyLimit bounds how many locks are counted for at once; those beyond are
	// counted together.
	tallyLimit = 10_000
)

// tally counts refused interactions by lock. Somebody who is locked may knock a
// thousand times a second: that is one number, not a thousand events.
type tally struct {
	mu     sync.Mutex
	counts map[idp.LockID]*refusals
}

// refusals are those of one lock; of the zero LockID: for want of knowing the
// locks.
type refusals struct {
	lock  *idp.Lock // nil = for want of knowing, or of too many locks to tell apart
	text  string
	count int
	since time.Time
	next  time.Time // when it may be told
}

// others stands for the locks beyond tallyLimit.
var others = idp.LockID{1}

// note counts one; l = nil: for want of knowing.
func (t *tally) note(l *idp.Lock, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var id idp.LockID
	text := idp.StaleRefusal().Message
	if l != nil {
		id, text = l.ID, l.Text()
	}
	if t.counts == nil {
		t.counts = map[idp.LockID]*refusals{}
	}
	r := t.counts[id]
	if r == nil && len(t.counts) >= tallyLimit {
		id, l, text = others, nil, "many other locks are in force"
		r = t.counts[id]
	}
	if r == nil {
		r = &refusals{}
		t.counts[id] = r
	}
	if r.count++; r.count == 1 {
		r.since = now
	}
	r.lock, r.text = l, text
}

// due takes the refusals that are to be told now, at most limit; all = whether
// or not it is time.
func (t *tally) due(now time.Time, limit int, all bool) []refusals {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []refusals
	for id, r := range t.counts {
		switch waits := now.Before(r.next) && !all; {
		case waits:
		case r.count == 0:
			delete(t.counts, id)
		case len(out) < limit:
			out = append(out, *r)
			r.count, r.next = 0, now.Add(tellEvery)
		}
	}
	return out
}

// restore counts again what could not be told.
func (t *tally) restore(some []refusals) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range some {
		for _, r := range t.counts {
			if r.text == some[i].text {
				r.count += some[i].count
				r.since = some[i].since
			}
		}
	}
}

// Run tells of refused interactions, each lock's at most once a minute by each
// server, until ctx ends; then what is left.
func (s *Service) Run(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for lost := false; ; {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			if err := s.tellRefusals(last, time.Now(), 50*tellAtOnce, true); err != nil {
				log.WarnContext(last, "refused interactions are not told of", "error", err)
			}
			return
		case now := <-tick.C:
			err := s.tellRefusals(ctx, now, tellAtOnce, false)
			if err != nil && !lost && ctx.Err() == nil {
				log.WarnContext(ctx, "refused interactions cannot be told of yet", "error", err)
			}
			lost = err != nil
		}
	}
}

func (s *Service) tellRefusals(ctx context.Context, now time.Time, limit int, all bool) error {
	if s.view == nil {
		return nil
	}
	some := s.view.tally.due(now, limit, all)
	if len(some) == 0 {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := s.store.InTx(limited, func(tx idp.Repos) error {
		for i := range some {
			facts := map[string]any{"action_id": ActionRefused, "message": some[i].text, "refused": some[i].count, "since": some[i].since.UTC(), "until": now.UTC()}
			if some[i].lock != nil {
				facts["lock"] = some[i].lock.Facts()
			}
			if err := tx.Events.Append(limited, idp.SuspiciousEvent(app, idp.SystemActor(), nil, facts)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.view.tally.restore(some)
		return fmt.Errorf("telling of refused interactions: %w", err)
	}
	return nil
}
