package postgres

import (
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// HearEvents has heard called with each event that is written here, once it is
// committed. It must be quick, and change nothing of the event.
func (db *DB) HearEvents(heard func(*idp.Event)) { db.kept.Store(&heard) }

// noted are the events of a transaction that nobody was told of yet.
type noted struct{ events []*idp.Event }

func (n noted) tell(kept *atomic.Pointer[func(*idp.Event)]) {
	heard := kept.Load()
	if heard == nil {
		return
	}
	for _, e := range n.events {
		(*heard)(e)
	}
}

// savepoint is a part of a transaction. Its events are noted by the whole when the
// part is kept.
type savepoint struct {
	pgx.Tx
	noted noted
}

// notedOf is where events are noted until their transaction is committed; nil
// outside of one.
func notedOf(q querier) *noted {
	switch q := q.(type) {
	case *transaction:
		return &q.noted
	case *savepoint:
		return &q.noted
	}
	return nil
}
