package audit

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// ActionPurgedPast is context.action_id of the event of a round that went on past
// faults.
const ActionPurgedPast = "events.purged_past_faults"

// faultsTold bounds how many faults such an event names.
const faultsTold = 100

// Purging is what came of PurgeNow.
type Purging struct {
	Removed int     // entries, with their events where those were still there
	Passed  []Fault // what was wrong with them
	Held    *Fault  // what everything behind stays for; nil = nothing that is due has stayed
}

// PurgeNow purges what is due, on the word of whoever owns the server's shell. With past
// it goes on past entries that are not as they were sealed: they go with the rest, and
// the events of the rounds say which they were. What it never passes is a record of
// earlier purges that is wrong, for nothing could be verified behind it.
func (s *Service) PurgeNow(ctx context.Context, past bool) (out Purging, err error) {
	for {
		n := 0
		var passed []Fault
		var held *Fault
		err := s.Store.InTx(ctx, func(tx idp.Repos) (err error) {
			n, passed, held, err = s.purge(ctx, tx, past)
			return err
		})
		if err != nil {
			return out, fmt.Errorf("purging events: %w", err)
		}
		out.Removed, out.Passed, out.Held = out.Removed+n, append(out.Passed, passed...), held
		if n == 0 || held != nil {
			return out, nil
		}
	}
}

// whole takes all that is due, up to the last whose event is there: how old those that
// are gone were, nothing but the ones behind them says.
func (s *Service) whole(due []idp.SealedEvent, before *idp.Purge) ([]idp.SealedEvent, []Fault) {
	for len(due) > 0 && due[len(due)-1].Columns == nil {
		due = due[:len(due)-1]
	}
	return due, s.wrong(due, before)
}

// wrong says what is wrong with the oldest entries. One whose secret is not configured
// here any more cannot be judged, and is not among them.
func (s *Service) wrong(due []idp.SealedEvent, before *idp.Purge) (faults []Fault) {
	w := &walk{s: s, expected: 1, before: [][]byte{nil}, each: func(f Fault) error {
		if f.Kind != FaultSecret {
			faults = append(faults, f)
		}
		return nil
	}}
	if before != nil {
		w.goOn(before)
	}
	for i := range due {
		_ = w.entry(&due[i]) // its error is that of each
	}
	return faults
}

// passedFacts adds what was passed to the facts of a round's event.
func passedFacts(facts map[string]any, passed []Fault) map[string]any {
	if len(passed) == 0 {
		return facts
	}
	var said []string
	for _, f := range passed[:min(len(passed), faultsTold)] {
		said = append(said, f.String())
	}
	facts["action_id"], facts["faults"], facts["fault_count"] = ActionPurgedPast, said, len(passed)
	return facts
}
