package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/application"
	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/config"
	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/embedded"
	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/forward"
	"github.com/portcullis-idp/portcullis/internal/geo"
	"github.com/portcullis-idp/portcullis/internal/herald"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/invitation"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/logout"
	"github.com/portcullis-idp/portcullis/internal/mail"
	"github.com/portcullis-idp/portcullis/internal/notify"
	"github.com/portcullis-idp/portcullis/internal/oidc"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/postgres/migration"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/server"
	"github.com/portcullis-idp/portcullis/internal/server/live"
	"github.com/portcullis-idp/portcullis/internal/server/metric"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// App is the product, ready to serve.
type App struct {
	Config      *config.Config
	Log         *slog.Logger
	DB          *postgres.DB
	Hasher      *secret.Hasher
	Access      *access.Checker
	Roles       *access.Roles
	RoleService *access.Service
	Locks       *lock.Service
	Locked      *lock.View // this server's view of the locks
	Lockouts    *lockout.Service
	Audit       *audit.Service
	Accounts    *account.Service
	Sessions    *session.Service
	Tokens      *token.Service
	Lockdowns   *lockdown.Service
	Invitations *invitation.Service
	Consents    *consent.Service
	Factors     *factor.Service
	Elevations  *elevate.Service
	Flows       *flow.Executor
	Configure   *configure.Service
	// Applications says who may use which application.
	Applications *application.Access
	Prints       *blueprint.Service
	Library      *blueprint.Library
	Mail         *mail.Service
	Notify       *notify.Service
	OIDC         *oidc.Service
	Logouts      *logout.Service
	Forward      *forward.Service
	Server       *server.Server

	// Metrics is what /-/metrics tells. Whoever knows of something to be watched adds
	// it there; see gauge.
	Metrics *metric.Registry
	// Requests counts requests.
	Requests *metric.Requests
	// Geo knows where addresses are.
	Geo *geo.Databases
	// Feed keeps what is held in memory in step with the database.
	Feed *feed.Feed
	// Heralds knows of acts under way.
	Heralds *herald.Board
	// Live streams the audit log as it grows.
	Live *live.Events
	// Bells tells browsers how much of what people were told they have not seen.
	Bells *live.Bells

	view        *session.View
	feedSource  *postgres.FeedSource
	crier       *postgres.Crier
	uses        func() // writes what is noted of sessions for the last time; nil = not begun
	policyKinds *policy.Kinds
	policies    *policy.Engine
	embedded    *embedded.Server // nil with a database URL
	watch       *watch           // nil without a blueprints directory
	worker      *postgres.Worker
	address     string       // what Serve listens on
	scrapes     net.Listener // of metrics alone; nil = none yet
	counters    *counters
	seals       *secret.Sealer // may last only as long as the process
	sealsLast   bool
	spans       spans
}

// Open starts the database where it is embedded, migrates it, applies the
// shipped blueprints, makes sure that there is an administrator, and builds
// everything but the listener. Close undoes it.
func Open(ctx context.Context, cfg *config.Config, log *slog.Logger) (*App, error) {
	a := &App{Config: cfg, Log: log}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *App) open(ctx context.Context) error {
	url, err := a.database(ctx)
	if err != nil {
		return err
	}
	if err := migration.Up(ctx, url, a.Log); err != nil {
		return err
	}
	a.trace()
	a.DB, err = postgres.Open(ctx, url, postgres.Options{Log: a.Log, MaxConns: int32(a.Config.DatabasePool),
		Reputation: idp.ReputationLimits{Lowest: a.Config.ReputationLowest, Highest: a.Config.ReputationHighest}, Tracer: a.spans.statements})
	if err != nil {
		return err
	}
	if err := a.build(); err != nil {
		return err
	}
	if dir := a.Config.BlueprintsDir; dir != "" {
		if a.watch, err = newWatch(dir, a.Log, a.refresh); err != nil {
			return err
		}
	}
	if err := a.settle(ctx); err != nil {
		return err
	}
	if a.watch != nil {
		a.watch.start(ctx)
	}
	if err := a.follow(ctx); err != nil {
		return err
	}
	if err := a.locate(ctx); err != nil {
		return err
	}
	if a.worker, err = a.DB.NewWorker(a.Mail, a.chores()...); err != nil {
		return err
	}
	return a.worker.Start(ctx)
}

// database returns the URL of the database, after starting it where it is
// embedded.
func (a *App) database(ctx context.Context) (string, error) {
	if a.Config.DatabaseURL != "" {
		return a.Config.DatabaseURL, nil
	}
	db, err := embedded.Start(ctx, embedded.Config{DataDir: a.Config.DataDir, BinDir: a.Config.PostgresBin, Logger: a.Log})
	if err != nil {
		return "", err
	}
	a.embedded = db
	return db.URL(), nil
}

// build wires the use cases, the engine and the server.
func (a *App) build() error {
	a.count()
	a.Hasher = secret.New()
	a.Geo = geo.Open(geo.Config{City: a.Config.GeoIPCity, ASN: a.Config.GeoIPASN, Log: a.Log})
	a.Locked = lock.NewView(a.DB, lock.Options{Mode: idp.LockingMode(a.Config.LockingMode),
		Origin: a.Config.Origin("locking_mode"), Staleness: a.Config.LockingMaxStaleness})
	conditions := policy.NewRoleConditions()
	a.Roles = access.NewRoles(a.DB, conditions.Holds)
	lockouts := lockout.NewView(a.DB)
	a.crier = a.DB.NewCrier()
	a.Heralds = herald.New(a.crier.Tell)
	a.Access = access.New(access.Deps{Heralds: a.Heralds, Roles: a.Roles, Locks: lock.Door{View: a.Locked}, Networks: a.Geo,
		ProofAge: func() time.Duration { return lockouts.Limits().ProofAge }})
	a.RoleService = access.NewService(access.ServiceDeps{Store: a.DB, Checker: a.Access, CheckWhere: conditions.Check})
	a.Locks = lock.New(lock.Deps{Store: a.DB, Access: a.Access, View: a.Locked, Heralds: a.Heralds})
	a.Lockdowns = lockdown.New(lockdown.Deps{Store: a.DB, Access: a.Access, Heralds: a.Heralds})
	sealer, lasts, err := a.sealer()
	if err != nil {
		return err
	}
	a.seals, a.sealsLast = sealer, lasts
	a.Audit = a.auditor(sealer, lasts)
	a.Lockouts = lockout.New(lockout.Deps{Store: a.DB, Access: a.Access, View: lockouts, Keys: sealer,
		Told: func(ctx context.Context, tx idp.Repos, u *idp.User, l *idp.Lockout) (string, error) {
			return a.Mail.LockedOut(ctx, tx, u, l)
		}})
	a.Tokens = token.New(token.Deps{Store: a.DB, Access: a.Access, Sealer: sealer, Revealable: a.Config.TokenKeysRevealable})
	a.Accounts = account.New(account.Deps{Store: a.DB, Access: a.Access, Closer: a.Lockdowns, Hasher: a.Hasher, Roles: a.RoleService, Guard: a.Lockouts,
		AppPasswords: a.Tokens,
		Release: func(ctx context.Context, tx idp.Repos, actor idp.Actor, row any) error {
			return a.Configure.Release(ctx, tx, actor, row)
		}})
	a.view = session.NewView(a.DB, a.Locked.Strict)
	a.view.Shut(a.Locked.Stale)
	a.feedSource = a.DB.NewFeedSource()
	a.feedSource.HearHeralds(a.Heralds.Hear)
	hub := a.hub(0)
	a.Bells = &live.Bells{Hub: a.hub(bellsAtMost), Store: a.DB}
	a.Forward = forward.New(forward.Deps{Store: a.DB, Gate: a.Access, Sealer: sealer, Strict: a.Locked.Strict})
	a.Feed = feed.New(a.feedSource, feed.Options{Log: a.Log, Awaited: a.counters.awaited}, a.view, a.Locked, a.Roles, lockouts, a.Audit, a.Forward, hub, a.Bells) // hubs ask what the views hold
	a.view.Follow(a.Feed)
	a.Locked.Follow(a.Feed)
	lockouts.Follow(a.Feed)
	hub.Follow(a.Feed)
	a.Bells.Hub.Follow(a.Feed)
	a.Elevations = elevate.New(elevate.Deps{Store: a.DB, Access: a.Access, Lapse: func() time.Duration { return lockouts.Limits().RequestLapse }})
	a.Sessions = session.New(session.Deps{Store: a.DB, Access: a.Access, View: a.view, Whereabouts: a.Geo, Heralds: a.Heralds})
	a.OIDC = oidc.New(oidc.Deps{Store: a.DB, Access: a.Access, Sealer: sealer, Guessing: a.Lockouts})
	a.Logouts = a.teller()
	a.Live = a.streams(hub)
	a.Bells.Door = a.Live.Again
	a.gauge(lockouts)
	a.Invitations = invitation.New(invitation.Deps{Store: a.DB, Access: a.Access})
	a.Consents = consent.New(consent.Deps{Store: a.DB, Access: a.Access})
	a.Factors = factor.New(factor.Deps{Store: a.DB, Access: a.Access, Guard: a.Lockouts, Hasher: a.Hasher, Sealer: sealer, Lasts: lasts, PublicURL: a.Config.PublicURL})
	a.Mail = a.post()
	a.Mail.Sealer = sealer
	if !lasts { // passwords of mail servers have to outlive the process
		sealer = nil
	}
	a.Flows = a.engine()
	a.OIDC.Applications, a.OIDC.Claims = a.Applications, claims{}
	a.Forward.Sessions, a.Forward.Policies = a.Sessions, a.Applications
	a.Configure = configure.New(configure.Deps{Store: a.DB, Access: a.Access, Stages: a.Flows, Policies: a.policyKinds,
		Prompt: prompt.CheckPrompt, Sealer: sealer, NoticeTemplates: a.Mail.Texts.Notices})
	a.Notify = a.notifier()
	a.Prints = a.prints()
	a.Library = a.library()
	a.Server, err = a.web()
	return err
}

// settle brings a fresh or older installation to what this version expects.
func (a *App) settle(ctx context.Context) error {
	if err := a.RoleService.EnsureBuiltIn(ctx); err != nil {
		return err
	}
	if err := a.discover(ctx); err != nil {
		return err
	}
	b := a.Config.Bootstrap
	err := a.Accounts.EnsureAdministrator(ctx, account.Bootstrap{Password: b.Password, Email: b.Email, Token: b.Token})
	if err != nil {
		return fmt.Errorf("making the first administrator: %w", err)
	}
	if err := a.Tokens.Settle(ctx); err != nil {
		return err
	}
	return a.Configure.SealSecrets(ctx)
}

// Handler answers every request.
func (a *App) Handler() http.Handler { return a.Server }

// Close stops what Open started, in reverse order.
func (a *App) Close() error {
	if a.watch != nil {
		a.watch.Close()
	}
	if a.worker != nil {
		a.worker.Stop()
	}
	if a.Live != nil {
		a.Live.Close()
		a.Bells.Close()
	}
	if a.Geo != nil {
		a.Geo.Stop()
	}
	if a.uses != nil {
		a.uses()
	}
	if a.Feed != nil {
		a.Feed.Stop()
		a.feedSource.Close()
	}
	if a.DB != nil {
		a.DB.Close()
	}
	if a.spans.end != nil {
		a.spans.end()
	}
	if a.embedded != nil {
		return a.embedded.Stop(context.Background())
	}
	return nil
}
