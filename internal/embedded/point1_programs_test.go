package embedded

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// program writes stand-ins for the server programs of one version.
func programs(t *testing.T, dir, version string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + "'\n"
	for _, name := range []string{"postgres", "initdb"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755))
	}
	return dir
}

func TestPoint1ProgramsAreFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p14 := programs(t, filepath.Join(dir, "14"), "14.9")
	p15 := programs(t, filepath.Join(dir, "15"), "15.18 (Debian 15.18-0+deb12u1)")
	p17 := programs(t, filepath.Join(dir, "17"), "17rc1")
	lone := filepath.Join(dir, "lone") // postgres without initdb
	require.NoError(t, os.Remove(filepath.Join(programs(t, lone, "16.1"), "initdb")))
	links := filepath.Join(dir, "links") // like /usr/local/bin: a link to one program
	require.NoError(t, os.Mkdir(links, 0o755))
	require.NoError(t, os.Symlink(filepath.Join(p15, "postgres"), filepath.Join(links, "postgres")))
	nothing := filepath.Join(dir, "nothing")
	odd := programs(t, filepath.Join(dir, "odd"), "")

	for name, c := range map[string]struct {
		look search
		want string
		errs []string
	}{
		"the first that will do":        {look: search{Candidates: []string{nothing, p17, p15}}, want: p17},
		"links are resolved":            {look: search{Candidates: []string{links}}, want: p15},
		"both programs side by side":    {look: search{Candidates: []string{lone, p15}}, want: p15},
		"too old is passed over":        {look: search{Candidates: []string{p14, p15}}, want: p15},
		"the cluster picks the major":   {look: search{Candidates: []string{p17, p15}, Major: 15}, want: p15},
		"the operator's choice":         {look: search{BinDir: p15, Candidates: []string{p17}}, want: p15},
		"a program that cannot be read": {look: search{Candidates: []string{odd, p15}}, want: p15},
		"nothing at all": {look: search{Candidates: []string{nothing}}, errs: []string{
			"no PostgreSQL server programs (15 or newer)", "none was found", "apt-get install postgresql", "brew install postgresql@", "--database-url"}},
		"only an old one": {look: search{Candidates: []string{p14}}, errs: []string{"found only PostgreSQL 14 in " + p14}},
		"none for the cluster": {look: search{Candidates: []string{p17}, Major: 15}, errs: []string{
			"/data/pgdata was made by PostgreSQL 15", "found only PostgreSQL 17 in " + p17, "apt-get install postgresql-15"}},
		"a choice that is none": {look: search{BinDir: nothing, Candidates: []string{p15}}, errs: []string{"PORTCULLIS_POSTGRES_BIN: " + nothing + " does not hold"}},
		"a choice for another cluster": {look: search{BinDir: p17, Candidates: []string{p15}, Major: 15}, errs: []string{
			"made by PostgreSQL 15", "found only PostgreSQL 17"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.look.find(t.Context(), "/data/pgdata")
			for _, text := range c.errs {
				require.ErrorContains(t, err, text)
			}
			if c.errs == nil {
				require.NoError(t, err)
				require.Equal(t, c.want, got.Dir)
			}
		})
	}
}

// As root the programs are run by another user, who has to reach them.
func TestPoint1ProgramsOutOfReachArePassedOver(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(emptyDir(t), "closed")
	bin := programs(t, filepath.Join(closed, "bin"), "15.1")
	require.NoError(t, os.Chmod(closed, 0o700))
	nobody := account{Name: "nobody", UID: 65534, GID: 65534, Switch: true}
	_, err := search{Candidates: []string{bin}, Account: nobody}.find(t.Context(), "")
	require.ErrorContains(t, err, "user nobody cannot enter "+closed)
}

func TestPoint1CandidatesCoverPathAndPackage(t *testing.T) {
	project := t.TempDir()
	require.NoError(t, os.Chmod(project, 0o755))
	bin := programs(t, filepath.Join(project, "node_modules", filepath.FromSlash(npmPackage()), "native", "bin"), "17.2")
	deep := filepath.Join(project, "a", "b")
	t.Setenv("PATH", "/first:relative:.:/second")
	got := candidates(deep)
	require.Equal(t, []string{"/first", "/second"}, got[:2], "a relative entry would run what lies in the current directory")
	require.Contains(t, got, bin)

	require.NoError(t, os.Chmod(filepath.Join(bin, "postgres"), 0o757))
	require.NotContains(t, candidates(deep), bin, "everybody may write it")
	require.NoError(t, os.Chmod(filepath.Join(bin, "postgres"), 0o755))
	if os.Geteuid() == 0 {
		require.NoError(t, os.Chown(filepath.Join(bin, "postgres"), 65534, 65534))
		require.NotContains(t, candidates(deep), bin, "a stranger may write it")
	}
}

func TestPoint1NewestFirst(t *testing.T) {
	t.Parallel()
	require.Negative(t, newestFirst("/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/9/bin"))
	require.Positive(t, newestFirst("/opt/homebrew/opt/postgresql/bin", "/opt/homebrew/opt/postgresql@15/bin"))
}

func TestPoint1ClusterOfAnotherMajorIsNotTouched(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	version := filepath.Join(dir, "postgres", "pgdata", "PG_VERSION")
	require.NoError(t, os.WriteFile(version, []byte("99\n"), 0o600))
	_, err := Start(t.Context(), Config{DataDir: dir})
	require.ErrorContains(t, err, "was made by PostgreSQL 99")
	require.ErrorContains(t, err, "found only PostgreSQL")
	require.NoError(t, os.WriteFile(version, []byte("fifteen\n"), 0o600))
	_, err = Start(t.Context(), Config{DataDir: dir})
	require.ErrorContains(t, err, `PG_VERSION holds "fifteen"`)
	require.NoError(t, os.Remove(version))
	_, err = Start(t.Context(), Config{DataDir: dir})
	require.ErrorContains(t, err, "is no PostgreSQL cluster")
}
