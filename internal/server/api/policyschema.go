package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// settingsOf describes the settings of a kind of policy, which are written as
// those of stages are.
func settingsOf(k *policy.Kind) []flow.Setting { return settingsKind(k).Describe() }

func settingsKind(k *policy.Kind) *flow.Kind {
	return &flow.Kind{Name: k.Name, Settings: func() any { return k.Settings }}
}

// describePolicy writes body and answer of an operation on the policies of a
// kind. op.bodyName is the name of the policy's schema.
func (k *kit) describePolicy(op operation, out *huma.Operation, answer *huma.Response) {
	name := op.bodyName
	schemas := k.schemas.Map()
	if _, known := schemas[name]; !known {
		kind := settingsKind(op.policy)
		view := k.settingsSchema(kind, true)
		for _, key := range policyReadOnly {
			view.Properties[key] = &huma.Schema{Type: "string", ReadOnly: true}
		}
		view.Properties["pk"].Format = "uuid"
		view.Properties["bound_to"].Type = "integer"
		view.Properties["created"].Format, view.Properties["last_updated"].Format = "date-time", "date-time"
		view.Required = append(policyReadOnly, "name")
		body, patch := k.settingsSchema(kind, true), k.settingsSchema(kind, false)
		for _, s := range []*huma.Schema{view, body, patch} {
			s.Properties["execution_logging"] = &huma.Schema{Type: "boolean",
				Description: "Write an event each time a binding asks the policy."}
		}
		schemas[name], schemas[name+"Request"], schemas["Patched"+name+"Request"] = view, body, patch
		schemas["Paginated"+name+"List"] = k.paginatedSchema(name)
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

func (k *kit) paginatedSchema(name string) *huma.Schema {
	return &huma.Schema{Type: "object", Required: []string{"pagination", "results", "autocomplete"},
		Properties: map[string]*huma.Schema{
			"pagination":   k.schemas.Schema(reflect.TypeFor[Pagination](), true, ""),
			"results":      {Type: "array", Items: &huma.Schema{Ref: schemaPrefix + name}},
			"autocomplete": {Type: "object", AdditionalProperties: true}}}
}
