package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/internal/config"
)

// breakGlass is the way in when locks keep every administrator out. It works on
// the database of the configuration, so it takes the server's own shell.
func breakGlass(p Program) *cobra.Command {
	var o BreakGlassOptions
	c := &cobra.Command{
		Use: "break-glass [USERNAME]", Short: "Let an administrator sign in although locks are in force, for a while",
		Long: "Lets an administrator sign in whatever locks are in force, until the time is up or\n" +
			"'break-glass --end' is run. Without a username: the administrator who was made first.\n" +
			"Sessions that the account has end, and its tokens stay locked, so that only who knows\n" +
			"how to sign in gets in. It needs the server's configuration and its database, and no\n" +
			"server; servers at work follow within a second. It is written to the audit log, and the\n" +
			"console says so on every page while it lasts. It does not help an account that is\n" +
			"switched off or locked down.",
		Example: "  portcullis break-glass\n  portcullis break-glass alice --for 15m\n  portcullis break-glass --end",
		Args: func(c *cobra.Command, given []string) error {
			if len(given) > 1 || o.End && len(given) > 0 {
				return &usageError{fmt.Errorf("expected at most one username, and none with --end")}
			}
			if o.End && c.Flags().Changed("for") {
				return &usageError{fmt.Errorf("use only one of --end and --for")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, given []string) error {
			if len(given) == 1 {
				o.Username = given[0]
			}
			return with(c, func(ctx context.Context, cfg *config.Config, out io.Writer) error {
				return p.BreakGlass(ctx, cfg, out, o)
			})
		},
	}
	c.Flags().DurationVar(&o.For, "for", time.Hour, "how long, from 1m to 24h")
	c.Flags().BoolVar(&o.End, "end", false, "end it now: locks hold for everybody again")
	return c
}
