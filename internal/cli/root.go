package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/internal/config"
)

// Exit codes.
const (
	ExitOK      = 0
	ExitFailure = 1 // the command was right, what it wanted did not happen
	ExitUsage   = 2 // the command line or the configuration is wrong
)

// impatience is how long after the first signal another one means "at once". A
// supervisor that signals a process and its group sends two within moments, and
// ending at once would leave the embedded database running.
const impatience = time.Second

// untilSignal returns a context that ends with SIGINT or SIGTERM. A later signal
// ends the process at once.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals, over := make(chan os.Signal, 4), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		var first time.Time
		for {
			select {
			case <-over:
				return
			case <-signals:
			}
			if first.IsZero() {
				first = time.Now()
				cancel()
			} else if time.Since(first) > impatience {
				os.Exit(ExitFailure)
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); close(over); cancel() }
}

// Run runs the command line and returns the exit code. It ends early and in
// order on SIGINT and SIGTERM; another signal a moment later ends the process at
// once.
func Run(p Program, args []string, out, errs io.Writer) int {
	ctx, stop := untilSignal()
	defer stop()
	root := New(p)
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	if ended := (*exitError)(nil); errors.As(err, &ended) {
		return ended.code
	}
	fmt.Fprintf(errs, "ERROR: %v\n", err)
	var wrong *usageError
	var faults *config.Error
	if errors.As(err, &wrong) || errors.As(err, &faults) {
		return ExitUsage
	}
	return ExitFailure
}

// usageError is a fault of the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() + "\nRun 'portcullis --help' for usage." }
func (e *usageError) Unwrap() error { return e.err }

// New makes the command tree.
func New(p Program) *cobra.Command {
	root := &cobra.Command{
		Use:   "portcullis",
		Short: "Identity provider whose specialty is containment",
		Long: "Portcullis is a self-hosted identity provider. When an account is compromised,\none act closes every door it holds, at once, with an audit trail, and can be undone.\n\n" +
			"Exit codes: 0, it was done; 1, it was not; 2, the command line or the configuration is\nwrong. Errors are on standard error, behind ERROR:.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	flags := root.PersistentFlags()
	flags.String("config", os.Getenv(config.EnvPrefix+"CONFIG"), "YAML file with the same keys as the flags (PORTCULLIS_CONFIG)")
	for _, o := range config.Options() {
		flags.String(o.Flag(), o.Default, o.Help+" ("+o.Env()+")")
	}
	root.AddCommand(serve(p), migrate(p), setupLink(p), breakGlass(p), demo(p), storybook(p), mailCommand(p), blueprintCommand(p), health(), show(), version())
	root.AddCommand(agentCommand(), keysCommand(p))
	root.AddCommand(lockCommand(p), getCommand(p), rmCommand(p), createCommand(p), editCommand(p), usersCommand(p), statusCommand(p))
	root.AddCommand(lockoutsCommand(p), settingsCommand(p), auditCommand(p), restoreCommand(p), requestsCommand(p), devicesCommand(p), factorsCommand(p))
	for _, c := range root.Commands() {
		if args := c.Args; args != nil {
			c.Args = func(c *cobra.Command, given []string) error {
				err := args(c, given)
				if wrong := (*usageError)(nil); err != nil && !errors.As(err, &wrong) {
					return &usageError{err}
				}
				return err
			}
		}
	}
	return root
}

// load reads the configuration as the flags of the command say.
func load(c *cobra.Command) (*config.Config, error) {
	src := config.Source{Env: os.Environ(), Flags: map[string]string{}}
	src.File, _ = c.Flags().GetString("config")
	for _, o := range config.Options() {
		if f := c.Flags().Lookup(o.Flag()); f != nil && f.Changed {
			src.Flags[o.Key] = f.Value.String()
		}
	}
	return config.Load(src)
}

func serve(p Program) *cobra.Command {
	var o ServeOptions
	c := &cobra.Command{
		Use: "serve", Short: "Run the server", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load(c)
			if err != nil {
				return err
			}
			return p.Serve(c.Context(), cfg, c.OutOrStdout(), o)
		},
	}
	c.Flags().BoolVar(&o.Demo, "demo", false, "fill an empty installation with believable people, groups, sessions, tokens and events")
	c.Flags().BoolVar(&o.Open, "open", false, "open the console in a browser where there is one")
	return c
}

func migrate(p Program) *cobra.Command {
	var o MigrateOptions
	c := &cobra.Command{
		Use: "migrate", Short: "Bring the database up to this version and stop", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return with(c, func(ctx context.Context, cfg *config.Config, out io.Writer) error { return p.Migrate(ctx, cfg, out, o) })
		},
	}
	c.Flags().BoolVar(&o.Repair, "repair", false, "first clear up after a migration that was interrupted half way")
	return c
}

func setupLink(p Program) *cobra.Command {
	return &cobra.Command{
		Use: "setup-link", Short: "Show a new one-time link that sets the first administrator's password", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return with(c, p.SetupLink) },
	}
}

func demo(p Program) *cobra.Command {
	return &cobra.Command{
		Use: "demo", Short: "Fill an empty installation with believable data", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return with(c, p.Demo) },
	}
}

// storybook is for whoever works on the looks of the product.
func storybook(p Program) *cobra.Command {
	return &cobra.Command{
		Use: "storybook", Short: "Serve every component and sample page, without a database", Args: cobra.NoArgs, Hidden: true,
		RunE: func(c *cobra.Command, _ []string) error { return with(c, p.Storybook) },
	}
}

func with(c *cobra.Command, fn func(context.Context, *config.Config, io.Writer) error) error {
	cfg, err := load(c)
	if err != nil {
		return err
	}
	return fn(c.Context(), cfg, c.OutOrStdout())
}

func show() *cobra.Command {
	return &cobra.Command{
		Use: "config", Short: "Print the configuration in force, secrets left out", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load(c)
			if err != nil {
				return err
			}
			_, err = io.WriteString(c.OutOrStdout(), cfg.Redacted())
			return err
		},
	}
}

func version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(c.OutOrStdout(), "portcullis %s (%s %s/%s)\n", Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
