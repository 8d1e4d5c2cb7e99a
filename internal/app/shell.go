package app

import (
	"context"
	"log/slog"

	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/config"
)

// Direct runs commands about locks, roles and users on the configured database,
// which has to be of this version; nothing else is done to it. Servers at work
// hear of what was changed by the change feed. Errors: those of act;
// CodeUnavailable.
func Direct(ctx context.Context, cfg *config.Config, act func(*cli.Direct) error) error {
	quiet := *cfg
	quiet.LogLevel = max(cfg.LogLevel, slog.LevelWarn) // what there is to say, the commands say
	return onDatabase(ctx, &quiet, func(a *App) error {
		return act(&cli.Direct{LockService: a.Locks, RoleService: a.RoleService, Accounts: a.Accounts, LockoutService: a.Lockouts, KeyService: a.OIDC, Audit: a.Audit, Sessions: a.Sessions, FactorService: a.Factors, Elevations: a.Elevations,
			RestoreService: a.restores(), PublicURL: a.Config.PublicURL})
	})
}
