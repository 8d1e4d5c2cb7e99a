package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/secret"
)

// concurrent is how many sign in at once.
const concurrent = 64

// signIn measures the yardsticks and bar 7.
func signIn(ctx context.Context, r *report) error {
	p, end, err := served(ctx)
	if err != nil {
		return err
	}
	defer end()
	db, err := pgx.Connect(ctx, p.db)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if r.idle == 0 { // the part about size and start was left out
		time.Sleep(3 * time.Second) // idle means that start-up is over
		if r.idle, _, err = p.memory(); err != nil {
			return err
		}
		r.figure("resident memory, idle", "%.1f MB", r.idle/1e6)
	}
	if err := yardsticks(ctx, r, p, db); err != nil {
		return err
	}
	if err := inARow(ctx, r, p, db); err != nil {
		return err
	}
	return atOnce(r, p)
}

// inARow measures what a sign-in costs beside its hash. Sign-ins and bare
// hashes alternate one by one: a slower minute of the machine slows both, and
// between two of its hashes either process gives memory back as an idle one
// does, which the next hash pays for.
func inARow(ctx context.Context, r *report, p *process, db *pgx.Conn) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	signIn := func() error { return newClient(p.URL, transport).signIn("admin", password) }
	if err := signIn(); err != nil {
		return err // the first one warms everything up
	}
	hasher := secret.New()
	encoded, err := hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	verify := func() error { _, err := hasher.Verify(ctx, encoded, password); return err }
	var took, each, hash, beside sample
	var commits int64
	for range 90 {
		before, err := writes(ctx, db)
		if err != nil {
			return err
		}
		began := time.Now()
		signed, err := spent(p.cpu, signIn)
		if err != nil {
			return err
		}
		took = append(took, time.Since(began))
		after, err := writes(ctx, db)
		if err != nil {
			return err
		}
		commits += after - before
		bare, err := spent(ownCPU, verify)
		if err != nil {
			return err
		}
		each, hash, beside = append(each, signed), append(hash, bare), append(beside, signed-bare)
	}
	r.figure("sign-in, three requests", "%s", took)
	r.figure("processor time of one sign-in", "%s", each)
	r.figure("processor time of one hash", "%s", hash)
	r.bar("processor time of a sign-in beside its hash", milliseconds(beside.at(50)), 5, "ms")
	// Background jobs write now and then: the whole part is the sign-in's.
	r.bar("commits of a sign-in", float64(commits/int64(len(took))), 3, "")
	return nil
}

// settling is how long a process may go on after an act: collecting garbage,
// giving memory back. It belongs to the act.
const settling = 20 * time.Millisecond

// spent is the processor time of an act, on the clock given.
func spent(clock func() (time.Duration, error), act func() error) (time.Duration, error) {
	before, err := clock()
	if err != nil {
		return 0, err
	}
	if err := act(); err != nil {
		return 0, err
	}
	time.Sleep(settling)
	after, err := clock()
	return after - before, err
}

// writes is how many transactions have written to the server so far.
func writes(ctx context.Context, db *pgx.Conn) (n int64, err error) {
	err = db.QueryRow(ctx, `SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint`).Scan(&n)
	return n, err
}

// atOnce measures the memory of many sign-ins at the same time, against what an
// idle server holds (bar 10, of the same run).
func atOnce(r *report, p *process) error {
	if err := p.forgetPeak(); err != nil {
		return err
	}
	var group sync.WaitGroup
	faults := make(chan error, concurrent)
	for range concurrent {
		group.Go(func() { faults <- newClient(p.URL, &http.Transport{}).signIn("admin", password) })
	}
	group.Wait()
	close(faults)
	failed := 0
	for err := range faults {
		if err != nil {
			failed++
			r.figure("a sign-in failed", "%v", err)
		}
	}
	_, peak, err := p.memory()
	if err != nil {
		return err
	}
	bar := r.idle/1e6 + float64(runtime.NumCPU())*19*1.048576 + 20
	r.bar(fmt.Sprintf("resident memory at most, %d sign-ins at once (%d failed)", concurrent, failed), peak/1e6, bar, "MB")
	return nil
}
