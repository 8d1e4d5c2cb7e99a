package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// mode says how much of a body must be there.
type mode int

const (
	whole   mode = iota // creation, full replacement: required fields must be there
	partial             // what is absent stays
)

// decodeBody reads a JSON object into the struct that dst points to. The error
// names every field that is wrong. An empty body is an empty object.
func decodeBody(r *http.Request, dst any, m mode) error {
	object, err := readObject(r)
	if err != nil {
		return err
	}
	return decodeObject(object, dst, m)
}

// readObject reads the body's top level.
func readObject(r *http.Request) (map[string]json.RawMessage, error) {
	raw, err := readValue(r)
	if err != nil {
		return nil, err
	}
	object := map[string]json.RawMessage{}
	if len(raw) == 0 {
		return object, nil
	}
	if err := json.Unmarshal(raw, &object); err != nil || object == nil {
		return nil, idp.Invalid("", "Invalid data. Expected a dictionary, but got %s.", jsonType(raw))
	}
	return object, nil
}

// readValue reads a body that is one JSON value; empty = there is none.
func readValue(r *http.Request) (json.RawMessage, error) {
	raw, err := web.ReadBody(r)
	if err != nil {
		return nil, err
	}
	if raw = bytes.TrimSpace(raw); len(raw) == 0 {
		return nil, nil
	}
	header := r.Header.Get("Content-Type")
	media, _, err := mime.ParseMediaType(header)
	if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
		return nil, &idp.Error{Code: idp.CodeMediaType,
			Message: fmt.Sprintf("Unsupported media type %q in request.", strings.ToValidUTF8(limit(header, 100), ""))}
	}
	if !json.Valid(raw) {
		return nil, idp.Invalid("", "JSON parse error - %s", syntaxProblem(raw))
	}
	return raw, nil
}

func syntaxProblem(raw []byte) string {
	var v any
	err := json.Unmarshal(raw, &v)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("%s at byte %d.", syntax.Error(), syntax.Offset)
	}
	return "it is not one JSON value."
}

// decodeObject puts the keys of an object where the struct's tags say.
func decodeObject(object map[string]json.RawMessage, dst any, m mode) error {
	target := reflect.ValueOf(dst).Elem()
	s := shapeOf(target.Type())
	var faults idp.Faults
	for key, raw := range object {
		f, known := s.byName[key]
		switch {
		case web.TextProblem(key) != "":
			faults.Add("", "The name of a field is not valid text.")
		case !known && s.ignored[key]:
		case !known:
			faults.Add(limit(key, 100), "Unknown field.")
		default:
			for _, problem := range f.set(target, raw) {
				faults.Add(key, "%s", problem)
			}
		}
	}
	if m == whole {
		for _, f := range s.fields {
			if _, sent := object[f.name]; f.required && !sent {
				faults.Add(f.name, "This field is required.")
			}
		}
	}
	return faults.Err()
}

// set decodes one value into its field of the struct and returns what is wrong
// with it.
func (f *field) set(target reflect.Value, raw json.RawMessage) []string {
	place := target.FieldByIndex(f.index)
	null := string(raw) == "null" || f.null && string(raw) == `""` && f.kind.Kind() != reflect.String
	if null && !f.null {
		return []string{"This field may not be null."}
	}
	opt, isOptional := place.Addr().Interface().(optional)
	if null {
		if isOptional {
			opt.mark(true)
		} else {
			place.SetZero()
		}
		return nil
	}
	fresh := reflect.New(f.kind)
	if problems := f.decode(raw, fresh.Elem()); len(problems) > 0 {
		return problems
	}
	switch {
	case isOptional:
		reflect.ValueOf(opt.mark(false)).Elem().Set(fresh.Elem())
	case place.Kind() == reflect.Pointer:
		place.Set(fresh)
	default:
		place.Set(fresh.Elem())
	}
	return nil
}

func limit(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}
