package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestCommandFindsTheServerAndItsExitCodeIsOurs(t *testing.T) {
	t.Parallel()
	told := filepath.Join(t.TempDir(), "url")
	code, err := run([]string{"sh", "-c", `printf %s "$PORTCULLIS_TEST_DATABASE_URL" > "` + told + `"; exit 3`})
	require.NoError(t, err)
	require.Equal(t, 3, code)
	url, err := os.ReadFile(told)
	require.NoError(t, err)
	config, err := pgx.ParseConfig(string(url))
	require.NoError(t, err)
	require.Equal(t, "portcullis", config.Database)
}

func TestCommandThatIsMissing(t *testing.T) {
	t.Parallel()
	code, err := run([]string{"/there/is/no/such/command"})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Equal(t, 1, code)
}
