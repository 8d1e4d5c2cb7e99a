package blueprint

import (
	"encoding"
	"reflect"
	"strings"
)

// column is one field of a model as its struct describes it.
type column struct {
	name     string
	help     string
	ref      string // what a primary key names: flow, stage, prompt, policy, group, user, role, target, transport, mapping; after a colon, the kind of stage
	enum     []string
	typ      string // string, boolean, integer, number, object
	list     bool
	nullable bool
	secret   bool
	fallback any // nil = none
}

// about is what is known of a model without looking at an object.
type about struct {
	model   string
	title   string
	help    string
	columns []column
	key     []string // the fields that identify an object in an export
	// secretKey: the primary key must not be shown.
	secretKey bool
}

// ref is what a field refers to, "" = nothing.
func (a about) ref(field string) string {
	for _, c := range a.columns {
		if c.name == field {
			return c.ref
		}
	}
	return ""
}

func (a about) refs() map[string]string {
	out := map[string]string{}
	for _, c := range a.columns {
		if c.ref != "" {
			out[c.name] = c.ref
		}
	}
	return out
}

// secret reports whether a field must not be shown.
func (a about) secret(field string) bool {
	for _, c := range a.columns {
		if c.name == field {
			return c.secret
		}
	}
	return false
}

// secrets lists the fields that must not be shown.
func (a about) secrets() []string {
	var out []string
	for _, c := range a.columns {
		if c.secret {
			out = append(out, c.name)
		}
	}
	return out
}

var texts = reflect.TypeFor[encoding.TextMarshaler]()

// columns describes the fields of a pointer to a struct with json tags, in their
// order. The tags help, enum, ref and secret say more; values are the defaults.
func columns(from any) []column {
	v := reflect.ValueOf(from)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	var out []column
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		c := column{name: name, help: f.Tag.Get("help"), ref: f.Tag.Get("ref"), secret: f.Tag.Get("secret") == "true" || f.Tag.Get("format") == "secret", fallback: v.Field(i).Interface()}
		if list := f.Tag.Get("enum"); list != "" {
			c.enum = strings.Split(list, ",")
		}
		c.shape(f.Type)
		out = append(out, c)
	}
	return out
}

// shape notes the type of a field.
func (c *column) shape(t reflect.Type) {
	if t.Kind() == reflect.Pointer {
		c.nullable, t = true, t.Elem()
	}
	if t.Kind() == reflect.Slice && !t.Implements(texts) && t.Elem().Kind() != reflect.Uint8 {
		c.list, t = true, t.Elem()
	}
	switch {
	case t.Implements(texts):
		c.typ = "string"
	case t.Kind() == reflect.Bool:
		c.typ = "boolean"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		c.typ = "integer"
	case t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		c.typ = "number"
	case t.Kind() == reflect.Map, t.Kind() == reflect.Struct:
		c.typ = "object"
	default:
		c.typ = "string"
	}
}
