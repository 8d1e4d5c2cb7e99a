package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/postgres"
)

const (
	manyEvents = 5_000_000
	eventBatch = 100 // events written with one statement
	eventPages = 120 // pages asked for with each filter, the first fifth of them to warm up
)

// writtenEvents measures how fast events are written, with a database that waits for
// the disk: one by one, each in a transaction of its own, and many with one statement.
func writtenEvents(ctx context.Context, r *report) error {
	return durable(ctx, func(location string) error {
		db, err := postgres.Open(ctx, location, postgres.Options{})
		if err != nil {
			return err
		}
		defer db.Close()
		var alone, one, many, commits []float64
		conn, err := pgx.Connect(ctx, location)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		if _, err := conn.Exec(ctx, "CREATE TABLE bare (n bigint)"); err != nil {
			return err
		}
		for range 3 {
			began, n := time.Now(), 0
			for ; time.Since(began) < guessing; n++ {
				if err := appendEvents(ctx, db, 1, n); err != nil {
					return err
				}
			}
			alone = append(alone, float64(n)/time.Since(began).Seconds())
			for began, n = time.Now(), 0; time.Since(began) < guessing; n++ {
				if _, err := conn.Exec(ctx, "INSERT INTO bare VALUES (1)"); err != nil {
					return err
				}
			}
			commits = append(commits, float64(n)/time.Since(began).Seconds())
			one = append(one, rate(func(i int) error { return appendEvents(ctx, db, 1, i) }))
			many = append(many, eventBatch*rate(func(i int) error { return appendEvents(ctx, db, eventBatch, i) }))
		}
		r.figure("events written a second by one, each with its commit", "%.0f", median(alone))
		r.figure("rows of one number written a second by one, without an index", "%.0f", median(commits))
		r.figure("events written a second by 64, each with its commit", "%.0f", median(one))
		r.figure("events written a second by 64, 100 with one statement", "%.0f", median(many))
		r.least("events written by one, % of the rows without an index", 100*median(alone)/median(commits), 25, "%")
		return followedEvents(ctx, r, location)
	})
}

// followedEvents measures what sealing and indexing cost that was written.
func followedEvents(ctx context.Context, r *report, location string) error {
	store, err := postgres.Open(ctx, location, postgres.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	service := audit.New(audit.Deps{Store: store, Access: access.New()})
	sealed, began := 0, time.Now()
	for more := true; more && sealed < 100_000; {
		round, err := service.Seal(ctx)
		if err != nil {
			return err
		}
		sealed, more = sealed+round.Sealed, round.More
	}
	r.figure("sealing one event, after it was written", "%.0f µs", microseconds(time.Since(began), sealed))
	began = time.Now()
	verified, err := service.Verify(ctx, idp.SystemActor(), audit.Query{}, func(f audit.Fault) error { return fmt.Errorf("a fault: %+v", f) })
	if err != nil {
		return err
	}
	r.bar("verifying 10,000 sealed events", 10_000*time.Since(began).Seconds()/float64(verified.Last), 2, "s")
	before, err := ownCPU()
	if err != nil {
		return err
	}
	began = time.Now()
	n, err := indexEvents(ctx, location)
	if err != nil {
		return err
	}
	took := time.Since(began)
	after, err := ownCPU()
	r.figure("indexing one event, after that", "%.0f µs, of which %.0f of this process's processor time", microseconds(took, n), microseconds(after-before, n))
	return err
}

func microseconds(d time.Duration, n int) float64 {
	return float64(d.Microseconds()) / float64(max(n, 1))
}

// appendEvents writes events as sign-ins leave them.
func appendEvents(ctx context.Context, db *postgres.DB, n, i int) error {
	all := make([]*idp.Event, n)
	for k := range all {
		who := (i*7919 + k*31) % 20_000
		all[k] = &idp.Event{Action: idp.ActionLoginFailed, App: "portcullis.login", ClientIP: netip.AddrFrom4([4]byte{10, byte(who % 7), byte(who / 7 % 250), 1}),
			User:  map[string]any{"pk": who, "username": fmt.Sprint("user-", who), "email": fmt.Sprint("user-", who, "@example.org")},
			Brand: map[string]any{"pk": "6e2c2c5e-8f4a-4d52-9a0a-000000000001", "app": "portcullis_brand", "model_name": "brand", "name": "Default"},
			Context: map[string]any{"auth_method": "password", "http_request": map[string]any{"path": executorPath, "method": "POST", "args": map[string]any{},
				"request_id": rand.Text(), "user_agent": browserName}}}
	}
	return db.InTx(ctx, func(tx idp.Repos) error { return tx.Events.AppendAll(ctx, all) })
}

// listedEvents measures the first page of 5,000,000 events with every filter, through
// the API and through the console.
func listedEvents(ctx context.Context, r *report) error {
	location, drop, err := database(ctx)
	if err != nil {
		return err
	}
	defer drop()
	env := []string{"PORTCULLIS_DATABASE_URL=" + location, "PORTCULLIS_BOOTSTRAP_TOKEN=" + adminKey, "PORTCULLIS_BOOTSTRAP_PASSWORD=" + password}
	p, err := launch(ctx, env...) // makes the tables
	if err != nil {
		return err
	}
	if err := p.stop(); err != nil {
		return err
	}
	db, err := pgx.Connect(ctx, location)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	began := time.Now()
	if err := fillEvents(ctx, db, manyEvents); err != nil {
		return err
	}
	var size, indexes string
	if err := db.QueryRow(ctx, "SELECT pg_size_pretty(pg_table_size('events')), pg_size_pretty(pg_indexes_size('events'))").Scan(&size, &indexes); err != nil {
		return err
	}
	r.figure("5,000,000 events and their indexes", "%s and %s, made in %s", size, indexes, time.Since(began).Round(time.Second))
	began = time.Now()
	if err := chainEvents(ctx, db, location); err != nil {
		return err
	}
	if err := db.QueryRow(ctx, "SELECT pg_size_pretty(pg_table_size('event_blocks')), pg_size_pretty(pg_relation_size('event_blocks_words_idx'))").Scan(&size, &indexes); err != nil {
		return err
	}
	r.figure("the words of these events and their index", "%s and %s, made in %s", size, indexes, time.Since(began).Round(time.Second))
	if p, err = launch(ctx, env...); err != nil {
		return err
	}
	defer func() { _ = p.stop() }()
	return pagesOfEvents(ctx, r, p)
}

func pagesOfEvents(ctx context.Context, r *report, p *process) error {
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	api := &http.Client{Transport: transport, Timeout: time.Minute}
	browser := newClient(p.URL, transport)
	if err := browser.signIn("admin", password); err != nil {
		return err
	}
	for _, f := range eventFilters {
		if !f.consoleOnly {
			if err := eventPage(ctx, r, "API, "+f.name, func(i int) error {
				_, err := send(ctx, api, http.MethodGet, p.URL+"/api/v3/events/events/?"+f.query(i, apiNames).Encode(), nil)
				return err
			}); err != nil {
				return err
			}
		}
		if f.apiOnly {
			continue
		}
		if err := eventPage(ctx, r, "console, "+f.name, func(i int) error {
			return browser.page(ctx, "/if/admin/events/?"+f.query(i, consoleNames).Encode())
		}); err != nil {
			return err
		}
	}
	return nil
}

// page opens a page of the console.
func (c *client) page(ctx context.Context, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path, nil)
	if err != nil {
		return err
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err = io.Copy(io.Discard, answer.Body); err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", path, answer.Status)
	}
	return err
}

// eventPage asks for the first page again and again.
func eventPage(ctx context.Context, r *report, name string, ask func(i int) error) error {
	var took sample
	spent := time.Now()
	for i := range eventPages {
		began := time.Now()
		if err := ask(i); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.missed = append(r.missed, name)
			r.figure(name, "after %s: %.100s", time.Since(began).Round(time.Millisecond), err.Error())
			return nil
		}
		clear := time.Since(spent) > 20*time.Second // that it takes long
		if i >= eventPages/5 || clear {
			took = append(took, time.Since(began))
		}
		if clear {
			break
		}
	}
	r.bar(fmt.Sprintf("%s (median %.1f ms), p99", name, milliseconds(took.at(50))), milliseconds(took.at(99)), 50, "ms")
	return ctx.Err()
}

// eventFilter is a filter of the list, by the console's names; of several values each
// is asked for in turn.
type eventFilter struct {
	name   string
	values map[string][]string
	// apiOnly and consoleOnly are those that the other does not have.
	apiOnly, consoleOnly bool
}

// apiNames and consoleNames are what the API and the console call a filter.
var (
	apiNames     = map[string]string{"since": "created__gt", "until": "created__lt"}
	consoleNames = map[string]string{}
)

func (f eventFilter) query(i int, names map[string]string) url.Values {
	q := url.Values{}
	for name, values := range f.values {
		value := values[i%len(values)]
		if api := names[name]; api != "" {
			name, value = api, value+"T00:00:00Z"
		}
		q.Set(name, value)
	}
	return q
}
