package policy

import (
	"fmt"
	"reflect"
)

// function is one function of the environment. Its signatures are what authors
// see; the meter comes before their arguments.
type function struct {
	name  string
	usage string // for documentation
	help  string
	signs []any // pointers to function types
	run   func(m *meter, args []any) (any, error)
}

var meterType = reflect.TypeFor[*meter]()

func (f function) types(metered bool) []reflect.Type {
	out := make([]reflect.Type, len(f.signs))
	for i, sign := range f.signs {
		t := reflect.TypeOf(sign).Elem()
		if metered {
			ins := []reflect.Type{meterType}
			for j := range t.NumIn() {
				ins = append(ins, t.In(j))
			}
			t = reflect.FuncOf(ins, []reflect.Type{t.Out(0)}, t.IsVariadic())
		}
		out[i] = t
	}
	return out
}

// call is what programs call.
func (f function) call(args ...any) (any, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("%s: no run", f.name)
	}
	m, ok := args[0].(*meter)
	if !ok {
		return nil, fmt.Errorf("%s: no run", f.name)
	}
	out, err := f.run(m, args[1:])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.display(), err)
	}
	return out, nil
}

func (f function) display() string {
	switch f.name {
	case nameAdd, nameConcat:
		return "+"
	case nameTick:
		return "loop"
	case nameEqual:
		return "comparison"
	case nameIn:
		return "in"
	case nameKey:
		return "index"
	}
	return f.name
}

// functions lists what authors may call beside the language's harmless own.
func functions() []function {
	var all []function
	for _, part := range [][]function{textFunctions(), listFunctions(), patternFunctions(), factFunctions(), addressFunctions(), lookupFunctions(), askFunctions(), actFunctions()} {
		all = append(all, part...)
	}
	return all
}

// hiddenFunctions are put in by rewrite only.
func hiddenFunctions() []function {
	return []function{
		{name: nameTick, signs: []any{new(func(int) any)},
			run: func(m *meter, args []any) (any, error) { return nil, m.tick(args[0].(int)) }},
		{name: nameConcat, signs: []any{new(func(string, string) string)}, run: add},
		{name: nameAdd, signs: []any{new(func(any, any) any)}, run: add},
		{name: nameEqual, signs: []any{new(func(any, any) bool)}, run: equal},
		{name: nameIn, signs: []any{new(func(any, any) bool)}, run: in},
		{name: nameKey, signs: []any{new(func(any) any)}, run: index},
	}
}

// textArgument returns an argument that must be text.
func textArgument(args []any, i int) (string, error) {
	if s, ok := args[i].(string); ok {
		return s, nil
	}
	return "", wrongType(i+1, "text", args[i])
}

// textOr returns an optional text argument.
func textOr(args []any, i int, otherwise string) (string, error) {
	if len(args) <= i {
		return otherwise, nil
	}
	return textArgument(args, i)
}

// intArgument returns an argument that must be a whole number.
func intArgument(args []any, i int) (int, error) {
	v := reflect.ValueOf(args[i])
	switch {
	case v.CanInt():
		return int(v.Int()), nil
	case v.CanFloat() && v.Float() == float64(int(v.Float())):
		return int(v.Float()), nil
	}
	return 0, wrongType(i+1, "a whole number", args[i])
}

// listArgument returns an argument that must be a list, paid for.
func listArgument(m *meter, args []any, i int) ([]any, error) {
	return elements(m, args[i], i+1)
}

func elements(m *meter, v any, position int) ([]any, error) {
	if list, ok := v.([]any); ok {
		return list, m.spend(len(list))
	}
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Slice && r.Kind() != reflect.Array {
		return nil, wrongType(position, "a list", v)
	}
	if err := m.spend(r.Len()); err != nil {
		return nil, err
	}
	out := make([]any, r.Len())
	for i := range out {
		out[i] = r.Index(i).Interface()
	}
	return out, nil
}
