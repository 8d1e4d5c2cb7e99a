package main

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	adminKey = "bench-key-of-the-administrator"
	// single is how many sessions are ended one by one.
	single = 300
)

// endings measures how fast the end of a session takes effect on another server.
func endings(ctx context.Context, r *report) error {
	location, drop, err := database(ctx)
	if err != nil {
		return err
	}
	defer drop()
	var servers [2]*process
	for i := range servers {
		if servers[i], err = launch(ctx, "PORTCULLIS_DATABASE_URL="+location, "PORTCULLIS_BOOTSTRAP_TOKEN="+adminKey); err != nil {
			return err
		}
		defer func() { _ = servers[i].stop() }()
	}
	db, err := pgx.Connect(ctx, location)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	return elsewhere(ctx, r, servers, db, location)
}

// elsewhere ends sessions on one server while the other one is asked for them all
// the time.
func elsewhere(ctx context.Context, r *report, servers [2]*process, db *pgx.Conn, location string) error {
	cookies, err := fill(ctx, db, "end", single)
	if err != nil {
		return err
	}
	ids, err := identifiers(ctx, db)
	if err != nil {
		return err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var last, answer sample
	late := 0
	for i := range single {
		if err := checked(ctx, client, servers[1].URL, cookies[i]); err != nil {
			return err
		}
		var answeredAt atomic.Int64
		began := time.Now()
		done := make(chan struct{})
		var accepted time.Duration // when the last check that was accepted was asked
		go func() {
			defer close(done)
			for {
				asked := time.Since(began)
				if checked(ctx, client, servers[1].URL, cookies[i]) != nil {
					return
				}
				accepted = asked
			}
		}()
		err := remove(ctx, client, servers[0].URL+"/api/v3/core/authenticated_sessions/"+ids[i]+"/")
		answeredAt.Store(int64(time.Since(began)))
		if err != nil {
			return err
		}
		<-done
		if accepted > time.Duration(answeredAt.Load()) {
			late++
		}
		last, answer = append(last, accepted), append(answer, time.Duration(answeredAt.Load()))
	}
	heard, err := notified(ctx, db, location)
	if err != nil {
		return err
	}
	r.figure("ended on one server: answered", "%s p99 %s", answer, answer.at(99).Round(10*time.Microsecond))
	r.figure("from the click to the last check accepted by the other", "%s p99 %s", last, last.at(99).Round(10*time.Microsecond))
	r.figure("NOTIFY to a listener in the same run", "%s p99 %s", heard, heard.at(99).Round(10*time.Microsecond))
	r.bar("checks accepted after the answer", float64(late), 0, fmt.Sprintf("of %d", single))
	return nil
}

func identifiers(ctx context.Context, db *pgx.Conn) ([]string, error) {
	rows, err := db.Query(ctx, `SELECT s.id::text FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.username LIKE 'end%' ORDER BY u.id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func remove(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodDelete, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+adminKey)
	return answered(client, request)
}
