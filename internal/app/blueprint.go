package app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/config"
	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/stages"
)

// prints makes what applies blueprints.
func (a *App) prints() *blueprint.Service {
	return blueprint.New(blueprint.Deps{Store: a.DB, Access: a.Access, Rules: a.Configure, Accounts: a.Accounts, Tokens: a.Tokens, Roles: a.RoleService,
		Invitations: a.Invitations, Stages: a.Flows, Policies: a.policyKinds, Env: os.Getenv})
}

// blueprintCommands are what the command line asks about blueprints.
func blueprintCommands() cli.Blueprints {
	return cli.Blueprints{Run: RunBlueprints, Export: ExportFlow, Schema: BlueprintSchema}
}

// RunBlueprints plans or applies documents on the configured database, which has
// to be of this version; nothing else is done to it. Errors: those of
// blueprint.Service; CodeUnavailable.
func RunBlueprints(ctx context.Context, cfg *config.Config, documents []*blueprint.Document, o cli.BlueprintOptions) (reports []*blueprint.Report, err error) {
	err = onDatabase(ctx, cfg, func(a *App) (err error) {
		options := blueprint.Options{Actor: idp.SystemActor(), Context: o.Context, SkipUnsupported: o.SkipUnsupported}
		act := a.Prints.PlanAll
		if o.Keep {
			act = a.Prints.ApplyAll
		}
		reports, err = act(ctx, documents, options)
		return err
	})
	return reports, err
}

// ExportFlow writes a flow of the configured database as a blueprint. Errors:
// CodeNotFound; CodeUnavailable.
func ExportFlow(ctx context.Context, cfg *config.Config, slug string) (text []byte, err error) {
	err = onDatabase(ctx, cfg, func(a *App) (err error) {
		text, err = a.Prints.Export(ctx, slug)
		return err
	})
	return text, err
}

// onDatabase builds everything over the configured database as it is, without
// migrating it or applying what is shipped: looking must change nothing.
func onDatabase(ctx context.Context, cfg *config.Config, act func(*App) error) (err error) {
	a := &App{Config: cfg, Log: cfg.Logger()}
	defer func() { err = errors.Join(err, a.Close()) }()
	url, err := a.database(ctx)
	if err != nil {
		return err
	}
	if a.DB, err = postgres.Open(ctx, url, postgres.Options{Log: a.Log, MaxConns: int32(cfg.DatabasePool)}); err != nil {
		return err
	}
	if err := a.DB.Ping(ctx); err != nil {
		return fmt.Errorf("the database has to be of this version: run “portcullis migrate” first: %w", err)
	}
	if err := a.build(); err != nil {
		return err
	}
	a.DB.Await(func(ctx context.Context, change int64) {
		if err := feed.Elsewhere(ctx, change, a.Feed.Lease(), a.feedSource.Behind); err != nil {
			a.Log.WarnContext(ctx, "what was done may take effect a little later", "error", err)
		}
	})
	return act(a)
}

// kindList is every kind of stage, for whoever only describes them.
type kindList []flow.Kind

// Kinds implements blueprint.StageKinds.
func (l kindList) Kinds() []flow.Kind { return l }

// BlueprintSchema is the JSON schema of blueprints.
func BlueprintSchema() ([]byte, error) {
	return blueprint.New(blueprint.Deps{Stages: kindList(stages.All(stages.Deps{})),
		Policies: policy.NewKinds(policies.Kinds(policies.Deps{}))}).Schema()
}
