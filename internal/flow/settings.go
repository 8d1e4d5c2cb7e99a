package flow

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Decode reads settings strictly: an unknown key, a wrong type or a value
// outside a field's enumeration is an *idp.Error with CodeInvalid that names
// the field. What is absent keeps its default.
func (k Kind) Decode(raw json.RawMessage) (any, error) {
	return DecodeSettings(k.Settings(), raw)
}

// Validate judges settings about to be written, and returns them complete with
// all defaults. With nil repos, what only the database can tell is left out.
func (k Kind) Validate(ctx context.Context, repos *idp.Repos, raw json.RawMessage) (json.RawMessage, error) {
	settings, err := k.Decode(raw)
	if err != nil {
		return nil, err
	}
	if _, err := k.Build(settings); err != nil {
		return nil, err
	}
	if k.Check != nil && repos != nil {
		if err := k.Check(ctx, *repos, settings); err != nil {
			return nil, err
		}
	}
	return json.Marshal(settings)
}

// DecodeSettings reads raw into a pointer to a struct filled with defaults, as
// Kind.Decode says, and returns the pointer.
func DecodeSettings(into any, raw json.RawMessage) (any, error) {
	fields := fieldsOf(into)
	if len(bytes.TrimSpace(raw)) == 0 || bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		return into, nil
	}
	values := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &values); err != nil {
		return nil, idp.Invalid("", "Settings must be a JSON object.")
	}
	var faults idp.Faults
	known := []string{}
	for _, f := range fields {
		known = append(known, f.name)
		value, sent := values[f.name]
		if !sent {
			continue
		}
		delete(values, f.name)
		if message := f.set(value); message != "" {
			faults.Add(f.name, "%s", message)
		}
	}
	for name := range values {
		list := strings.Join(known, ", ")
		if list == "" {
			list = "none"
		}
		faults.Add(name, "Unknown setting. Known settings: %s.", list)
	}
	return into, faults.Err()
}

// field is one field of a settings struct.
type field struct {
	name  string
	tag   reflect.StructTag
	value reflect.Value
}

// fieldsOf lists the fields of a pointer to a settings struct, in their order.
func fieldsOf(settings any) []field {
	v := reflect.ValueOf(settings).Elem()
	var out []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		out = append(out, field{name: name, tag: f.Tag, value: v.Field(i)})
	}
	return out
}

func (f field) nullable() bool { return f.value.Kind() == reflect.Pointer }

// set decodes the value into the field and returns what is wrong with it.
func (f field) set(raw json.RawMessage) string {
	text := string(bytes.TrimSpace(raw))
	if text == "null" || (text == `""` && f.nullable()) {
		if !f.nullable() {
			return messageNull
		}
		f.value.SetZero()
		return ""
	}
	fresh := reflect.New(f.value.Type())
	if err := json.Unmarshal(raw, fresh.Interface()); err != nil {
		return fmt.Sprintf("Not valid: expected %s.", f.expected())
	}
	if fresh.Elem().Kind() == reflect.Slice && fresh.Elem().IsNil() {
		fresh.Elem().Set(reflect.MakeSlice(f.value.Type(), 0, 0))
	}
	if message := f.judge(fresh.Elem()); message != "" {
		return message
	}
	f.value.Set(fresh.Elem())
	return ""
}

// judge checks the tags enum, min and format.
func (f field) judge(v reflect.Value) string {
	if list := f.enum(); list != nil {
		values := []string{}
		if v.Kind() == reflect.Slice {
			for i := range v.Len() {
				values = append(values, v.Index(i).String())
			}
		} else {
			values = append(values, v.String())
		}
		for _, got := range values {
			if !slices.Contains(list, got) {
				return fmt.Sprintf("%q is not a valid choice. Expected one of: %s.", got, strings.Join(list, ", "))
			}
		}
	}
	if least, err := strconv.ParseInt(f.tag.Get("min"), 10, 64); err == nil && v.CanInt() && v.Int() < least {
		return fmt.Sprintf("Ensure this value is greater than or equal to %d.", least)
	}
	if f.tag.Get("format") == "duration" {
		if _, err := idp.ParseDuration(v.String()); err != nil {
			return err.Error()
		}
	}
	return ""
}

func (f field) enum() []string { return f.list("enum") }

// list reads a tag of several values, nil when there is none.
func (f field) list(tag string) []string {
	if list := f.tag.Get(tag); list != "" {
		return strings.Split(list, ",")
	}
	return nil
}

func (f field) expected() string {
	d := f.describe()
	switch {
	case d.List:
		return "a list of " + plural[d.Type]
	case d.Type == "integer":
		return "an integer"
	}
	return "a " + d.Type
}

var plural = map[string]string{"string": "strings", "uuid": "UUIDs", "integer": "integers", "boolean": "booleans"}
