package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// replicas is how many servers share the database.
	replicas = 3
	// listeners is how many connections hear the NOTIFY that acts are compared with.
	listeners = 8
	// between is how long whoever checks waits after an answer: the bar is of servers
	// that are not saturated.
	between = 300 * time.Microsecond
	// refusedWithin bounds the wait for the refusal after an act.
	refusedWithin = 10 * time.Second
)

// elsewhere measures how soon an act on one server takes effect on all: from the
// click to the answer, and to the last check that any server accepted.
func elsewhere(ctx context.Context, r *report) error {
	location, drop, err := database(ctx)
	if err != nil {
		return err
	}
	defer drop()
	var urls []string
	for range replicas {
		p, err := launch(ctx, "PORTCULLIS_DATABASE_URL="+location, "PORTCULLIS_BOOTSTRAP_TOKEN="+adminKey)
		if err != nil {
			return err
		}
		defer func() { _ = p.stop() }()
		urls = append(urls, p.URL)
	}
	db, err := pgx.Connect(ctx, location)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	bell, err := newBell(ctx, location)
	if err != nil {
		return err
	}
	defer bell.close()
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	here := urls[0]
	if err := registered(ctx, client, here); err != nil {
		return err
	}
	boss, err := administrator(ctx, db, client)
	if err != nil {
		return err
	}
	if err := floor(ctx, r, db, bell, client, boss, urls); err != nil {
		return err
	}
	contain := func(_ int, _ string, user int32) error {
		_, err := send(ctx, boss, http.MethodPost, here+"/api/v3/lockdowns/", map[string]any{"users": []int32{user}, "reason": "bench"})
		return err
	}
	for _, act := range []struct {
		what, name string
		times      int
		kind       int // of the credential that is asked with; see victim.ask
		do         func(i int, session string, user int32) error
	}{
		{"a session ended", "ended", 1000, 0, func(_ int, session string, _ int32) error {
			return remove(ctx, boss, here+"/api/v3/core/authenticated_sessions/"+session+"/")
		}},
		{"a lock made", "locked", 1000, 0, func(i int, _ string, _ int32) error {
			_, err := send(ctx, boss, http.MethodPost, here+"/api/v3/locks/", map[string]any{"target": map[string]any{"user": fmt.Sprint("locked", i+1)}})
			return err
		}},
		{"a lockdown", "down", 1000, 0, contain},
		{"a lockdown, for an API token", "tokens", 1000, 1, contain},
		{"a lockdown, for an application's token", "grants", 1000, 2, contain},
	} {
		concerned, users, err := condemned(ctx, db, act.name, act.times)
		if err != nil {
			return err
		}
		sessions, _, err := identifiers(ctx, db, act.name)
		if err != nil {
			return err
		}
		var answered, last, each, all sample
		late := 0
		for i, v := range concerned {
			w, err := watched(urls, func(url string) error { return v.ask(ctx, client, url, act.kind) })
			if err != nil {
				return err
			}
			heard, err := bell.ring(ctx) // beside the same checks
			if err != nil {
				return err
			}
			each, all = append(each, heard...), append(all, heard.at(100))
			began := time.Now()
			err = act.do(i, sessions[i], users[i])
			end := time.Now()
			if err != nil {
				return err
			}
			accepted, err := w.wait()
			if err != nil {
				return err
			}
			if accepted.After(end) {
				late++
			}
			answered, last = append(answered, end.Sub(began)), append(last, max(0, accepted.Sub(began)))
		}
		r.figure(act.what+": NOTIFY to one of 8 listeners, same moments", "%s p99 %s", each, each.at(99).Round(10*time.Microsecond))
		r.figure(act.what+": until all 8 have heard", "%s p99 %s", all, all.at(99).Round(10*time.Microsecond))
		r.figure(act.what+": from the click to the answer", "%s p99 %s", answered, answered.at(99).Round(10*time.Microsecond))
		r.figure(act.what+": to the last check accepted by any of 3", "%s p99 %s", last, last.at(99).Round(10*time.Microsecond))
		r.bar(act.what+": the latter, times NOTIFY until all 8, p99", float64(last.at(99))/float64(all.at(99)), 2, "")
		r.bar(act.what+": checks accepted after the answer", float64(late), 0, fmt.Sprintf("of %d", act.times))
	}
	return nil
}

// floor measures what no act can be faster than: a question to the first server, which
// finds out who asks and finds nothing, beside the same checks.
func floor(ctx context.Context, r *report, db *pgx.Conn, bell *bell, client, boss *http.Client, urls []string) error {
	const times = 300
	cookies, err := fill(ctx, db, "asked", times)
	if err != nil {
		return err
	}
	sessions, _, err := identifiers(ctx, db, "asked")
	if err != nil {
		return err
	}
	var answered, all sample
	for i, cookie := range cookies {
		w, err := watched(urls, func(url string) error { return checked(ctx, client, url, cookie) })
		if err != nil {
			return err
		}
		heard, err := bell.ring(ctx)
		if err != nil {
			return err
		}
		began := time.Now()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, urls[0]+"/api/v3/locks/00000000-0000-0000-0000-000000000000/", nil)
		if err != nil {
			return err
		}
		response, err := boss.Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		answered, all = append(answered, time.Since(began)), append(all, heard.at(100))
		if response.StatusCode != http.StatusNotFound {
			return fmt.Errorf("asking for a lock that does not exist: %s", response.Status)
		}
		if err := remove(ctx, boss, urls[0]+"/api/v3/core/authenticated_sessions/"+sessions[i]+"/"); err != nil {
			return err
		}
		if _, err := w.wait(); err != nil {
			return err
		}
	}
	r.figure("a question by somebody signed in, which changes nothing", "%s p99 %s", answered, answered.at(99).Round(10*time.Microsecond))
	r.figure("NOTIFY until all 8 have heard, same moments", "%s p99 %s", all, all.at(99).Round(10*time.Microsecond))
	r.figure("the former's p99, times the latter's", "%.2f", float64(answered.at(99))/float64(all.at(99)))
	return nil
}

// signedIn is what a browser of somebody signed in adds to a request of a page.
type signedIn struct {
	http.RoundTripper
	cookie string
}

// RoundTrip implements http.RoundTripper.
func (s signedIn) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Del("Authorization")
	r.Header.Set("Cookie", "authentik_session="+s.cookie)
	r.Header.Set("User-Agent", browserName)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return s.RoundTripper.RoundTrip(r)
}

// administrator is the browser of one who clicks.
func administrator(ctx context.Context, db *pgx.Conn, client *http.Client) (*http.Client, error) {
	var id int32
	if err := db.QueryRow(ctx, `SELECT id FROM users WHERE username = 'admin'`).Scan(&id); err != nil {
		return nil, err
	}
	cookies, err := mint(ctx, db, "boss", 1, func(int) int32 { return id })
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: signedIn{client.Transport, cookies[0]}}, nil
}

// watch asks every server with one credential, over and over, until each has refused it.
type watch struct {
	group  sync.WaitGroup
	mu     sync.Mutex
	last   time.Time // when the last check that was accepted was asked
	faults []error
}

// watched begins when every server has accepted the session once.
func watched(urls []string, ask func(url string) error) (*watch, error) {
	for _, url := range urls {
		if err := ask(url); err != nil {
			return nil, err
		}
	}
	w := &watch{}
	for _, url := range urls {
		w.group.Go(func() {
			for began := time.Now(); ; time.Sleep(between) {
				asked := time.Now()
				if ask(url) != nil {
					return
				}
				w.mu.Lock()
				if asked.After(w.last) {
					w.last = asked
				}
				if asked.Sub(began) > refusedWithin {
					w.faults = append(w.faults, fmt.Errorf("%s still accepts it after %s", url, refusedWithin))
					w.mu.Unlock()
					return
				}
				w.mu.Unlock()
			}
		})
	}
	return w, nil
}

// wait returns when the last check was asked that was accepted.
func (w *watch) wait() (time.Time, error) {
	w.group.Wait()
	if len(w.faults) > 0 {
		return w.last, w.faults[0]
	}
	return w.last, nil
}

// bell is a NOTIFY with its listeners.
type bell struct {
	ringer    *pgx.Conn
	listeners []*pgx.Conn
}

func newBell(ctx context.Context, location string) (*bell, error) {
	b := &bell{}
	var err error
	if b.ringer, err = pgx.Connect(ctx, location); err != nil {
		return nil, err
	}
	for range listeners {
		conn, err := pgx.Connect(ctx, location)
		if err != nil {
			b.close()
			return nil, err
		}
		b.listeners = append(b.listeners, conn)
		if _, err := conn.Exec(ctx, "LISTEN yardstick"); err != nil {
			b.close()
			return nil, err
		}
	}
	return b, nil
}

func (b *bell) close() {
	for _, conn := range append(b.listeners, b.ringer) {
		_ = conn.Close(context.Background())
	}
}

// ring returns how long each listener took to hear.
func (b *bell) ring(ctx context.Context) (sample, error) {
	heard := make(sample, len(b.listeners))
	faults := make([]error, len(b.listeners))
	var group sync.WaitGroup
	began := time.Now()
	for i, conn := range b.listeners {
		group.Go(func() {
			_, faults[i] = conn.WaitForNotification(ctx)
			heard[i] = time.Since(began)
		})
	}
	if _, err := b.ringer.Exec(ctx, "NOTIFY yardstick"); err != nil {
		return nil, err
	}
	group.Wait()
	for _, err := range faults {
		if err != nil {
			return nil, err
		}
	}
	return heard, nil
}

// identifiers are the sessions and the accounts that fill made.
func identifiers(ctx context.Context, db *pgx.Conn, name string) (sessions []string, users []int32, err error) {
	rows, err := db.Query(ctx, `SELECT s.id::text, u.id FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.username LIKE $1 || '%' ORDER BY u.id`, name)
	if err != nil {
		return nil, nil, err
	}
	var session string
	var user int32
	_, err = pgx.ForEachRow(rows, []any{&session, &user}, func() error {
		sessions, users = append(sessions, session), append(users, user)
		return nil
	})
	return sessions, users, err
}

func remove(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodDelete, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+adminKey)
	return answered(client, request)
}
