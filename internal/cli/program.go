package cli

import (
	"context"
	"io"
	"time"

	"github.com/portcullis-idp/portcullis/internal/config"
)

// Version is set when the binary is built.
var Version = "unknown"

// ServeOptions are the extras of `portcullis serve`.
type ServeOptions struct {
	Demo bool // fill an empty installation with believable data
	Open bool // open the console in a browser where there is one
}

// MigrateOptions are the extras of `portcullis migrate`.
type MigrateOptions struct {
	Repair bool // first clear up after a migration that was interrupted half way
}

// BreakGlassOptions are the extras of `portcullis break-glass`.
type BreakGlassOptions struct {
	Username string        // "" = the first administrator
	For      time.Duration // how long
	End      bool          // end it instead
}

// Program is what the commands start. app provides it.
type Program struct {
	Serve     func(ctx context.Context, cfg *config.Config, out io.Writer, o ServeOptions) error
	Migrate   func(ctx context.Context, cfg *config.Config, out io.Writer, o MigrateOptions) error
	SetupLink func(ctx context.Context, cfg *config.Config, out io.Writer) error
	Demo      func(ctx context.Context, cfg *config.Config, out io.Writer) error
	// MailTest sends a mail to an address and prints what the server answers.
	MailTest func(ctx context.Context, cfg *config.Config, out io.Writer, to string) error
	// Direct runs act on the configured database, as the owner of the shell.
	Direct func(ctx context.Context, cfg *config.Config, act func(*Direct) error) error
	// BreakGlass lets an administrator pass the locks for a while, or ends that.
	BreakGlass func(ctx context.Context, cfg *config.Config, out io.Writer, o BreakGlassOptions) error
	Blueprints Blueprints
	Storybook  func(ctx context.Context, cfg *config.Config, out io.Writer) error
}
