package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// policyResource is a kind of policy as a resource of the API.
type policyResource struct {
	kind string // of policy.Kind
	name string // in the document
	// show changes a view for clients of the contract; nil = nothing.
	show func(view map[string]any)
	// extra are settings that the contract does not have: a full replacement
	// by a client that does not know them leaves them as they are.
	extra []string
	// checks say what is wrong with a value of a filter, "" = nothing.
	checks map[string]func(string) string
}

var policyResources = []policyResource{
	{kind: "dummy", name: "DummyPolicy"},
	{kind: "event_matcher", name: "EventMatcherPolicy", show: showEventMatcher, extra: []string{"query"},
		checks: map[string]func(string) string{"action": notAnAction, "client_ip": notAnAddress}},
	{kind: "expression", name: "ExpressionPolicy"},
	{kind: "password", name: "PasswordPolicy"},
	{kind: "password_expiry", name: "PasswordExpiryPolicy"},
	{kind: "reputation", name: "ReputationPolicy"},
}

// policies offers the policies of one kind. Beside name and logging, their keys
// are the kind's own settings: nothing here knows what the kind is about.
type policies struct {
	*API
	policyResource
	of policy.Kind
}

func (a *API) mountPolicyKind(r policyResource) {
	k, ok := a.Policies.Kinds().Get(r.kind)
	if !ok {
		return
	}
	s := policies{API: a, policyResource: r, of: k}
	path, operationID := "/policies/"+r.kind+"/", "policies_"+r.kind+"_"
	one := path + "{policy_uuid}/"
	params := slices.Concat(pageParams(policyOrdering), []param{{name: "name", kind: text}, {name: "execution_logging", kind: boolean},
		{name: "policy_uuid", kind: id}, {name: "created", kind: instant}, {name: "last_updated", kind: instant}}, s.filters())
	for _, op := range []operation{
		{method: http.MethodGet, path: path, id: operationID + "list", summary: "List policies: " + k.Summary, params: params, shape: "list", run: s.list},
		{method: http.MethodPost, path: path, id: operationID + "create", summary: "Create a policy", shape: "one", takes: "whole",
			status: http.StatusCreated, run: s.create},
		{method: http.MethodGet, path: one, id: operationID + "retrieve", summary: "Get a policy", shape: "one", run: s.get},
		{method: http.MethodPut, path: one, id: operationID + "update", summary: "Replace a policy", shape: "one", takes: "whole",
			run: func(c *call) (any, error) { return s.change(c, whole) }},
		{method: http.MethodPatch, path: one, id: operationID + "partial_update", summary: "Change a policy", shape: "one", takes: "partial",
			run: func(c *call) (any, error) { return s.change(c, partial) }},
		{method: http.MethodDelete, path: one, id: operationID + "destroy", summary: "Delete a policy", run: s.destroy},
		{method: http.MethodGet, path: one + "used_by/", id: operationID + "used_by_list", summary: "List what refers to a policy", shape: "used", run: s.usedBy},
	} {
		op.tag, op.policy, op.bodyName = "policies", &s.of, r.name
		a.kit.add(op)
	}
}

// filters are the kind's own settings.
func (s policies) filters() []param {
	params := settingParams(settingsOf(&s.of))
	for i := range params {
		params[i].check = s.checks[params[i].name]
	}
	return params
}

func (s policies) list(c *call) (any, error) {
	if err := s.mayPolicy(c, idp.VerbList); err != nil {
		return nil, err
	}
	p, page, err := paging(c.query, policyOrdering)
	if err != nil {
		return nil, err
	}
	defaults, err := json.Marshal(s.of.Settings)
	if err != nil {
		return nil, err
	}
	found, err := s.Store.Repos().Policies.Find(c, idp.PolicyFilter{Paging: p, Kind: &s.kind, Name: c.query.text("name"),
		ExecutionLogging: c.query.bool("execution_logging"), IDs: ids[idp.Policy](c.query, "policy_uuid"),
		CreatedAt: c.query.time("created"), UpdatedAt: c.query.time("last_updated"),
		Settings: settingValues(c.query, s.filters()), Defaults: defaults})
	if err != nil {
		return nil, err
	}
	views := make([]map[string]any, 0, len(found.Items))
	for i := range found.Items {
		v, err := s.view(&found.Items[i])
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return paginate(views, found.Total, page, p.Limit)
}

// view merges the settings with what every policy shows.
func (s policies) view(p *idp.Policy) (map[string]any, error) {
	settings, err := s.of.Complete(p.Settings)
	if err != nil {
		return nil, err
	}
	v := map[string]any{}
	for _, part := range []any{settings, s.policyView(p)} {
		raw, err := json.Marshal(part)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &v); err != nil {
			return nil, err
		}
	}
	if s.show != nil {
		s.show(v)
	}
	return v, nil
}

func (s policies) get(c *call) (any, error) {
	p, err := s.findPolicy(c, idp.VerbRead, s.kind)
	if err != nil {
		return nil, err
	}
	return s.view(p)
}

// policyCommon is the part of a policy's body that every kind has.
type policyCommon struct {
	Name             Optional[string] `json:"name" api:"required" max:"255"`
	ExecutionLogging Optional[bool]   `json:"execution_logging"`
}

// read takes the common keys from the body; what is left are settings.
func (s policies) read(c *call, m mode) (policyCommon, map[string]json.RawMessage, error) {
	var common policyCommon
	object, err := readObject(c.r)
	if err != nil {
		return common, nil, err
	}
	own := map[string]json.RawMessage{}
	for _, key := range []string{"name", "execution_logging"} {
		if raw, sent := object[key]; sent {
			own[key] = raw
			delete(object, key)
		}
	}
	for _, key := range append(policyReadOnly, "criteria") {
		delete(object, key)
	}
	return common, object, decodeObject(own, &common, m)
}

func (s policies) create(c *call) (any, error) {
	common, object, err := s.read(c, whole)
	if err != nil {
		return nil, err
	}
	p := idp.Policy{Name: common.Name.Value, Kind: s.kind, ExecutionLogging: common.ExecutionLogging.Value}
	if p.Settings, err = json.Marshal(object); err != nil {
		return nil, err
	}
	made, err := s.Configure.CreatePolicy(c, c.actor, p)
	if err != nil {
		return nil, err
	}
	return s.view(made)
}

func (s policies) change(c *call, m mode) (any, error) {
	common, object, err := s.read(c, m)
	if err != nil {
		return nil, err
	}
	id, err := policyKey(c)
	if err != nil {
		return nil, err
	}
	changed, err := s.Configure.UpdatePolicy(c, c.actor, id, func(p *idp.Policy) error {
		if p.Kind != s.kind {
			return idp.NotFound("policy")
		}
		if common.Name.Set {
			p.Name = common.Name.Value
		}
		assign(&p.ExecutionLogging, common.ExecutionLogging, m == partial, false)
		return s.merge(p, object, m)
	})
	if err != nil {
		return nil, err
	}
	return s.view(changed)
}

// merge puts the settings of a body on a policy.
func (s policies) merge(p *idp.Policy, object map[string]json.RawMessage, m mode) error {
	stored := map[string]json.RawMessage{}
	if err := json.Unmarshal(p.Settings, &stored); err != nil {
		return err
	}
	settings := stored
	if m == whole {
		settings = map[string]json.RawMessage{}
		for _, key := range s.extra {
			if raw, there := stored[key]; there {
				settings[key] = raw
			}
		}
		s.hidden(stored, settings, object)
	}
	maps.Copy(settings, object)
	var err error
	p.Settings, err = json.Marshal(settings)
	return err
}

// hidden keeps, in a full replacement, what the view of the policy showed as
// null because the contract has no word for it: a client that sends back what
// it read must not widen the policy. It changes object.
func (s policies) hidden(stored, settings, object map[string]json.RawMessage) {
	if s.show == nil {
		return
	}
	shown := map[string]any{}
	for key, raw := range stored {
		var v any
		if json.Unmarshal(raw, &v) == nil {
			shown[key] = v
		}
	}
	s.show(shown)
	for key, raw := range stored {
		if sent := string(object[key]); shown[key] == nil && (sent == "" || sent == "null") {
			settings[key] = raw
			delete(object, key)
		}
	}
}

func (s policies) destroy(c *call) (any, error) {
	p, err := s.findPolicy(c, idp.VerbDelete, s.kind) // a policy's kind never changes
	if err != nil {
		return nil, err
	}
	return nil, s.Configure.DeletePolicy(c, c.actor, p.ID)
}

func (s policies) usedBy(c *call) (any, error) {
	p, err := s.findPolicy(c, idp.VerbRead, s.kind)
	if err != nil {
		return nil, err
	}
	return s.usersOfPolicy(c, p)
}
