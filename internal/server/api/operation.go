package api

import (
	"context"
	"net/http"
	"reflect"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Base is where the API lives.
const Base = "/api/v3"

// call is one request to an operation: who asks, and the checked query.
type call struct {
	context.Context
	w     http.ResponseWriter
	r     *http.Request
	actor idp.Actor
	query query
}

// param returns a part of the path.
func (c *call) param(name string) string { return web.Param(c.r, name) }

// operation is one method of one path: what the document says of it and what it
// does.
type operation struct {
	method, path string // the path without Base
	base         string // "" = Base
	id, summary  string
	tag          string
	params       []param
	body         reflect.Type // nil = none
	bodyName     string       // in the document
	partial      bool         // nothing in the body is required
	form         bool         // the body is a form that may hold a file, in the field "file"
	response     reflect.Type // nil = 204
	media        string       // of the response; "" = JSON
	status       int          // 0 = 200, or 204 without a response
	anonymous    bool         // nobody need be signed in
	failed       string       // what a failure of ours says, as {"error": …}; "" = as everywhere
	// Operations on the stages of a kind: the document derives bodies and
	// answers from the kind's settings.
	kind   *flow.Kind
	policy *policy.Kind // the same for the policies of a kind
	shape  string       // answers with: list, one, used; "" = 204
	takes  string       // body: whole, partial; "" = none
	needs  []string     // settings without which no stage is created or replaced
	run    func(c *call) (any, error)
}

// kit registers operations with the router, and describes them when somebody asks
// for the document: it takes 4 MB, which an idle server need not hold.
type kit struct {
	router  chi.Router
	version string
	routes  []operation

	once    sync.Once
	openAPI *huma.OpenAPI
	schemas huma.Registry
}

func newKit(r chi.Router, version string) *kit { return &kit{router: r, version: version} }

// document is the OpenAPI document of everything that is registered.
func (k *kit) document() *huma.OpenAPI {
	k.once.Do(func() {
		k.schemas = huma.NewMapRegistry(schemaPrefix, schemaName)
		k.openAPI = &huma.OpenAPI{OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "Portcullis", Version: k.version,
				Description: "Administer Portcullis and run its flows. Wire-compatible with API 2026.2 of authentik for what it offers; extra keys are ours."},
			Components: &huma.Components{Schemas: k.schemas, SecuritySchemes: map[string]*huma.SecurityScheme{
				"authentik": {Type: "http", Scheme: "bearer", Description: "The key of an API token."},
				"basic":     {Type: "http", Scheme: "basic", Description: "A username and one of the account's app passwords, never its own password."}}}}
		for _, op := range k.routes {
			k.openAPI.AddOperation(k.describe(op))
		}
	})
	return k.openAPI
}

// add registers one operation.
func (k *kit) add(op operation) {
	if op.status == 0 {
		op.status = http.StatusOK
		if op.response == nil && op.shape == "" {
			op.status = http.StatusNoContent
		}
	}
	k.routes = append(k.routes, op)
	k.router.Method(op.method, op.at(), op.handler())
}

// at is the whole path.
func (op operation) at() string {
	if op.base != "" {
		return op.base + op.path
	}
	return Base + op.path
}

// handler checks what every operation checks and writes what it returns.
func (op operation) handler() web.Handler {
	if op.failed != "" {
		return op.plain(op.answer())
	}
	return op.answer()
}

func (op operation) answer() web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		c := &call{Context: r.Context(), w: w, r: r, actor: web.Actor(r)}
		if !op.anonymous && c.actor.User == nil {
			return web.Unsigned()
		}
		var err error
		if c.query, err = readQuery(r.URL.Query(), op.params); err != nil {
			return err
		}
		out, err := op.run(c)
		switch {
		case err != nil:
			return err
		case out == handled:
			return nil
		case op.response == nil && op.shape == "":
			w.WriteHeader(op.status)
			return nil
		}
		return web.WriteJSON(w, op.status, out)
	}
}

// handled is returned by an operation that has written its own answer.
var handled any = new(struct{ _ byte })
