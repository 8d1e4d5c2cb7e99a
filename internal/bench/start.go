package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
)

// rounds is how often a start is measured.
const rounds = 7

// start measures bar 10: size, starts and idle memory.
func start(ctx context.Context, r *report) error {
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	r.bar("size of the binary", float64(info.Size())/1e6, 40, "MB")
	if err := startEmbedded(ctx, r); err != nil {
		return err
	}
	return startExternal(ctx, r)
}

func startEmbedded(ctx context.Context, r *report) error {
	var cold, warm sample
	for range 3 {
		dir, err := os.MkdirTemp("/var/tmp", "portcullis-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
		for i, into := range []*sample{&cold, &warm} {
			p, err := launch(ctx, "PORTCULLIS_DATA_DIR="+dir+"/data")
			if err != nil {
				return fmt.Errorf("start %d: %w", i, err)
			}
			*into = append(*into, p.Ready)
			if err := p.stop(); err != nil {
				return err
			}
		}
	}
	r.figure("cold start, empty data directory, embedded database", "%s", cold)
	r.figure("start on an existing data directory, embedded database", "%s", warm)
	return nil
}

func startExternal(ctx context.Context, r *report) error {
	var empty, existing sample
	var idle float64
	for range rounds {
		db, drop, err := database(ctx)
		if err != nil {
			return err
		}
		defer drop()
		for i, into := range []*sample{&empty, &existing} {
			p, err := launch(ctx, "PORTCULLIS_DATABASE_URL="+db)
			if err != nil {
				return err
			}
			*into = append(*into, p.Ready)
			if i == 1 && idle == 0 {
				time.Sleep(3 * time.Second) // idle means that start-up is over
				if idle, _, err = p.memory(); err != nil {
					return err
				}
			}
			if err := p.stop(); err != nil {
				return err
			}
		}
	}
	r.bar("start on an empty database, migrations and blueprints", milliseconds(empty.at(50)), 1000, "ms")
	r.bar("start on an existing database", milliseconds(existing.at(50)), 150, "ms")
	r.bar("resident memory, idle", idle/1e6, 30, "MB")
	r.idle = idle
	return nil
}

// database makes an empty database on the test server.
func database(ctx context.Context) (location string, drop func(), err error) {
	server := os.Getenv("PORTCULLIS_TEST_DATABASE_URL")
	if server == "" {
		return "", nil, fmt.Errorf("PORTCULLIS_TEST_DATABASE_URL is not set: run make bench")
	}
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", nil, err
	}
	name := "bench_" + rand.Text()
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		return "", nil, err
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", nil, err
	}
	u.Path = "/" + name
	return u.String(), func() {
		_, _ = conn.Exec(context.WithoutCancel(ctx), "DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
		_ = conn.Close(context.WithoutCancel(ctx))
	}, nil
}
