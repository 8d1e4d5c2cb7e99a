package api

import (
	"errors"
	"net/http"
	"reflect"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Cache says how many values are kept in memory; the operation says which.
type Cache struct {
	Count int `json:"count"`
}

func (a *API) mountFlowActions() {
	const base = "/flows/instances/"
	a.kit.add(operation{method: http.MethodGet, path: base + "cache_info/", id: "flows_instances_cache_info_retrieve", tag: "flows",
		summary: "How many flow definitions this process keeps in memory", response: reflect.TypeFor[Cache](), run: a.flowCache})
	a.kit.add(operation{method: http.MethodPost, path: base + "cache_clear/", id: "flows_instances_cache_clear_create", tag: "flows",
		summary: "Read every flow definition anew when its flow is next run; runs under way go on", run: a.forgetFlows})
	a.kit.add(operation{method: http.MethodGet, path: base + "{slug}/execute/", id: "flows_instances_execute_retrieve", tag: "flows",
		summary: "Plan the flow for the caller and say where it starts", response: reflect.TypeFor[Link](), run: a.executeFlow})
	a.kit.add(operation{method: http.MethodGet, path: base + "{slug}/diagram/", id: "flows_instances_diagram_retrieve", tag: "flows",
		summary: "Draw the flow", response: reflect.TypeFor[FlowDiagram](), run: a.drawFlow})
}

func (a *API) flowCache(c *call) (any, error) {
	return Cache{Count: a.Flows.Kept()}, a.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceFlow})
}

func (a *API) forgetFlows(c *call) (any, error) {
	if err := a.Access.Check(c.actor, idp.VerbUpdate, idp.Object{Resource: idp.ResourceFlow}); err != nil {
		return nil, err
	}
	a.Flows.Forget()
	return nil, nil
}

// executeFlow plans the flow in the browser that asks, with the caller as the
// person it is about. A token comes without a browser: whoever opens the link
// begins the flow.
func (a *API) executeFlow(c *call) (any, error) {
	f, err := a.flowBySlug(c, idp.VerbUpdate)
	if err != nil {
		return nil, err
	}
	link := flow.Path(f.Slug)
	if c.actor.Session != nil {
		v := flow.Visit{Slug: f.Slug, Browser: web.BrowserDigest(c.w, c.r), Actor: web.Actor(c.r), Brand: web.Brand(c.r), Query: map[string]string{}}
		link, err = a.Flows.Begin(c, v, func(run *flow.Run) { run.SetPending(c.actor.User) })
	}
	var not *flow.NotApplicable
	if errors.As(err, &not) {
		return nil, idp.Invalid("", "Flow not applicable to current user/request: %s", not.Message())
	}
	if err != nil {
		return nil, err
	}
	return Link{Link: a.absolute(c.r, link)}, nil
}
