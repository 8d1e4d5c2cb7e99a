package policy

import (
	"reflect"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"
)

// rewrite is step 4.
func rewrite(tree *parser.Tree, functions conf.FunctionsTable) {
	ast.Walk(&tree.Node, &rewriter{functions})
	ast.Walk(&tree.Node, forget{})
}

type rewriter struct{ functions conf.FunctionsTable }

// Visit implements ast.Visitor; children come before their parents.
func (r *rewriter) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.CallNode:
		n.Arguments = append([]ast.Node{run(n)}, n.Arguments...)
	case *ast.PredicateNode:
		tick := call(n, nameTick, &ast.IntegerNode{Value: 1 + size(n.Node)})
		body := &ast.SequenceNode{Nodes: []ast.Node{tick, n.Node}}
		body.SetLocation(n.Node.Location())
		body.SetNature(*n.Node.Nature())
		n.Node = body
	case *ast.BinaryNode:
		if bounded := binary(n); bounded != nil {
			replace(node, bounded)
		}
	case *ast.MemberNode:
		n.Property = key(n.Property)
	case *ast.SliceNode:
		n.From, n.To = key(n.From), key(n.To)
	}
}

// binary returns the bounded form of an operation, nil when it needs none.
func binary(n *ast.BinaryNode) ast.Node {
	switch n.Operator {
	case "matches":
		return call(n, "regex_match", n.Left, n.Right)
	case "in":
		return call(n, nameIn, n.Left, n.Right)
	case "==":
		if !literal(n.Left) && !literal(n.Right) {
			return call(n, nameEqual, n.Left, n.Right)
		}
	case "!=":
		if !literal(n.Left) && !literal(n.Right) {
			not := &ast.UnaryNode{Operator: "not", Node: call(n, nameEqual, n.Left, n.Right)}
			not.SetLocation(n.Location())
			return not
		}
	case "+":
		switch {
		case isNumber(n.Left) || isNumber(n.Right): // then neither can be text
		case isText(n.Left) && isText(n.Right):
			return call(n, nameConcat, n.Left, n.Right)
		default:
			return call(n, nameAdd, n.Left, n.Right)
		}
	}
	return nil
}

// key bounds a computed index.
func key(n ast.Node) ast.Node {
	if n == nil || literal(n) {
		return n
	}
	return call(n, nameKey, n)
}

// literal reports whether the node is a value written out. Only that is certain:
// the types that the checker finds are not (it believes that
// reduce([], true, anything) is a truth value).
func literal(n ast.Node) bool {
	switch n.(type) {
	case *ast.NilNode, *ast.BoolNode, *ast.StringNode, *ast.IntegerNode, *ast.FloatNode:
		return true
	}
	return false
}

func isNumber(n ast.Node) bool {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return true
	}
	return false
}

func isText(n ast.Node) bool { return n.Type().Kind() == reflect.String }

func replace(node *ast.Node, with ast.Node) {
	with.SetLocation((*node).Location())
	with.SetNature(*(*node).Nature())
	*node = with
}

func call(at ast.Node, name string, arguments ...ast.Node) ast.Node {
	callee := &ast.IdentifierNode{Value: name}
	callee.SetLocation(at.Location())
	n := &ast.CallNode{Callee: callee, Arguments: append([]ast.Node{run(at)}, arguments...)}
	n.SetLocation(at.Location())
	return n
}

func run(at ast.Node) ast.Node {
	n := &ast.IdentifierNode{Value: nameRun}
	n.SetLocation(at.Location())
	return n
}

func size(node ast.Node) int {
	if node == nil {
		return 0
	}
	n := 1
	for _, child := range children(node) {
		n += size(child)
	}
	return n
}

// forget clears what the first check noted, or the second would believe it.
type forget struct{}

// Visit implements ast.Visitor.
func (forget) Visit(node *ast.Node) { (*node).SetNature(nature.Nature{}) }
