package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The glass is broken from the server's own shell: only the command calls it, and
// nothing that answers HTTP, runs in a flow or is written as an expression can.
func TestOnlyTheShellBreaksTheGlass(t *testing.T) {
	t.Parallel()
	calls := map[string][]string{}
	base := root(t)
	for _, dir := range []string{"internal", "cmd", "lockwatch"} {
		err := filepath.WalkDir(filepath.Join(base, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			rel, _ := filepath.Rel(base, path)
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && (s.Sel.Name == "BreakGlass" || s.Sel.Name == "EndGlass") {
					calls[s.Sel.Name] = append(calls[s.Sel.Name], filepath.ToSlash(rel))
				}
				return true
			})
			return nil
		})
		require.NoError(t, err)
	}
	require.Equal(t, map[string][]string{"BreakGlass": {"internal/app/break_glass.go", "internal/cli/break_glass.go"},
		"EndGlass": {"internal/app/break_glass.go"}}, calls)
}
