// Command budgets prints how the project stands against the budgets of
// internal/ARCHITECTURE.md. They are looked at, not worshipped: it always
// exits 0 unless a file cannot be read.
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

type count struct {
	files, functions        []int
	longest                 string
	exported, documented    int
	source, test, generated int
}

func main() {
	var c count
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		return c.file(path)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	c.print()
}

func (c *count) file(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := bytes.Count(content, []byte("\n"))
	switch {
	case strings.HasSuffix(path, "_templ.go"):
		c.generated += lines
		return nil
	case strings.HasSuffix(path, "_test.go"):
		c.test += lines
		return nil
	}
	c.source += lines
	c.files = append(c.files, lines)
	if lines == maximum(c.files) {
		c.longest = path
	}
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, path, content, parser.ParseComments)
	if err != nil {
		return err
	}
	for _, decl := range f.Decls {
		c.decl(set, decl)
	}
	return nil
}

func (c *count) decl(set *token.FileSet, decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		c.functions = append(c.functions, set.Position(d.End()).Line-set.Position(d.Pos()).Line+1)
		if d.Name.IsExported() && public(d) {
			c.note(d.Doc != nil)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() {
					c.note(d.Doc != nil || s.Doc != nil || s.Comment != nil)
				}
			case *ast.ValueSpec:
				if s.Names[0].IsExported() {
					c.note(d.Doc != nil || s.Doc != nil || s.Comment != nil)
				}
			}
		}
	}
}

// public reports whether a function can be named from outside: methods of
// unexported types are documented by the interfaces they serve.
func public(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

func (c *count) note(documented bool) {
	c.exported++
	if documented {
		c.documented++
	}
}

func (c *count) print() {
	fmt.Printf("%-34s %8s  %s\n", "budget", "now", "bar")
	row := func(what string, now any, bar string) { fmt.Printf("%-34s %8v  %s\n", what, now, bar) }
	row("file lines, median", quantile(c.files, 50), "≤ 120")
	row("file lines, 95th percentile", quantile(c.files, 95), "≤ 450")
	row("file lines, longest", fmt.Sprint(maximum(c.files)), "≤ 700 ("+c.longest+")")
	row("function lines, 95th percentile", quantile(c.functions, 95), "≤ 55")
	row("exported identifiers documented", fmt.Sprintf("%.1f%%", 100*float64(c.documented)/float64(max(1, c.exported))), "≥ 95 %")
	row("test ÷ source lines", fmt.Sprintf("%.2f", float64(c.test)/float64(max(1, c.source))), "≥ 1.0")
	row("source, test, generated lines", fmt.Sprintf("%d %d %d", c.source, c.test, c.generated), "")
}

func quantile(values []int, percent int) int {
	if len(values) == 0 {
		return 0
	}
	sorted := append([]int(nil), values...)
	sort.Ints(sorted)
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}

func maximum(values []int) int { return quantile(values, 100) }
