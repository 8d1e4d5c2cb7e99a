package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/config"
)

func run(t *testing.T, p Program, args ...string) (int, string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := Run(p, args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestExitCodes(t *testing.T) {
	failing := Program{Migrate: func(context.Context, *config.Config, io.Writer, MigrateOptions) error {
		return errors.New("no database")
	}}
	for _, c := range []struct {
		args []string
		code int
		errs string
	}{
		{[]string{"version"}, ExitOK, ""},
		{[]string{"config"}, ExitOK, ""},
		{[]string{"migrate"}, ExitFailure, "no database"},
		{[]string{"migrate", "extra"}, ExitUsage, "unknown command"},
		{[]string{"--nonsense"}, ExitUsage, "--nonsense"},
		{[]string{"serve", "--listen", "nowhere"}, ExitUsage, "listen: "},
		{[]string{"serve", "--config", "/does/not/exist"}, ExitUsage, "/does/not/exist"},
	} {
		code, _, errs := run(t, failing, c.args...)
		require.Equal(t, c.code, code, "%v: %s", c.args, errs)
		require.Contains(t, errs, c.errs, "%v", c.args)
	}
}

func TestFlagsReachTheProgram(t *testing.T) {
	var got *config.Config
	var options ServeOptions
	p := Program{Serve: func(_ context.Context, cfg *config.Config, _ io.Writer, o ServeOptions) error {
		got, options = cfg, o
		return nil
	}}
	code, _, errs := run(t, p, "serve", "--listen", "127.0.0.1:1234", "--demo")
	require.Equal(t, ExitOK, code, errs)
	require.Equal(t, "127.0.0.1:1234", got.Listen)
	require.True(t, options.Demo)
	require.False(t, options.Open)
}

func TestConfigIsPrintedWithoutSecrets(t *testing.T) {
	t.Setenv("PORTCULLIS_BOOTSTRAP_PASSWORD", "a very secret thing")
	code, out, _ := run(t, Program{}, "config")
	require.Equal(t, ExitOK, code)
	require.Contains(t, out, "listen:")
	require.NotContains(t, out, "very secret")
}
