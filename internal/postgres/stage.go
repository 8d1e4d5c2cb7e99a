package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var stageTable = newTable(table[idp.Stage]{
	listing: listing{
		noun:    "stage",
		columns: `t.id, t.name, t.kind, t.settings, t.updated_at`,
		orders:  map[string]string{"pk": "t.id", "name": "t.name", "kind": "t.kind"},
		usual:   []string{"name"},
	},
	id: func(s *idp.Stage) *idp.StageID { return &s.ID },
	values: func(s *idp.Stage) pgx.NamedArgs {
		return pgx.NamedArgs{"name": s.Name, "kind": s.Kind, "settings": document(s.Settings)}
	},
}, "stages", true, "name", "kind", "settings")

type stages struct{ rows[idp.Stage] }

func newStages(q querier) stages { return stages{rows[idp.Stage]{stageTable, q}} }

func (r stages) Find(ctx context.Context, f idp.StageFilter) (idp.Page[idp.Stage], error) {
	var w where
	equal(&w, "t.kind", f.Kind)
	equal(&w, "t.name", f.Name)
	if f.IDs != nil {
		w.with("t.id = ANY(@ids)", "ids", f.IDs)
	}
	if f.Bound != nil {
		w.with("EXISTS (SELECT FROM flow_bindings b WHERE b.stage_id = t.id) = @bound", "bound", *f.Bound)
	}
	if err := withSettings(&w, f.Settings, nil); err != nil {
		return idp.Page[idp.Stage]{}, err
	}
	w.search(f.Search, "t.name", "t.kind")
	return r.find(ctx, w, f.Paging)
}

// withSettings asks for one of the values under every name. A list holds a
// value when it is one of its items. With defaults, they stand for what is not
// stored, and for what is stored as null.
func withSettings(w *where, settings map[string][]any, defaults json.RawMessage) error {
	column := "t.settings"
	if len(settings) > 0 && len(defaults) > 0 {
		w.with("true", "defaults", defaults)
		column = "(@defaults::jsonb || jsonb_strip_nulls(t.settings))"
	}
	for i, name := range slices.Sorted(maps.Keys(settings)) {
		var wanted []string
		for _, value := range settings[name] {
			for _, form := range []any{value, []any{value}} {
				raw, err := json.Marshal(map[string]any{name: form})
				if err != nil {
					return fmt.Errorf("filtering by the setting %s: %w", name, err)
				}
				wanted = append(wanted, string(raw))
			}
		}
		argument := "setting" + strconv.Itoa(i)
		w.with(column+" @> ANY(@"+argument+"::jsonb[])", argument, wanted)
	}
	return nil
}

var promptTable = newTable(table[idp.Prompt]{
	listing: listing{
		noun: "prompt",
		columns: `t.id, t.name, t.field_key, t.label, t.type, t.required, t.placeholder, t.initial_value,
			t.ordinal AS "order", t.sub_text, t.placeholder_expression, t.initial_value_expression, t.updated_at`,
		orders: map[string]string{"pk": "t.id", "name": "t.name", "field_key": "t.field_key", "label": "t.label",
			"type": "t.type", "order": "t.ordinal", "placeholder": "t.placeholder", "required": "t.required"},
		usual: []string{"order", "name"},
	},
	id: func(p *idp.Prompt) *idp.PromptID { return &p.ID },
	values: func(p *idp.Prompt) pgx.NamedArgs {
		return pgx.NamedArgs{"name": p.Name, "field_key": p.FieldKey, "label": p.Label, "type": p.Type,
			"required": p.Required, "placeholder": p.Placeholder, "initial_value": p.InitialValue, "ordinal": p.Order,
			"sub_text": p.SubText, "placeholder_expression": p.PlaceholderExpression,
			"initial_value_expression": p.InitialValueExpression}
	},
}, "prompts", true, "name", "field_key", "label", "type", "required", "placeholder", "initial_value", "ordinal",
	"sub_text", "placeholder_expression", "initial_value_expression")

type prompts struct{ rows[idp.Prompt] }

func newPrompts(q querier) prompts { return prompts{rows[idp.Prompt]{promptTable, q}} }

func (r prompts) Find(ctx context.Context, f idp.PromptFilter) (idp.Page[idp.Prompt], error) {
	var w where
	if f.IDs != nil {
		w.with("t.id = ANY(@ids)", "ids", f.IDs)
	}
	equal(&w, "t.name", f.Name)
	equal(&w, "t.field_key", f.FieldKey)
	equal(&w, "t.type", f.Type)
	if f.Types != nil {
		w.with("t.type = ANY(@types)", "types", f.Types)
	}
	equal(&w, "t.label", f.Label)
	equal(&w, "t.placeholder", f.Placeholder)
	w.search(f.Search, "t.name", "t.field_key", "t.label")
	return r.find(ctx, w, f.Paging)
}

// document makes {} of an absent JSON value.
func document(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("{}")
	}
	return raw
}
