package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// How many sessions there are: for the checks, and for what they cost in memory.
const (
	someSessions = 10_000
	manySessions = 100_000
)

const browserName = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

// sessions measures what it costs to answer for a session.
func sessions(ctx context.Context, r *report) error {
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
	cookies, err := fill(ctx, db, "check", someSessions)
	if err != nil {
		return err
	}
	if err := warm(ctx, r, p, cookies); err != nil {
		return err
	}
	if err := cold(ctx, r, p.db, cookies); err != nil {
		return err
	}
	return held(ctx, r, p.db, db)
}

// fill makes accounts with a session each and returns the sessions' cookies.
func fill(ctx context.Context, db *pgx.Conn, name string, n int) ([]string, error) {
	var first int32
	err := db.QueryRow(ctx, `WITH made AS (INSERT INTO users (uuid, username) SELECT gen_random_uuid(), $1 || i FROM generate_series(1, $2) i RETURNING id)
		SELECT min(id) FROM made`, name, n).Scan(&first)
	if err != nil {
		return nil, err
	}
	return mint(ctx, db, name, n, func(i int) int32 { return first + int32(i) })
}

// mint makes sessions of the accounts given and returns their cookies.
func mint(ctx context.Context, db *pgx.Conn, name string, n int, owner func(i int) int32) ([]string, error) {
	cookies := make([]string, n)
	rows := make([][]any, n)
	for i := range n {
		cookies[i] = fmt.Sprintf("%s-%d-of-the-sessions-that-are-measured", name, i)
		sum := sha256.Sum256([]byte(cookies[i]))
		rows[i] = []any{uuid.Must(uuid.NewV7()), owner(i), sum[:], 0, "password", time.Now().Add(time.Hour), "192.0.2.1", browserName}
	}
	if _, err := db.CopyFrom(ctx, pgx.Identifier{"sessions"},
		[]string{"id", "user_id", "digest", "generation", "auth_method", "expires_at", "ip", "user_agent"}, pgx.CopyFromRows(rows)); err != nil {
		return nil, err
	}
	_, err := db.Exec(ctx, "VACUUM (ANALYZE) sessions, users") // as a database is that was not filled this second
	return cookies, err
}

// pull is what a run of checks came to.
type pull struct {
	rate float64       // answers per second
	cost time.Duration // of the server's processor time for each
}

// once has each session asked for once.
const once = time.Duration(0)

// checks asks for sessions over all connections: each once, or over and over for as long,
// beginning anywhere.
func checks(ctx context.Context, p *process, transport http.RoundTripper, cookies []string, lasting time.Duration) (pull, error) {
	return pulls(ctx, p, transport, cookies, lasting, checked)
}

// pulls is checks by any request.
func pulls(ctx context.Context, p *process, transport http.RoundTripper, cookies []string, lasting time.Duration,
	ask func(ctx context.Context, client *http.Client, url, cookie string) error) (out pull, err error) {
	client := &http.Client{Transport: transport}
	before, err := p.cpu()
	if err != nil {
		return out, err
	}
	var answers, next atomic.Int64
	if lasting != once {
		next.Store(rand.Int64N(int64(len(cookies))))
	}
	var group sync.WaitGroup
	faults := make(chan error, connections)
	began := time.Now()
	for range connections {
		group.Go(func() {
			for lasting == once || time.Since(began) < lasting {
				i := int(next.Add(1) - 1)
				if lasting == once && i >= len(cookies) {
					return
				}
				if err := ask(ctx, client, p.URL, cookies[i%len(cookies)]); err != nil {
					faults <- err
					return
				}
				answers.Add(1)
			}
		})
	}
	group.Wait()
	took := time.Since(began)
	select {
	case err := <-faults:
		return out, err
	default:
	}
	after, err := p.cpu()
	return pull{float64(answers.Load()) / took.Seconds(), (after - before) / time.Duration(max(1, answers.Load()))}, err
}

// checked asks for one session; "" asks the bare handler.
func checked(ctx context.Context, client *http.Client, url, cookie string) error {
	path := "/-/session/"
	if cookie == "" {
		path = "/-/health/live/"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Cookie", "authentik_session="+cookie)
	request.Header.Set("User-Agent", browserName)
	return answered(client, request)
}

var bare = make([]string, connections)

// Rounds in which sessions in memory are checked: so short that the machine's speed, which
// doubles and halves within seconds, is the same in one of checks and in the next without.
const (
	warmRounds = 71 // of each kind
	warmFor    = 200 * time.Millisecond
)

// warm compares checks of sessions in memory with the bare handler (bar 1).
func warm(ctx context.Context, r *report, p *process, cookies []string) error {
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	if _, err := checks(ctx, p, transport, cookies, once); err != nil {
		return err
	}
	var rate, cost []float64
	for range warmRounds {
		yard, err := checks(ctx, p, transport, bare, warmFor)
		if err != nil {
			return err
		}
		check, err := checks(ctx, p, transport, cookies, warmFor)
		if err != nil {
			return err
		}
		rate, cost = append(rate, 100*check.rate/yard.rate), append(cost, float64(check.cost)/float64(yard.cost))
	}
	r.least("session check, warm, of the bare handler's rate", median(rate), 75, "%")
	r.bar("processor time of a check, times the bare handler's", median(cost), 1.3, "")
	return nil
}

// cold compares the first checks after a start with the bare handler (bar 2).
func cold(ctx context.Context, r *report, location string, cookies []string) error {
	var rate []float64
	for range loadRounds {
		p, err := launch(ctx, "PORTCULLIS_DATABASE_URL="+location)
		if err != nil {
			return err
		}
		transport := &http.Transport{MaxIdleConnsPerHost: connections}
		yard, err := checks(ctx, p, transport, bare, loadFor)
		if err == nil {
			var first pull
			if first, err = checks(ctx, p, transport, cookies, once); err == nil {
				rate = append(rate, 100*first.rate/yard.rate)
			}
		}
		transport.CloseIdleConnections()
		_ = p.stop()
		if err != nil {
			return err
		}
	}
	r.least("first check of a session after a start, of the bare rate", median(rate), 30, "%")
	return nil
}

// held measures what many live sessions cost in memory.
func held(ctx context.Context, r *report, location string, db *pgx.Conn) error {
	cookies, err := fill(ctx, db, "held", manySessions)
	if err != nil {
		return err
	}
	p, err := launch(ctx, "PORTCULLIS_DATABASE_URL="+location)
	if err != nil {
		return err
	}
	defer func() { _ = p.stop() }()
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	if _, err := checks(ctx, p, transport, bare, loadFor); err != nil {
		return err
	}
	before, _, err := p.memory()
	if err != nil {
		return err
	}
	if _, err := checks(ctx, p, transport, cookies, once); err != nil {
		return err
	}
	after, peak, err := p.memory()
	if err != nil {
		return err
	}
	r.bar("memory of 100,000 live sessions of as many accounts", (after-before)/1e6, 100, "MB")
	r.figure("resident memory with them, and at most", "%.0f MB, %.0f MB", after/1e6, peak/1e6)
	return nil
}
