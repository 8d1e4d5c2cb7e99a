package api

import (
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// FlowStageBinding puts a stage into a flow.
type FlowStageBinding struct {
	PK                    idp.FlowBindingID `json:"pk"`
	PolicyBindingPK       idp.FlowBindingID `json:"policybindingmodel_ptr_id"`
	Target                idp.FlowID        `json:"target"`
	Stage                 idp.StageID       `json:"stage"`
	StageObj              Stage             `json:"stage_obj"`
	EvaluateOnPlan        bool              `json:"evaluate_on_plan"`
	ReEvaluatePolicies    bool              `json:"re_evaluate_policies"`
	Order                 int               `json:"order"`
	PolicyEngineMode      idp.PolicyMode    `json:"policy_engine_mode" enum:"all,any"`
	InvalidResponseAction idp.InvalidAction `json:"invalid_response_action" enum:"retry,restart,restart_with_context"`
}

// flowBindingViews shows bindings with their stages.
func (a *API) flowBindingViews(c *call, list []idp.FlowBinding) ([]FlowStageBinding, error) {
	wanted := make([]idp.StageID, 0, len(list))
	for i := range list {
		wanted = append(wanted, list[i].StageID)
	}
	rows, err := a.stagesByID(c, wanted)
	if err != nil {
		return nil, err
	}
	stages := make([]idp.Stage, 0, len(rows))
	for _, st := range rows {
		stages = append(stages, *st)
	}
	shown, err := a.stageViews(c, stages)
	if err != nil {
		return nil, err
	}
	views := make([]FlowStageBinding, 0, len(list))
	for _, b := range list {
		v := FlowStageBinding{PK: b.ID, PolicyBindingPK: b.ID, Target: b.FlowID, Stage: b.StageID, EvaluateOnPlan: b.EvaluateOnPlan,
			ReEvaluatePolicies: b.ReEvaluatePolicies, Order: b.Order, PolicyEngineMode: b.PolicyMode,
			InvalidResponseAction: b.InvalidResponseAction, StageObj: Stage{PK: b.StageID, FlowSet: []FlowSet{}}}
		for i := range shown {
			if shown[i].PK == b.StageID {
				v.StageObj = shown[i]
			}
		}
		views = append(views, v)
	}
	return views, nil
}

type flowBindingBody struct {
	Target                Optional[idp.FlowID]        `json:"target" api:"required" help:"The flow."`
	Stage                 Optional[idp.StageID]       `json:"stage" api:"required"`
	EvaluateOnPlan        Optional[bool]              `json:"evaluate_on_plan" help:"Ask the policies when the flow begins. false unless said otherwise."`
	ReEvaluatePolicies    Optional[bool]              `json:"re_evaluate_policies" help:"Ask the policies when the stage's turn comes. true unless said otherwise."`
	Order                 Optional[int]               `json:"order" api:"required"`
	PolicyEngineMode      Optional[idp.PolicyMode]    `json:"policy_engine_mode" enum:"all,any"`
	InvalidResponseAction Optional[idp.InvalidAction] `json:"invalid_response_action" enum:"retry,restart,restart_with_context" help:"What happens when the stage refuses the answer."`
	_                     struct{}                    `ignore:"pk,policybindingmodel_ptr_id,stage_obj"`
}

// apply puts the body on a binding; in a full replacement what is absent gets
// its default.
func (b *flowBindingBody) apply(to *idp.FlowBinding, partial bool) {
	assign(&to.FlowID, b.Target, true, to.FlowID) // required where it matters
	assign(&to.StageID, b.Stage, true, to.StageID)
	assign(&to.Order, b.Order, true, to.Order)
	assign(&to.EvaluateOnPlan, b.EvaluateOnPlan, partial, false)
	assign(&to.ReEvaluatePolicies, b.ReEvaluatePolicies, partial, true)
	assign(&to.PolicyMode, b.PolicyEngineMode, partial, idp.PolicyAny)
	assign(&to.InvalidResponseAction, b.InvalidResponseAction, partial, idp.InvalidRetry)
}

func (a *API) flowBindings() resource[FlowStageBinding, flowBindingBody] {
	return resource[FlowStageBinding, flowBindingBody]{
		path: "/flows/bindings/", key: "fsb_uuid", name: "FlowStageBinding", id: "flows_bindings", plural: "flow bindings", tag: "flows",
		filters: []param{{name: "target", kind: id}, {name: "stage", kind: id}, {name: "order", kind: integer},
			{name: "fsb_uuid", kind: id}, {name: "pbm_uuid", kind: id}, {name: "policies", kind: id, many: true},
			{name: "evaluate_on_plan", kind: boolean}, {name: "re_evaluate_policies", kind: boolean},
			{name: "policy_engine_mode", kind: text, enum: names(idp.PolicyModes())},
			{name: "invalid_response_action", kind: text, enum: names(idp.InvalidActions())}},
		ordering: []string{"target", "order", "pk", "stage", "evaluate_on_plan", "re_evaluate_policies", "invalid_response_action", "policy_engine_mode"},
		list:     a.listFlowBindings, get: a.getFlowBinding, create: a.createFlowBinding, change: a.changeFlowBinding,
		destroy: a.deleteFlowBinding, usedBy: a.flowBindingUsedBy,
	}
}

func (a *API) listFlowBindings(c *call, p idp.Paging) ([]FlowStageBinding, int, error) {
	if err := a.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceFlow}); err != nil {
		return nil, 0, err
	}
	if len(p.Order) == 0 {
		p.Order = []string{"target", "order"}
	}
	f := idp.FlowBindingFilter{Paging: p, EvaluateOnPlan: c.query.bool("evaluate_on_plan"), ReEvaluatePolicies: c.query.bool("re_evaluate_policies"),
		PolicyMode: one[idp.PolicyMode](c.query, "policy_engine_mode"), InvalidResponseAction: one[idp.InvalidAction](c.query, "invalid_response_action"),
		FlowIDs: ids[idp.Flow](c.query, "target"), StageIDs: ids[idp.Stage](c.query, "stage")}
	if n := c.query.ints("order"); len(n) > 0 {
		f.Order = &n[0]
	}
	for _, name := range []string{"fsb_uuid", "pbm_uuid"} {
		f.IDs = both(f.IDs, ids[idp.FlowBinding](c.query, name))
	}
	asked, err := a.boundTo(c, ids[idp.Policy](c.query, "policies"))
	if err != nil {
		return nil, 0, err
	}
	f.IDs = both(f.IDs, asked)
	page, err := a.Store.Repos().FlowBindings.Find(c, f)
	if err != nil {
		return nil, 0, err
	}
	views, err := a.flowBindingViews(c, page.Items)
	return views, page.Total, err
}

// both are the members of two selections; nil selects everything.
func both[T comparable](x, y []T) []T {
	switch {
	case x == nil:
		return y
	case y == nil:
		return x
	}
	return slices.DeleteFunc(slices.Clone(x), func(v T) bool { return !slices.Contains(y, v) })
}

// boundTo are the targets of the policies; nil when none is asked for.
func (a *API) boundTo(c *call, policies []idp.PolicyID) ([]idp.FlowBindingID, error) {
	if len(policies) == 0 {
		return nil, nil
	}
	out := []idp.FlowBindingID{}
	for _, id := range policies {
		bound, err := every(func(p idp.Paging) (idp.Page[idp.PolicyBinding], error) {
			return a.Store.Repos().PolicyBindings.Find(c, idp.PolicyBindingFilter{PolicyID: &id, Paging: p})
		})
		if err != nil {
			return nil, err
		}
		for _, b := range bound {
			out = append(out, idp.FlowBindingID(b.Target))
		}
	}
	return out, nil
}

// flowBinding finds the binding of the path that the caller may treat so.
func (a *API) flowBinding(c *call, verb idp.Verb) (*idp.FlowBinding, error) {
	id, err := web.IDParam[idp.FlowBinding](c.r, "fsb_uuid", "flow binding")
	if err != nil {
		return nil, err
	}
	if err := a.Access.Check(c.actor, verb, idp.Object{Resource: idp.ResourceFlow}); err != nil {
		return nil, err
	}
	return a.Store.Repos().FlowBindings.Get(c, id)
}

func (a *API) flowBindingWhole(c *call, b *idp.FlowBinding) (*FlowStageBinding, error) {
	views, err := a.flowBindingViews(c, []idp.FlowBinding{*b})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

func (a *API) getFlowBinding(c *call, _ string) (*FlowStageBinding, error) {
	b, err := a.flowBinding(c, idp.VerbRead)
	if err != nil {
		return nil, err
	}
	return a.flowBindingWhole(c, b)
}

func (a *API) createFlowBinding(c *call, body *flowBindingBody) (*FlowStageBinding, error) {
	var b idp.FlowBinding
	body.apply(&b, false)
	made, err := a.Configure.CreateFlowBinding(c, c.actor, b)
	if err != nil {
		return nil, err
	}
	return a.flowBindingWhole(c, made)
}

func (a *API) changeFlowBinding(c *call, _ string, body *flowBindingBody, partial bool) (*FlowStageBinding, error) {
	b, err := a.flowBinding(c, idp.VerbUpdate)
	if err != nil {
		return nil, err
	}
	changed, err := a.Configure.UpdateFlowBinding(c, c.actor, b.ID, func(b *idp.FlowBinding) error {
		body.apply(b, partial)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a.flowBindingWhole(c, changed)
}

func (a *API) deleteFlowBinding(c *call, _ string) error {
	b, err := a.flowBinding(c, idp.VerbDelete)
	if err != nil {
		return err
	}
	return a.Configure.DeleteFlowBinding(c, c.actor, b.ID)
}

func (a *API) flowBindingUsedBy(c *call, _ string) ([]UsedBy, error) {
	b, err := a.flowBinding(c, idp.VerbRead)
	if err != nil {
		return nil, err
	}
	return a.policyBindingUsers(c, []idp.UUID{b.ID.UUID()})
}
