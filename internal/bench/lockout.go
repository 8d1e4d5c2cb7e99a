package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/embedded"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/postgres/migration"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

const (
	guessers     = 64                      // attempts at once
	guessing     = 1500 * time.Millisecond // how long a round of them takes
	manyLockouts = 1_000_000
	alikeSamples = 2000 // of each kind
)

// lockouts measures counting attempts (bar 8) and listing lockouts (bar 9).
func lockouts(ctx context.Context, r *report) error {
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
	if err := durably(ctx, r); err != nil {
		return err
	}
	db, err := pgx.Connect(ctx, location)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	return lockedList(ctx, r, env, db)
}

// durably measures counting with a database of its own that writes to the disk, as
// PostgreSQL does where nobody has told it otherwise: what is measured is how many
// attempts one wait for the disk is enough for.
func durably(ctx context.Context, r *report) error {
	return durable(ctx, func(location string) error { return counting(ctx, r, location) })
}

// durable does something with such a database.
func durable(ctx context.Context, do func(location string) error) error {
	dir, err := os.MkdirTemp("", "portcullis-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := embedded.Start(ctx, embedded.Config{DataDir: dir})
	if err != nil {
		return err
	}
	defer func() { _ = db.Stop(context.WithoutCancel(ctx)) }()
	if err := migration.Up(ctx, db.URL(), slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	return do(db.URL())
}

// counting measures attempts without what is compared, against the database alone.
func counting(ctx context.Context, r *report, location string) error {
	db, err := postgres.Open(ctx, location, postgres.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	keys, err := secret.NewSealer([]byte(secret.Token()))
	if err != nil {
		return err
	}
	view := lockout.NewView(db)
	view.Follow(lasting{})
	s := lockout.New(lockout.Deps{Store: db, Access: access.New(), View: view, Keys: keys})
	pool, err := pgxpool.New(ctx, location)
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, "CREATE TABLE hot (n bigint); INSERT INTO hot VALUES (0); CREATE TABLE own (id int PRIMARY KEY, n bigint); INSERT INTO own SELECT i, 0 FROM generate_series(0, 63) i"); err != nil {
		return err
	}
	var counted, distinct, one, hot, own []float64
	var used []float64
	for range 3 {
		counted = append(counted, rate(func(i int) error { return guess(ctx, s, uuid.New()) }))
		distinct = append(distinct, rate(func(i int) error { return attempt(ctx, s, uuid.New(), "", false) }))
		subject := uuid.New()
		one = append(one, rate(func(i int) error { return attempt(ctx, s, subject, "", true) }))
		hot = append(hot, rate(func(int) error { _, err := pool.Exec(ctx, "UPDATE hot SET n = n + 1"); return err }))
		own = append(own, rate(func(i int) error { _, err := pool.Exec(ctx, "UPDATE own SET n = n + 1 WHERE id = $1", i); return err }))
	}
	r.figure("failed attempts a second, each of another account", "%.0f", median(distinct))
	r.figure("the same without their events and reputations", "%.0f (%.2f times the UPDATEs of one row)", median(counted), median(counted)/median(hot))
	r.figure("attempts a second that succeed, all of one account", "%.0f", median(one))
	r.figure("committed UPDATEs a second, all of one row", "%.0f", median(hot))
	r.figure("committed UPDATEs a second, each of its own row", "%.0f", median(own))
	r.least("failed attempts, times the UPDATEs of one row", median(distinct)/median(hot), 1.8, "")
	for range 3 {
		each, err := refusedAttempt(ctx, s, view)
		if err != nil {
			return err
		}
		used = append(used, each)
	}
	hasher := secret.New()
	if err := alike(ctx, r, s, view, hasher); err != nil {
		return err
	}
	encoded, err := hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	var hash sample
	for range 21 {
		bare, err := spent(ownCPU, func() error { _, err := hasher.Verify(ctx, encoded, password); return err })
		if err != nil {
			return err
		}
		hash = append(hash, bare)
	}
	r.figure("processor time of an attempt during a lockout", "%.1f µs", median(used)/1000)
	r.bar("the same, of the processor time of one hash, ‰", median(used)/float64(hash.at(50))*1000, 2, "")
	return nil
}

// alike measures how long a stranger waits for an answer about an account that is
// locked out, about a wrong password, and about a name that nobody has: one after
// the other, again and again.
func alike(ctx context.Context, r *report, s *lockout.Service, view *lockout.View, hasher *secret.Hasher) error {
	encoded, err := hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	locked, until := uuid.New(), time.Now().Add(time.Hour)
	view.Apply([]idp.Change{{Kind: idp.ChangeLockout, Subject: locked.String(), Until: &until}})
	verify := func(ctx context.Context) (idp.Refusal, error) {
		_, err := hasher.Verify(ctx, encoded, "wrong")
		return idp.RefusedPassword, err
	}
	absent := func(ctx context.Context) (idp.Refusal, error) {
		return idp.RefusedUnknown, hasher.VerifyAbsent(ctx, "wrong")
	}
	kinds := []struct {
		what   string
		user   func() *idp.User
		verify func(context.Context) (idp.Refusal, error)
		took   sample
	}{
		{"a wrong password", func() *idp.User { return &idp.User{ID: 1, UUID: uuid.New(), Username: "victim"} }, verify, nil},
		{"an account that is locked out", func() *idp.User { return &idp.User{ID: 1, UUID: locked, Username: "victim"} }, verify, nil},
		{"a name that nobody has", func() *idp.User { return nil }, absent, nil},
	}
	for n := range alikeSamples {
		for i := range kinds {
			k := &kinds[i]
			a := idp.Attempt{User: k.user(), Name: fmt.Sprint("nobody-", n)}
			a.Failed = func(reason idp.Refusal) idp.Failure {
				return idp.Failure{Event: idp.LoginFailedEvent("bench", idp.Actor{}, a.User, map[string]any{"reason": string(reason)})}
			}
			began := time.Now()
			if _, err := s.Try(ctx, idp.Actor{}, a, k.verify); err != nil {
				return err
			}
			k.took = append(k.took, time.Since(began))
		}
	}
	least, most := kinds[0].took.at(50), kinds[0].took.at(50)
	for _, k := range kinds {
		r.figure("answer to "+k.what, "%s", k.took)
		least, most = min(least, k.took.at(50)), max(most, k.took.at(50))
	}
	r.bar("between their medians", milliseconds(most-least), 5, "ms")
	return nil
}

// lasting is a feed that is always up to date.
type lasting struct{}

func (lasting) Age() time.Duration   { return 0 }
func (lasting) Now() time.Time       { return time.Now() }
func (lasting) Lease() time.Duration { return time.Second }

// rate is how often fn can be done in a second, by many at once.
func rate(fn func(i int) error) float64 {
	var n, faults atomic.Int64
	var group sync.WaitGroup
	began := time.Now()
	for i := range guessers {
		group.Go(func() {
			for time.Since(began) < guessing {
				if fn(i) != nil {
					faults.Add(1)
				}
				n.Add(1)
			}
		})
	}
	group.Wait()
	if faults.Load() > 0 {
		return 0
	}
	return float64(n.Load()) / time.Since(began).Seconds()
}

// guess tries a wrong secret, which is counted and nothing else: what UPDATEs of a
// counter are compared with.
func guess(ctx context.Context, s *lockout.Service, account uuid.UUID) error {
	u := &idp.User{ID: 1, UUID: account, Username: "victim", IsActive: true}
	_, err := s.Try(ctx, idp.Actor{}, idp.Attempt{User: u}, func(context.Context) (idp.Refusal, error) { return idp.RefusedPassword, nil })
	return err
}

// attempt tries a secret, as account does, with an event when it fails.
func attempt(ctx context.Context, s *lockout.Service, account uuid.UUID, typed string, right bool) error {
	u := &idp.User{ID: 1, UUID: account, Username: "victim-" + account.String(), IsActive: true}
	var actor idp.Actor
	a := idp.Attempt{User: u, Secret: typed, Failed: func(reason idp.Refusal) idp.Failure {
		return idp.Failure{Event: idp.LoginFailedEvent("bench", actor, u, map[string]any{"reason": string(reason)}), Identifier: u.Username}
	}}
	_, err := s.Try(ctx, actor, a, func(context.Context) (idp.Refusal, error) {
		if right {
			return "", nil
		}
		return idp.RefusedPassword, nil
	})
	return err
}

// refusedAttempt is the processor time of an attempt during a lockout, in
// nanoseconds: many wait at once, as they would.
func refusedAttempt(ctx context.Context, s *lockout.Service, view *lockout.View) (float64, error) {
	subject := uuid.New()
	until := time.Now().Add(time.Hour)
	view.Apply([]idp.Change{{Kind: idp.ChangeLockout, Subject: subject.String(), Until: &until}})
	const n, waiting = 20_000, 1024 // so many that the process has no rest between them
	before, err := ownCPU()
	if err != nil {
		return 0, err
	}
	var group sync.WaitGroup
	for range waiting {
		group.Go(func() {
			for range n / waiting {
				_ = attempt(ctx, s, subject, "wrong", false)
			}
		})
	}
	group.Wait()
	after, err := ownCPU()
	return float64(after-before) / (n / waiting * waiting), err
}

// lockedList asks for pages of 50 of a million lockouts.
func lockedList(ctx context.Context, r *report, env []string, db *pgx.Conn) error {
	for _, statement := range []string{"SET session_replication_role = replica",
		fmt.Sprintf(`INSERT INTO lockouts (id, subject, identifier, locked_at, locked_until, reason, trigger_ip, attempts)
			SELECT gen_random_uuid(), gen_random_uuid(), 'somebody-' || i, now() - i * interval '1 millisecond', now() + interval '1 day', 'brute_force', '192.0.2.1', 5
			FROM generate_series(1, %d) i`, manyLockouts),
		"SET session_replication_role = DEFAULT", "VACUUM (ANALYZE) lockouts", "CHECKPOINT"} {
		if _, err := db.Exec(ctx, statement); err != nil {
			return err
		}
	}
	rows, err := db.Query(ctx, `SELECT locked_at, id::text FROM lockouts TABLESAMPLE BERNOULLI (0.02)`)
	if err != nil {
		return err
	}
	var cursors []string
	var at time.Time
	var id string
	if _, err := pgx.ForEachRow(rows, []any{&at, &id}, func() error {
		cursors = append(cursors, base64.RawURLEncoding.EncodeToString([]byte(at.UTC().Format(time.RFC3339Nano)+" "+id)))
		return nil
	}); err != nil {
		return err
	}
	p, err := launch(ctx, env...)
	if err != nil {
		return err
	}
	defer func() { _ = p.stop() }()
	r.figure("start with 1,000,000 lockouts", "%s", p.Ready.Round(time.Millisecond))
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var first, deep sample
	for i := range 2050 {
		for _, c := range []struct {
			query string
			took  *sample
		}{{"", &first}, {"&cursor=" + cursors[i%len(cursors)], &deep}} {
			began := time.Now()
			if _, err := send(ctx, client, http.MethodGet, p.URL+"/api/security/lockouts?active=true&limit=50"+c.query, nil); err != nil {
				return err
			}
			if i >= 50 { // warm
				*c.took = append(*c.took, time.Since(began))
			}
		}
	}
	r.figure("page of 50 of 1,000,000 lockouts, the first", "%s p99 %s", first, first.at(99).Round(10*time.Microsecond))
	r.bar("page of 50 of 1,000,000 lockouts, anywhere, p99", milliseconds(deep.at(99)), 5, "ms")
	r.bar("far down, times the first page", float64(deep.at(50))/float64(first.at(50)), 1.5, "")
	whole, err := times(20, func() error {
		_, err := send(ctx, client, http.MethodGet, p.URL+"/api/security/locked-accounts", nil)
		return err
	})
	if err != nil {
		return err
	}
	r.figure("the operator's list of 500 with the total", "%s", whole)
	return nil
}
