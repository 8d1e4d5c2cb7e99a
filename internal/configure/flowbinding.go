package configure

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// CreateFlowBinding puts a stage into a flow; enumerations that are unset get
// their defaults. Errors: CodeForbidden; CodeInvalid on the field concerned.
func (s *Service) CreateFlowBinding(ctx context.Context, actor idp.Actor, b idp.FlowBinding) (*idp.FlowBinding, error) {
	return create(ctx, s, s.bindings(), actor, b)
}

// UpdateFlowBinding changes a binding as it is now. mutate may run again.
// Errors: CodeForbidden; CodeNotFound; CodeInvalid on the field concerned; what
// mutate returns.
func (s *Service) UpdateFlowBinding(ctx context.Context, actor idp.Actor, id idp.FlowBindingID, mutate func(*idp.FlowBinding) error) (*idp.FlowBinding, error) {
	return update(ctx, s, s.bindings(), actor, id, mutate)
}

// DeleteFlowBinding takes a stage out of a flow, with the policies bound to it
// there. Errors: CodeForbidden; CodeNotFound.
func (s *Service) DeleteFlowBinding(ctx context.Context, actor idp.Actor, id idp.FlowBindingID) error {
	return remove(ctx, s, s.bindings(), actor, id)
}

func (s *Service) bindings() noun[idp.FlowBinding] {
	return noun[idp.FlowBinding]{
		what: "flow binding", resource: idp.ResourceFlow,
		rows:  func(tx idp.Repos) rows[idp.FlowBinding] { return tx.FlowBindings },
		id:    func(b *idp.FlowBinding) *idp.FlowBindingID { return &b.ID },
		model: func(*idp.FlowBinding) string { return "authentik_flows.flowstagebinding" },
		name:  bindingName,
		fields: func(b *idp.FlowBinding) map[string]any {
			return map[string]any{"target": b.FlowID, "stage": b.StageID, "order": b.Order, "evaluate_on_plan": b.EvaluateOnPlan,
				"re_evaluate_policies": b.ReEvaluatePolicies, "invalid_response_action": b.InvalidResponseAction,
				"policy_engine_mode": b.PolicyMode}
		},
		judge: judgeBinding,
	}
}

func bindingName(ctx context.Context, tx idp.Repos, b *idp.FlowBinding) (string, error) {
	f, err := tx.Flows.Get(ctx, b.FlowID)
	if err != nil {
		return "", err
	}
	st, err := tx.Stages.Get(ctx, b.StageID)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("#%d of %s: %s", b.Order, f.Slug, st.Name), nil
}

func judgeBinding(ctx context.Context, tx idp.Repos, was, b *idp.FlowBinding) error {
	if was == nil {
		fallback(&b.InvalidResponseAction, idp.InvalidRetry)
		fallback(&b.PolicyMode, idp.PolicyAny)
	}
	var faults idp.Faults
	checkOrder(&faults, b.Order)
	idp.Choice(&faults, "invalid_response_action", b.InvalidResponseAction, idp.InvalidActions())
	idp.Choice(&faults, "policy_engine_mode", b.PolicyMode, idp.PolicyModes())
	if _, err := pointing(ctx, &faults, "target", b.FlowID, tx.Flows.Get); err != nil {
		return err
	}
	if _, err := pointing(ctx, &faults, "stage", b.StageID, tx.Stages.Get); err != nil {
		return err
	}
	return faults.Err()
}
