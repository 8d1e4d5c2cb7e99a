package cli

import (
	"context"
	"fmt"
	"io"
	netmail "net/mail"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/internal/config"
)

// mailCommand is what operators do with mail.
func mailCommand(p Program) *cobra.Command {
	c := &cobra.Command{
		Use: "mail", Short: "Try out how mail is sent", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(&cobra.Command{
		Use: "test ADDRESS", Short: "Send a mail to an address and show what the mail server answers",
		Long: "Sends a mail through the configured server at once, not through the job queue, and\nshows the server's own answer. It needs no database.",
		Args: func(_ *cobra.Command, given []string) error {
			if len(given) != 1 {
				return &usageError{fmt.Errorf("expected one address, got %d", len(given))}
			}
			if parsed, err := netmail.ParseAddress(given[0]); err != nil || parsed.Address != given[0] {
				return &usageError{fmt.Errorf("%q is not a mail address", given[0])}
			}
			return nil
		},
		RunE: func(c *cobra.Command, given []string) error {
			return with(c, func(ctx context.Context, cfg *config.Config, out io.Writer) error {
				return p.MailTest(ctx, cfg, out, given[0])
			})
		},
	})
	return c
}
