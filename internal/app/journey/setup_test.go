package journey

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Fresh machine, one command, console open: with the embedded database, and
// with the link that the terminal shows.
func TestFreshMachine(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "portcullis-fresh-") // not t.TempDir: PostgreSQL's user has to enter
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o711))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	s := start(t, nil, "PORTCULLIS_DATA_DIR="+dir)
	line, err := s.output.wait(t.Context(), "/if/flow/initial-setup/?flow_token=")
	require.NoError(t, err)
	former := strings.TrimSpace(line)

	stranger := newBrowser(t, s.URL)
	stranger.open("/if/flow/initial-setup/")
	stranger.sees("Open the link that you were given")
	stranger.checked("setup-without-link")

	again, err := run(t, "PORTCULLIS_DATA_DIR="+dir, "PORTCULLIS_LISTEN="+strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err, again)
	link := strings.TrimSpace(again[strings.LastIndex(again, "http://"):])
	require.True(t, strings.HasPrefix(link, s.URL), again)
	require.NotEqual(t, former, link)
	b := newBrowser(t, s.URL)
	b.visit(former)
	b.sees("This link does not work")
	b.visit(link)
	b.at("/if/flow/initial-setup/")
	require.NotContains(t, b.path(), "flow_token")
	b.sees("Welcome to Portcullis")
	b.checked("setup")
	b.fill("email", "ada@example.org")
	b.choosePassword("a good first password", "another one")
	b.sees("match")
	b.choosePassword("a good first password", "a good first password")
	b.at("/if/admin/")
	b.sees("Overview", "Administrator", "No account was ever locked down")
	b.checked("overview-fresh")

	late := newBrowser(t, s.URL)
	late.visit(link)
	late.sees("This link does not work")
	done, err := run(t, "PORTCULLIS_DATA_DIR="+dir)
	require.Error(t, err)
	require.Contains(t, done, "has a password already")

	late.as("admin", "a good first password", "/if/admin/")
	late.open("/if/admin/users/?search=admin")
	late.sees("ada@example.org")
}

// run runs `portcullis setup-link`.
func run(t *testing.T, env ...string) (string, error) {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	c := exec.CommandContext(t.Context(), path, "setup-link")
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	out, err := c.CombinedOutput()
	return string(out), err
}
