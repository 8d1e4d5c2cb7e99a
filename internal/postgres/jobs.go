package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// queue puts jobs into River's tables. It works none: that is the Worker.
type queue struct {
	client *river.Client[pgx.Tx]
	pause  time.Duration // before a sweep
}

// sweepPause is how long a sweep waits at least. What it sweeps has ended, so
// nobody waits for it, but the act that enqueues it does for the same processors
// while all servers are told.
const sweepPause = 2 * time.Second

func newQueue(pool *pgxpool.Pool, log *slog.Logger) (*queue, error) {
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Logger: quietly(log, new(atomic.Bool)),
		// River saves wake-up calls that follow one another within this time,
		// also when they belong to transactions that commit later, or never.
		FetchCooldown: river.FetchCooldownMin,
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the job queue: %w", err)
	}
	return &queue{client: client, pause: sweepPause}, nil
}

// sweepArgs names the work of ending rows of an old generation. The present
// generations make a later lockdown's job another one than an earlier's, so
// that dropping duplicates never drops work.
type sweepArgs struct {
	User     idp.UserID `json:"user"`
	Sessions int64      `json:"sessions"`
	Tokens   int64      `json:"tokens"`
}

// Kind implements river.JobArgs.
func (sweepArgs) Kind() string { return string(idp.JobSweep) }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (sweepArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true}}
}

// purgeArgs names the work of removing what has expired.
type purgeArgs struct{}

// Kind implements river.JobArgs.
func (purgeArgs) Kind() string { return string(idp.JobPurge) }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (purgeArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{UniqueOpts: river.UniqueOpts{ByPeriod: time.Minute}}
}

// mailArgs names the link whose mail is to be sent. It holds no key: that is
// made when the mail is sent.
type mailArgs struct {
	Link idp.LinkID `json:"link"`
}

// Kind implements river.JobArgs.
func (mailArgs) Kind() string { return string(idp.JobMail) }

// InsertOpts implements river.JobArgsWithInsertOpts. The pauses between the
// tries grow from a second to an hour (the fourth power of the try, in seconds).
func (mailArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: mailQueue, MaxAttempts: mailAttempts}
}

// messageArgs is a mail to one address. Recipient is the address regardless of
// case, to be counted by.
type messageArgs struct {
	Recipient string         `json:"recipient" river:"unique"`
	Subject   string         `json:"subject" river:"unique"`
	Text      string         `json:"text" river:"unique"`
	HTML      string         `json:"html,omitempty" river:"unique"`
	To        string         `json:"to"`
	Named     []string       `json:"named,omitempty"`
	CC        []string       `json:"cc,omitempty"`
	Stage     idp.StageID    `json:"stage,omitzero"`
	Number    idp.UUID       `json:"number,omitzero"`
	Policy    string         `json:"policy"`
	User      map[string]any `json:"user"`
}

func argsOf(m *idp.Message) messageArgs {
	return messageArgs{Recipient: strings.ToLower(m.To), Subject: m.Subject, Text: m.Text, HTML: m.HTML, To: m.To,
		Named: m.Named, CC: m.CC, Stage: m.Stage, Number: m.Number, Policy: m.Policy, User: m.User}
}

func (a messageArgs) message() idp.Message {
	return idp.Message{To: a.To, Named: a.Named, CC: a.CC, Subject: a.Subject, Text: a.Text, HTML: a.HTML,
		Stage: a.Stage, Number: a.Number, Policy: a.Policy, User: a.User}
}

// Kind implements river.JobArgs.
func (messageArgs) Kind() string { return string(idp.JobMessage) }

// InsertOpts implements river.JobArgsWithInsertOpts. Whoever loads a page again
// and again sends one mail.
func (messageArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: mailQueue, MaxAttempts: mailAttempts, UniqueOpts: river.UniqueOpts{ByArgs: true, ByPeriod: messageOnce}}
}

// message prepares a mail, unless its address was written to too often. Mails
// that were sent stay in the queue's table for a day.
func (r jobs) message(ctx context.Context, m *idp.Message) (args messageArgs, err error) {
	args = argsOf(m)
	var lately int
	err = r.q.QueryRow(ctx, `
		SELECT count(*) FROM river_job
		 WHERE kind = $1 AND args @> jsonb_build_object('recipient', $2::text) AND created_at > clock_timestamp() - $3::interval`,
		idp.JobMessage, args.Recipient, messageWindow).Scan(&lately)
	if err != nil {
		return args, wrap(err, "job", "counting the mails to an address")
	}
	if lately >= messageLimit {
		return args, &idp.Error{Code: idp.CodeRateLimited, Message: "The address was written to too often.", RetryAfter: messageWindow}
	}
	return args, nil
}

// jobs is the queue over a pool or a transaction.
type jobs struct {
	q     querier
	queue *queue
}

// Enqueue adds the job in the transaction it is called in. A sweep must be
// enqueued after the generation was raised.
func (r jobs) Enqueue(ctx context.Context, job idp.Job) error {
	var args river.JobArgs
	var opts *river.InsertOpts // nil = what the kind wants
	switch job.Kind {
	case idp.JobPurge:
		args = purgeArgs{}
	case idp.JobMail:
		args = mailArgs{Link: job.Link}
	case idp.JobMessage:
		if job.Message == nil {
			return &idp.Error{Code: idp.CodeInternal, Message: "A job without its message."}
		}
		message, err := r.message(ctx, job.Message)
		if err != nil {
			return err
		}
		args = message
	case idp.JobSweep:
		sweep := sweepArgs{User: job.User}
		err := r.q.QueryRow(ctx, `
			SELECT coalesce(max(session_generation), 0), coalesce(max(token_generation), 0) FROM users WHERE id = $1`,
			job.User).Scan(&sweep.Sessions, &sweep.Tokens)
		if err != nil {
			return wrap(err, "user", "enqueueing a sweep of user %d", job.User)
		}
		args = sweep
		if r.queue.pause > 0 {
			opts = &river.InsertOpts{ScheduledAt: time.Now().Add(r.queue.pause)}
		}
	default:
		return &idp.Error{Code: idp.CodeInternal, Message: fmt.Sprintf("There is no job %q.", job.Kind)}
	}
	var err error
	if tx, ok := r.q.(pgx.Tx); ok {
		_, err = r.queue.client.InsertTx(ctx, tx, args, opts)
	} else {
		_, err = r.queue.client.Insert(ctx, args, opts)
	}
	return wrap(err, "job", "enqueueing the job %s", job.Kind)
}
