package flow

import (
	"encoding"
	"reflect"
)

// Setting describes one field of a kind's settings, for forms, documentation
// and schemas.
type Setting struct {
	Name     string   // as on the wire
	Type     string   // string, boolean, integer, uuid
	List     bool     // several values of Type
	Nullable bool     // may be unset
	Default  any      // as it is in JSON
	Help     string   // one or two sentences for people
	Enum     []string // the only values allowed; nil = any
	Format   string   // duration, multiline, expression, secret; "" = plain
	Ref      string   // what a uuid points to: flow, stage, prompt, policy, group; after a colon, the kind of stage
	Min      string   // smallest integer, "" = none
	Label    string   // for people, where Name says it badly; "" = Name in words
	Labels   []string // for people, beside Enum; nil = Enum in words
	// Unordered lists mean the same in any order.
	Unordered bool
	// Unoffered settings mean nothing here and exist for configurations that
	// come from elsewhere; forms leave them out and keep what they hold.
	Unoffered bool
}

// Describe lists the settings of a kind, in their order.
func (k Kind) Describe() []Setting {
	var out []Setting
	for _, f := range fieldsOf(k.Settings()) {
		out = append(out, f.describe())
	}
	return out
}

var textual = reflect.TypeFor[encoding.TextMarshaler]()

func (f field) describe() Setting {
	s := Setting{Name: f.name, Help: f.tag.Get("help"), Enum: f.enum(), Format: f.tag.Get("format"),
		Ref: f.tag.Get("ref"), Min: f.tag.Get("min"), Nullable: f.nullable(), Default: f.value.Interface(),
		Label: f.tag.Get("label"), Labels: f.list("labels"), Unordered: f.tag.Get("unordered") == "true", Unoffered: f.tag.Get("unoffered") == "true"}
	t := f.value.Type()
	if f.nullable() {
		t = t.Elem()
		if f.value.IsNil() {
			s.Default = nil
		}
	}
	if t.Kind() == reflect.Slice {
		s.List, t = true, t.Elem()
	}
	switch {
	case t.Implements(textual):
		s.Type = "uuid"
	case t.Kind() == reflect.Bool:
		s.Type = "boolean"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int32, t.Kind() == reflect.Int64:
		s.Type = "integer"
	default:
		s.Type = "string"
	}
	return s
}

// Schema returns the JSON schema (2020-12) of a kind's settings.
func (k Kind) Schema() map[string]any {
	properties := map[string]any{}
	for _, s := range k.Describe() {
		properties[s.Name] = s.schema()
	}
	return map[string]any{"title": k.Verbose, "description": k.Summary, "type": "object",
		"properties": properties, "additionalProperties": false}
}

func (s Setting) schema() map[string]any {
	one := map[string]any{"type": s.Type}
	if s.Type == "uuid" {
		one = map[string]any{"type": "string", "format": "uuid"}
	}
	if s.Enum != nil {
		one["enum"] = s.Enum
	}
	if s.List {
		one = map[string]any{"type": "array", "items": one}
	}
	if s.Nullable {
		one["type"] = []any{one["type"], "null"}
	}
	one["description"], one["default"] = s.Help, s.Default
	return one
}
