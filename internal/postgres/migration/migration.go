package migration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"strconv"

	"github.com/golang-migrate/migrate/v4"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/portcullis-idp/portcullis/migrations"
)

const (
	// lockKey names the one lock every starting replica takes; advisory locks
	// are per database.
	lockKey = 0x506f727463756c6c
	// versionTable is golang-migrate's usual table, so that its command line
	// tool works on our databases too.
	versionTable = "schema_migrations"
	// oldestServer is the oldest PostgreSQL the product's SQL runs on.
	oldestServer = 15
)

// Status says where a database's schema stands.
type Status struct {
	// Version is the last file that ran, 0 when none did; Latest is the last
	// one this build carries.
	Version, Latest uint
	// Dirty is true while a CONCURRENTLY file that failed awaits Repair.
	Dirty bool
	// Queue and QueueLatest are the same for the job queue's schema.
	Queue, QueueLatest int
}

// Current reports whether the schema is exactly what this build needs.
func (s Status) Current() bool {
	return s.Version == s.Latest && !s.Dirty && s.Queue == s.QueueLatest
}

// Runner applies one set of files. The zero value of Log is silent.
type Runner struct {
	Files fs.FS
	Log   *slog.Logger
}

// Up brings the database at url to this build's schema. See Runner.Up.
func Up(ctx context.Context, url string, log *slog.Logger) error {
	return Runner{Files: migrations.FS, Log: log}.Up(ctx, url)
}

// Down removes this build's schema and every row in it. See Runner.Down.
func Down(ctx context.Context, url string, log *slog.Logger) error {
	return Runner{Files: migrations.FS, Log: log}.Down(ctx, url)
}

// Version reports where the database at url stands. See Runner.Version.
func Version(ctx context.Context, url string) (Status, error) {
	return Runner{Files: migrations.FS}.Version(ctx, url)
}

// Repair clears the mark of a failed CONCURRENTLY file. See Runner.Repair.
func Repair(ctx context.Context, url string, log *slog.Logger) error {
	return Runner{Files: migrations.FS, Log: log}.Repair(ctx, url)
}

// Up applies every file the database has not seen, then the job queue's own
// migrations. It waits while another replica does the same. It refuses,
// changing nothing, a schema newer than the build and a server older than
// PostgreSQL 15.
func (r Runner) Up(ctx context.Context, url string) error {
	return r.run(ctx, url, "migrating the database", func(s *step) error {
		if err := s.clean(ctx); err != nil {
			return err
		}
		if len(s.catalogue.versions) > 0 {
			if err := s.advance(ctx, (*migrate.Migrate).Up); err != nil {
				return err
			}
		}
		if err := s.queue.up(ctx); err != nil {
			return err
		}
		s.logVersion(ctx)
		return nil
	})
}

// Down undoes every file, newest first, and removes the job queue's tables.
// All data is gone afterwards.
func (r Runner) Down(ctx context.Context, url string) error {
	return r.run(ctx, url, "removing the schema", func(s *step) error {
		if err := s.clean(ctx); err != nil {
			return err
		}
		if s.version != none {
			if err := s.advance(ctx, (*migrate.Migrate).Down); err != nil {
				return err
			}
		}
		return s.queue.down(ctx)
	})
}

// Version reports where the database stands. It takes no lock and changes
// nothing.
func (r Runner) Version(ctx context.Context, url string) (Status, error) {
	status, err := r.version(ctx, url)
	if err != nil {
		return Status{}, fmt.Errorf("reading the schema's version: %w", err)
	}
	return status, nil
}

func (r Runner) version(ctx context.Context, url string) (Status, error) {
	s, err := r.open(ctx, url)
	if err != nil {
		return Status{}, err
	}
	defer s.close()
	if err := s.read(ctx); err != nil {
		return Status{}, err
	}
	return Status{
		Version: uint(max(s.version, 0)), Latest: uint(max(s.catalogue.latest(), 0)), Dirty: s.dirty,
		Queue: s.queue.version, QueueLatest: s.queue.latest(),
	}, nil
}

// Repair declares that what a failed CONCURRENTLY file left behind (usually an
// invalid index) has been removed by hand: the next Up runs the file again.
// Without such a mark it does nothing.
func (r Runner) Repair(ctx context.Context, url string) error {
	return r.run(ctx, url, "repairing the schema's version", func(s *step) error {
		if !s.dirty {
			return nil
		}
		return s.setBack(ctx)
	})
}

// run takes the lock, looks at the database and does one thing.
func (r Runner) run(ctx context.Context, url, act string, do func(*step) error) error {
	s, err := r.open(ctx, url)
	if err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	defer s.close()
	if err := s.lock(ctx); err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	if err := s.read(ctx); err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	if err := s.refuseNewer(); err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	if err := do(s); err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	return nil
}

// step is one run over one database.
type step struct {
	catalogue catalogue
	log       *slog.Logger
	config    *pgx.ConnConfig
	conn      *pgx.Conn // holds the lock for as long as it lives
	schema    string
	version   int
	dirty     bool
	queue     *queue
}

func (r Runner) open(ctx context.Context, url string) (*step, error) {
	s := &step{log: r.Log, version: none}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.catalogue, err = readCatalogue(r.Files); err != nil {
		return nil, err
	}
	if s.config, err = pgx.ParseConfig(url); err != nil {
		return nil, err
	}
	if s.conn, err = pgx.ConnectConfig(ctx, s.config); err != nil {
		return nil, err
	}
	if s.queue, err = openQueue(ctx, url); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *step) close() {
	s.queue.close()
	_ = s.conn.Close(context.Background()) // and with it the lock
}

func (s *step) lock(ctx context.Context) error {
	var got bool
	if err := s.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, lockKey).Scan(&got); err != nil {
		return fmt.Errorf("taking the migration lock: %w", err)
	}
	if got {
		return nil
	}
	s.log.Info("waiting for another replica's migration")
	if _, err := s.conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, lockKey); err != nil {
		return fmt.Errorf("waiting for another replica's migration: %w", err)
	}
	return nil
}

// read finds out where the database stands.
func (s *step) read(ctx context.Context) error {
	var number string
	var schema *string
	err := s.conn.QueryRow(ctx, `SELECT current_setting('server_version_num'), current_schema()`).Scan(&number, &schema)
	if err != nil {
		return fmt.Errorf("asking the server for its version: %w", err)
	}
	if n, err := strconv.Atoi(number); err == nil && n/10000 < oldestServer {
		return fmt.Errorf("the database server is PostgreSQL %d; Portcullis needs %d or newer", n/10000, oldestServer)
	}
	if schema == nil {
		return errors.New("the database user has no schema to create tables in: create one or set its search_path")
	}
	s.schema = *schema
	var exists bool
	if err := s.conn.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, s.table().Sanitize()).Scan(&exists); err != nil {
		return fmt.Errorf("looking for the version table: %w", err)
	}
	if exists {
		var version int64
		err = s.conn.QueryRow(ctx, `SELECT version, dirty FROM `+s.table().Sanitize()+` LIMIT 1`).Scan(&version, &s.dirty)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
		case err != nil:
			return fmt.Errorf("reading the version table: %w", err)
		case version > math.MaxInt32:
			s.version = math.MaxInt32
		default:
			s.version = int(version)
		}
	}
	return s.queue.read(ctx)
}

func (s *step) table() pgx.Identifier { return pgx.Identifier{s.schema, versionTable} }

func (s *step) refuseNewer() error {
	const advice = "it was migrated by a newer Portcullis; start that one, or restore a backup from before the upgrade. Nothing was changed"
	if latest := s.catalogue.latest(); s.version > latest {
		return fmt.Errorf("the schema is at version %d and this build knows up to %d: %s", s.version, max(latest, 0), advice)
	}
	if !s.catalogue.knows(s.version) {
		return fmt.Errorf("the schema is at version %d, which this build does not know: %s", s.version, advice)
	}
	if s.queue.version > s.queue.latest() {
		return fmt.Errorf("the job queue's schema is at version %d and this build knows up to %d: %s", s.queue.version, s.queue.latest(), advice)
	}
	return nil
}

// clean deals with a dirty mark. Only golang-migrate's own tool leaves one on
// an ordinary file, which has then been rolled back whole.
func (s *step) clean(ctx context.Context) error {
	if !s.dirty {
		return nil
	}
	if s.catalogue.stepwise(s.version) {
		return fmt.Errorf("migration %s failed half-way earlier: remove what it left (look for invalid indexes), "+
			"then run `portcullis migrate --repair`", s.catalogue.up[uint(s.version)])
	}
	s.log.Warn("an earlier migration failed and was rolled back; trying it again", "version", s.version)
	return s.setBack(ctx)
}

// setBack records that the file marked dirty did not run.
func (s *step) setBack(ctx context.Context) error {
	back := s.catalogue.before(s.version)
	if s.version == none && len(s.catalogue.versions) > 0 {
		back = int(s.catalogue.versions[0]) // the way down from the first file failed
	}
	record := (&atomic{table: s.table(), target: back}).record()
	if _, err := s.conn.Exec(ctx, record); err != nil {
		return fmt.Errorf("recording version %d: %w", back, err)
	}
	s.version, s.dirty = back, false
	return nil
}

// advance runs golang-migrate in one direction.
func (s *step) advance(ctx context.Context, direction func(*migrate.Migrate) error) error {
	files, err := iofs.New(s.catalogue.files, ".")
	if err != nil {
		return fmt.Errorf("reading migrations: %w", err)
	}
	db := stdlib.OpenDB(*s.config)
	defer func() { _ = db.Close() }()
	return s.drive(ctx, db, func(driver *atomic) error {
		m, err := migrate.NewWithInstance("iofs", files, "pgx5", driver)
		if err != nil {
			return fmt.Errorf("preparing migrations: %w", err)
		}
		defer func() { _, _ = m.Close() }()
		release := context.AfterFunc(ctx, func() { m.GracefulStop <- true })
		defer release()
		if err := direction(m); err != nil && !errors.Is(err, migrate.ErrNoChange) {
			return err
		}
		return context.Cause(ctx) // a graceful stop is no error to the library
	})
}

func (s *step) drive(ctx context.Context, db *sql.DB, do func(*atomic) error) error {
	if err := db.PingContext(ctx); err != nil {
		return err
	}
	inner, err := migratepgx.WithInstance(db, &migratepgx.Config{SchemaName: s.schema, MigrationsTable: versionTable})
	if err != nil {
		return fmt.Errorf("preparing the version table: %w", err)
	}
	from := s.version
	return do(&atomic{Driver: inner, table: s.table(), name: func(target int) string {
		if target >= from {
			return s.catalogue.up[uint(max(target, 0))]
		}
		return s.catalogue.after(target)
	}})
}

func (s *step) logVersion(ctx context.Context) {
	before := s.version
	if err := s.read(ctx); err == nil && s.version != before {
		s.log.Info("migrated the database", "from", max(before, 0), "to", s.version)
	}
}
