package policy

import (
	"errors"
	"fmt"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// inspector is step 2.
type inspector struct {
	functions conf.FunctionsTable
	place     string // of the guard
	absent    map[string]bool
	seen      map[ast.Node]bool
	patterns  map[string]*pattern
	given     []string // names the author has given to values
	err       *file.Error
}

func (in *inspector) refuse(node ast.Node, format string, args ...any) {
	if in.err == nil {
		in.err = &file.Error{Location: node.Location(), Message: fmt.Sprintf(format, args...)}
	}
}

func (in *inspector) walk(node ast.Node, depth, nesting int) {
	if node == nil || in.err != nil {
		return
	}
	if in.seen[node] {
		// The parser shares the middle operand. Each further step would visit it
		// twice, and nested ones exponentially often.
		in.refuse(node, "chained comparisons (a < b < c) and the short form a ?: b are not supported: write a < b and b < c, or a ?? b")
		return
	}
	in.seen[node] = true
	switch node.(type) {
	case *ast.ArrayNode, *ast.MapNode:
		nesting++
	}
	if depth > maxDepth || nesting > maxNesting {
		in.refuse(node, "the expression is nested too deeply")
		return
	}
	in.look(node)
	for _, child := range children(node) {
		in.walk(child, depth+1, nesting)
	}
}

func (in *inspector) look(node ast.Node) {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		if n.Value == "$env" {
			in.refuse(n, "$env is not available")
		}
		if why := in.absentFrom(n.Value); why != "" {
			in.refuse(n, "%s", why)
		}
	case *ast.VariableDeclaratorNode:
		in.given = append(in.given, n.Name)
	case *ast.BytesNode:
		in.refuse(n, "byte literals are not supported")
	case *ast.CallNode:
		callee, named := n.Callee.(*ast.IdentifierNode)
		why := in.absentFrom(root(n.Callee))
		switch {
		case why != "":
			in.refuse(n, "%s", why)
		case !named:
			in.refuse(n, "methods cannot be called; use a function")
		case in.absent[callee.Value]:
			in.refuse(n, "%s is not available in %s", callee.Value, in.place)
		case in.functions[callee.Value] == nil:
			in.refuse(n, "unknown function %s", callee.Value)
		case len(n.Arguments) > 0 && in.argument(callee.Value, n.Arguments):
		case len(n.Arguments) > 1 && (callee.Value == "regex_match" || callee.Value == "regex_replace"):
			in.pattern(n.Arguments[1])
		}
	case *ast.BinaryNode:
		if n.Operator == "matches" {
			in.pattern(n.Right)
		}
	}
}

// argument judges arguments that are written out, so that what could never run
// is not saved, and reports whether it refused them.
func (in *inspector) argument(function string, args []ast.Node) bool {
	first, isText := args[0].(*ast.StringNode)
	switch {
	case function == "ak_create_event" && isText:
		if _, err := actionNamed(first.Value); err != nil {
			in.refuse(first, "%v", err)
		}
	case function == "ak_send_email" && len(args) > 2:
		in.mail(args[2])
	case function == "set_context" && isText:
		var value any // nil drops it, which every name allows that may be set
		if len(args) > 1 && literal(args[1]) {
			value = literalValue(args[1])
		}
		var fault *idp.Error
		if errors.As(idp.JudgeContext(first.Value, value), &fault) {
			in.refuse(first, "%s", fault.Message)
		}
	case function == "resolve_dns" && len(args) > 1 && literal(args[1]):
		if _, err := networkNamed(literalValue(args[1])); err != nil {
			in.refuse(args[1], "%v", err)
		}
	}
	return in.err != nil
}

// mail judges the map of a mail.
func (in *inspector) mail(node ast.Node) {
	settings, ok := node.(*ast.MapNode)
	if !ok {
		return
	}
	given, certain := map[string]bool{}, true
	for _, entry := range settings.Pairs {
		pair, ok := entry.(*ast.PairNode)
		if !ok {
			continue
		}
		name, ok := pair.Key.(*ast.StringNode)
		if !ok {
			certain = false
			continue
		}
		if why := badMailSetting(name.Value); why != "" {
			in.refuse(name, "%s", why)
		}
		switch pair.Value.(type) {
		case *ast.NilNode: // as if it were not there
		case *ast.StringNode, *ast.MapNode:
			given[name.Value] = true
		default: // may be nil
			certain = false
		}
	}
	if why := badMailParts(func(name string) bool { return given[name] }); certain && why != "" {
		in.refuse(node, "%s", why)
	}
}

// literalValue is the value of a node that is written out.
func literalValue(node ast.Node) any {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.IntegerNode:
		return n.Value
	case *ast.FloatNode:
		return n.Value
	case *ast.BoolNode:
		return n.Value
	}
	return nil
}

func (in *inspector) pattern(node ast.Node) {
	literal, ok := node.(*ast.StringNode)
	if !ok {
		return
	}
	re, err := compilePattern(literal.Value)
	if err != nil {
		in.refuse(node, "%v", err)
		return
	}
	in.patterns[literal.Value] = re
}

func children(node ast.Node) []ast.Node {
	switch n := node.(type) {
	case *ast.UnaryNode:
		return []ast.Node{n.Node}
	case *ast.BinaryNode:
		return []ast.Node{n.Left, n.Right}
	case *ast.ChainNode:
		return []ast.Node{n.Node}
	case *ast.MemberNode:
		return []ast.Node{n.Node, n.Property}
	case *ast.SliceNode:
		return []ast.Node{n.Node, n.From, n.To}
	case *ast.CallNode:
		return append([]ast.Node{n.Callee}, n.Arguments...)
	case *ast.BuiltinNode:
		return n.Arguments
	case *ast.PredicateNode:
		return []ast.Node{n.Node}
	case *ast.ConditionalNode:
		return []ast.Node{n.Cond, n.Exp1, n.Exp2}
	case *ast.VariableDeclaratorNode:
		return []ast.Node{n.Value, n.Expr}
	case *ast.SequenceNode:
		return n.Nodes
	case *ast.ArrayNode:
		return n.Nodes
	case *ast.MapNode:
		return n.Pairs
	case *ast.PairNode:
		return []ast.Node{n.Key, n.Value}
	}
	return nil
}
