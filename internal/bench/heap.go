package main

import (
	"context"
	"fmt"
	"net/http"
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
	location, drop, err := database(ctx)
	if err != nil {
		return err
	}
	defer drop()
	p, err := launch(ctx, "PORTCULLIS_DATABASE_URL="+location, "PORTCULLIS_BOOTSTRAP_TOKEN="+adminKey)
	if err != nil {
		return err
	}
	defer func() { _ = p.stop() }()
	db, err := pgx.Connect(ctx, location)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
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
	if _, err := db.Exec(ctx, "VACUUM (ANALYZE) sessions, users, tokens, consents"); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, "CHECKPOINT"); err != nil {
		return err
	}
	var took [2]sample
	for i := range ids {
		for j := range sizes {
			j = (i + j) % 2 // neither is always the second
			began := time.Now()
			if err := act(ids[i][j]); err != nil {
				return err
			}
			took[j] = append(took[j], time.Since(began))
		}
	}
	r.figure(what+" that holds one of each", "%s", took[0])
	r.figure(what+" that holds 10,000 of each", "%s", took[1])
	r.bar(what+", 10,000 times one", float64(took[1].at(50))/float64(took[0].at(50)), 1.3, "")
	return nil
}

// heap makes an account with so many sessions and, if it is to have everything, as
// many tokens, and up to a hundred consents.
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
	_, err = db.Exec(ctx, `INSERT INTO consents (user_id, application, generation) SELECT $1, 'application-' || i, 0 FROM generate_series(1, $2) i`,
		id, min(size, 100))
	return id, err
}
