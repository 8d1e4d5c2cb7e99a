package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

// usualLocks is how many locks there are while sessions are checked.
const usualLocks = 100_000

// locked measures servers with locks: what many cost in memory (bar 10) and in
// checks of sessions (bar 1), and listing them (bar 9).
func locked(ctx context.Context, r *report) error {
	location, drop, err := database(ctx)
	if err != nil {
		return err
	}
	defer drop()
	env := []string{"PORTCULLIS_DATABASE_URL=" + location, "PORTCULLIS_BOOTSTRAP_TOKEN=" + adminKey}
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
	if err := withLocks(ctx, r, env, db); err != nil {
		return err
	}
	return listed(ctx, r, env, db)
}

// pour makes locks without telling servers, which load them when they start. The disk has
// them when it returns, so that nobody writes them while they are asked for.
func pour(ctx context.Context, db *pgx.Conn, name string, n int) error {
	for _, statement := range []string{"SET session_replication_role = replica",
		fmt.Sprintf(`INSERT INTO locks (id, target, message, created_by, created_at) SELECT gen_random_uuid(), jsonb_build_object('user', '%s-' || i), 'Suspicious activity.', 'bench',
			now() - i * interval '1 second' FROM generate_series(1, %d) i`, name, n),
		"SET session_replication_role = DEFAULT", "VACUUM (ANALYZE) locks", "CHECKPOINT"} {
		if _, err := db.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// withLocks measures a server that holds many locks.
func withLocks(ctx context.Context, r *report, env []string, db *pgx.Conn) error {
	if err := pour(ctx, db, "held", usualLocks); err != nil {
		return err
	}
	cookies, err := fill(ctx, db, "free", someSessions)
	if err != nil {
		return err
	}
	p, err := launch(ctx, env...)
	if err != nil {
		return err
	}
	defer func() { _ = p.stop() }()
	r.figure("start with 100,000 locks", "%s", p.Ready.Round(time.Millisecond))
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	if _, err := checks(ctx, p, transport, cookies, once); err != nil {
		return err
	}
	transport.CloseIdleConnections()
	time.Sleep(8 * time.Second) // idle: what starting and loading left is collected
	now, _, err := p.memory()
	if err != nil {
		return err
	}
	r.bar("idle memory, 100,000 locks and 10,000 sessions", now/1e6, 75, "MB")
	return warm(ctx, r, p, cookies)
}

// listed asks for pages of 50 of a million locks, at the beginning and far down.
func listed(ctx context.Context, r *report, env []string, db *pgx.Conn) error {
	if err := pour(ctx, db, "more", manyLocks-usualLocks); err != nil {
		return err
	}
	p, err := launch(ctx, env...)
	if err != nil {
		return err
	}
	defer func() { _ = p.stop() }()
	r.figure("start with 1,000,000 locks", "%s", p.Ready.Round(time.Millisecond))
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var first, deep sample
	cursor, err := places(ctx, db)
	if err != nil {
		return err
	}
	for i := range 2050 {
		for _, c := range []struct {
			cursor string
			took   *sample
		}{{"", &first}, {cursor[i%len(cursor)], &deep}} {
			began := time.Now()
			if _, err := send(ctx, client, http.MethodGet, p.URL+"/api/v3/locks/?page_size=50&cursor="+c.cursor, nil); err != nil {
				return err
			}
			if i >= 50 { // warm
				*c.took = append(*c.took, time.Since(began))
			}
		}
	}
	yard, err := times(500, func() error { return fetch(p.URL + "/-/health/live/") })
	if err != nil {
		return err
	}
	r.figure("page of 50 of 1,000,000 locks, the first", "%s p99 %s", first, first.at(99).Round(10*time.Microsecond))
	r.figure("bare handler in the same run", "%s p99 %s", yard, yard.at(99).Round(10*time.Microsecond))
	r.bar("page of 50 of 1,000,000 locks, anywhere, p99", milliseconds(deep.at(99)), 5, "ms")
	r.bar("far down, times the first page", float64(deep.at(50))/float64(first.at(50)), 1.5, "")
	for _, search := range []struct{ what, text string }{{"nothing has", "nowhere"}, {"one has", "more-4711"}, {"all have", "suspicious"}} {
		took, err := times(20, func() error {
			_, err := send(ctx, client, http.MethodGet, p.URL+"/api/v3/locks/?page_size=50&cursor=&search="+search.text, nil)
			return err
		})
		if err != nil {
			return err
		}
		r.figure("search of 1,000,000 locks for what "+search.what, "%s", took)
	}
	var made sample
	for i := range 100 {
		began := time.Now()
		if _, err := send(ctx, client, http.MethodPost, p.URL+"/api/v3/locks/", map[string]any{"target": map[string]any{"user": fmt.Sprint("late-", i)}}); err != nil {
			return err
		}
		made = append(made, time.Since(began))
	}
	r.figure("making a lock over the API beside 1,000,000", "%s", made)
	return nil
}

// send makes a request of the administrator and returns the answer's body.
func send(ctx context.Context, client *http.Client, method, url string, body any) ([]byte, error) {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+adminKey)
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %s", method, url, answer.Status, raw)
	}
	return raw, err
}

// places are cursors all over the list, as the API writes them.
func places(ctx context.Context, db *pgx.Conn) ([]string, error) {
	rows, err := db.Query(ctx, `SELECT created_at, id::text FROM locks TABLESAMPLE BERNOULLI (0.02)`)
	if err != nil {
		return nil, err
	}
	var out []string
	for rows.Next() {
		var at time.Time
		var id string
		if err := rows.Scan(&at, &id); err != nil {
			return nil, err
		}
		out = append(out, base64.RawURLEncoding.EncodeToString([]byte(at.UTC().Format(time.RFC3339Nano)+" "+id)))
	}
	return out, rows.Err()
}
