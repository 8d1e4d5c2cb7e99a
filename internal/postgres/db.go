package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/migrations"
)

// Defaults of Options.
const (
	defaultConns            = 16
	defaultStatementTimeout = 30 * time.Second
	lockdownConns           = 4
	// statements is how many prepared statements a connection keeps; the driver
	// sets memory aside for all of them.
	statements = 256
)

// Options tunes Open. The zero value is good.
type Options struct {
	// Log hears what no caller can be told; nil = silent.
	Log *slog.Logger
	// MaxConns bounds the request pool; 0 = what the URL says
	// (pool_max_conns), else 16. Lockdowns have up to 4 more of their own.
	MaxConns int32
	// StatementTimeout ends a statement that takes longer; 0 = 30 s.
	StatementTimeout time.Duration
	// Reputation is how far scores go.
	Reputation idp.ReputationLimits
	// Tracer follows statements and transactions of requests; nil = nobody does.
	Tracer Tracer
}

// DB is the database. It implements idp.Store.
type DB struct {
	pool     *pgxpool.Pool
	reserved *pgxpool.Pool // for lockdowns only, one connection always warm
	queue    *queue
	repos    idp.Repos
	log      *slog.Logger
	schema   int // the newest migration this build knows
	scores   idp.ReputationLimits
	await    atomic.Pointer[func(ctx context.Context, change int64)] // nil = nobody
	events   atomic.Pointer[func()]                                  // nil = nobody
	kept     atomic.Pointer[func(*idp.Event)]                        // nil = nobody
	tracer   Tracer                                                  // nil = nobody
}

var _ idp.Store = (*DB)(nil)

// Open prepares the pools for a migrated database and returns once a
// connection of the request pool answers. Errors carry CodeUnavailable when
// the database cannot be reached.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.StatementTimeout <= 0 {
		o.StatementTimeout = defaultStatementTimeout
	}
	schema, err := newestMigration()
	if err != nil {
		return nil, err
	}
	db := &DB{log: o.Log, schema: schema, scores: o.Reputation, tracer: o.Tracer}
	if err := db.open(ctx, url, o); err != nil {
		db.Close()
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	return db, nil
}

func (db *DB) open(ctx context.Context, url string, o Options) error {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return &idp.Error{Code: idp.CodeInvalid, Message: "The database URL cannot be read.", Err: err}
	}
	switch {
	case o.MaxConns > 0:
		config.MaxConns = o.MaxConns
	case !strings.Contains(url, "pool_max_conns"):
		config.MaxConns = defaultConns
	}
	config.MaxConnIdleTime = 5 * time.Minute
	config.ConnConfig.StatementCacheCapacity = statements
	config.ConnConfig.OnNotice = noteChange
	patient(config.ConnConfig)
	if o.Tracer != nil {
		config.ConnConfig.Tracer = statementTracer{o.Tracer}
	}
	if config.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		config.ConnConfig.DescriptionCacheCapacity = 0 // of use in another mode only
	}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		return settle(ctx, conn, o.StatementTimeout)
	}
	if db.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return translate(err, "database")
	}
	if err := db.pool.Ping(ctx); err != nil {
		return translate(err, "database")
	}
	if db.queue, err = newQueue(db.pool, db.log); err != nil {
		return err
	}
	db.repos = db.over(db.pool)
	db.reserved, err = db.reserve(ctx, config, o)
	return err
}

// Close ends every connection. Stop the Worker first.
func (db *DB) Close() {
	if db.reserved != nil {
		db.reserved.Close()
	}
	if db.pool != nil {
		db.pool.Close()
	}
}

// Repos implements idp.Store.
func (db *DB) Repos() idp.Repos { return db.repos }

// HearAppends has heard called whenever an event is written here, before it is
// committed. It must be quick.
func (db *DB) HearAppends(heard func()) { db.events.Store(&heard) }

// Now implements idp.Store.
func (db *DB) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := db.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
	return now, wrap(err, "time", "asking the database for the time")
}

// Ping implements idp.Store.
func (db *DB) Ping(ctx context.Context) error {
	var ready bool
	err := db.pool.QueryRow(ctx, `SELECT version >= $1 AND NOT dirty FROM schema_migrations`, db.schema).Scan(&ready)
	if err == nil && ready {
		return nil
	}
	if err == nil || errors.Is(err, pgx.ErrNoRows) || sqlState(err) == undefinedTable {
		return &idp.Error{Code: idp.CodeUnavailable, Message: "The database is not migrated to this version.", Err: err}
	}
	return wrap(err, "database", "asking the database whether it is ready")
}

// over makes the repositories speak through a pool or a transaction.
func (db *DB) over(q querier) idp.Repos {
	return idp.Repos{
		Users: users{q}, Groups: groups{q}, Sessions: sessions{q}, Visits: visits{q}, Tokens: tokens{q},
		Flows: newFlows(q), FlowBindings: newFlowBindings(q), Stages: newStages(q), Prompts: newPrompts(q),
		Policies: newPolicies(q), PolicyBindings: newPolicyBindings(q), Brands: newBrands(q),
		Events: events{q, &db.events, &db.kept}, Seals: seals{q}, EventBlocks: eventBlocks{q}, Lockdowns: lockdowns{q}, Restores: restores{q}, Runs: runs{q}, Holder: holder{q}, Settings: settings{q},
		Reputations: reputations{q, db.scores}, Invitations: newInvitations(q), Consents: consents{q},
		Blueprints: newBlueprints(q), Configuration: configuration{q}, Links: links{q}, KnownDevices: knownDevices{q}, Factors: factors{q}, AccessRequests: accessRequests{q}, Locks: locks{q}, Lockouts: lockouts{q}, Roles: newRoles(q), Jobs: jobs{q: q, queue: db.queue},
		Attempts: attempts{db, q}, NotificationRules: newNotificationRules(q), Transports: newTransports(q), WebhookMappings: newWebhookMappings(q),
		Notifications: notifications{q}, Deliveries: deliveries{q},
		Applications: newApplications(q), OAuthProviders: newOAuthProviders(q), ScopeMappings: newScopeMappings(q),
		OAuthGrants: oauthGrants{q}, OAuthRequests: oauthRequests{q}, SigningKeys: signingKeys{q}, LogoutNotices: logoutNotices{q},
	}
}

// settle makes a fresh connection ours: UTC times, bounded statements, no
// compiling of plans (a wrong estimate would cost a request 100 ms), and the
// role that cannot change events, where the migrations could make it for this
// database (see migrations/0007). It is one round trip.
func settle(ctx context.Context, conn *pgx.Conn, timeout time.Duration) error {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	_, err := conn.PgConn().Exec(ctx, fmt.Sprintf(`
		SELECT set_config('statement_timeout', '%[1]d', false),
		       set_config('idle_in_transaction_session_timeout', '%[1]d', false),
		       set_config('TimeZone', 'UTC', false), set_config('jit', 'off', false);
		SELECT set_config('role', 'portcullis_app', false) FROM pg_roles
		 WHERE rolname = 'portcullis_app' AND pg_has_role(session_user, oid, 'MEMBER')
		   AND has_table_privilege(oid, to_regclass('events'), 'INSERT')`, timeout.Milliseconds())).ReadAll()
	return err
}

func newestMigration() (int, error) {
	names, err := fs.Glob(migrations.FS, "*.up.sql")
	if err != nil || len(names) == 0 {
		return 0, fmt.Errorf("listing the migrations: %w", errors.Join(err, fs.ErrNotExist))
	}
	newest, _, _ := strings.Cut(names[len(names)-1], "_")
	version, err := strconv.Atoi(newest)
	if err != nil {
		return 0, fmt.Errorf("reading the version of migration %s: %w", names[len(names)-1], err)
	}
	return version, nil
}
