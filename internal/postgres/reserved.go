package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// reserve makes the pool that only lockdowns use. One connection is opened in
// the background at once, and again whenever it broke; each is warmed, because
// the first statements of a cold one take many times longer.
func (db *DB) reserve(ctx context.Context, requests *pgxpool.Config, o Options) (*pgxpool.Pool, error) {
	config := requests.Copy()
	config.MinConns, config.MinIdleConns, config.MaxConns = 1, 1, lockdownConns
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if err := settle(ctx, conn, o.StatementTimeout); err != nil {
			return err
		}
		// What runs here looks rows up by their keys: planning it for the values at hand
		// takes longer than running it, and nothing is found by that.
		if _, err := conn.Exec(ctx, `SET plan_cache_mode = force_generic_plan`); err != nil {
			return err
		}
		if err := db.warm(ctx, conn); err != nil {
			db.log.WarnContext(ctx, "the reserved connection stays cold", "error", err)
		}
		return nil
	}
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), config)
	if err != nil {
		return nil, translate(err, "database")
	}
	return pool, nil
}

// warm runs what a lockdown, and making a lock, run, for a user that does not exist, and rolls it
// back: afterwards the statements are prepared and the server process has read
// the catalogue.
func (db *DB) warm(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	// How a transaction ends, together with what was written last.
	ended := &transaction{conn: conn, waiting: []write{{single("SELECT", nil).QueuedQueries[0], func(err error) error { return err }}}}
	if err := ended.Commit(ctx); err != nil {
		return err
	}
	tx := &transaction{conn: conn}
	defer func() { _ = tx.Rollback(ctx) }() // when that does not succeed, the connection is closed
	r := db.over(tx)
	nobody := &idp.User{Username: "-", Path: "-", Type: idp.UserInternal}
	_, hold := r.Users.Hold(ctx, 0)
	_, admins := users{tx}.countAdministrators(ctx, nil)
	_, holdings := r.Holder.Ending(ctx, 0)
	update := r.Users.Update(ctx, nobody)
	record := r.Lockdowns.Create(ctx, &idp.Lockdown{Username: "-"})
	event := r.Events.Append(ctx, idp.UserWriteEvent("postgres", idp.SystemActor(), nil, nil))
	job := r.Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobSweep})
	// And what making a lock runs, the triggers of its commit included.
	_, _, token := r.Tokens.Use(ctx, nil)
	_, named := r.Users.Find(ctx, idp.UserFilter{Usernames: []string{"-"}, Paging: idp.Paging{Limit: 1}})
	locked := r.Locks.Create(ctx, &idp.Lock{Target: idp.LockTarget{{Kind: idp.LockUser, Value: "-"}}, CreatedBy: "-"})
	_, told := tx.Exec(ctx, `SET CONSTRAINTS locks_feed IMMEDIATE`)
	for _, err := range []error{hold, admins, holdings, update, record, event, job, token, named, locked, told} {
		if err != nil && !idp.Is(err, idp.CodeNotFound) {
			return err
		}
	}
	return nil
}
