package audit

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Deps are what a Service needs.
type Deps struct {
	Store  idp.Store
	Access idp.Access
	Keys   Keys // nil = there is no lasting secret
	Log    *slog.Logger
	Sealed func() // called when this server has sealed events; nil = nobody
}

// Service seals the audit log and verifies it.
type Service struct {
	Deps
	wake    chan struct{}
	indexes chan struct{} // there may be something to index
	verify  chan struct{} // held by whoever verifies here
	kept    atomic.Int64  // how many days events are kept

	mu      sync.Mutex
	newest  Head   // that this server has seen
	refused string // why the last round of Purge stopped early, as the log was told
	foreign bool   // somebody else has to seal: it was said
	told    string // the head that was last written to the log
}

// New returns a Service.
func New(d Deps) *Service {
	s := &Service{Deps: d, wake: make(chan struct{}, 1), indexes: make(chan struct{}, 1), verify: make(chan struct{}, 1)}
	s.kept.Store(int64(DefaultRetention))
	return s
}

// Wake says that an event was written. It never blocks.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Round is what came of one.
type Round struct {
	Sealed int  // how many events
	More   bool // there are more to be sealed at once
	Busy   bool // another server was sealing, or has to
}

// Seal makes entries for events that were committed since the last one, as many as
// are read at once.
func (s *Service) Seal(ctx context.Context) (out Round, err error) {
	err = s.Store.InTx(ctx, func(tx idp.Repos) error {
		out = Round{}
		last, mark, err := s.begin(ctx, tx, false)
		if err != nil || mark == nil {
			out.Busy = err == nil
			return err
		}
		rows, next, at, err := tx.Seals.Unsealed(ctx, *mark)
		if err != nil || len(rows) == 0 {
			return err
		}
		origin := cmp.Or(mark.Origin, idp.SealCommit)
		text, err := json.Marshal(next)
		if err != nil {
			return fmt.Errorf("writing up to where events are sealed: %w", err)
		}
		out = Round{Sealed: len(rows), More: next.More()}
		return s.append(ctx, tx, last, rows, origin, string(text), at)
	})
	if err != nil {
		return Round{}, fmt.Errorf("sealing events: %w", err)
	}
	return out, nil
}

// begin holds the chain and says where it goes on; no mark = not here.
func (s *Service) begin(ctx context.Context, tx idp.Repos, wait bool) (last *idp.Seal, mark *idp.SealMark, err error) {
	held, err := tx.Seals.Hold(ctx, wait)
	if err != nil || !held {
		return nil, nil, err
	}
	last, mark, err = tx.Seals.Last(ctx)
	if err != nil {
		return nil, nil, err
	}
	if last == nil {
		if last, err = s.anchor(ctx, tx); err != nil {
			return nil, nil, err
		}
	}
	if s.Keys == nil && last != nil && last.Method != methodPlain {
		s.leave(ctx)
		return nil, nil, nil
	}
	if err := s.compare(ctx, tx, last); err != nil {
		return nil, nil, err
	}
	switch {
	case mark != nil:
	case last == nil:
		mark = &idp.SealMark{Origin: idp.SealHistory}
	default: // every mark is gone, or everything behind what was purged
		mark = &idp.SealMark{Origin: idp.SealLate}
	}
	return last, mark, nil
}

// leave says once that the chain is left to servers with the secret: an entry
// without one behind those with one would be worth nothing.
func (s *Service) leave(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.foreign {
		s.foreign = true
		s.Log.WarnContext(ctx, "this server has no lasting secret and leaves sealing the audit log to those that do: set secret_key or data_dir")
	}
}

// anchor is the last entry that was purged, for a chain that has no other; nil = there
// is none.
func (s *Service) anchor(ctx context.Context, tx idp.Repos) (*idp.Seal, error) {
	p, err := tx.Seals.LastPurge(ctx)
	if err != nil || p == nil {
		return nil, err
	}
	return &idp.Seal{Seq: p.Last, Value: p.Anchor, Method: p.AnchorMethod}, nil
}

// compare tells the log when the chain has lost entries that this server has seen.
func (s *Service) compare(ctx context.Context, tx idp.Repos, last *idp.Seal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest.Seq > 0 {
		found, err := tx.Seals.From(ctx, s.newest.Seq, 1)
		if err != nil {
			return err
		}
		purged, err := tx.Seals.LastPurge(ctx)
		if err != nil {
			return err
		}
		away := purged != nil && purged.Last >= s.newest.Seq // this server has slept for long
		if !away && (len(found) == 0 || found[0].Seq != s.newest.Seq || !same(found[0].Value, s.newest.Value)) {
			s.Log.ErrorContext(ctx, "seals of the audit log were removed or replaced: run “portcullis audit verify” with this head", "head", s.newest.String())
		}
	}
	if s.newest = (Head{}); last != nil {
		s.newest = Head{Seq: last.Seq, Value: last.Value}
	}
	return nil
}

// append makes the entries behind the last one.
func (s *Service) append(ctx context.Context, tx idp.Repos, last *idp.Seal, rows []idp.EventRow, origin idp.SealOrigin, mark string, at time.Time) error {
	seq, before := int64(0), []byte(nil)
	if last != nil {
		seq, before = last.Seq, last.Value
	}
	entries := make([]idp.Seal, len(rows))
	for i, row := range rows {
		seq++
		e := &entries[i]
		*e = idp.Seal{Seq: seq, EventID: row.ID, Origin: origin, SealedAt: at}
		if i == len(rows)-1 {
			e.Mark = mark
		}
		seal(s.Keys, before, e, row.Columns)
		before = e.Value
	}
	return tx.Seals.Append(ctx, entries)
}

// SealLate makes entries for all events that are in none although they say that they
// are older than what is, and says how many. They are marked as late: that somebody with the server's secret
// took them for genuine is all that is known of them. Where there is no chain yet, it
// does nothing: they are going to be in it. Errors: CodeConflict where only other
// servers have the secret.
func (s *Service) SealLate(ctx context.Context) (total int, err error) {
	for {
		n := 0
		err := s.Store.InTx(ctx, func(tx idp.Repos) error {
			n = 0
			last, mark, err := s.begin(ctx, tx, true)
			if err != nil {
				return err
			}
			if mark == nil {
				return idp.Conflict("the audit log is sealed with a secret that is not configured here")
			}
			if last == nil || mark.At.IsZero() {
				return nil
			}
			now, err := s.Store.Now(ctx)
			if err != nil {
				return err
			}
			rows, err := tx.Seals.Strays(ctx, mark.At.Add(-idp.SealSpan), idp.EventID{}, stretch)
			if err != nil || len(rows) == 0 {
				return err
			}
			n = len(rows)
			return s.append(ctx, tx, last, rows, idp.SealLate, "", now)
		})
		if err != nil {
			return total, fmt.Errorf("sealing late events: %w", err)
		}
		if total += n; n == 0 {
			return total, nil
		}
	}
}
