package policy

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
)

// Compiling goes through five steps, because the language alone is not safe to
// run on a server (repeat(repeat("a", 999999), 999999) ends the process, nested
// loops never end, chained comparisons make the compiler itself exponential):
//
//  1. parse, with a bound on nodes;
//  2. inspect the tree: no shared nodes, bounded depth, calls to known functions
//     only, bounded patterns;
//  3. check names and types as the author sees them;
//  4. rewrite: every turn of a loop and every function gets the meter; "+" on
//     texts, "matches", comparisons of lists and computed indexes become bounded
//     functions (lists may share elements, so comparing or printing a small one
//     can take for ever);
//  5. check again, compile without the optimiser (it moves work to where the
//     meter does not see it).

// Names that no author can write: step 3 does not know them.
const (
	nameRun    = "$run"
	nameTick   = "$tick"
	nameAdd    = "$add"
	nameConcat = "$concat"
	nameEqual  = "$equal"
	nameIn     = "$in"
	nameKey    = "$key"
)

// harmless lists the language's own functions that cannot grow or escape; loops
// (all, map, …) are part of the grammar and metered instead.
var harmless = map[string]bool{
	"all": true, "none": true, "any": true, "one": true, "filter": true, "map": true, "find": true,
	"findIndex": true, "findLast": true, "findLastIndex": true, "count": true, "sum": true,
	"groupBy": true, "sortBy": true, "reduce": true,
	"len": true, "type": true, "abs": true, "ceil": true, "floor": true, "round": true, "int": true,
	"float": true, "trim": true, "trimPrefix": true, "trimSuffix": true, "indexOf": true,
	"lastIndexOf": true, "hasPrefix": true, "hasSuffix": true, "first": true, "last": true,
	"get": true, "take": true, "duration": true,
}

// guard holds the two configurations of the language. The library caches types
// inside them without locks, hence the mutex; programs need none.
type guard struct {
	mu     sync.Mutex
	author *conf.Config // steps 1–3
	runner *conf.Config // steps 4–5
}

var theGuard = sync.OnceValue(func() *guard {
	g := &guard{author: newConfig(environmentTypes()), runner: newConfig(environmentTypes())}
	g.runner.Env.Fields[nameRun] = types.Any.Nature()
	for _, f := range functions() {
		g.author.Functions[f.name] = &builtin.Function{Name: f.name, Types: f.types(false), Func: f.call}
		g.runner.Functions[f.name] = &builtin.Function{Name: f.name, Types: f.types(true), Func: f.call}
	}
	for _, f := range hiddenFunctions() {
		g.runner.Functions[f.name] = &builtin.Function{Name: f.name, Types: f.types(true), Func: f.call}
	}
	return g
})

func newConfig(env types.Map) *conf.Config {
	c := conf.CreateNew()
	c.Optimize = false
	c.MaxNodes = maxNodes
	c.WithEnv(env)
	for name := range c.Builtins {
		if !harmless[name] {
			c.Disabled[name] = true
			delete(c.Builtins, name)
		}
	}
	return c
}

// compiled is what steps 1 to 5 make of a source.
type compiled struct {
	program  *vm.Program
	result   reflect.Type // what the expression gives, nil = not known before it runs
	patterns map[string]*pattern
}

func (g *guard) compile(source string) (c compiled, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer func() {
		if r := recover(); r != nil { // the library panics on trees it does not expect
			err = fmt.Errorf("the expression cannot be understood")
		}
	}()
	tree, err := parser.ParseWithConfig(source, g.author)
	if err != nil {
		return c, err
	}
	in := &inspector{functions: g.author.Functions, seen: map[ast.Node]bool{}, patterns: map[string]*pattern{}}
	in.walk(tree.Node, 0, 0)
	if in.err != nil {
		return c, in.err.Bind(tree.Source)
	}
	if _, err = checker.Check(tree, g.author); err != nil {
		return c, err
	}
	if n := tree.Node.Nature(); !n.Nil && !n.IsUnknown(&g.author.NtCache) {
		c.result = n.Type
	}
	rewrite(tree, g.author.Functions)
	if _, err = checker.Check(tree, g.runner); err != nil {
		return c, err
	}
	c.patterns = in.patterns
	c.program, err = compiler.Compile(tree, g.runner)
	return c, err
}

// inspector is step 2.
type inspector struct {
	functions conf.FunctionsTable
	seen      map[ast.Node]bool
	patterns  map[string]*pattern
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
	case *ast.BytesNode:
		in.refuse(n, "byte literals are not supported")
	case *ast.CallNode:
		callee, named := n.Callee.(*ast.IdentifierNode)
		switch {
		case !named:
			in.refuse(n, "methods cannot be called; use a function")
		case in.functions[callee.Value] == nil:
			in.refuse(n, "unknown function %s", callee.Value)
		case len(n.Arguments) > 1 && (callee.Value == "regex_match" || callee.Value == "regex_replace"):
			in.pattern(n.Arguments[1])
		}
	case *ast.BinaryNode:
		if n.Operator == "matches" {
			in.pattern(n.Right)
		}
	}
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
