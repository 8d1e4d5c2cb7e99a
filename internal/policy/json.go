package policy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"
)

func toJSON(m *meter, args []any) (any, error) {
	w := jsonWriter{m: m}
	if err := w.write(args[0], 0); err != nil {
		return nil, err
	}
	return w.out.String(), m.text(w.out.Len())
}

// jsonWriter writes plain data and stops as soon as it is too much. Lists may
// share their elements, so that a small value can be endless when written out.
type jsonWriter struct {
	m   *meter
	out bytes.Buffer
}

func (w *jsonWriter) write(v any, depth int) error {
	if depth > maxNesting {
		return tooMuch("lists and maps are nested more than %d deep", maxNesting)
	}
	if w.out.Len() > maxText {
		return w.m.text(w.out.Len())
	}
	if err := w.m.spend(1); err != nil {
		return err
	}
	switch x := v.(type) {
	case time.Time:
		v = x.UTC().Format(time.RFC3339)
	case time.Duration:
		v = x.String()
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%v is not a number", x)
		}
	}
	if scalar(v) {
		if s, ok := v.(string); ok {
			if err := w.m.text(len(s)); err != nil {
				return err
			}
		}
		encoded, err := json.Marshal(v)
		w.out.Write(encoded)
		return err
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Slice, reflect.Array:
		return w.list(r, depth)
	case reflect.Map:
		return w.object(r, depth)
	}
	return fmt.Errorf("%s cannot be written", typeName(v))
}

func (w *jsonWriter) list(r reflect.Value, depth int) error {
	w.out.WriteByte('[')
	for i := range r.Len() {
		if i > 0 {
			w.out.WriteByte(',')
		}
		if err := w.write(r.Index(i).Interface(), depth+1); err != nil {
			return err
		}
	}
	w.out.WriteByte(']')
	return nil
}

func (w *jsonWriter) object(r reflect.Value, depth int) error {
	if err := w.m.list(r.Len()); err != nil {
		return err
	}
	names := r.MapKeys()
	slices.SortFunc(names, func(a, b reflect.Value) int { return cmp.Compare(keyText(a), keyText(b)) })
	w.out.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			w.out.WriteByte(',')
		}
		if err := w.write(keyText(name), depth+1); err != nil {
			return err
		}
		w.out.WriteByte(':')
		if err := w.write(r.MapIndex(name).Interface(), depth+1); err != nil {
			return err
		}
	}
	w.out.WriteByte('}')
	return nil
}
