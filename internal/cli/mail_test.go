package cli

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/config"
)

func TestMailTest(t *testing.T) {
	t.Parallel()
	p := Program{MailTest: func(_ context.Context, cfg *config.Config, out io.Writer, to string) error {
		if cfg.Mail.Host == "" {
			return fmt.Errorf("no mail server")
		}
		fmt.Fprintf(out, "%s to %s", cfg.Mail.Host, to)
		return nil
	}}
	code, out, errs := run(t, p, "mail", "test", "mia@example.org", "--smtp-host", "mail.example.org", "--smtp-from", "p@example.org")
	require.Equal(t, ExitOK, code, errs)
	require.Equal(t, "mail.example.org to mia@example.org", out)
	for want, args := range map[int][]string{
		ExitOK:      {"mail"},
		ExitFailure: {"mail", "test", "mia@example.org"},
	} {
		code, _, errs := run(t, p, args...)
		require.Equal(t, want, code, "%v: %s", args, errs)
	}
	for _, args := range [][]string{{"mail", "test"}, {"mail", "test", "nobody"}, {"mail", "test", "a@example.org", "b@example.org"},
		{"mail", "test", "Mia <mia@example.org>"}, {"mail", "nonsense"}} {
		code, _, errs := run(t, p, args...)
		require.Equal(t, ExitUsage, code, "%v: %s", args, errs)
	}
}
