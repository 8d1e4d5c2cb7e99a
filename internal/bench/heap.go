package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	adminKey = "bench-key-of-the-administrator"
	// heaps is how many accounts of each size have everything ended.
	heaps = 25
)

// much measures whether ending everything of an account takes longer where that is
// much (bar 5).
func much(ctx context.Context, r *report) error {
	p, end, err := served(ctx, "PORTCULLIS_BOOTSTRAP_TOKEN="+adminKey, "PORTCULLIS_LOGOUT_ALLOW=127.0.0.0/8")
	if err != nil {
		return err
	}
	defer end()
	db, err := pgx.Connect(ctx, p.db)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	told := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer told.Close()
	if err := applications(ctx, db, told.URL); err != nil {
		return err
	}
	client := &http.Client{Timeout: time.Minute}
	err = fewOrMany(ctx, r, db, "ending the sessions of an account", "session", func(id int32) error {
		return remove(ctx, client, fmt.Sprintf("%s/api/v3/core/authenticated_sessions/bulk_delete/?user_pks=%d", p.URL, id))
	})
	if err != nil {
		return err
	}
	return fewOrMany(ctx, r, db, "a lockdown", "lockdown", func(id int32) error {
		_, err := send(ctx, client, http.MethodPost, p.URL+"/api/v3/lockdowns/", map[string]any{"users": []int32{id}, "reason": "bench"})
		return err
	})
}

// fewOrMany acts on accounts that hold one of each, and ten thousand, in turns. All
// are made before: what filling tables leaves to be written to disk, and the sweeps,
// which begin two seconds after an act, would be measured instead.
func fewOrMany(ctx context.Context, r *report, db *pgx.Conn, what, name string, act func(id int32) error) error {
	sizes := [2]int{1, someSessions}
	var ids [heaps][2]int32
	for i := range ids {
		for j, size := range sizes {
			var err error
			if ids[i][j], err = heap(ctx, db, fmt.Sprintf("%s-heap-%d-%d-", name, i, size), size, name == "lockdown"); err != nil {
				return err
			}
		}
	}
	if _, err := db.Exec(ctx, "VACUUM (ANALYZE) sessions, users, tokens, consents, oauth_grants, oauth_tokens"); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, "CHECKPOINT"); err != nil {
		return err
	}
	ear, err := pgx.Connect(ctx, db.Config().ConnString())
	if err != nil {
		return err
	}
	defer ear.Close(context.WithoutCancel(ctx))
	if _, err := ear.Exec(ctx, "LISTEN portcullis_changes"); err != nil {
		return err
	}
	var took, bit [2]sample
	for i := range ids {
		for j := range sizes {
			j = (i + j) % 2 // neither is always the second
			began := time.Now()
			bites := make(chan error, 1)
			go func() {
				err := heard(ctx, ear, ids[i][j])
				bit[j] = append(bit[j], time.Since(began))
				bites <- err
			}()
			if err := act(ids[i][j]); err != nil {
				return err
			}
			took[j] = append(took[j], time.Since(began))
			if err := <-bites; err != nil {
				return err
			}
			if err := quiet(ctx, db); err != nil {
				return err
			}
		}
	}
	r.figure(what+" that holds one of each, answered", "%s", took[0])
	r.figure(what+" that holds 10,000 of each, answered", "%s", took[1])
	r.figure("answered, 10,000 times one", "%.2f", float64(took[1].at(50))/float64(took[0].at(50)))
	r.figure(what+" that holds one of each, has bitten", "%s", bit[0])
	r.figure(what+" that holds 10,000 of each, has bitten", "%s", bit[1])
	r.bar(what+", 10,000 times one", float64(bit[1].at(50))/float64(bit[0].at(50)), 1.3, "")
	return nil
}

// heard waits until servers are told that the account changed: the act is committed, and
// nothing of the account works any more wherever that is known.
func heard(ctx context.Context, ear *pgx.Conn, user int32) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		n, err := ear.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		var told struct{ Kind, Subject string }
		if json.Unmarshal([]byte(n.Payload), &told) == nil && told.Kind == "user" && told.Subject == fmt.Sprint(user) {
			return nil
		}
	}
}

// someApplications is how many there are that grants are of.
const someApplications = 20

// applications makes those that are told of logouts.
func applications(ctx context.Context, db *pgx.Conn, uri string) error {
	_, err := db.Exec(ctx, `INSERT INTO oauth_providers (id, name, authorization_flow, invalidation_flow, client_type, client_id, grant_types, code_lifetime,
			access_lifetime, refresh_lifetime, subject_mode, issuer_mode, logout_uri)
		SELECT gen_random_uuid(), 'application-' || i, f.id, f.id, 'confidential', 'application-' || i, '{authorization_code}', 60, 300, 3600, 'user_uuid', 'per_provider', $1
		  FROM generate_series(1, $2) i, (SELECT id FROM flows LIMIT 1) f`, uri, someApplications)
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, `INSERT INTO applications (id, name, slug, provider_id) SELECT gen_random_uuid(), name, name, id FROM oauth_providers`)
	return err
}

// quiet waits until every application was told: that would be measured with the next act.
func quiet(ctx context.Context, db *pgx.Conn) error {
	for {
		var waiting int
		if err := db.QueryRow(ctx, `SELECT (SELECT count(*) FROM logout_owed) + (SELECT count(*) FROM logout_notices WHERE state = 'pending')`).Scan(&waiting); err != nil || waiting == 0 {
			return err
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// heap makes an account with so many sessions and, if it is to have everything, as
// many tokens of its own and of applications, and up to a hundred consents and grants.
func heap(ctx context.Context, db *pgx.Conn, name string, size int, everything bool) (id int32, err error) {
	if err := db.QueryRow(ctx, `INSERT INTO users (uuid, username) VALUES (gen_random_uuid(), $1) RETURNING id`, name).Scan(&id); err != nil {
		return 0, err
	}
	if _, err := mint(ctx, db, name, size, func(int) int32 { return id }); err != nil || !everything {
		return id, err
	}
	if _, err := db.Exec(ctx, `INSERT INTO tokens (id, identifier, intent, user_id, digest, generation, expiring)
		SELECT gen_random_uuid(), $1 || i, CASE i % 2 WHEN 0 THEN 'api' ELSE 'app_password' END, $2, sha256(($1 || i)::bytea), 0, false FROM generate_series(1, $3) i`,
		name, id, size); err != nil {
		return id, err
	}
	if _, err := db.Exec(ctx, `INSERT INTO oauth_grants (id, provider_id, application_id, user_id, session_id, kind, scopes, issuer, subject, auth_time, generation)
		SELECT gen_random_uuid(), a.provider_id, a.id, $1, (SELECT id FROM sessions WHERE user_id = $1 LIMIT 1), 'authorization_code', '{openid}', 'https://id.example.org/', $2, clock_timestamp(), 0
		  FROM generate_series(1, $3) i JOIN (SELECT id, provider_id, row_number() OVER (ORDER BY slug) n FROM applications) a ON a.n = i % $4 + 1`,
		id, name, min(size, 100), someApplications); err != nil {
		return id, err
	}
	if _, err := db.Exec(ctx, `INSERT INTO oauth_tokens (id, grant_id, kind, digest, scopes, expires_at)
		SELECT gen_random_uuid(), g.id, 'access', sha256(($1 || i)::bytea), '{openid}', clock_timestamp() + interval '1 hour'
		  FROM generate_series(1, $2) i JOIN (SELECT id, row_number() OVER () n FROM oauth_grants WHERE user_id = $3) g ON g.n = i % $4 + 1`,
		name+"oauth", size, id, min(size, 100)); err != nil {
		return id, err
	}
	if _, err := db.Exec(ctx, `UPDATE oauth_grants SET open_until = clock_timestamp() + interval '1 hour' WHERE user_id = $1`, id); err != nil {
		return id, err
	}
	_, err = db.Exec(ctx, `INSERT INTO consents (user_id, application, generation) SELECT $1, 'application-' || i, 0 FROM generate_series(1, $2) i`,
		id, min(size, 100))
	return id, err
}
