package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// How the worker paces itself. New jobs wake it by LISTEN; polling is only the
// net below, so an idle server leaves the database alone.
const (
	batch         = 500
	workers       = 2
	mailQueue     = "mail" // of its own: a mail server that hangs holds up nothing else
	mailers       = 2
	mailAttempts  = 9
	pollInterval  = 10 * time.Second
	purgeInterval = 15 * time.Minute
	stopPatience  = 5 * time.Second
	messageOnce   = 5 * time.Minute // within which the same message is sent once
	messageWindow = time.Hour
	messageLimit  = 20 // messages to one address within the window
)

// Worker works the job queue in the background.
type Worker struct {
	db       *DB
	client   *river.Client[pgx.Tx]
	stopping atomic.Bool
}

// Mailer sends what was asked to be sent by mail.
type Mailer interface {
	// Deliver sends the mail of a link, if it is still to be sent. An error
	// means that it may be tried again, which does not happen after the last
	// try.
	Deliver(ctx context.Context, link idp.LinkID, last bool) error
	// DeliverMessage sends a mail to one address; its errors are those of Deliver.
	DeliverMessage(ctx context.Context, m idp.Message, last bool) error
}

// NewWorker prepares a worker over the database's pool. Without a mailer, mail
// stays in the queue. The chores are done beside its own work.
func (db *DB) NewWorker(mailer Mailer, chores ...Chore) (*Worker, error) {
	w := &Worker{db: db}
	register := river.NewWorkers()
	river.AddWorker(register, river.WorkFunc(func(ctx context.Context, job *river.Job[sweepArgs]) error {
		return db.sweep(ctx, job.Args.User)
	}))
	river.AddWorker(register, river.WorkFunc(func(ctx context.Context, _ *river.Job[purgeArgs]) error {
		return db.purge(ctx)
	}))
	queues := map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}}
	if mailer != nil {
		queues[mailQueue] = river.QueueConfig{MaxWorkers: mailers}
		river.AddWorker(register, river.WorkFunc(func(ctx context.Context, job *river.Job[mailArgs]) error {
			return mailer.Deliver(ctx, job.Args.Link, job.Attempt >= job.MaxAttempts)
		}))
		river.AddWorker(register, river.WorkFunc(func(ctx context.Context, job *river.Job[messageArgs]) error {
			return mailer.DeliverMessage(ctx, job.Args.message(), job.Attempt >= job.MaxAttempts)
		}))
	}
	addChores(register, chores)
	client, err := river.NewClient(riverpgxv5.New(db.pool), &river.Config{
		Logger:            quietly(db.log, &w.stopping),
		Workers:           register,
		Queues:            queues,
		FetchPollInterval: pollInterval,
		SoftStopTimeout:   stopPatience / 2,
		// Rebuilding indexes is the table owner's, which the server is not.
		ReindexerIndexNames: []string{},
		PeriodicJobs:        periodic(chores),
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the job worker: %w", err)
	}
	w.client = client
	return w, nil
}

// Start begins to work. The worker outlives ctx; Stop ends it.
func (w *Worker) Start(ctx context.Context) error {
	if err := w.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("starting the job worker: %w", err)
	}
	return nil
}

// Stop waits a few seconds for jobs under way, then cancels them; they are
// made to be tried again.
func (w *Worker) Stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	w.stopping.Store(true)
	if err := w.client.Stop(ctx); err != nil {
		w.db.log.WarnContext(ctx, "stopping the job worker", "error", err)
	}
}

// sweep ends what a raised generation has ended already, row by row, in
// batches small enough to hold nobody up.
func (db *DB) sweep(ctx context.Context, user idp.UserID) error {
	if err := db.recount(ctx, user); err != nil {
		return err
	}
	for _, some := range []func(context.Context, idp.UserID, int) (int, error){
		db.repos.Holder.SweepSessions, db.repos.Holder.SweepTokens, db.sweepGrants,
	} {
		if err := untilDone(func() (int, error) { return some(ctx, user, batch) }); err != nil {
			return err
		}
	}
	return nil
}

// purges are the rows that nobody needs any more. What happened to them stays
// in the audit log.
var purges = []struct{ what, sql string }{
	{"expired sessions", `DELETE FROM sessions WHERE id IN (
		SELECT id FROM sessions WHERE expires_at < clock_timestamp() - interval '24 hours' AND ended_at IS NULL LIMIT $1 FOR UPDATE SKIP LOCKED)`},
	{"idle sessions", `DELETE FROM sessions WHERE id IN (
		SELECT id FROM sessions WHERE idle_timeout > 0 AND last_seen_at < clock_timestamp() - make_interval(secs => idle_timeout) - interval '24 hours'
		   AND ended_at IS NULL LIMIT $1 FOR UPDATE SKIP LOCKED)`},
	{"ended sessions", `DELETE FROM sessions WHERE id IN (
		SELECT id FROM sessions WHERE ended_at < clock_timestamp() - interval '30 days' LIMIT $1 FOR UPDATE SKIP LOCKED)`},
	{"ends of sessions", `DELETE FROM session_ends WHERE (user_id, generation) IN (
		SELECT user_id, generation FROM session_ends WHERE ended_at < clock_timestamp() - interval '31 days' LIMIT $1 FOR UPDATE SKIP LOCKED)`},
	{"expired runs", `DELETE FROM runs WHERE id IN (
		SELECT id FROM runs WHERE expires_at < clock_timestamp() LIMIT $1 FOR UPDATE SKIP LOCKED)`},
	{"expired tokens", `DELETE FROM tokens WHERE id IN (
		SELECT id FROM tokens WHERE expiring AND expires_at < clock_timestamp() - interval '24 hours' AND revoked_at IS NULL LIMIT $1 FOR UPDATE SKIP LOCKED)`},
	{"expired reputations", `DELETE FROM reputations WHERE id IN (
		SELECT id FROM reputations WHERE expires_at < clock_timestamp() LIMIT $1 FOR UPDATE SKIP LOCKED)`},
	{"expired invitations", `DELETE FROM invitations WHERE id IN (
		SELECT id FROM invitations WHERE expires_at < clock_timestamp() - interval '30 days' LIMIT $1 FOR UPDATE SKIP LOCKED)`},
	{"expired consents", `DELETE FROM consents WHERE id IN (
		SELECT id FROM consents WHERE expires_at < clock_timestamp() LIMIT $1 FOR UPDATE SKIP LOCKED)`},
	{"known devices", `DELETE FROM known_devices WHERE id IN (
		SELECT id FROM known_devices WHERE expires_at < clock_timestamp() OR revoked_at < clock_timestamp() - interval '30 days'
		 LIMIT $1 FOR UPDATE SKIP LOCKED)`},
	{"proofs of second factors", `DELETE FROM factor_proofs WHERE (factor_id, browser) IN (
		SELECT p.factor_id, p.browser FROM factor_proofs p JOIN factors f ON f.id = p.factor_id JOIN users u ON u.id = f.user_id
		 WHERE p.generation <> u.session_generation
		    OR NOT EXISTS (SELECT FROM known_devices d WHERE d.digest = p.browser AND d.user_id = u.id AND ` + deviceKnown + `)
		 ORDER BY p.proved_at LIMIT $1 FOR UPDATE OF p SKIP LOCKED)`},
	{"expired links", `DELETE FROM links WHERE id IN (
		SELECT id FROM links WHERE expires_at < clock_timestamp() - interval '24 hours' LIMIT $1 FOR UPDATE SKIP LOCKED)`},
	{"changes that every server has heard of", `DELETE FROM changes WHERE seq IN (
		SELECT seq FROM changes WHERE at < clock_timestamp() - interval '1 hour' ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED)`},
	{"servers that are gone", `DELETE FROM replicas WHERE id IN (
		SELECT id FROM replicas WHERE seen_at < clock_timestamp() - interval '1 day' LIMIT $1 FOR UPDATE SKIP LOCKED)`},
	{"keys of tokens", `DELETE FROM token_keys WHERE token_id IN (
		SELECT k.token_id FROM token_keys k JOIN tokens t ON t.id = k.token_id JOIN users u ON u.id = t.user_id
		 WHERE k.expires_at < clock_timestamp() OR NOT ` + tokenLive + ` LIMIT $1 FOR UPDATE OF k SKIP LOCKED)`},
	{"revoked tokens", `DELETE FROM tokens WHERE id IN (
		SELECT id FROM tokens WHERE revoked_at < clock_timestamp() - interval '30 days' LIMIT $1 FOR UPDATE SKIP LOCKED)`},
}

func (db *DB) purge(ctx context.Context) error {
	for _, p := range purges {
		err := untilDone(func() (int, error) { return exec(ctx, db.pool, "row", "purging "+p.what, p.sql, batch) })
		if err != nil {
			return err
		}
	}
	return nil
}

// untilDone repeats a batch until it finds nothing.
func untilDone(some func() (int, error)) error {
	for {
		n, err := some()
		if err != nil || n == 0 {
			return err
		}
	}
}
