package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// yardsticks measures what everything else is compared with.
func yardsticks(ctx context.Context, r *report, p *process, db *pgx.Conn) error {
	bare, err := times(2000, func() error { return fetch(p.URL + "/-/health/live/") })
	if err != nil {
		return err
	}
	one, err := times(2000, func() error { _, err := db.Exec(ctx, "SELECT 1"); return err })
	if err != nil {
		return err
	}
	if _, err := db.Exec(ctx, "CREATE TABLE yardstick (n bigint); INSERT INTO yardstick VALUES (0)"); err != nil {
		return err
	}
	update, err := times(500, func() error { _, err := db.Exec(ctx, "UPDATE yardstick SET n = n + 1"); return err })
	if err != nil {
		return err
	}
	notify, err := notified(ctx, db, p.db)
	if err != nil {
		return err
	}
	r.figure("yardstick: bare handler, one connection", "%s", bare)
	r.figure("yardstick: SELECT 1", "%s", one)
	r.figure("yardstick: committed single-row UPDATE", "%s", update)
	r.figure("yardstick: NOTIFY to a listener", "%s", notify)
	return nil
}

func times(n int, fn func() error) (sample, error) {
	var s sample
	for range n {
		began := time.Now()
		if err := fn(); err != nil {
			return nil, err
		}
		s = append(s, time.Since(began))
	}
	return s, nil
}

func fetch(url string) error {
	answer, err := http.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

func notified(ctx context.Context, db *pgx.Conn, location string) (sample, error) {
	listener, err := pgx.Connect(ctx, location)
	if err != nil {
		return nil, err
	}
	defer listener.Close(context.WithoutCancel(ctx))
	if _, err := listener.Exec(ctx, "LISTEN yardstick"); err != nil {
		return nil, err
	}
	return times(500, func() error {
		if _, err := db.Exec(ctx, "NOTIFY yardstick"); err != nil {
			return err
		}
		_, err := listener.WaitForNotification(ctx)
		return err
	})
}

// ownCPU is the processor time this process has used.
func ownCPU() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}
