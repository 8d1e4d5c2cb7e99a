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
		var held *Fault
		n, _, held, err = s.purge(ctx, tx, false)
		if err == nil {
			s.refuse(ctx, held)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("purging events: %w", err)
	}
	return n, nil
}

// purge is one transaction's part: how many entries went, what was wrong with them, and
// what everything behind them stays for (nil = nothing that is due has stayed).
func (s *Service) purge(ctx context.Context, tx idp.Repos, past bool) (n int, passed []Fault, held *Fault, err error) {
	if _, err := tx.Seals.Hold(ctx, true); err != nil {
		return 0, nil, nil, err
	}
	if err := tx.Settings.Hold(ctx, RetentionKey); err != nil {
		return 0, nil, nil, err
	}
	v, err := retention(ctx, tx)
	if err != nil || v.Retention <= 0 {
		return 0, nil, nil, err
	}
	newest, _, err := tx.Seals.Last(ctx)
	if err != nil || newest == nil {
		return 0, nil, nil, err
	}
	if s.Keys == nil && newest.Method != methodPlain {
		s.leave(ctx)
		return 0, nil, nil, nil
	}
	before, faults, err := s.records(ctx, tx.Seals)
	if err != nil {
		return 0, nil, nil, err
	}
	if held := first(faults); held != nil {
		return 0, nil, held, nil
	}
	p := idp.Purge{Days: int(v.Retention), Past: past}
	due, passed, held, err := s.due(ctx, tx, before, &p)
	if err != nil || len(due) == 0 {
		return 0, nil, held, err
	}
	return len(due), passed, held, s.remove(ctx, tx, before, &due[len(due)-1].Seal, p, passed)
}

// first is the first fault that is no secret that is not configured here.
func first(faults []Fault) *Fault {
	for i := range faults {
		if faults[i].Kind != FaultSecret {
			return &faults[i]
		}
	}
	return nil
}

// due are the oldest entries that may go: with p.Past all, else those in front of the
// first that is not as it was sealed. It fills in the times of the record.
func (s *Service) due(ctx context.Context, tx idp.Repos, before *idp.Purge, p *idp.Purge) (due []idp.SealedEvent, passed []Fault, held *Fault, err error) {
	after := int64(0)
	if before != nil {
		after = before.Last
	}
	due, p.Until, p.At, err = tx.Seals.Due(ctx, after, p.Days, purgeMost)
	if apart := time.Since(p.At).Abs(); err == nil && apart > clocksApart {
		return nil, nil, nil, fmt.Errorf("the database's clock and this server's are %s apart", apart.Round(time.Minute))
	}
	if err != nil || len(due) == 0 {
		return nil, nil, nil, err
	}
	if p.Past {
		due, passed = s.whole(due, before)
		return due, passed, nil, nil
	}
	good, fault := s.good(due, before)
	if fault == nil || good == 0 {
		return due[:good], nil, fault, nil
	}
	due, p.Until, p.At, err = tx.Seals.Due(ctx, after, p.Days, good)
	return due, nil, fault, err
}

// good says how many of the oldest entries are as they were sealed, and what is wrong
// with the next one; nil = nothing is wrong. One whose secret is not configured here
// any more cannot be judged, and may go.
func (s *Service) good(due []idp.SealedEvent, before *idp.Purge) (n int, fault *Fault) {
	faults := s.wrong(due, before)
	if len(faults) == 0 {
		return len(due), nil
	}
	for i := range due {
		if due[i].Seq >= faults[0].Entry {
			return i, &faults[0]
		}
	}
	return len(due), &faults[0]
}

// refuse tells the log once why nothing, or not everything, is purged; nil = there is no
// reason.
func (s *Service) refuse(ctx context.Context, held *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := ""
	if held != nil {
		text = held.String()
	}
	if text != "" && text != s.refused {
		s.Log.ErrorContext(ctx, "events that are older than they are kept stay, for the chain over them is broken: run “portcullis audit verify”, and “portcullis audit purge --past-faults” once that is understood", "fault", text)
	}
	s.refused = text
}

// remove removes the entries up to one and their events, and writes down that it did.
func (s *Service) remove(ctx context.Context, tx idp.Repos, before *idp.Purge, last *idp.Seal, p idp.Purge, passed []Fault) error {
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
	return tx.Events.Append(ctx, idp.ModelDeletedEvent(app, idp.SystemActor(), nil, passedFacts(map[string]any{"action_id": ActionPurged,
		"count": count, "first": p.First, "last": p.Last, "until": p.Until.UTC().Format(time.RFC3339Nano), "retention": Retention(p.Days).String(),
		"record": p.N, "head": Head{Seq: p.Last, Value: p.Anchor}.String(),
		"model": map[string]any{"app": "portcullis_audit", "model_name": "event_purge", "pk": p.N, "name": fmt.Sprintf("%d events", count)}}, passed)))
}
