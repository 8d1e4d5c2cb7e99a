package api

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// browserPath is where the document can be read by people.
const browserPath = "/schema/browser/"

// mountBrowser adds the pages of the document. They have no address of their own
// outside, load nothing from elsewhere and work without script.
func (a *API) mountBrowser() {
	params := []param{{name: "tag", kind: text, help: "Only the operations of this group."}, {name: "search", kind: text, help: "Only the operations that these words are found in."}}
	for path, id := range map[string]string{"/": "browser_retrieve", browserPath: "schema_browser_retrieve"} {
		a.kit.add(operation{method: http.MethodGet, path: path, id: id, tag: "schema", anonymous: true, params: params, media: "text/html",
			summary: "Read this document in a browser", response: reflect.TypeFor[string](), run: a.browse})
	}
}

// browserView is the page of some operations.
type browserView struct {
	Page       ui.PageProps
	Server     string
	Tag        string
	Search     string
	Tags       []browserTag
	Operations []browserOperation
	Total      int
}

type browserTag struct {
	Name    string
	Count   int
	Current bool
}

func (a *API) browse(c *call) (any, error) {
	document := a.kit.document()
	v := browserView{Server: a.base(c.r) + Base}
	if t := c.query.text("tag"); t != nil {
		v.Tag = *t
	}
	if s := c.query.text("search"); s != nil {
		v.Search = strings.TrimSpace(limitBytes(*s, 200))
	}
	counts := map[string]int{}
	for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
		for _, method := range methods(document.Paths[path]) {
			op := method.op
			tag := "other"
			if len(op.Tags) > 0 {
				tag = op.Tags[0]
			}
			counts[tag]++
			v.Total++
			if v.Search == "" && tag == v.Tag || v.Search != "" && matches(op, path, v.Search) {
				v.Operations = append(v.Operations, a.describeFor(method.name, path, op))
			}
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(counts)) {
		v.Tags = append(v.Tags, browserTag{Name: tag, Count: counts[tag], Current: tag == v.Tag && v.Search == ""})
	}
	v.Page = page.Account(c.r, ui.PageProps{Title: "API", Subtitle: fmt.Sprintf("%s, version %s", document.Info.Title, document.Info.Version)})
	if web.User(c.r) == nil {
		v.Page.Nav = nil
	}
	return handled, page.Render(c.w, c.r, browserPage(v))
}

// base is the address of this server as the request shows it.
func (a *API) base(r *http.Request) string { return strings.TrimSuffix(a.absolute(r, "/"), "/") }

type documented struct {
	name string
	op   *huma.Operation
}

// methods are the operations of a path, in the order people expect.
func methods(p *huma.PathItem) []documented {
	var out []documented
	for _, m := range []documented{{http.MethodGet, p.Get}, {http.MethodPost, p.Post}, {http.MethodPut, p.Put}, {http.MethodPatch, p.Patch}, {http.MethodDelete, p.Delete}} {
		if m.op != nil {
			out = append(out, m)
		}
	}
	return out
}

// matches reports whether every word is found in the operation.
func matches(op *huma.Operation, path, search string) bool {
	in := strings.ToLower(op.Summary + " " + path + " " + op.OperationID + " " + strings.Join(op.Tags, " "))
	for _, word := range strings.Fields(strings.ToLower(search)) {
		if !strings.Contains(in, word) {
			return false
		}
	}
	return true
}

// browserOperation is an operation as people read it.
type browserOperation struct {
	Method, Path, ID, Summary string
	Anonymous                 bool
	Params                    []browserField
	Body                      *browserBody
	Responses                 []browserBody
}

// browserBody is a body: of a request, or of an answer.
type browserBody struct {
	Status, Text string // of an answer
	Media        string // "" = there is none
	Type         string
	Fields       []browserField
}

// browserField is a parameter or a key of an object.
type browserField struct {
	Name, In, Type, Help string
	Required, ReadOnly   bool
	Choices              []string
	Fields               []browserField // of what it holds
}

// nesting is how deep objects in objects are shown.
const nesting = 3

func (a *API) describeFor(method, path string, op *huma.Operation) browserOperation {
	out := browserOperation{Method: method, Path: path, ID: op.OperationID, Summary: op.Summary, Anonymous: len(op.Security) == 0}
	for _, p := range op.Parameters {
		f := a.field(p.Name, p.Schema, 0)
		f.In, f.Required = p.In, p.Required
		if p.Description != "" {
			f.Help = p.Description
		}
		out.Params = append(out.Params, f)
	}
	if op.RequestBody != nil {
		body := a.body(op.RequestBody.Content)
		out.Body = &body
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		body := a.body(op.Responses[status].Content)
		body.Status, body.Text = status, op.Responses[status].Description
		out.Responses = append(out.Responses, body)
	}
	return out
}

func (a *API) body(content map[string]*huma.MediaType) browserBody {
	for _, media := range slices.Sorted(maps.Keys(content)) {
		s := content[media].Schema
		f := a.field("", s, 0)
		return browserBody{Media: media, Type: f.Type, Fields: f.Fields}
	}
	return browserBody{}
}

// field describes a schema.
func (a *API) field(name string, s *huma.Schema, depth int) browserField {
	f := browserField{Name: name, Type: "any"}
	if s == nil {
		return f
	}
	f.Help, f.ReadOnly = s.Description, s.ReadOnly
	shown, whole := s, a.resolved(s)
	if s.Type == huma.TypeArray && s.Items != nil {
		shown, whole = s.Items, a.resolved(s.Items)
		f.Type = "list of " + typeName(shown, whole)
	} else {
		f.Type = typeName(shown, whole)
	}
	if s.Nullable {
		f.Type += " or null"
	}
	for _, e := range whole.Enum {
		f.Choices = append(f.Choices, fmt.Sprint(e))
	}
	if depth >= nesting {
		return f
	}
	for _, key := range slices.Sorted(maps.Keys(whole.Properties)) {
		inner := a.field(key, whole.Properties[key], depth+1)
		inner.Required = slices.Contains(whole.Required, key)
		f.Fields = append(f.Fields, inner)
	}
	return f
}

// resolved is the schema that a reference stands for.
func (a *API) resolved(s *huma.Schema) *huma.Schema {
	if s.Ref == "" {
		return s
	}
	if found := a.kit.schemas.Map()[strings.TrimPrefix(s.Ref, schemaPrefix)]; found != nil {
		return found
	}
	return s
}

// typeName is what a schema is called: by its own name, or by what it holds.
func typeName(s, whole *huma.Schema) string {
	switch {
	case s.Ref != "":
		return strings.TrimPrefix(s.Ref, schemaPrefix)
	case len(whole.OneOf) > 0:
		var of []string
		for _, one := range whole.OneOf {
			of = append(of, typeName(one, one))
		}
		return "one of " + strings.Join(of, ", ")
	case whole.Format != "":
		return whole.Format
	case whole.Type == "":
		return "any"
	}
	return whole.Type
}
