package api

import (
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// schemaName names a type in the document: our types by their own names, lists
// as the contract does (PaginatedUserList).
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if inner, ok := strings.CutPrefix(t.Name(), "Paginated["); ok {
		inner = strings.TrimSuffix(inner, "]")
		return "Paginated" + inner[strings.LastIndexByte(inner, '.')+1:] + "List"
	}
	return huma.DefaultSchemaNamer(t, hint)
}

// describe writes an operation for the document.
func (k *kit) describe(op operation) *huma.Operation {
	out := &huma.Operation{Method: op.method, Path: op.at(), OperationID: op.id, Summary: op.summary,
		Tags: []string{op.tag}, Responses: map[string]*huma.Response{}}
	if !op.anonymous {
		out.Security = []map[string][]string{{"authentik": {}}, {"basic": {}}}
	}
	for _, name := range pathParams(op.path) {
		out.Parameters = append(out.Parameters, &huma.Param{Name: name, In: "path", Required: true,
			Schema: &huma.Schema{Type: "string"}})
	}
	for _, p := range op.params {
		out.Parameters = append(out.Parameters, &huma.Param{Name: p.name, In: "query", Required: p.required,
			Description: p.help, Schema: p.schema()})
	}
	if op.body != nil {
		out.RequestBody = &huma.RequestBody{Required: !op.partial, Content: k.bodyContent(op)}
	}
	answer := &huma.Response{Description: http.StatusText(op.status)}
	if op.response != nil {
		answer.Content = jsonContent(k.schemas.Schema(op.response, true, op.id+"Response"))
		if op.media != "" {
			answer.Content = map[string]*huma.MediaType{op.media: {Schema: &huma.Schema{Type: "string", Format: "binary"}}}
		}
	}
	switch {
	case op.kind != nil:
		k.describeStage(op, out, answer)
	case op.policy != nil:
		k.describePolicy(op, out, answer)
	}
	out.Responses[strconv.Itoa(op.status)] = answer
	problem := k.schemas.Schema(reflect.TypeFor[GenericError](), true, "")
	out.Responses["400"] = &huma.Response{Description: "The input is not valid: messages by field.",
		Content: jsonContent(k.schemas.Schema(reflect.TypeFor[ValidationError](), true, ""))}
	out.Responses["403"] = &huma.Response{Description: "Not signed in, or not permitted.", Content: jsonContent(problem)}
	if len(pathParams(op.path)) > 0 {
		out.Responses["404"] = &huma.Response{Description: "Nothing has this key.", Content: jsonContent(problem)}
	}
	return out
}

// ValidationError is the answer to input that is not valid: messages by field.
type ValidationError struct {
	_              struct{} `additionalProperties:"true"`
	NonFieldErrors []string `json:"non_field_errors,omitempty"`
	Code           string   `json:"code,omitempty"`
}

// GenericError is the answer to a request that was refused as a whole.
type GenericError struct {
	Detail    string `json:"detail"`
	Code      string `json:"code,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

func jsonContent(s *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: s}}
}

// bodyContent describes a body: JSON, or a form that may hold a file.
func (k *kit) bodyContent(op operation) map[string]*huma.MediaType {
	s := k.bodySchema(op)
	if !op.form {
		return jsonContent(s)
	}
	if file := k.schemas.Map()[op.bodyName].Properties["file"]; file != nil {
		file.Format = "binary"
	}
	return map[string]*huma.MediaType{"multipart/form-data": {Schema: s}}
}

func pathParams(path string) []string {
	var out []string
	for _, part := range strings.Split(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			out = append(out, strings.TrimSuffix(name, "}"))
		}
	}
	return out
}

func (p param) schema() *huma.Schema {
	s := &huma.Schema{Type: "string"}
	switch p.kind {
	case boolean:
		s.Type = "boolean"
	case integer:
		s.Type = "integer"
	case instant, id:
		s.Format = string(p.kind)
	case object:
		s.Description = "A JSON object."
	}
	for _, e := range p.enum {
		s.Enum = append(s.Enum, e)
	}
	if p.many {
		return &huma.Schema{Type: "array", Items: s}
	}
	return s
}

// bodySchema puts the schema of a body into the document under its name.
func (k *kit) bodySchema(op operation) *huma.Schema {
	ref := &huma.Schema{Ref: schemaPrefix + op.bodyName}
	if _, known := k.schemas.Map()[op.bodyName]; known {
		return ref
	}
	s := &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{}}
	for _, f := range shapeOf(op.body).fields {
		s.Properties[f.name] = k.fieldSchema(f)
		if f.required && !op.partial {
			s.Required = append(s.Required, f.name)
		}
	}
	slices.Sort(s.Required)
	k.schemas.Map()[op.bodyName] = s
	return ref
}

func (k *kit) fieldSchema(f field) *huma.Schema {
	s := *k.schemas.Schema(f.kind, true, f.name)
	if s.Ref != "" {
		return &s
	}
	s.Description, s.Nullable = f.help, f.null
	if f.max > 0 {
		s.MaxLength = &f.max
	}
	if f.kind.Kind() == reflect.Array || s.Items != nil && f.kind.Kind() == reflect.Slice && f.kind.Elem().Kind() == reflect.Array {
		uuid := &s
		if s.Items != nil {
			items := *s.Items
			s.Items, uuid = &items, &items
		}
		uuid.Type, uuid.Format = "string", "uuid"
	}
	for _, e := range f.enum {
		s.Enum = append(s.Enum, e)
	}
	return &s
}
