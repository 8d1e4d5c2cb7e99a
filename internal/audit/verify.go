package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// stretch is how much of the chain is in memory at once.
const stretch = 1000

// FaultKind says what was found.
type FaultKind string

// The kinds of faults.
const (
	FaultAltered  FaultKind = "altered"   // the event or its entry is not as it was sealed, or another one stands there
	FaultRemoved  FaultKind = "removed"   // the entry is there, the event is not
	FaultMissing  FaultKind = "missing"   // entries are gone
	FaultInserted FaultKind = "inserted"  // the event is in no entry, and says that it is older than what is
	FaultCut      FaultKind = "cut"       // the newest entries are gone, or replaced
	FaultSecret   FaultKind = "secret"    // made with a secret that is not here
	FaultUnkeyed  FaultKind = "downgrade" // made without a secret behind entries with one
	FaultRecord   FaultKind = "record"    // the record of what retention removed is not as it was sealed
)

// Fault is something that is not as it was sealed.
type Fault struct {
	Kind  FaultKind
	Entry int64        // 0 = none
	Last  int64        // of several entries the last; otherwise as Entry
	Event *idp.EventID // nil = not known, or several
}

// String says it to people.
func (f Fault) String() string {
	where, what := "", map[FaultKind]string{
		FaultAltered:  "is not as it was sealed: it was changed, or stands in another one's place",
		FaultRemoved:  "the event was removed",
		FaultMissing:  "removed from the chain, with their events or without; what comes right behind cannot be judged",
		FaultInserted: "was inserted: it is in no entry, and says that it is older than what is sealed",
		FaultCut:      "is not the one that was noted: the newest entries were removed or replaced",
		FaultSecret:   "cannot be judged: sealed with a secret that is not configured here",
		FaultUnkeyed:  "was sealed without a secret although the ones before have one",
		FaultRecord:   "the record that retention removed them is not as it was sealed, or is forged",
	}[f.Kind]
	switch {
	case f.Entry > 0 && f.Last > f.Entry:
		where = fmt.Sprintf("entries %d to %d", f.Entry, f.Last)
	case f.Entry > 0:
		where = fmt.Sprintf("entry %d", f.Entry)
	}
	if f.Event != nil && where != "" {
		where += " (event " + f.Event.String() + ")"
	} else if f.Event != nil {
		where = "event " + f.Event.String()
	}
	if f.Kind == FaultRemoved || f.Kind == FaultMissing || f.Kind == FaultRecord {
		where += ":"
	}
	return where + " " + what
}

// Query says what to verify.
type Query struct {
	From int64 // the first entry; 0 = 1, or the first that was not purged. The one before is taken for right.
	Head *Head // noted earlier; nil = none
	// Most ends the walk after so many entries, and MostFaults after so many faults;
	// 0 = never.
	Most, MostFaults int64
}

// Report is what came of it.
type Report struct {
	First, Last int64 // what was looked at; Last < First = nothing
	Faults      int64
	Head        *Head // the newest entry; nil = there is none, or Next
	Next        int64 // where to go on; 0 = this is the end
	Pending     int   // the newest events, not sealed yet
	Unkeyed     int64 // entries that whoever can write the database could have made
	History     int64 // entries for what was there when the chain began
	Late        int64 // entries that were made later on somebody's word
	// Purged is the last entry that retention removed, on record; 0 = none. HeadPurged
	// is true where the head that was noted is among them: nothing can be said of it.
	Purged     int64
	HeadPurged bool
}

// walk is one verification.
type walk struct {
	s        *Service
	q        Query
	each     func(Fault) error
	report   Report
	expected int64
	before   [][]byte // what the next entry may have been made behind; nil = not known
	keyed    bool
	open     *Fault     // may be followed by more of the kind
	anchor   *idp.Purge // the last record of purges that is right; nil = there is none
}

// Verify walks the chain and calls each with every fault, in the order of the
// entries. Errors: CodeForbidden; CodeInvalid for a From there cannot be; CodeBusy
// while this server verifies for somebody else; those of each.
func (s *Service) Verify(ctx context.Context, actor idp.Actor, q Query, each func(Fault) error) (*Report, error) {
	if err := s.Access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceEvent}); err != nil {
		return nil, err
	}
	select {
	case s.verify <- struct{}{}:
		defer func() { <-s.verify }()
	default:
		return nil, &idp.Error{Code: idp.CodeBusy, Message: "The audit log is being verified already: try again later."}
	}
	if q.From == 0 {
		q.From = 1
	}
	w := &walk{s: s, q: q, each: each, expected: q.From}
	w.report.First, w.report.Last = q.From, q.From-1
	if err := w.run(ctx); err != nil {
		return nil, fmt.Errorf("verifying the audit log: %w", err)
	}
	return &w.report, nil
}

func (w *walk) run(ctx context.Context) error {
	seals := w.s.Store.Repos().Seals
	if err := w.begin(ctx, seals); err != nil {
		return err
	}
	for w.report.Next == 0 {
		entries, err := seals.From(ctx, w.expected, stretch)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			break
		}
		if entries[0].Seq > w.expected { // they may have been purged meanwhile
			if err := w.follow(ctx, seals); err != nil {
				return err
			}
		}
		for i := range entries {
			if err := w.entry(&entries[i]); err != nil {
				return err
			}
			if w.full() {
				w.report.Next = w.expected
				break
			}
		}
	}
	if w.anchor != nil && w.expected == w.anchor.Last+1 { // the newest entries are never purged
		if err := w.fault(Fault{Kind: FaultMissing, Entry: w.expected, Last: w.expected}); err != nil {
			return err
		}
	}
	if err := w.close(); err != nil || w.report.Next > 0 {
		return err
	}
	return w.end(ctx, seals)
}

func (w *walk) full() bool {
	return w.q.Most > 0 && w.expected-w.q.From >= w.q.Most || w.q.MostFaults > 0 && w.report.Faults >= w.q.MostFaults
}

// begin takes the entry before the first for right.
func (w *walk) begin(ctx context.Context, seals idp.Seals) error {
	if w.q.From < 1 {
		return idp.Invalid("from", "Must be a whole number from 1 on.")
	}
	if begun, err := w.beginBehind(ctx, seals); begun || err != nil {
		return err
	}
	if w.q.From == 1 {
		w.before = [][]byte{nil}
		return nil
	}
	found, err := seals.From(ctx, w.q.From-1, 1)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return idp.Invalid("from", "There is no entry %d: the chain ends before it.", w.q.From)
	}
	if found[0].Seq == w.q.From-1 {
		w.before, w.keyed = [][]byte{found[0].Value}, found[0].Method != methodPlain
	}
	return nil
}

// entry judges one.
func (w *walk) entry(e *idp.SealedEvent) error {
	if e.Seq > w.expected {
		if err := w.fault(Fault{Kind: FaultMissing, Entry: w.expected, Last: e.Seq - 1}); err != nil {
			return err
		}
		w.before = nil
	}
	w.expected, w.report.Last = e.Seq+1, e.Seq
	w.count(&e.Seal)
	unkeyed := e.Method == methodPlain
	kind, computed := w.judge(e)
	if kind == "" && unkeyed && w.keyed {
		kind = FaultUnkeyed
	}
	w.keyed = w.keyed || !unkeyed
	// Where the value itself was changed, the next one was made behind what it was.
	w.before = append([][]byte{e.Value}, computed...)
	if kind == "" {
		return nil
	}
	event := e.EventID
	return w.fault(Fault{Kind: kind, Entry: e.Seq, Last: e.Seq, Event: &event})
}

// judge returns what is wrong with an entry, "" = nothing, and which values it
// would have had.
func (w *walk) judge(e *idp.SealedEvent) (FaultKind, [][]byte) {
	if e.Columns == nil {
		return FaultRemoved, nil
	}
	var computed [][]byte
	for _, before := range w.before {
		value, known := valueOf(w.s.Keys, before, &e.Seal, e.Columns)
		if !known {
			if e.Method == methodKeyed {
				return FaultSecret, nil
			}
			return FaultAltered, nil
		}
		if same(value, e.Value) {
			return "", nil
		}
		computed = append(computed, value)
	}
	if w.before == nil { // behind a gap nothing can be said
		return "", nil
	}
	return FaultAltered, computed[:min(len(computed), 2)]
}

func (w *walk) count(s *idp.Seal) {
	if s.Method == methodPlain {
		w.report.Unkeyed++
	}
	switch s.Origin {
	case idp.SealHistory:
		w.report.History++
	case idp.SealLate:
		w.report.Late++
	}
}

// fault tells of one. Entries in a row that cannot be judged are one.
func (w *walk) fault(f Fault) error {
	if w.open != nil && f.Kind == FaultSecret && w.open.Last == f.Entry-1 {
		w.open.Last, w.open.Event = f.Last, nil
		return nil
	}
	if err := w.close(); err != nil {
		return err
	}
	w.report.Faults++
	if f.Kind == FaultSecret {
		w.open = &f
		return nil
	}
	return w.each(f)
}

func (w *walk) close() error {
	if w.open == nil {
		return nil
	}
	f := *w.open
	w.open = nil
	return w.each(f)
}

// end compares the head, and looks for events that are in no entry.
func (w *walk) end(ctx context.Context, seals idp.Seals) error {
	last, mark, err := seals.Last(ctx)
	if err != nil {
		return err
	}
	if last != nil {
		w.report.Head = &Head{Seq: last.Seq, Value: last.Value}
	}
	if err := w.noted(ctx, seals); err != nil {
		return err
	}
	var bound time.Time // while the chain is being begun, everything is still to be sealed
	if mark != nil && !mark.At.IsZero() {
		bound = mark.At.Add(-idp.SealSpan)
		if err := w.strays(ctx, seals, bound); err != nil {
			return err
		}
	}
	w.report.Pending, err = seals.Pending(ctx, bound)
	return err
}

// noted judges the head that somebody has noted.
func (w *walk) noted(ctx context.Context, seals idp.Seals) error {
	h := w.q.Head
	if h == nil {
		return nil
	}
	if w.anchor != nil && h.Seq < w.anchor.Last {
		w.report.HeadPurged = true
		return nil
	}
	if w.anchor != nil && h.Seq == w.anchor.Last && same(h.Value, w.anchor.Anchor) {
		return nil
	}
	found, err := seals.From(ctx, h.Seq, 1)
	if err != nil || len(found) == 1 && found[0].Seq == h.Seq && same(found[0].Value, h.Value) {
		return err
	}
	return w.fault(Fault{Kind: FaultCut, Entry: h.Seq, Last: h.Seq})
}

// strays tells of events that are in no entry.
func (w *walk) strays(ctx context.Context, seals idp.Seals, bound time.Time) error {
	for after := (idp.EventID{}); ; {
		found, err := seals.Strays(ctx, bound, after, stretch)
		if err != nil {
			return err
		}
		for i := range found {
			after = found[i].ID
			if err := w.fault(Fault{Kind: FaultInserted, Event: &found[i].ID}); err != nil {
				return err
			}
		}
		if len(found) < stretch {
			return nil
		}
	}
}
