package idp_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Each action that has a name has one constructor, which makes events of that kind.
func TestEachKindOfEventHasItsConstructor(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	require.NoError(t, err)
	var named []idp.Action
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if ok && len(v.Values) == 1 {
			if kind, ok := v.Type.(*ast.Ident); ok && kind.Name == "Action" {
				text := v.Values[0].(*ast.BasicLit).Value
				named = append(named, idp.Action(text[1:len(text)-1]))
			}
		}
		return true
	})
	kinds := slices.Clone(idp.Actions())
	require.ElementsMatch(t, named, kinds)
	who := idp.Actor{User: &idp.User{ID: 1, Username: "ana"}}
	for _, kind := range kinds {
		e := kind.Event("test", who, nil, map[string]any{"x": 1})
		require.Equal(t, kind, e.Action)
		require.Equal(t, "ana", e.User["username"])
		require.Equal(t, 1, e.Context["x"])
	}
}
