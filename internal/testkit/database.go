package testkit

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// limit bounds one act on the test server, the first start included.
const limit = 3 * time.Minute

// Database makes a fresh database with the product's whole schema and returns
// its URL. Its user is a superuser. The database is dropped when the test ends;
// connections still open then are cut off.
func Database(t testing.TB) string {
	t.Helper()
	return create(t, func(ctx context.Context, s *server) (string, error) { return s.template(ctx) })
}

// EmptyDatabase is Database without any schema.
func EmptyDatabase(t testing.TB) string {
	t.Helper()
	return create(t, func(context.Context, *server) (string, error) { return "template0", nil })
}

// Copy makes a fresh database like one that prepare has worked on, and returns its
// URL. prepare is given a database with the product's whole schema, once for each
// test binary and kind; when it returns it must have left that database alone.
func Copy(t testing.TB, kind string, prepare func(url string) error) string {
	t.Helper()
	return create(t, func(ctx context.Context, s *server) (string, error) { return s.prepared(ctx, kind, prepare) })
}

// server is this test binary's connection to the test server.
type server struct {
	url      string
	cluster  *Cluster      // held: collected, its pipe would close and the guard leave
	pool     *pgxpool.Pool // for CREATE and DROP DATABASE
	mu       sync.Mutex
	migrated string            // name of the template, once it is known
	kinds    map[string]string // names of what has been prepared, see Copy
}

// shared is made by the first test that asks; a failure is every test's.
var shared = sync.OnceValues(func() (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	url := os.Getenv(URLVariable)
	var cluster *Cluster // left when this process ends
	if url == "" {
		var err error
		if cluster, err = StartCluster(ctx); err != nil {
			return nil, err
		}
		url = cluster.URL
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", URLVariable, err)
	}
	config.MaxConns, config.MinConns = 4, 0
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &server{url: url, cluster: cluster, pool: pool, kinds: map[string]string{}}, nil
})

// template is the migrated template's name. A failure is not remembered: the
// next test reports it too, in its own words.
func (s *server) template(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.migratedTemplate(ctx)
}

// prepared is the name of the database of this kind. It is this process' own and
// goes with its other databases.
func (s *server) prepared(ctx context.Context, kind string, prepare func(url string) error) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name := s.kinds[kind]; name != "" {
		return name, nil
	}
	template, err := s.migratedTemplate(ctx)
	if err != nil {
		return "", err
	}
	name := ownName()
	if _, err := s.pool.Exec(ctx, copyOf(name, template)); err != nil {
		return "", fmt.Errorf("creating %s: %w", name, err)
	}
	if err := prepare(withDatabase(s.url, name)); err != nil {
		return "", fmt.Errorf("preparing %s: %w", kind, err)
	}
	if _, err := s.pool.Exec(ctx, "ALTER DATABASE "+name+" WITH ALLOW_CONNECTIONS false"); err != nil { // one guest would block every copy
		return "", fmt.Errorf("closing %s: %w", name, err)
	}
	s.kinds[kind] = name
	return name, nil
}

// migratedTemplate is template for those who hold mu.
func (s *server) migratedTemplate(ctx context.Context) (string, error) {
	if s.migrated != "" {
		return s.migrated, nil
	}
	name, err := makeTemplate(ctx, s.pool, s.url)
	if err != nil {
		return "", err
	}
	s.migrated = name
	return name, nil
}

// number tells this process' databases apart; the process id tells processes.
var number atomic.Int64

func ownName() string { return fmt.Sprintf("%s%d_%d", testPrefix, os.Getpid(), number.Add(1)) }

// copyOf copies files, which beats replaying the copy through the log at this size.
func copyOf(name, template string) string {
	return "CREATE DATABASE " + name + " TEMPLATE " + template + " STRATEGY file_copy"
}

func create(t testing.TB, from func(context.Context, *server) (string, error)) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	s, err := shared()
	if err != nil {
		t.Fatalf("test database: %v", err)
	}
	template, err := from(ctx, s)
	if err != nil {
		t.Fatalf("test database: %v", err)
	}
	name := ownName()
	if _, err := s.pool.Exec(ctx, copyOf(name, template)); err != nil {
		t.Fatalf("test database: creating %s: %v", name, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if _, err := s.pool.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("test database: dropping %s: %v", name, err)
		}
	})
	return withDatabase(s.url, name)
}
