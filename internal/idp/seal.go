package idp

import (
	"context"
	"time"
)

// SealSpan is longer than any transaction of ours lasts after it has written an
// event. An event that is older than that when the one before was sealed was not
// written when it says.
const SealSpan = time.Minute

// SealOrigin says how an event came into the chain.
type SealOrigin string

// The origins of entries.
const (
	SealCommit  SealOrigin = "commit"  // sealed moments after it was committed
	SealHistory SealOrigin = "history" // was there when the chain began
	SealLate    SealOrigin = "late"    // says that it is older than what was sealed before, and is meant to be
)

// Seal is an entry of the chain over the audit log.
type Seal struct {
	Seq      int64 // from 1, without gaps
	EventID  EventID
	Origin   SealOrigin
	Method   string
	KeyMark  string // which secret it was made with; "" = none
	SealedAt time.Time
	Mark     string // the SealMark behind it, in the last entry of a round; "" = none
	Value    []byte
}

// SealMark is up to where events are in the chain. Only the storage looks into it.
// The zero value is the beginning.
type SealMark struct {
	// What is not read yet says that it is from behind Floor; between Floor and At
	// only what was under way then.
	Floor  time.Time  `json:"floor,omitzero"`
	Since  string     `json:"since,omitempty"`  // what had been committed when everything before was read; "" = see Until
	At     time.Time  `json:"at,omitzero"`      // when that was, by the database's clock
	Origin SealOrigin `json:"origin,omitempty"` // of what is read up to Until; "" = SealCommit

	// A place within what was committed until then; "" = all of it is read.
	Until     string    `json:"until,omitempty"`
	UntilAt   time.Time `json:"until_at,omitzero"`
	UntilFrom time.Time `json:"until_from,omitzero"` // the Floor of the mark behind it
	CreatedAt time.Time `json:"created_at,omitzero"`
	ID        EventID   `json:"id,omitzero"`
}

// More reports whether Unsealed has more to tell at once.
func (m SealMark) More() bool { return m.Until != "" }

// EventRow is an event's row as the database writes it.
type EventRow struct {
	ID        EventID
	CreatedAt time.Time
	Columns   []*string // in the order of the table; nil = NULL
}

// SealedEvent is an entry with its event as it is now.
type SealedEvent struct {
	Seal
	Columns []*string // of the event's row; nil = there is no such event
}

// Seals stores the chain over the audit log. It grows and is read, nothing else.
type Seals interface {
	// Hold makes this transaction the only one that seals; held is false while
	// another one is, unless wait is set.
	Hold(ctx context.Context, wait bool) (held bool, err error)
	// Last returns the newest entry and the newest mark; nil = there is none.
	Last(ctx context.Context) (*Seal, *SealMark, error)
	// Unsealed returns events behind the mark that are in no entry, in the order
	// of their commits, the mark behind them, and the database's time.
	Unsealed(ctx context.Context, m SealMark) ([]EventRow, SealMark, time.Time, error)
	// Strays returns events that are in no entry and say that they are from before
	// a time, by ID, from behind one on.
	Strays(ctx context.Context, before time.Time, after EventID, limit int) ([]EventRow, error)
	// Pending counts the events in no entry that say that they are not.
	Pending(ctx context.Context, since time.Time) (int, error)
	Append(ctx context.Context, entries []Seal) error
	// From lists entries with their events, by number.
	From(ctx context.Context, seq int64, limit int) ([]SealedEvent, error)

	// Purges lists what retention has removed, by number, from behind one on.
	Purges(ctx context.Context, after int64, limit int) ([]Purge, error)
	// LastPurge returns the newest record; nil = there is none.
	LastPurge(ctx context.Context) (*Purge, error)
	// Due returns the oldest entries behind a number, with their events, up to the
	// first event that is to stay when events are kept for so many days: none younger
	// than a week, and none of the newest entries. An event that is gone keeps its
	// place. until is when the newest of these events was created, at the database's time.
	Due(ctx context.Context, after int64, days, limit int) (found []SealedEvent, until, at time.Time, err error)
	// Purge removes the entries of a record and their events, and stores the record.
	// Storage refuses what Due would not return.
	Purge(ctx context.Context, p *Purge) error
}

// Purge is the record of entries that retention removed together with their events,
// oldest first. The chain goes on behind the last one.
type Purge struct {
	N           int64 // from 1, without gaps
	First, Last int64 // the entries
	// Past says that some of them, or of their events, may be gone already. It is not
	// part of the record.
	Past bool
	// Anchor is the seal of the last one, and AnchorMethod its method.
	Anchor       []byte
	AnchorMethod string
	Until        time.Time // when the newest event of them was created
	Days         int       // how long events were kept then
	At           time.Time
	Method       string
	KeyMark      string // as of a Seal
	Value        []byte // the seal of the record
}
