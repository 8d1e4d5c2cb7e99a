package app_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"
)

// published is the schema that comes with a published client.
type published struct {
	paths   map[string]map[string]any // pattern → method → operation
	schemas map[string]any
	later   bool // words of later versions are taken, too
}

func readSchema(t *testing.T, raw []byte) *published {
	t.Helper()
	var doc struct {
		Info       struct{ Version string }
		Paths      map[string]map[string]any
		Components struct{ Schemas map[string]any }
	}
	require.NoError(t, yaml.Unmarshal(raw, &doc))
	require.True(t, strings.HasPrefix(doc.Info.Version, "2026.2."), "%s", doc.Info.Version)
	return &published{paths: doc.Paths, schemas: doc.Components.Schemas}
}

// operation finds what a path is, a literal segment before a named one. The path
// may be a pattern itself.
func (p *published) operation(method, path string) (string, map[string]any) {
	got := strings.Split(path, "/")
	best, literals := "", -1
	for pattern, methods := range p.paths {
		if methods[strings.ToLower(method)] == nil {
			continue
		}
		if n := alike(strings.Split(pattern, "/"), got); n > literals {
			best, literals = pattern, n
		}
	}
	if best == "" {
		return "", nil
	}
	op, _ := p.paths[best][strings.ToLower(method)].(map[string]any)
	return method + " " + best, op
}

// alike counts the literal segments that are the same; -1 = another path.
func alike(want, got []string) (n int) {
	if len(want) != len(got) {
		return -1
	}
	for i := range want {
		switch {
		case want[i] == got[i]:
			n++
		case !strings.HasPrefix(want[i], "{") || got[i] == "":
			return -1
		case strings.HasPrefix(got[i], "{"):
			n++
		}
	}
	return n
}

// answer checks an answer against what the schema says of that status. Redirects
// and nothing found are not in it, and one 204 has a body there that no 204 can have.
func (p *published) answer(op map[string]any, status int, body []byte) error {
	if status == 204 || status == 302 || status == 404 {
		return nil
	}
	responses, _ := op["responses"].(map[string]any)
	response, known := responses[fmt.Sprint(status)].(map[string]any)
	if !known {
		return fmt.Errorf("the schema knows the statuses %v", statuses(responses))
	}
	if ref, ok := response["$ref"].(string); ok { // the common 400 and 403
		schema := map[string]any{"$ref": map[string]string{"ValidationErrorResponse": "#/components/schemas/ValidationError",
			"GenericErrorResponse": "#/components/schemas/GenericError"}[last(ref)]}
		return p.decode(schema, body)
	}
	content, _ := response["content"].(map[string]any)
	media, _ := content["application/json"].(map[string]any)
	schema, _ := media["schema"].(map[string]any)
	if schema == nil || schema["format"] == "binary" {
		return nil
	}
	return p.decode(schema, body)
}

func (p *published) decode(schema map[string]any, body []byte) error {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return fmt.Errorf("not JSON: %w: %s", err, body)
	}
	return p.check(schema, v)
}

func last(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

func statuses(m map[string]any) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// check holds a value against a schema, as strictly as the strictest of the
// generated clients.
func (p *published) check(schema map[string]any, v any) error {
	if v == nil && schema["nullable"] == true {
		return nil
	}
	if ref, ok := schema["$ref"].(string); ok {
		inner, known := p.schemas[last(ref)].(map[string]any)
		if !known {
			return fmt.Errorf("the schema has no %s", ref)
		}
		if err := p.check(inner, v); err != nil {
			return fmt.Errorf("%s: %w", last(ref), err)
		}
		return nil
	}
	for _, part := range list(schema["allOf"]) {
		if err := p.check(part, v); err != nil {
			return err
		}
	}
	if choices := list(schema["oneOf"]); choices != nil {
		return p.oneOf(schema, choices, v)
	}
	if words, ok := schema["enum"].([]any); ok && !slices.Contains(words, v) && !(p.later && slices.Contains(alerts, v)) {
		return fmt.Errorf("%v is not one of %v", v, words)
	}
	switch schema["type"] {
	case "object":
		return p.object(schema, v)
	case "array":
		items, ok := v.([]any)
		if !ok {
			return fmt.Errorf("%v (%T), expected a list", v, v)
		}
		inner, _ := schema["items"].(map[string]any)
		for i, item := range items {
			if err := p.check(inner, item); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
	case nil:
	default:
		return simple(schema, v)
	}
	return nil
}

// alerts are types of prompts that the API has since a version after this one.
// Clients that take any word get them; see answeredFor.
var alerts = []any{"alert_info", "alert_warning", "alert_danger"}

// answeredFor is the schema for one client: those generated ones that judge every
// word name their generator.
func (p *published) answeredFor(userAgent string) *published {
	own := *p
	own.later = !strings.HasPrefix(userAgent, "OpenAPI-Generator/")
	return &own
}

func list(v any) (out []map[string]any) {
	for _, one := range asSlice(v) {
		out = append(out, one.(map[string]any))
	}
	return out
}

func asSlice(v any) []any { s, _ := v.([]any); return s }

// oneOf takes the choice that the discriminator names, or any that fits.
func (p *published) oneOf(schema map[string]any, choices []map[string]any, v any) error {
	if by, ok := schema["discriminator"].(map[string]any); ok {
		object, _ := v.(map[string]any)
		name, _ := object[by["propertyName"].(string)].(string)
		ref, known := by["mapping"].(map[string]any)[name]
		if !known {
			return fmt.Errorf("%s %q is not of the schema", by["propertyName"], name)
		}
		return p.check(map[string]any{"$ref": ref}, v)
	}
	var err error
	for _, choice := range choices {
		if err = p.check(choice, v); err == nil {
			return nil
		}
	}
	return err
}

func (p *published) object(schema map[string]any, v any) error {
	got, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%v (%T), expected an object", v, v)
	}
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range asSlice(schema["required"]) {
		if _, there := got[name.(string)]; !there {
			return fmt.Errorf("without %s", name)
		}
	}
	more, _ := schema["additionalProperties"].(map[string]any)
	for name, value := range got {
		inner, known := properties[name].(map[string]any)
		if !known {
			if inner = more; inner == nil {
				continue // additions are ours
			}
		}
		if err := p.check(inner, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func simple(schema map[string]any, v any) error {
	ok := false
	switch schema["type"] {
	case "boolean":
		_, ok = v.(bool)
	case "number":
		_, ok = v.(float64)
	case "integer":
		n, number := v.(float64)
		ok = number && n == math.Trunc(n) && (schema["format"] == "int64" || math.Abs(n) <= math.MaxInt32)
	case "string":
		var s string
		if s, ok = v.(string); ok {
			return formed(schema["format"], s)
		}
	default:
		return fmt.Errorf("the schema has no type %v", schema["type"])
	}
	if !ok {
		return fmt.Errorf("%v (%T), expected %v", v, v, schema["type"])
	}
	return nil
}

func formed(format any, s string) (err error) {
	switch format {
	case "uuid":
		_, err = uuid.Parse(s)
	case "date-time":
		_, err = time.Parse(time.RFC3339Nano, s)
	}
	if err != nil {
		return fmt.Errorf("%q is not a %s", s, format)
	}
	return nil
}
