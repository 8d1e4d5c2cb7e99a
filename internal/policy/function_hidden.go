package policy

import (
	"fmt"
	"reflect"

	"github.com/expr-lang/expr/vm/runtime"
)

// equal is "==" where lists and maps may be involved; every element is paid for.
func equal(m *meter, args []any) (any, error) { return m.equal(args[0], args[1], 0) }

func (m *meter) equal(a, b any, depth int) (bool, error) {
	if err := m.spend(1); err != nil {
		return false, err
	}
	if depth > maxNesting {
		return false, tooMuch("lists and maps are nested more than %d deep", maxNesting)
	}
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	switch {
	case isList(x) && isList(y):
		if x.Len() != y.Len() {
			return false, nil
		}
		for i := range x.Len() {
			same, err := m.equal(x.Index(i).Interface(), y.Index(i).Interface(), depth+1)
			if err != nil || !same {
				return false, err
			}
		}
		return true, nil
	case x.Kind() == reflect.Map && y.Kind() == reflect.Map:
		return m.equalMaps(x, y, depth)
	case isList(x) || isList(y) || x.Kind() == reflect.Map || y.Kind() == reflect.Map:
		return false, nil
	}
	return runtime.Equal(a, b), nil
}

func (m *meter) equalMaps(x, y reflect.Value, depth int) (bool, error) {
	if x.Len() != y.Len() {
		return false, nil
	}
	for entry := x.MapRange(); entry.Next(); {
		if !entry.Key().Type().AssignableTo(y.Type().Key()) {
			return false, nil
		}
		other := y.MapIndex(entry.Key())
		if !other.IsValid() {
			return false, nil
		}
		same, err := m.equal(entry.Value().Interface(), other.Interface(), depth+1)
		if err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

func isList(v reflect.Value) bool { return v.Kind() == reflect.Slice || v.Kind() == reflect.Array }

// in is the operator of that name.
func in(m *meter, args []any) (any, error) {
	if n, ok := args[1].(network); ok {
		address, err := parseAddress(args[0])
		if err != nil {
			return nil, err
		}
		return n.prefix.Contains(address), nil
	}
	v := reflect.ValueOf(args[1])
	switch {
	case args[1] == nil:
		return false, nil
	case v.Kind() == reflect.Map:
		if !scalar(args[0]) {
			return nil, fmt.Errorf("a name is expected, got %s", typeName(args[0]))
		}
		name := reflect.ValueOf(args[0])
		return name.IsValid() && name.Type().AssignableTo(v.Type().Key()) && v.MapIndex(name).IsValid(), nil
	case !isList(v):
		return nil, fmt.Errorf("a list or map is expected, got %s", typeName(args[1]))
	}
	for i := range v.Len() {
		same, err := m.equal(v.Index(i).Interface(), args[0], 0)
		if err != nil || same {
			return same, err
		}
	}
	return false, nil
}

// index is a computed index: faults of the language print it, which must not be
// asked of a list.
func index(_ *meter, args []any) (any, error) {
	if !scalar(args[0]) {
		return nil, fmt.Errorf("a number or a name is expected, got %s", typeName(args[0]))
	}
	return args[0], nil
}
