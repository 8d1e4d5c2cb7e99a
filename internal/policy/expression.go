package policy

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/vm"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Expression is a compiled expression. It holds no state of a run and may be used
// by many at once.
type Expression struct {
	source   string
	program  *vm.Program
	patterns map[string]*pattern
	result   reflect.Type
}

// Compile compiles an expression. The error is an *Error with the place of the
// fault; for Python, which other products use here, it names the equivalent.
func Compile(source string) (*Expression, error) {
	e, err := compile(source, theGuard())
	return e, suggest(err, source, false)
}

// CompilePrompt compiles an expression of a prompt, which neither acts nor asks
// for what is not in its request. The error is that of Compile.
func CompilePrompt(source string) (*Expression, error) {
	e, err := compile(source, promptGuard())
	return e, suggest(err, source, false)
}

// suggest adds to a fault how the whole source is written here, where that is
// certain.
func suggest(err error, source string, condition bool) error {
	var e *Error
	if errors.As(err, &e) && e.Hint != "" {
		e.Suggestion, _ = Translate(source, condition)
	}
	return err
}

// compile compiles and says, for Python, how its first line is written here.
func compile(source string, g *guard) (*Expression, error) {
	e, err := compileOnly(source, g)
	var fault *Error
	if errors.As(err, &fault) && !errors.Is(err, errTooMuch) {
		fault.Hint = pythonHint(source, fault.Message)
	}
	return e, err
}

func compileOnly(source string, g *guard) (*Expression, error) {
	switch {
	case strings.TrimSpace(source) == "":
		return nil, &Error{Message: "The expression is empty."}
	case len(source) > MaxSource:
		return nil, &Error{Message: fmt.Sprintf("The expression has more than %d bytes.", MaxSource), Err: errTooMuch}
	case !utf8.ValidString(source) || strings.ContainsRune(source, 0):
		return nil, &Error{Message: "The expression is not text in UTF-8."}
	}
	c, err := g.compile(source)
	if err != nil {
		return nil, located(source, err)
	}
	return &Expression{source, c.program, c.patterns, c.result}, nil
}

// CompileCondition compiles an expression that must give true or false. What is
// known to give something else is an error here, the rest when it runs.
func CompileCondition(source string) (*Expression, error) {
	e, err := condition(compile(source, theGuard()))
	return e, suggest(err, source, true)
}

func condition(e *Expression, err error) (*Expression, error) {
	if err != nil {
		return nil, err
	}
	if e.result != nil && e.result.Kind() != reflect.Bool {
		return nil, &Error{Message: fmt.Sprintf("The expression must give true or false, but gives %s.", kindName(e.result)),
			Hint: pythonHint(e.source, "")}
	}
	return e, nil
}

// Source returns what was compiled.
func (e *Expression) Source() string { return e.source }

// Run evaluates the expression for a request. The error is an *Error; a context
// that ends or 100 ms of time end it early.
func (e *Expression) Run(ctx context.Context, req idp.PolicyRequest) (Value, error) {
	return e.run(ctx, func(m *meter) (map[string]any, error) {
		m.request = req
		env, err := environment(req, m)
		m.env = env
		return env, err
	})
}

func (e *Expression) run(ctx context.Context, environment func(*meter) (map[string]any, error)) (Value, error) {
	if err := ctx.Err(); err != nil {
		return Value{}, &Error{Message: "The expression was not evaluated.", Err: err}
	}
	m := newMeter(ctx, e.patterns)
	env, err := environment(m)
	if err != nil {
		return Value{}, &Error{Message: err.Error(), Err: err}
	}
	machine := vm.VM{MemoryBudget: maxElements}
	out, err := machine.Run(e.program, env)
	if err != nil {
		return Value{}, located(e.source, err)
	}
	left := maxElements
	if out, err = plain(out, "the result", 0, &left); err != nil {
		return Value{}, &Error{Message: err.Error(), Err: err}
	}
	return Value{out, m.messages, m.set}, nil
}

// Value is what an expression gives.
type Value struct {
	// Data is plain: nil, bool, int, float64, string, time.Time, time.Duration,
	// []any or map[string]any.
	Data     any
	Messages []string
	Context  map[string]any // what it sets of the flow's context
}

// Truth returns the value of a condition. nil counts as false; other values are
// an error, because "false" as text would else let everybody in.
func (v Value) Truth() (bool, error) {
	switch x := v.Data.(type) {
	case nil:
		return false, nil
	case bool:
		return x, nil
	}
	return false, &Error{Message: fmt.Sprintf("The expression must give true or false, but gives %s.", typeName(v.Data))}
}

// Text returns the value as text: nil is empty, lists and maps are JSON.
func (v Value) Text() (string, error) {
	s, err := scalarText(newMeter(context.Background(), nil), v.Data)
	if err != nil {
		return "", &Error{Message: err.Error(), Err: err}
	}
	return s, nil
}

// HTML returns the value as sanitised HTML; see SanitizeHTML.
func (v Value) HTML() (string, error) {
	s, err := v.Text()
	return SanitizeHTML(s), err
}

func kindName(t reflect.Type) string { return typeName(reflect.Zero(t).Interface()) }
