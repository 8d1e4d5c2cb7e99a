package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Policies evaluates policies and knows their kinds; policy.Engine does.
type Policies interface {
	Kinds() *policy.Kinds
	Try(ctx context.Context, p *idp.Policy, req idp.PolicyRequest) policy.Trial
	Built() int
	Forget()
}

// Policy is what every kind of policy shows.
type Policy struct {
	PK               idp.PolicyID `json:"pk"`
	Name             string       `json:"name"`
	ExecutionLogging bool         `json:"execution_logging"`
	Component        string       `json:"component"`
	VerboseName      string       `json:"verbose_name"`
	VerbosePlural    string       `json:"verbose_name_plural"`
	MetaModelName    string       `json:"meta_model_name"`
	BoundTo          int          `json:"bound_to"`
	Created          time.Time    `json:"created"`
	LastUpdated      time.Time    `json:"last_updated"`
}

// policyReadOnly are keys of a policy that the server sets. They may be sent.
var policyReadOnly = []string{"pk", "component", "verbose_name", "verbose_name_plural", "meta_model_name", "bound_to", "created", "last_updated"}

func (a *API) policyView(p *idp.Policy) Policy {
	kind, _ := a.Policies.Kinds().Get(p.Kind) // of another version: nothing is known of it
	return Policy{PK: p.ID, Name: p.Name, ExecutionLogging: p.ExecutionLogging, Component: kind.Component, VerboseName: kind.Verbose,
		VerbosePlural: kind.VerbosePlural, MetaModelName: kind.Model, BoundTo: p.BoundTo,
		Created: p.CreatedAt.UTC(), LastUpdated: p.UpdatedAt.UTC()}
}

// mountPolicies adds everything under /policies/. A server built without
// policies does not offer them.
func (a *API) mountPolicies() {
	if a.Policies == nil {
		return
	}
	a.allPolicies().mount(a.kit)
	a.mountPolicyActions()
	for _, r := range policyResources {
		a.mountPolicyKind(r)
	}
	a.policyBindings().mount(a.kit)
	a.reputationScores().mount(a.kit)
}

func (a *API) mayPolicy(c *call, verb idp.Verb) error {
	return a.Access.Check(c.actor, verb, idp.Object{Resource: idp.ResourcePolicy})
}

var policyOrdering = []string{"name", "pk"}

func (a *API) allPolicies() resource[Policy, struct{}] {
	return resource[Policy, struct{}]{
		path: "/policies/all/", key: "policy_uuid", name: "Policy", id: "policies_all", plural: "policies", tag: "policies",
		filters:  []param{{name: "bindings__isnull", kind: boolean}, {name: "promptstage__isnull", kind: boolean}},
		ordering: policyOrdering, list: a.listPolicies, get: a.getPolicy, destroy: a.deletePolicy, usedBy: a.policyUsedBy,
	}
}

// opposite turns an “is null” into a “has”.
func opposite(b *bool) *bool {
	if b == nil {
		return nil
	}
	not := !*b
	return &not
}

func (a *API) listPolicies(c *call, p idp.Paging) ([]Policy, int, error) {
	if err := a.mayPolicy(c, idp.VerbList); err != nil {
		return nil, 0, err
	}
	page, err := a.Store.Repos().Policies.Find(c, idp.PolicyFilter{Paging: p, Bound: opposite(c.query.bool("bindings__isnull")),
		Validates: opposite(c.query.bool("promptstage__isnull"))})
	if err != nil {
		return nil, 0, err
	}
	views := make([]Policy, 0, len(page.Items))
	for i := range page.Items {
		views = append(views, a.policyView(&page.Items[i]))
	}
	return views, page.Total, nil
}

func policyKey(c *call) (idp.PolicyID, error) {
	return web.IDParam[idp.Policy](c.r, "policy_uuid", "policy")
}

// findPolicy returns the policy of the path when the actor may do that with it.
// kind "" = any.
func (a *API) findPolicy(c *call, verb idp.Verb, kind string) (*idp.Policy, error) {
	if err := a.mayPolicy(c, verb); err != nil {
		return nil, err
	}
	id, err := policyKey(c)
	if err != nil {
		return nil, err
	}
	p, err := a.Store.Repos().Policies.Get(c, id)
	if err == nil && kind != "" && p.Kind != kind {
		return nil, idp.NotFound("policy")
	}
	return p, err
}

func (a *API) getPolicy(c *call, _ string) (*Policy, error) {
	p, err := a.findPolicy(c, idp.VerbRead, "")
	if err != nil {
		return nil, err
	}
	v := a.policyView(p)
	return &v, nil
}

func (a *API) deletePolicy(c *call, _ string) error {
	id, err := policyKey(c)
	if err != nil {
		return err
	}
	return a.Configure.DeletePolicy(c, c.actor, id)
}

func (a *API) policyUsedBy(c *call, _ string) ([]UsedBy, error) {
	p, err := a.findPolicy(c, idp.VerbRead, "")
	if err != nil {
		return nil, err
	}
	return a.usersOfPolicy(c, p)
}

// usersOfPolicy lists the bindings that go with a policy, and the stages that
// lose it.
func (a *API) usersOfPolicy(c *call, p *idp.Policy) ([]UsedBy, error) {
	bindings, err := a.Store.Repos().PolicyBindings.Find(c, idp.PolicyBindingFilter{PolicyID: &p.ID, Paging: idp.Paging{Limit: maxPageSize}})
	if err != nil {
		return nil, err
	}
	out := []UsedBy{}
	for _, b := range bindings.Items {
		out = append(out, UsedBy{App: "authentik_policies", ModelName: "policybinding", PK: b.ID.String(),
			Name: "Policy binding #" + strconv.Itoa(b.Order) + " to " + b.Target.String(), Action: "cascade"})
	}
	kind := "prompt"
	stages, err := a.Store.Repos().Stages.Find(c, idp.StageFilter{Kind: &kind, Paging: idp.Paging{Limit: maxPageSize}})
	for _, st := range stages.Items {
		if strings.Contains(string(st.Settings), p.ID.String()) {
			out = append(out, UsedBy{App: "authentik_stages_prompt", ModelName: "promptstage", PK: st.ID.String(), Name: st.Name,
				Action: "cascade_many"})
		}
	}
	return out, err
}

func (a *API) mountPolicyActions() {
	add := func(op operation) {
		op.tag = "policies"
		a.kit.add(op)
	}
	add(operation{method: http.MethodGet, path: "/policies/all/types/", id: "policies_all_types_list",
		summary: "List the kinds of policies", response: reflect.TypeFor[[]TypeCreate](), run: a.policyTypes})
	add(operation{method: http.MethodGet, path: "/policies/all/cache_info/", id: "policies_all_cache_info_retrieve",
		summary: "How many policies this process keeps built", response: reflect.TypeFor[Cache](), run: func(c *call) (any, error) {
			return Cache{Count: a.Policies.Built()}, a.mayPolicy(c, idp.VerbRead)
		}})
	add(operation{method: http.MethodPost, path: "/policies/all/cache_clear/", id: "policies_all_cache_clear_create",
		summary: "Build every policy anew when it is next asked", run: func(c *call) (any, error) {
			if err := a.mayPolicy(c, idp.VerbUpdate); err != nil {
				return nil, err
			}
			a.Policies.Forget()
			return nil, nil
		}})
	add(operation{method: http.MethodPost, path: "/policies/all/{policy_uuid}/test/", id: "policies_all_test_create",
		summary: "Try a policy for a user; nothing is changed", body: reflect.TypeFor[policyTestBody](), bodyName: "PolicyTestRequest",
		response: reflect.TypeFor[PolicyTestResult](), run: a.testPolicy})
}

func (a *API) policyTypes(c *call) (any, error) {
	if err := a.mayPolicy(c, idp.VerbList); err != nil {
		return nil, err
	}
	out := []TypeCreate{}
	for _, k := range a.Policies.Kinds().List() {
		_, model, _ := strings.Cut(k.Model, ".")
		out = append(out, TypeCreate{Name: k.Verbose, Description: k.Summary, Component: k.Component, ModelName: model})
	}
	return out, nil
}
