package api

import (
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portcullis-idp/portcullis/internal/flow"
)

const schemaPrefix = "#/components/schemas/"

// describeStage writes body and answer of an operation on the stages of a kind.
// op.bodyName is the name of the stage's schema.
func (k *kit) describeStage(op operation, out *huma.Operation, answer *huma.Response) {
	name := op.bodyName
	schemas := k.schemas.Map()
	if _, known := schemas[name]; !known {
		view := k.settingsSchema(op.kind, false)
		for _, setting := range op.kind.Describe() {
			if setting.Format == secretFormat {
				delete(view.Properties, setting.Name)
			}
		}
		for _, key := range []string{"pk", "component", "verbose_name", "verbose_name_plural", "meta_model_name"} {
			view.Properties[key] = &huma.Schema{Type: "string", ReadOnly: true}
		}
		view.Properties["flow_set"] = &huma.Schema{Type: "array", ReadOnly: true, Items: k.schemas.Schema(reflect.TypeFor[FlowSet](), true, "")}
		lists := places[op.kind.Name].lists
		for _, key := range lists {
			view.Properties[key] = &huma.Schema{Type: "array", ReadOnly: true, Items: &huma.Schema{Type: "object"}}
		}
		view.Required = slices.Concat(stageReadOnly, lists, []string{"name"}, op.needs)
		schemas[name] = view
		schemas[name+"Request"] = k.settingsSchema(op.kind, true)
		schemas[name+"Request"].Required = append(schemas[name+"Request"].Required, op.needs...)
		schemas["Patched"+name+"Request"] = k.settingsSchema(op.kind, false)
		schemas["Paginated"+name+"List"] = &huma.Schema{Type: "object", Required: []string{"pagination", "results", "autocomplete"},
			Properties: map[string]*huma.Schema{
				"pagination":   k.schemas.Schema(reflect.TypeFor[Pagination](), true, ""),
				"results":      {Type: "array", Items: &huma.Schema{Ref: schemaPrefix + name}},
				"autocomplete": {Type: "object", AdditionalProperties: true}}}
	}
	switch op.takes {
	case "whole":
		out.RequestBody = &huma.RequestBody{Required: true, Content: jsonContent(&huma.Schema{Ref: schemaPrefix + name + "Request"})}
	case "partial":
		out.RequestBody = &huma.RequestBody{Content: jsonContent(&huma.Schema{Ref: schemaPrefix + "Patched" + name + "Request"})}
	}
	switch op.shape {
	case "one":
		answer.Content = jsonContent(&huma.Schema{Ref: schemaPrefix + name})
	case "list":
		answer.Content = jsonContent(&huma.Schema{Ref: schemaPrefix + "Paginated" + name + "List"})
	case "used":
		answer.Content = jsonContent(k.schemas.Schema(reflect.TypeFor[[]UsedBy](), true, "UsedByList"))
	}
}

// settingsSchema is the body of a stage: its name and the kind's settings.
func (k *kit) settingsSchema(kind *flow.Kind, named bool) *huma.Schema {
	length := 255
	s := &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{"name": {Type: "string", MaxLength: &length}}}
	if named {
		s.Required = []string{"name"}
	}
	for _, setting := range kind.Describe() {
		one := &huma.Schema{Type: setting.Type, Description: setting.Help, Nullable: setting.Nullable, Default: setting.Default}
		if setting.Type == "uuid" {
			one.Type, one.Format = "string", "uuid"
		}
		for _, e := range setting.Enum {
			one.Enum = append(one.Enum, e)
		}
		if setting.List {
			one = &huma.Schema{Type: "array", Items: &huma.Schema{Type: one.Type, Format: one.Format, Enum: one.Enum}, Description: setting.Help}
		}
		s.Properties[setting.Name] = one
	}
	return s
}
