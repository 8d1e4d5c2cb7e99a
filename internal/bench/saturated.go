package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// hammers is how many ask without a pause, over all servers.
	hammers = 64
	// victims is how many accounts are locked down meanwhile, each with what laden gives.
	victims = 60
)

// victim is an account with one credential of each kind, and what became of it.
type victim struct {
	session, token, access string

	last   atomic.Int64 // when the last question was asked that was answered with yes, in nanoseconds
	passed [hammers]atomic.Bool
	shut   [hammers]atomic.Bool
}

// ask asks a server with one of the credentials.
func (v *victim) ask(ctx context.Context, client *http.Client, address string, kind int) error {
	switch kind {
	case 0:
		return checked(ctx, client, address, v.session)
	case 1:
		return borne(ctx, client, address+"/api/v3/core/users/me/", v.token)
	}
	return borne(ctx, client, address+"/application/o/userinfo/", v.access)
}

func borne(ctx context.Context, client *http.Client, address, token string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	return answered(client, request)
}

// every waits until all of them are set.
func every(ctx context.Context, all *[hammers]atomic.Bool) error {
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		n := 0
		for i := range all {
			if all[i].Load() {
				n++
			}
		}
		switch {
		case n == hammers:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Since(began) > refusedWithin:
			return errors.New("not all were answered alike in time")
		}
	}
}

// saturated measures how soon a lockdown bites everywhere while servers have more to
// answer than they can (bar 6): of sessions, which they know by heart, and of sessions,
// API tokens and applications' tokens, which the database has to answer for.
func saturated(ctx context.Context, r *report) error {
	last, err := hammered(ctx, r, "sessions", 1)
	if err != nil {
		return err
	}
	r.bar("to the last question accepted by any, p50", milliseconds(last.at(50)), 40, "ms")
	if last, err = hammered(ctx, r, "sessions and both kinds of tokens", 3); err != nil {
		return err
	}
	r.bar("the same with tokens, p50", milliseconds(last.at(50)), 40, "ms")
	return nil
}

// hammered locks accounts down while the first so many kinds of credentials are asked of.
func hammered(ctx context.Context, r *report, what string, kinds int) (last sample, err error) {
	location, drop, err := database(ctx)
	if err != nil {
		return nil, err
	}
	defer drop()
	var urls []string
	for range replicas {
		p, err := launch(ctx, "PORTCULLIS_DATABASE_URL="+location, "PORTCULLIS_BOOTSTRAP_TOKEN="+adminKey)
		if err != nil {
			return nil, err
		}
		defer func() { _ = p.stop() }()
		urls = append(urls, p.URL)
	}
	db, err := pgx.Connect(ctx, location)
	if err != nil {
		return nil, err
	}
	defer db.Close(context.WithoutCancel(ctx))
	transport := &http.Transport{MaxIdleConnsPerHost: hammers}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	if err := registered(ctx, client, urls[0]); err != nil {
		return nil, err
	}
	all, ids, err := condemned(ctx, db, "victim", victims)
	if err != nil {
		return nil, err
	}
	if err := laden(ctx, db, "victim"); err != nil {
		return nil, err
	}
	var now atomic.Pointer[victim]
	now.Store(all[0])
	limit, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	var answers atomic.Int64
	for i := range hammers {
		group.Go(func() {
			for limit.Err() == nil {
				v, asked := now.Load(), time.Now()
				err := v.ask(limit, client, urls[i%replicas], i/replicas%kinds)
				answers.Add(1)
				if err != nil {
					v.shut[i].Store(true)
					continue
				}
				v.passed[i].Store(true)
				for at := asked.UnixNano(); ; {
					if last := v.last.Load(); last >= at || v.last.CompareAndSwap(last, at) {
						break
					}
				}
			}
		})
	}
	began := time.Now()
	var end sample
	late := 0
	for i, v := range all {
		now.Store(v)
		if err := every(ctx, &v.passed); err != nil {
			return nil, err
		}
		for j := range v.shut {
			v.shut[j].Store(false) // of a question before
		}
		clicked := time.Now()
		if _, err := send(ctx, client, http.MethodPost, urls[0]+"/api/v3/lockdowns/", map[string]any{"users": []int32{ids[i]}, "reason": "bench"}); err != nil {
			return nil, err
		}
		done := time.Now()
		if err := every(ctx, &v.shut); err != nil {
			return nil, err
		}
		accepted := time.Unix(0, v.last.Load())
		if accepted.After(done) {
			late++
		}
		last, end = append(last, max(0, accepted.Sub(clicked))), append(end, done.Sub(clicked))
	}
	r.figure(what+": answers per second of 3 servers meanwhile", "%.0f", float64(answers.Load())/time.Since(began).Seconds())
	r.figure(what+": from the click to the answer", "%s", end)
	r.figure(what+": to the last question accepted by any", "%s p99 %s", last, last.at(99).Round(10*time.Microsecond))
	r.bar("accepted after the answer", float64(late), 0, "")
	return last, nil
}

// laden gives accounts ten thousand more sessions and tokens, and a hundred more grants,
// each: what bar 5 has a lockdown end.
func laden(ctx context.Context, db *pgx.Conn, name string) error {
	for _, statement := range []string{
		`INSERT INTO sessions (id, user_id, digest, generation, auth_method, expires_at, ip, user_agent)
			SELECT gen_random_uuid(), u.id, sha256((u.username || '-session-' || i)::bytea), 0, 'password', clock_timestamp() + interval '1 hour', '192.0.2.1', $3
			  FROM users u, generate_series(1, $2) i WHERE u.username LIKE $1 || '%'`,
		`INSERT INTO tokens (id, identifier, intent, user_id, digest, generation, expiring)
			SELECT gen_random_uuid(), u.username || '-' || i, CASE i % 2 WHEN 0 THEN 'api' ELSE 'app_password' END, u.id, sha256((u.username || '-token-' || i)::bytea), 0, false
			  FROM users u, generate_series(1, $2) i WHERE u.username LIKE $1 || '%' AND $3 <> ''`,
		`INSERT INTO oauth_grants (id, provider_id, application_id, user_id, session_id, kind, scopes, issuer, subject, auth_time, generation, open_until)
			SELECT gen_random_uuid(), g.provider_id, g.application_id, g.user_id, g.session_id, g.kind, g.scopes, g.issuer, g.subject, g.auth_time, 0, g.open_until
			  FROM oauth_grants g, generate_series(1, $2 / 100) i WHERE g.subject LIKE $1 || '%' AND $3 <> ''`,
	} {
		if _, err := db.Exec(ctx, statement, name, someSessions, browserName); err != nil {
			return err
		}
	}
	_, err := db.Exec(ctx, "VACUUM (ANALYZE) sessions, tokens, oauth_grants")
	if err == nil {
		_, err = db.Exec(ctx, "CHECKPOINT")
	}
	return err
}

// condemned makes accounts, each with a credential of each kind.
func condemned(ctx context.Context, db *pgx.Conn, name string, n int) ([]*victim, []int32, error) {
	cookies, err := fill(ctx, db, name, n)
	if err != nil {
		return nil, nil, err
	}
	access, err := granted(ctx, db, name, n)
	if err != nil {
		return nil, nil, err
	}
	if _, err := db.Exec(ctx, `INSERT INTO tokens (id, identifier, intent, user_id, digest, generation, expiring)
		SELECT gen_random_uuid(), username || '-key', 'api', id, sha256((username || '-key')::bytea), 0, false FROM users WHERE username LIKE $1 || '%'`, name); err != nil {
		return nil, nil, err
	}
	_, ids, err := identifiers(ctx, db, name)
	all := make([]*victim, n)
	for i := range all {
		all[i] = &victim{session: cookies[i], access: access[i], token: access[i][:len(access[i])-len("access")] + "key"}
	}
	return all, ids, err
}
