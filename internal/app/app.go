package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"github.com/portcullis-idp/portcullis/blueprints"
	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/config"
	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/embedded"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/postgres/migration"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/server"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// App is the product, ready to serve.
type App struct {
	Config    *config.Config
	Log       *slog.Logger
	DB        *postgres.DB
	Hasher    *secret.Hasher
	Access    *access.Checker
	Accounts  *account.Service
	Sessions  *session.Service
	Tokens    *token.Service
	Lockdowns *lockdown.Service
	Flows     *flow.Executor
	Configure *configure.Service
	Server    *server.Server

	policyKinds *policy.Kinds
	embedded    *embedded.Server // nil with a database URL
	worker      *postgres.Worker
	address     string // what Serve listens on
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
	a.DB, err = postgres.Open(ctx, url, postgres.Options{Log: a.Log, MaxConns: int32(a.Config.DatabasePool)})
	if err != nil {
		return err
	}
	if err := a.build(); err != nil {
		return err
	}
	if err := a.settle(ctx); err != nil {
		return err
	}
	if a.worker, err = a.DB.NewWorker(); err != nil {
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
	a.Hasher = secret.New()
	a.Access = access.New()
	a.Lockdowns = lockdown.New(lockdown.Deps{Store: a.DB, Access: a.Access})
	a.Accounts = account.New(account.Deps{Store: a.DB, Access: a.Access, Closer: a.Lockdowns, Hasher: a.Hasher})
	a.Sessions = session.New(session.Deps{Store: a.DB, Access: a.Access})
	a.Tokens = token.New(token.Deps{Store: a.DB, Access: a.Access})
	a.Flows = a.engine()
	a.Configure = configure.New(configure.Deps{Store: a.DB, Access: a.Access, Stages: a.Flows, Policies: a.policyKinds,
		Prompt: prompt.CheckPrompt})
	var err error
	a.Server, err = a.web()
	return err
}

// settle brings a fresh or older installation to what this version expects.
func (a *App) settle(ctx context.Context) error {
	prints := blueprint.New(blueprint.Deps{Store: a.DB, Rules: a.Configure, Stages: stageKinds{a.Flows},
		Policies: policyKinds{a.policyKinds}, Env: os.Getenv})
	if err := prints.ApplyShipped(ctx, blueprints.FS); err != nil {
		return fmt.Errorf("applying the shipped blueprints: %w", err)
	}
	b := a.Config.Bootstrap
	err := a.Accounts.EnsureAdministrator(ctx, account.Bootstrap{Password: b.Password, Email: b.Email, Token: b.Token})
	if err != nil {
		return fmt.Errorf("making the first administrator: %w", err)
	}
	return nil
}

// Handler answers every request.
func (a *App) Handler() http.Handler { return a.Server }

// Close stops what Open started, in reverse order.
func (a *App) Close() error {
	if a.worker != nil {
		a.worker.Stop()
	}
	if a.DB != nil {
		a.DB.Close()
	}
	if a.embedded != nil {
		return a.embedded.Stop(context.Background())
	}
	return nil
}
