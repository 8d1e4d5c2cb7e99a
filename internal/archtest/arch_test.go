package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type edge struct {
	file, from, to string
	test           bool
}

// edges reads every import of every Go file below the project's root.
func edges(t *testing.T, root string) []edge {
	t.Helper()
	var out []edge
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		for _, spec := range file.Imports {
			to, _ := strconv.Unquote(spec.Path.Value)
			out = append(out, edge{file: filepath.ToSlash(rel), from: filepath.ToSlash(filepath.Dir(rel)), to: to,
				test: strings.HasSuffix(name, "_test.go")})
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, out)
	return out
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	return filepath.Join(dir, "..", "..")
}

func TestImportsGoDownward(t *testing.T) {
	t.Parallel()
	for _, e := range edges(t, root(t)) {
		if e.test {
			continue // tests may wire real parts together
		}
		if _, ok := find(e.from); !ok {
			t.Errorf("%s: package %s has no layer: add it to internal/archtest/rules.go", e.file, e.from)
		}
		if to, ok := strings.CutPrefix(e.to, Module); ok {
			if why := forbidden(e.from, to); why != "" {
				t.Errorf("%s imports %s: %s", e.file, to, why)
			}
		}
	}
}

func TestReservedLibrariesStayWithTheirOwners(t *testing.T) {
	t.Parallel()
	for _, e := range edges(t, root(t)) {
		if e.test {
			continue
		}
		for library, owners := range reserved {
			if e.to != library && !strings.HasPrefix(e.to, library+"/") {
				continue
			}
			allowed := false
			for _, owner := range owners {
				allowed = allowed || e.from == owner || strings.HasPrefix(e.from, owner+"/")
			}
			if !allowed {
				t.Errorf("%s imports %s, which is reserved for %s", e.file, e.to, strings.Join(owners, ", "))
			}
		}
	}
}

func TestTheCoreKnowsOnlyTheStandardLibrary(t *testing.T) {
	t.Parallel()
	for _, e := range edges(t, root(t)) {
		if e.from != "internal/idp" || e.test || !strings.Contains(strings.SplitN(e.to, "/", 2)[0], ".") {
			continue
		}
		require.Contains(t, core, e.to, "%s", e.file)
	}
}

func TestPublicPackagesNeedOnlyTheStandardLibrary(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, e := range edges(t, root(t)) {
		if e.test || !slices.Contains(public, e.from) {
			continue
		}
		seen[e.from] = true
		require.NotContains(t, strings.SplitN(e.to, "/", 2)[0], ".", "%s", e.file)
	}
	require.Len(t, seen, len(public))
}

func TestRulesRefuse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, want string }{
		{"internal/flow", "internal/idp", ""},
		{"internal/idp", "internal/flow", "downward"},
		{"internal/flow", "internal/policy", "never import each other"},
		{"internal/lockdown", "internal/account", "never import each other"},
		{"internal/server/admin", "internal/server/web", ""},
		{"internal/server", "internal/postgres", "never import each other"},
		{"internal/app", "internal/postgres", ""},
		{"web/ui", "internal/idp", "leaf"},
		{"internal/nonsense", "internal/idp", "no layer"},
		{"internal/lockout", "internal/lock", "never import each other"},
	} {
		got := forbidden(c.from, c.to)
		if c.want == "" {
			require.Empty(t, got, "%s → %s", c.from, c.to)
			continue
		}
		require.Contains(t, got, c.want, "%s → %s", c.from, c.to)
	}
}
