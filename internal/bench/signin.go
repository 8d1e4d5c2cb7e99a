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

const (
	signIns    = 60 // in a row
	concurrent = 64 // at once
)

// signIn measures the yardsticks and bar 7.
func signIn(ctx context.Context, r *report) error {
	location, drop, err := database(ctx)
	if err != nil {
		return err
	}
	defer drop()
	p, err := launch(ctx, "PORTCULLIS_DATABASE_URL="+location)
	if err != nil {
		return err
	}
	defer func() { _ = p.stop() }()
	db, err := pgx.Connect(ctx, location)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	time.Sleep(3 * time.Second) // idle means that start-up is over
	idle, _, err := p.memory()
	if err != nil {
		return err
	}
	if err := yardsticks(ctx, r, p, db, location); err != nil {
		return err
	}
	if err := inARow(ctx, r, p, db); err != nil {
		return err
	}
	return atOnce(r, p, idle)
}

// inARow measures what a sign-in costs beside its hash.
func inARow(ctx context.Context, r *report, p *process, db *pgx.Conn) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	if err := newClient(p.URL, transport).signIn("admin", password); err != nil {
		return err // the first one warms everything up
	}
	hash, err := hashCPU(ctx)
	if err != nil {
		return err
	}
	writesBefore, err := writes(ctx, db)
	if err != nil {
		return err
	}
	before, err := p.cpu()
	if err != nil {
		return err
	}
	var took sample
	for range signIns {
		began := time.Now()
		if err := newClient(p.URL, transport).signIn("admin", password); err != nil {
			return err
		}
		took = append(took, time.Since(began))
	}
	after, err := p.cpu()
	if err != nil {
		return err
	}
	writesAfter, err := writes(ctx, db)
	if err != nil {
		return err
	}
	each := (after - before) / signIns
	r.figure("sign-in, three requests", "%s", took)
	r.figure("processor time of one sign-in, of one hash", "%s, %s", each.Round(10*time.Microsecond), hash.Round(10*time.Microsecond))
	r.bar("processor time of a sign-in beside its hash", milliseconds(each-hash), 5, "ms")
	// Background jobs write now and then; the next whole number below is ours.
	r.bar("commits of a sign-in", float64((writesAfter-writesBefore)/signIns), 3, "")
	return nil
}

// writes is how many transactions have written to the server so far.
func writes(ctx context.Context, db *pgx.Conn) (n int64, err error) {
	err = db.QueryRow(ctx, `SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint`).Scan(&n)
	return n, err
}

// hashCPU is the processor time of one verification, measured in this process.
func hashCPU(ctx context.Context) (time.Duration, error) {
	h := secret.New()
	encoded, err := h.Hash(ctx, password)
	if err != nil {
		return 0, err
	}
	const n = 20
	before, err := ownCPU()
	if err != nil {
		return 0, err
	}
	for range n {
		if _, err := h.Verify(ctx, encoded, password); err != nil {
			return 0, err
		}
	}
	after, err := ownCPU()
	return (after - before) / n, err
}

// atOnce measures the memory of many sign-ins at the same time. idle is what
// the server held before anybody had signed in.
func atOnce(r *report, p *process, idle float64) error {
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
	r.figure("resident memory, idle before", "%.1f MB", idle/1e6)
	bar := idle/1e6 + float64(runtime.NumCPU())*19*1.048576 + 20
	r.bar(fmt.Sprintf("resident memory at most, %d sign-ins at once (%d failed)", concurrent, failed), peak/1e6, bar, "MB")
	return nil
}
