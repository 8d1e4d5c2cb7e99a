package policy

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
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

	place  string          // where its expressions stand, for messages
	absent map[string]bool // functions that are not for them
}

// theGuard is the one of policies, eventGuard of conditions over events.
// Prompts are drawn again and again, for anybody: theirs neither act nor ask.
var (
	theGuard   = sync.OnceValue(func() *guard { return newGuard(environmentTypes) })
	eventGuard = sync.OnceValue(func() *guard {
		return newGuard(eventTypes).without("conditions over events", actFunctions())
	})
	promptGuard = sync.OnceValue(func() *guard {
		return newGuard(environmentTypes).without("prompts", actFunctions(), askFunctions(), lookupFunctions())
	})
)

// without takes functions away from authors.
func (g *guard) without(place string, parts ...[]function) *guard {
	g.place, g.absent = place, map[string]bool{}
	for _, part := range parts {
		for _, f := range part {
			delete(g.author.Functions, f.name)
			g.absent[f.name] = true
		}
	}
	return g
}

func newGuard(env func() types.Map) *guard {
	g := &guard{author: newConfig(env()), runner: newConfig(env())}
	g.runner.Env.Fields[nameRun] = types.Any.Nature()
	for _, f := range functions() {
		g.author.Functions[f.name] = &builtin.Function{Name: f.name, Types: f.types(false), Func: f.call}
		g.runner.Functions[f.name] = &builtin.Function{Name: f.name, Types: f.types(true), Func: f.call}
	}
	for _, f := range hiddenFunctions() {
		g.runner.Functions[f.name] = &builtin.Function{Name: f.name, Types: f.types(true), Func: f.call}
	}
	return g
}

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
	in := &inspector{functions: g.author.Functions, place: g.place, absent: g.absent, seen: map[ast.Node]bool{}, patterns: map[string]*pattern{}}
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
