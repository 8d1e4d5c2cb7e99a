package policy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// Plain data is nil, truth values, numbers, texts, times, durations, lists and
// maps with text names. Anything else, above all a value with methods, never gets
// into an expression and never out of one.

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "nil"
	case string:
		return "text"
	case bool:
		return "a truth value"
	case time.Time:
		return "a time"
	case time.Duration:
		return "a duration"
	}
	switch reflect.ValueOf(v).Kind() {
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map:
		return "a map"
	case reflect.Func:
		return "a function"
	}
	if _, ok := number(v); ok {
		return "a number"
	}
	return "something else"
}

// number returns any number as a float64.
func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case float64:
		return n, true
	case time.Duration:
		return 0, false
	}
	r := reflect.ValueOf(v)
	switch {
	case r.CanInt():
		return float64(r.Int()), true
	case r.CanUint():
		return float64(r.Uint()), true
	case r.CanFloat():
		return r.Float(), true
	}
	return 0, false
}

func scalar(v any) bool {
	switch v.(type) {
	case nil, string, bool:
		return true
	}
	_, ok := number(v)
	return ok
}

// scalarText is a value as text: nil is empty, lists and maps become JSON.
func scalarText(m *meter, v any) (string, error) {
	switch x := v.(type) {
	case nil:
		return "", nil
	case string:
		return x, nil
	case bool:
		return strconv.FormatBool(x), nil
	case int:
		return strconv.Itoa(x), m.text(20)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64), m.text(32)
	case time.Time:
		return x.UTC().Format(time.RFC3339), m.text(32)
	case time.Duration:
		return x.String(), m.text(32)
	}
	out, err := toJSON(m, []any{v})
	if err != nil {
		return "", err
	}
	return out.(string), nil
}

// keyText is the name of a map's entry as text; groupBy makes maps with others.
func keyText(k reflect.Value) string {
	switch v := k.Interface().(type) {
	case string:
		return v
	case nil:
		return ""
	case bool, int, float64:
		return fmt.Sprint(v)
	}
	return k.Kind().String()
}

// plain copies a value into plain data: inputs before a run, the result after it.
// path names the value in errors; left counts down the values still allowed.
func plain(v any, path string, depth int, left *int) (any, error) {
	if *left--; *left < 0 {
		return nil, tooMuch("%s holds too many values", path)
	}
	if depth > maxNesting {
		return nil, tooMuch("%s is nested more than %d deep", path, maxNesting)
	}
	switch x := v.(type) {
	case nil, bool, int, float64, time.Time, time.Duration:
		return x, nil
	case string:
		return plainText(x, path)
	case map[string]any:
		return plainObject(x, path, depth, left)
	case json.Number:
		if n, err := x.Int64(); err == nil {
			return int(n), nil
		}
		return x.Float64()
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.String:
		return plainText(r.String(), path)
	case reflect.Bool:
		return r.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return int(r.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return int(r.Uint()), nil
	case reflect.Float32:
		return r.Float(), nil
	case reflect.Slice, reflect.Array:
		return plainList(r, path, depth, left)
	case reflect.Map:
		return plainMap(r, path, depth, left)
	}
	return nil, fmt.Errorf("%s is not plain data", path)
}

func plainText(s, path string) (any, error) {
	if len(s) > maxInput {
		return nil, tooMuch("%s has more than %d kB", path, maxInput>>10)
	}
	return s, nil
}

func plainList(r reflect.Value, path string, depth int, left *int) (any, error) {
	if r.Len() > maxList {
		return nil, tooMuch("%s has more than %d elements", path, maxList)
	}
	out := make([]any, r.Len())
	for i := range out {
		var err error
		if out[i], err = plain(r.Index(i).Interface(), path, depth+1, left); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// plainObject is plainMap for what maps mostly are, without reflection.
func plainObject(m map[string]any, path string, depth int, left *int) (any, error) {
	if m == nil {
		return nil, nil
	}
	if len(m) > maxList {
		return nil, tooMuch("%s has more than %d entries", path, maxList)
	}
	out := make(map[string]any, len(m))
	for name, v := range m {
		inner := path
		if depth < 2 && !scalar(v) {
			inner += "." + name
		}
		var err error
		if out[name], err = plain(v, inner, depth+1, left); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func plainMap(r reflect.Value, path string, depth int, left *int) (any, error) {
	if r.IsNil() {
		return nil, nil
	}
	if r.Len() > maxList {
		return nil, tooMuch("%s has more than %d entries", path, maxList)
	}
	out := make(map[string]any, r.Len())
	for entry := r.MapRange(); entry.Next(); {
		name := keyText(entry.Key())
		inner := path
		if depth < 2 {
			inner += "." + name
		}
		value, err := plain(entry.Value().Interface(), inner, depth+1, left)
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	return out, nil
}
