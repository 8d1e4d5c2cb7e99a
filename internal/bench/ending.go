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
	// heaps is how many accounts of each size have all their sessions ended.
	heaps = 15
)

// endings measures how fast the end of a session takes effect on another server,
// and whether ending many takes longer than ending one.
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
	if err := elsewhere(ctx, r, servers, db, location); err != nil {
		return err
	}
	return atOnceOrOne(ctx, r, servers[0], db)
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

// atOnceOrOne ends all sessions of accounts that have one, and of accounts that
// have ten thousand, in turns.
func atOnceOrOne(ctx context.Context, r *report, p *process, db *pgx.Conn) error {
	client := &http.Client{Timeout: time.Minute}
	var few, many sample
	for i := range heaps {
		for _, heap := range []struct {
			size int
			took *sample
		}{{1, &few}, {someSessions, &many}} {
			name := fmt.Sprintf("heap-%d-%d-", i, heap.size)
			var id int32
			if err := db.QueryRow(ctx, `INSERT INTO users (uuid, username) VALUES (gen_random_uuid(), $1) RETURNING id`, name).Scan(&id); err != nil {
				return err
			}
			if _, err := mint(ctx, db, name, heap.size, func(int) int32 { return id }); err != nil {
				return err
			}
			began := time.Now()
			if err := remove(ctx, client, fmt.Sprintf("%s/api/v3/core/authenticated_sessions/bulk_delete/?user_pks=%d", p.URL, id)); err != nil {
				return err
			}
			*heap.took = append(*heap.took, time.Since(began))
		}
	}
	r.figure("ending the only session of an account", "%s", few)
	r.figure("ending 10,000 sessions of an account", "%s", many)
	r.bar("ending 10,000 sessions, times ending one", float64(many.at(50))/float64(few.at(50)), 1.3, "")
	return nil
}
