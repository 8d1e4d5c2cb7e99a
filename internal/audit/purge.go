package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// app is who speaks in events of this package.
const app = "portcullis.audit"

// ActionPurged is context.action_id of the event that a round of Purge leaves.
const ActionPurged = "events.purged"

const (
	// purgeMost is how many events one round removes: one transaction. Storage takes
	// no more.
	purgeMost = 5000
	// purgeFor is how long Purge goes on beginning rounds; the next one goes on.
	purgeFor = 30 * time.Second
	// clocksApart is how far the database's clock and this server's may be apart. By a
	// clock that is years ahead, everything would be old enough.
	clocksApart = 24 * time.Hour
)

// Purge removes what is older than events are kept, oldest first, together with its
// entries of the chain. Each round is one transaction with its record and its event.
// Only what is as it was sealed goes: from the first fault on everything stays, so
// that the fault stays to be found.
func (s *Service) Purge(ctx context.Context) error {
	for began := time.Now(); time.Since(began) < purgeFor; {
		n, err := s.PurgeRound(ctx)
		if err != nil || n < purgeMost {
			return err
		}
	}
	return nil
}

// PurgeRound removes the oldest events, at most 5,000, and says how many.
func (s *Service) PurgeRound(ctx context.Context) (n int, err error) {
	err = s.Store.InTx(ctx, func(tx idp.Repos) error {
		n = 0
		if _, err := tx.Seals.Hold(ctx, true); err != nil {
			return err
		}
		if err := tx.Settings.Hold(ctx, RetentionKey); err != nil {
			return err
		}
		v, err := retention(ctx, tx)
		if err != nil || v.Retention <= 0 {
			return err
		}
		newest, _, err := tx.Seals.Last(ctx)
		if err != nil || newest == nil {
			return err
		}
		if s.Keys == nil && newest.Method != methodPlain {
			s.leave(ctx)
			return nil
		}
		before, faults, err := s.records(ctx, tx.Seals)
		if err != nil || s.refuse(ctx, faults) {
			return err
		}
		due, until, at, err := s.due(ctx, tx, before, int(v.Retention))
		if err != nil || len(due) == 0 {
			return err
		}
		n = len(due)
		return s.remove(ctx, tx, before, &due[n-1].Seal, idp.Purge{Until: until, Days: int(v.Retention), At: at})
	})
	if err != nil {
		return 0, fmt.Errorf("purging events: %w", err)
	}
	return n, nil
}

// due are the oldest entries that may go and are as they were sealed.
func (s *Service) due(ctx context.Context, tx idp.Repos, before *idp.Purge, days int) (due []idp.SealedEvent, until, at time.Time, err error) {
	after := int64(0)
	if before != nil {
		after = before.Last
	}
	due, until, at, err = tx.Seals.Due(ctx, after, days, purgeMost)
	if apart := time.Since(at).Abs(); err == nil && apart > clocksApart {
		return nil, until, at, fmt.Errorf("the database's clock and this server's are %s apart", apart.Round(time.Minute))
	}
	if err != nil || len(due) == 0 {
		return nil, until, at, err
	}
	good, fault := s.good(due, before)
	if fault == nil {
		s.refuse(ctx, nil)
		return due, until, at, nil
	}
	s.refuse(ctx, []Fault{*fault})
	if good == 0 {
		return nil, until, at, nil
	}
	return tx.Seals.Due(ctx, after, days, good)
}

// good says how many of the oldest entries are as they were sealed, and what is wrong
// with the next one; nil = nothing is wrong. One whose secret is not configured here
// any more cannot be judged, and may go.
func (s *Service) good(due []idp.SealedEvent, before *idp.Purge) (n int, fault *Fault) {
	w := &walk{s: s, expected: 1, before: [][]byte{nil}, each: func(f Fault) error {
		if f.Kind != FaultSecret && fault == nil {
			fault = &f
		}
		return nil
	}}
	if before != nil {
		w.goOn(before)
	}
	for i := range due {
		if _ = w.entry(&due[i]); fault != nil { // its error is that of each
			return i, fault
		}
	}
	return len(due), nil
}

// refuse tells the log once why nothing, or not everything, is purged, and whether
// there is a reason.
func (s *Service) refuse(ctx context.Context, faults []Fault) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		if f.Kind == FaultSecret {
			continue
		}
		if text := f.String(); text != s.refused {
			s.refused = text
			s.Log.ErrorContext(ctx, "events that are older than they are kept stay, for the chain over them is broken: run “portcullis audit verify”", "fault", text)
		}
		return true
	}
	s.refused = ""
	return false
}

// remove removes the entries up to one and their events, and writes down that it did.
func (s *Service) remove(ctx context.Context, tx idp.Repos, before *idp.Purge, last *idp.Seal, p idp.Purge) error {
	var value []byte
	p.N, p.First = 1, 1
	if before != nil {
		p.N, p.First, value = before.N+1, before.Last+1, before.Value
	}
	p.Last, p.Anchor, p.AnchorMethod = last.Seq, last.Value, last.Method
	sealRecord(s.Keys, value, &p)
	if err := tx.Seals.Purge(ctx, &p); err != nil {
		return err
	}
	count := int(p.Last - p.First + 1)
	return tx.Events.Append(ctx, idp.NewEvent(idp.ActionModelDeleted, app, idp.SystemActor(), nil, map[string]any{"action_id": ActionPurged,
		"count": count, "first": p.First, "last": p.Last, "until": p.Until.UTC().Format(time.RFC3339Nano), "retention": Retention(p.Days).String(),
		"record": p.N, "head": Head{Seq: p.Last, Value: p.Anchor}.String(),
		"model": map[string]any{"app": "portcullis_audit", "model_name": "event_purge", "pk": p.N, "name": fmt.Sprintf("%d events", count)}}))
}
