package blueprint

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// schema is a piece of a schema.
type schema = map[string]any

// Schema is the JSON schema (draft 7) of blueprints for editors, made of the
// settings of everything that is offered here. Values may be tags: editors see
// those with a list behind them as lists, others as texts.
func (s *Service) Schema() ([]byte, error) {
	names := slices.Sorted(maps.Keys(s.models))
	definitions := schema{
		"tag": schema{"type": "array", "description": "A value given by a tag: " + tags + "."},
	}
	rules := []any{}
	for _, name := range names {
		fields := s.models[name].about()
		key := strings.ReplaceAll(name, ".", "_")
		definitions[key] = fields.schema(false)
		definitions[key+"_identifiers"] = fields.schema(true)
		rules = append(rules, schema{
			"if": schema{"properties": schema{"model": schema{"const": name}}, "required": []any{"model"}},
			"then": schema{"properties": schema{
				"attrs":       orTag(schema{"$ref": "#/definitions/" + key}),
				"identifiers": orTag(schema{"$ref": "#/definitions/" + key + "_identifiers"}),
			}},
		})
	}
	meta := []string{applyModel, cleanModel}
	definitions["entry"] = entrySchema(append(slices.Clone(names), meta...), rules)
	list := schema{"type": "array", "items": schema{"$ref": "#/definitions/entry"}}
	out, err := json.MarshalIndent(schema{
		"$schema": "http://json-schema.org/draft-07/schema#",
		"title":   "Blueprint", "type": "object", "required": []any{"version", "entries"}, "additionalProperties": false,
		"properties": schema{
			"version":  schema{"const": 1, "description": "The version of the format."},
			"metadata": metadataSchema(),
			"context":  schema{"type": []any{"object", "null"}, "description": "Values for !Context. Whoever applies the file may replace them."},
			"entries": schema{"description": "What should exist: a list, or lists by section.",
				"anyOf": []any{list, schema{"type": "object", "additionalProperties": list}}},
		},
		"definitions": definitions,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the schema of blueprints: %w", err)
	}
	return append(out, '\n'), nil
}

func metadataSchema() schema {
	return schema{"type": "object", "additionalProperties": false, "properties": schema{
		"name": schema{"type": "string", "description": "What the console calls the file."},
		"labels": schema{"type": "object", "additionalProperties": schema{"type": "string"},
			"description": labelInstantiate + `: "false" keeps the file from being applied by itself.`},
	}}
}

func entrySchema(models []string, rules []any) schema {
	states := []any{string(StatePresent), string(StateCreated), string(StateMustCreated), string(StateAbsent)}
	return schema{
		"type": "object", "required": []any{"model"}, "additionalProperties": false,
		"properties": schema{
			"model": orTag(schema{"enum": models, "description": "What kind of object it is."}),
			"state": orTag(schema{"enum": states, "default": string(StatePresent),
				"description": "present: make or change it. created: make it, leave an existing one alone. must_created: refuse when it exists. absent: remove it."}),
			"id":          schema{"type": "string", "description": "What later entries call it in !KeyOf."},
			"identifiers": orTag(schema{"type": "object", "description": "The fields that tell the object from others."}),
			"attrs":       orTag(schema{"type": []any{"object", "null"}, "description": "Its other fields."}),
			"conditions":  schema{"type": []any{"array", "null"}, "description": "The entry counts only when all of these are true."},
			"permissions": schema{"type": []any{"array", "null"}, "maxItems": 0, "description": "Not offered; must be empty."},
		},
		"allOf": rules,
	}
}

// schema describes the fields of a model.
func (a about) schema(identifiers bool) schema {
	fields := schema{}
	for _, c := range a.columns {
		if !identifiers || !c.secret {
			fields[c.name] = c.schema()
		}
	}
	out := schema{"type": "object", "additionalProperties": false, "properties": fields}
	if identifiers {
		fields["pk"] = schema{"type": []any{"string", "integer", "array"}, "description": "The primary key, where it is known."}
		out["minProperties"] = 1
	} else {
		out["type"] = []any{"object", "null"}
	}
	if a.help != "" {
		out["title"], out["description"] = a.title, a.help
	}
	return out
}

func (c column) schema() schema {
	one := schema{"type": c.typ}
	if c.typ == "string" && c.ref != "" {
		one["type"] = []any{"string", "integer"}
	}
	if c.enum != nil {
		one = schema{"enum": c.enum}
	}
	if c.list {
		one = schema{"type": "array", "items": orTag(one)}
	}
	if c.nullable && one["enum"] == nil {
		types, several := one["type"].([]any)
		if !several {
			types = []any{one["type"]}
		}
		one["type"] = append(slices.Clone(types), "null")
	}
	out := orTag(one)
	if c.help != "" {
		out["description"] = c.help
	}
	if c.fallback != nil && !c.secret {
		out["default"] = c.fallback
	}
	return out
}

// orTag lets a tag with a list behind it stand for the value.
func orTag(of schema) schema {
	out := schema{"anyOf": []any{of, schema{"$ref": "#/definitions/tag"}}}
	if d, ok := of["description"]; ok {
		out["description"] = d
		delete(of, "description")
	}
	return out
}
