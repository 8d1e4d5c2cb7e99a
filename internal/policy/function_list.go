package policy

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"

	"github.com/expr-lang/expr/vm/runtime"
)

func listFunctions() []function {
	unary := []any{new(func(any) []any)}
	return []function{
		{name: "concat", usage: "concat(list, …) → list", signs: []any{new(func(...any) []any)}, run: concat,
			help: "The elements of all lists in one."},
		{name: "flatten", usage: "flatten(list) → list", signs: unary, run: flatten,
			help: "The list with the elements of inner lists in their place, at all levels."},
		{name: "list_flatten", usage: "list_flatten(list) → list", signs: unary, run: flatten,
			help: "The same as flatten, by the name other products use."},
		{name: "reverse", usage: "reverse(list) → list", signs: unary, run: reverse, help: "The list from its end."},
		{name: "uniq", usage: "uniq(list) → list", signs: unary, run: uniq,
			help: "The texts, numbers and truth values of the list without repetitions."},
		{name: "sort", usage: "sort(list[, \"asc\" or \"desc\"]) → list", run: sortList,
			signs: append(unary, new(func(any, string) []any)),
			help:  "The texts or numbers of the list in order."},
		{name: "keys", usage: "keys(map) → list", signs: unary, run: keys, help: "The names in the map, in order."},
		{name: "values", usage: "values(map) → list", signs: unary, run: values,
			help: "The values of the map, in the order of their names."},
		{name: "entry", usage: "entry(map, name) → value", run: entry, signs: []any{new(func(any, string) any)},
			help: "The value of that name in the map; an error when there is none, where map.name is nil."},
		{name: "truthy", usage: "truthy(value) → true or false", run: truthy, signs: []any{new(func(any) bool)},
			help: "Whether the value is something: false for nil, false, 0, and empty texts, lists and maps."},
		{name: "min", usage: "min(list) or min(a, b, …)", signs: []any{new(func(any, ...any) any)}, run: extreme(-1),
			help: "The smallest number, nil for an empty list."},
		{name: "max", usage: "max(list) or max(a, b, …)", signs: []any{new(func(any, ...any) any)}, run: extreme(1),
			help: "The largest number, nil for an empty list."},
	}
}

func concat(m *meter, args []any) (any, error) {
	out := []any{}
	for i := range args {
		list, err := listArgument(m, args, i)
		if err != nil {
			return nil, err
		}
		if err := m.list(len(out) + len(list)); err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

func flatten(m *meter, args []any) (any, error) {
	out := []any{}
	var walk func(v any, depth int) error
	walk = func(v any, depth int) error {
		if kind := reflect.ValueOf(v).Kind(); depth > 0 && kind != reflect.Slice && kind != reflect.Array {
			if len(out) >= maxList {
				return m.list(maxList + 1)
			}
			out = append(out, v)
			return nil
		}
		if depth > maxNesting {
			return tooMuch("lists are nested more than %d deep", maxNesting)
		}
		list, err := elements(m, v, 1)
		if err != nil {
			return err
		}
		for _, inner := range list {
			if err := m.spend(1); err != nil {
				return err
			}
			if err := walk(inner, depth+1); err != nil {
				return err
			}
		}
		return m.spend(1) // an empty list costs too, or many of them would be free
	}
	if err := walk(args[0], 0); err != nil {
		return nil, err
	}
	return out, nil
}

func reverse(m *meter, args []any) (any, error) {
	list, err := listArgument(m, args, 0)
	if err != nil {
		return nil, err
	}
	if err := m.list(len(list)); err != nil {
		return nil, err
	}
	out := slices.Clone(list)
	slices.Reverse(out)
	return out, nil
}

func uniq(m *meter, args []any) (any, error) {
	list, err := listArgument(m, args, 0)
	if err != nil {
		return nil, err
	}
	if err := m.list(len(list)); err != nil {
		return nil, err
	}
	seen := map[any]bool{}
	out := []any{}
	for _, v := range list {
		key := v
		if n, ok := number(v); ok {
			key = n // 1 and 1.0 are the same, as for ==
		} else if !scalar(v) {
			return nil, fmt.Errorf("texts, numbers and truth values are expected, got %s", typeName(v))
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, v)
		}
	}
	return out, nil
}

func sortList(m *meter, args []any) (any, error) {
	list, err := listArgument(m, args, 0)
	if err != nil {
		return nil, err
	}
	order, err := textOr(args, 1, "asc")
	if err != nil {
		return nil, err
	}
	if order != "asc" && order != "desc" {
		return nil, fmt.Errorf(`the order is "asc" or "desc"`)
	}
	if err := m.list(len(list)); err != nil {
		return nil, err
	}
	if err := sortable(list); err != nil {
		return nil, err
	}
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b any) int {
		c := compare(a, b)
		if order == "desc" {
			return -c
		}
		return c
	})
	return out, nil
}

func sortable(list []any) error {
	for _, v := range list {
		_, aNumber := number(v)
		_, firstNumber := number(list[0])
		_, aText := v.(string)
		_, firstText := list[0].(string)
		if !aNumber && !aText || aNumber != firstNumber || aText != firstText {
			return fmt.Errorf("either texts or numbers are expected, got %s and %s", typeName(list[0]), typeName(v))
		}
	}
	return nil
}

func compare(a, b any) int {
	if s, ok := a.(string); ok {
		return cmp.Compare(s, b.(string))
	}
	x, _ := number(a)
	y, _ := number(b)
	return cmp.Compare(x, y)
}

func keys(m *meter, args []any) (any, error) {
	names, _, err := entries(m, args)
	if err != nil {
		return nil, err
	}
	return names, nil
}

func values(m *meter, args []any) (any, error) {
	_, all, err := entries(m, args)
	if err != nil {
		return nil, err
	}
	return all, nil
}

// entries returns names and values of a map, by the order of the names as text.
func entries(m *meter, args []any) (names, all []any, err error) {
	v := reflect.ValueOf(args[0])
	if v.Kind() != reflect.Map {
		return nil, nil, wrongType(1, "a map", args[0])
	}
	if err := m.list(v.Len()); err != nil {
		return nil, nil, err
	}
	if err := m.spend(30 * v.Len()); err != nil { // sorting names costs more than copying them
		return nil, nil, err
	}
	names, all = []any{}, []any{}
	found := v.MapKeys()
	slices.SortFunc(found, func(a, b reflect.Value) int { return cmp.Compare(keyText(a), keyText(b)) })
	for _, k := range found {
		names = append(names, k.Interface())
		all = append(all, v.MapIndex(k).Interface())
	}
	return names, all, nil
}

func entry(_ *meter, args []any) (any, error) {
	v := reflect.ValueOf(args[0])
	if v.Kind() != reflect.Map || v.Type().Key().Kind() != reflect.String && v.Type().Key().Kind() != reflect.Interface {
		return nil, wrongType(1, "a map", args[0])
	}
	name, err := textArgument(args, 1)
	if err != nil {
		return nil, err
	}
	found := v.MapIndex(reflect.ValueOf(name))
	if !found.IsValid() {
		return nil, fmt.Errorf("there is no %q", clip(name))
	}
	return found.Interface(), nil
}

func truthy(_ *meter, args []any) (any, error) {
	switch x := args[0].(type) {
	case nil:
		return false, nil
	case bool:
		return x, nil
	case string:
		return x != "", nil
	}
	if n, ok := number(args[0]); ok {
		return n != 0, nil
	}
	switch v := reflect.ValueOf(args[0]); v.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return v.Len() > 0, nil
	}
	return true, nil
}

func extreme(sign int) func(*meter, []any) (any, error) {
	return func(m *meter, args []any) (any, error) {
		list := args
		if len(args) == 1 {
			var err error
			if list, err = listArgument(m, args, 0); err != nil {
				return nil, err
			}
		}
		var best any
		for _, v := range list {
			if _, ok := number(v); !ok {
				return nil, fmt.Errorf("numbers are expected, got %s", typeName(v))
			}
			if best == nil || sign > 0 && runtime.More(v, best) || sign < 0 && runtime.Less(v, best) {
				best = v
			}
		}
		return best, nil
	}
}
