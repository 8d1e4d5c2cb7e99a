package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/flowlink"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// queryParam carries the query string of the flow's page.
var queryParam = []param{{name: "query", kind: text, help: "The query string of the flow's page."}}

// maxDepth bounds the nesting of a challenge's answer.
const maxDepth = 20

func (a *API) mountExecutor() {
	const path = "/flows/executor/{flow_slug}/"
	a.kit.add(operation{method: http.MethodGet, path: path, id: "flows_executor_get", tag: "flows", anonymous: true,
		summary: "The present challenge of a flow", params: queryParam, response: reflect.TypeFor[map[string]any](), run: a.showFlow})
	a.kit.add(operation{method: http.MethodPost, path: path, id: "flows_executor_solve", tag: "flows", anonymous: true,
		summary: "Answer the present challenge of a flow", params: queryParam, response: reflect.TypeFor[map[string]any](), run: a.solveFlow})
}

// visit describes a request to a flow. What the page's own query string holds
// comes inside `query`.
func visit(c *call) (flow.Visit, error) {
	v := flow.Visit{Slug: c.param("flow_slug"), Browser: web.Browser(c.r), Device: web.Device(c.r), Query: map[string]string{}}
	if inner := c.query.text("query"); inner != nil {
		values, err := url.ParseQuery(strings.TrimPrefix(*inner, "?"))
		if err != nil {
			return v, idp.Invalid("query", "Not a valid query string.")
		}
		if web.CheckText(values) != nil {
			return v, idp.Invalid("query", "Null characters and invalid UTF-8 are not allowed.")
		}
		for name, list := range values {
			v.Query[name] = list[0]
		}
	}
	_, v.Inspect = v.Query[web.InspectorParam]
	if _, linked := v.Query[flowlink.Param]; linked {
		web.Dress(c.r, &v)
	} else {
		web.DressLater(c.r, &v)
	}
	return v, nil
}

func (a *API) showFlow(c *call) (any, error) {
	v, err := visit(c)
	if err != nil {
		return nil, err
	}
	if dead, err := a.enter(c, v); dead != nil || err != nil {
		return dead, err
	}
	answer, err := a.Flows.Get(c, v)
	if err != nil {
		return nil, err
	}
	return a.answer(c, answer)
}

func (a *API) solveFlow(c *call) (any, error) {
	object, err := readObject(c.r)
	if err != nil {
		return nil, err
	}
	in := flow.Input{}
	var faults idp.Faults
	for name, raw := range object {
		var value any
		switch {
		case web.TextProblem(name) != "":
			faults.Add("", "The name of a field is not valid text.")
		case web.TextProblem(string(raw)) != "":
			faults.Add(name, "Not valid UTF-8.")
		case json.Unmarshal(raw, &value) != nil || depth(value) > maxDepth:
			faults.Add(name, "Value must be valid JSON.")
		case !clean(value):
			faults.Add(name, "Null characters are not allowed.")
		}
		in[name] = value
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	v, err := visit(c)
	if err != nil {
		return nil, err
	}
	if dead, err := a.enter(c, v); dead != nil || err != nil {
		return dead, err
	}
	answer, err := a.Flows.Solve(c, v, in)
	if err != nil {
		return nil, err
	}
	return a.answer(c, answer)
}

// enter opens the link that the query string carries, as the page does; a link
// that does not work is answered with why.
func (a *API) enter(c *call, v flow.Visit) (dead any, err error) {
	key := v.Query[flowlink.Param]
	delete(v.Query, flowlink.Param)
	if key == "" {
		return nil, nil
	}
	err = flowlink.Enter(c, a.Tokens, a.Flows, v, key)
	if errors.Is(err, flowlink.ErrDead) {
		return a.answer(c, flowlink.Dead())
	}
	if idp.Locked(err) {
		return a.answer(c, flowlink.Locked(err))
	}
	if err == nil {
		web.KeepBrowser(c.w, c.r)
	}
	return nil, err
}

func depth(v any) int {
	deepest := 0
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			deepest = max(deepest, depth(item))
		}
	case map[string]any:
		for _, item := range v {
			deepest = max(deepest, depth(item))
		}
	}
	return deepest + 1
}

// answer writes a challenge, or sends the program back to the same address to
// read the next one.
func (a *API) answer(c *call, answer *flow.Answer) (any, error) {
	web.Apply(c.w, c.r, answer)
	web.LogAnswer(c.r, c.param("flow_slug"), answer)
	body, ok, err := answer.JSON()
	if err != nil {
		return nil, err
	}
	if !ok {
		http.Redirect(c.w, c.r, c.r.URL.RequestURI(), http.StatusFound)
		return handled, nil
	}
	return challengeFor(c, body)
}
