package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// How often and how far apart a transaction that lost a race is tried again.
const (
	txAttempts = 5
	txPause    = 5 * time.Millisecond
)

// InTx implements idp.Store.
func (db *DB) InTx(ctx context.Context, fn func(tx idp.Repos) error) error {
	return db.retry(ctx, func() (int64, error) {
		conn, err := acquire(ctx, db.pool)
		if err != nil {
			return 0, err
		}
		return db.finish(ctx, conn, fn)
	})
}

// Lockdown implements idp.Store. When none of the reserved connections can be
// had (the server is out of connections), the pool has to do.
func (db *DB) Lockdown(ctx context.Context, fn func(tx idp.Repos) error) error {
	return db.retry(ctx, func() (int64, error) {
		conn, err := acquire(ctx, db.reserved)
		if err != nil && ctx.Err() == nil {
			db.log.WarnContext(ctx, "no reserved connection for a lockdown; using the pool", "error", err)
			conn, err = acquire(ctx, db.pool)
		}
		if err != nil {
			return 0, err
		}
		return db.finish(ctx, conn, fn)
	})
}

func acquire(ctx context.Context, pool *pgxpool.Pool) (*pgxpool.Conn, error) {
	conn, err := pool.Acquire(ctx)
	return conn, wrap(err, "database", "waiting for a database connection")
}

// errUseless is of a connection that was broken before anything was asked of it, as
// all are after a restart of the database.
var errUseless = errors.New("the connection was broken")

// retry runs a transaction again while it loses races, and waits until what it
// changed in the feed has taken effect.
func (db *DB) retry(ctx context.Context, attempt func() (change int64, err error)) error {
	broken := int32(0)
	for n := 1; ; n++ {
		change, err := attempt()
		if errors.Is(err, errUseless) && ctx.Err() == nil && broken < db.pool.Config().MaxConns+lockdownConns {
			broken, n = broken+1, 0 // nothing was done: another one is asked
			continue
		}
		if await := db.await.Load(); err == nil && change > 0 && await != nil {
			(*await)(ctx, change)
		}
		if n == txAttempts || !lostRace(err) {
			return err
		}
		pause := txPause << n
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
	}
}

// errLostRace is of a transaction that found out late that another one was first.
var errLostRace = &idp.Error{Code: idp.CodeBusy, Message: "The server is busy. Try again in a moment.", RetryAfter: busyPause}

// lostRace reports whether a transaction is to be tried again: PostgreSQL asks for
// it after a serialisation failure or a deadlock.
func lostRace(err error) bool {
	state := sqlState(err)
	return state == serialisationFailure || state == deadlockDetected || errors.Is(err, errLostRace)
}

// finish runs fn in a transaction, commits or rolls back, and gives the
// connection back. change is the last number that it was given in the change
// feed; 0 = it changed nothing there.
func (db *DB) finish(ctx context.Context, conn *pgxpool.Conn, fn func(tx idp.Repos) error) (change int64, err error) {
	defer conn.Release()
	takeChange(conn.Conn()) // of one that was rolled back at the last moment
	ctx, follow := db.follow(ctx, conn.Conn(), "transaction")
	defer func() { follow(err) }()
	tx := &transaction{conn: conn.Conn()}
	// Runs after a panic too. A caller that gave up must not keep the rollback
	// from being sent, or the row locks would stay until the timeout.
	defer func() {
		if err != nil && tx.undone() && conn.Conn().IsClosed() {
			err = errors.Join(errUseless, err)
		}
		if conn.Conn().PgConn().TxStatus() != 'I' {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			_ = tx.Rollback(ctx)
		}
	}()
	repos := db.over(tx)
	// Rides come first: what they hold, nobody waits for while it holds something else.
	rides := idp.RidesOf(ctx).Waiting()
	for _, ride := range rides {
		if err := ride.Do(ctx, repos); err != nil {
			return 0, err
		}
	}
	if err := fn(repos); err != nil {
		return 0, err
	}
	if err := tx.Commit(ctx); err != nil {
		if errors.Is(err, pgx.ErrTxCommitRollback) {
			return 0, &idp.Error{Code: idp.CodeInternal, Message: "The change was not kept.", Err: err}
		}
		return 0, wrap(err, "database", "committing a transaction")
	}
	if len(rides) > 0 {
		idp.RidesOf(ctx).Done(rides)
	}
	tx.noted.tell(&db.kept)
	return takeChange(conn.Conn()), nil
}

// Arrive implements idp.Store.
func (db *DB) Arrive(ctx context.Context) error {
	if len(idp.RidesOf(ctx).Waiting()) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return db.InTx(ctx, func(idp.Repos) error { return nil })
}

// Await has fn called after each transaction that changed something in the
// change feed, with the number of its last change and before InTx and Lockdown
// return.
func (db *DB) Await(fn func(ctx context.Context, change int64)) { db.await.Store(&fn) }
