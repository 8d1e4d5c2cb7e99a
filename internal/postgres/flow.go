package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var flowTable = newTable(table[idp.Flow]{
	listing: listing{
		noun: "flow",
		columns: `t.id, t.name, t.slug, t.title, t.designation, t.authentication, t.denied_action, t.layout,
			t.background, t.compatibility_mode, t.policy_mode, t.updated_at`,
		orders: map[string]string{"pk": "t.id", "name": "t.name", "slug": "t.slug", "title": "t.title",
			"designation": "t.designation", "authentication": "t.authentication", "denied_action": "t.denied_action",
			"layout": "t.layout", "policy_engine_mode": "t.policy_mode", "compatibility_mode": "t.compatibility_mode"},
		usual: []string{"slug"},
	},
	id: func(f *idp.Flow) *idp.FlowID { return &f.ID },
	values: func(f *idp.Flow) pgx.NamedArgs {
		return pgx.NamedArgs{"name": f.Name, "slug": f.Slug, "title": f.Title, "designation": f.Designation,
			"authentication": f.Authentication, "denied_action": f.DeniedAction, "layout": f.Layout,
			"background": f.Background, "compatibility_mode": f.CompatibilityMode, "policy_mode": f.PolicyMode}
	},
}, "flows", true, "name", "slug", "title", "designation", "authentication", "denied_action", "layout",
	"background", "compatibility_mode", "policy_mode")

type flows struct{ rows[idp.Flow] }

func newFlows(q querier) flows { return flows{rows[idp.Flow]{flowTable, q}} }

// Create fills in what is unset with the defaults of the contract.
func (r flows) Create(ctx context.Context, f *idp.Flow) error {
	fallback(&f.Authentication, idp.AuthenticationNone)
	fallback(&f.DeniedAction, idp.DeniedMessageContinue)
	fallback(&f.Layout, "stacked")
	fallback(&f.PolicyMode, idp.PolicyAny)
	return r.rows.Create(ctx, f)
}

func (r flows) GetBySlug(ctx context.Context, slug string) (*idp.Flow, error) {
	return one(ctx, r.q, "flow", "reading flow “"+slug+"”", r.scan,
		`SELECT `+r.columns+` FROM flows t WHERE t.slug = $1`, slug)
}

func (r flows) Find(ctx context.Context, f idp.FlowFilter) (idp.Page[idp.Flow], error) {
	var w where
	equal(&w, "t.designation", f.Designation)
	equal(&w, "t.denied_action", f.DeniedAction)
	equal(&w, "t.name", f.Name)
	equal(&w, "t.slug", f.Slug)
	if f.IDs != nil {
		w.with("t.id = ANY(@ids)", "ids", f.IDs)
	}
	w.search(f.Search, "t.name", "t.slug", "t.title")
	return r.find(ctx, w, f.Paging)
}

var flowBindingTable = newTable(table[idp.FlowBinding]{
	listing: listing{
		noun: "flow binding",
		columns: `t.id, t.flow_id, t.stage_id, t.ordinal AS "order", t.evaluate_on_plan, t.re_evaluate_policies,
			t.invalid_response_action, t.policy_mode`,
		orders: map[string]string{"pk": "t.id", "target": "t.flow_id", "stage": "t.stage_id", "order": "t.ordinal",
			"evaluate_on_plan": "t.evaluate_on_plan", "re_evaluate_policies": "t.re_evaluate_policies",
			"invalid_response_action": "t.invalid_response_action", "policy_engine_mode": "t.policy_mode"},
		usual: []string{"order"},
	},
	id: func(b *idp.FlowBinding) *idp.FlowBindingID { return &b.ID },
	values: func(b *idp.FlowBinding) pgx.NamedArgs {
		return pgx.NamedArgs{"flow_id": b.FlowID, "stage_id": b.StageID, "ordinal": b.Order,
			"evaluate_on_plan": b.EvaluateOnPlan, "re_evaluate_policies": b.ReEvaluatePolicies,
			"invalid_response_action": b.InvalidResponseAction, "policy_mode": b.PolicyMode}
	},
}, "flow_bindings", false, "flow_id", "stage_id", "ordinal", "evaluate_on_plan", "re_evaluate_policies",
	"invalid_response_action", "policy_mode")

type flowBindings struct{ rows[idp.FlowBinding] }

func newFlowBindings(q querier) flowBindings {
	return flowBindings{rows[idp.FlowBinding]{flowBindingTable, q}}
}

// Create fills in what is unset with the defaults of the contract.
func (r flowBindings) Create(ctx context.Context, b *idp.FlowBinding) error {
	fallback(&b.InvalidResponseAction, idp.InvalidRetry)
	fallback(&b.PolicyMode, idp.PolicyAny)
	return r.rows.Create(ctx, b)
}

func (r flowBindings) Find(ctx context.Context, f idp.FlowBindingFilter) (idp.Page[idp.FlowBinding], error) {
	var w where
	if f.IDs != nil {
		w.with("t.id = ANY(@ids)", "ids", f.IDs)
	}
	equal(&w, "t.flow_id", f.FlowID)
	if f.FlowIDs != nil {
		w.with("t.flow_id = ANY(@flow_ids)", "flow_ids", f.FlowIDs)
	}
	equal(&w, "t.stage_id", f.StageID)
	if f.StageIDs != nil {
		w.with("t.stage_id = ANY(@stage_ids)", "stage_ids", f.StageIDs)
	}
	equal(&w, "t.ordinal", f.Order)
	equal(&w, "t.evaluate_on_plan", f.EvaluateOnPlan)
	equal(&w, "t.re_evaluate_policies", f.ReEvaluatePolicies)
	equal(&w, "t.invalid_response_action", f.InvalidResponseAction)
	equal(&w, "t.policy_mode", f.PolicyMode)
	w.search(f.Search, "(SELECT x.name FROM flows x WHERE x.id = t.flow_id)", "(SELECT x.slug FROM flows x WHERE x.id = t.flow_id)",
		"(SELECT x.name FROM stages x WHERE x.id = t.stage_id)")
	return r.find(ctx, w, f.Paging)
}

// fallback sets what is unset.
func fallback[T ~string](field *T, value T) {
	if *field == "" {
		*field = value
	}
}
