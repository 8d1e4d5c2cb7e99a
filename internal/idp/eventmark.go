package idp

import "time"

// EventMark is a place in the audit log, in the order of the commits; see
// Events.Tail. The zero value is the present. Only the storage looks into it.
type EventMark struct {
	Since string    // what had been committed when everything before was read
	At    time.Time // when that was, by the database's clock

	// A place within what was committed since then, until Until; "" = there is
	// nothing more to read of that.
	Until     string
	CreatedAt time.Time
	ID        EventID
}

// More reports whether Tail has more to tell at once.
func (m EventMark) More() bool { return m.Until != "" }
