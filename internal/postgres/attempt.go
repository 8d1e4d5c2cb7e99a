package postgres

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// attempts undoes parts of a transaction with savepoints.
type attempts struct {
	db *DB
	q  querier
}

// Try implements idp.Attempts.
func (a attempts) Try(ctx context.Context, fn func(tx idp.Repos) error) error {
	tx, err := a.q.Begin(ctx)
	if err != nil {
		return wrap(err, "database", "beginning a part of a transaction")
	}
	part := &savepoint{Tx: tx}
	if err := fn(a.db.over(part)); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = tx.Rollback(ctx) // when that does not succeed, the transaction fails as a whole
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return wrap(err, "database", "ending a part of a transaction")
	}
	if whole := notedOf(a.q); whole != nil {
		whole.events = append(whole.events, part.noted.events...)
	} else {
		part.noted.tell(&a.db.kept)
	}
	return nil
}
