package configure

import (
	"context"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// CreateFlow makes a flow; enumerations that are unset get their defaults.
// Errors: CodeForbidden; CodeInvalid on the field concerned.
func (s *Service) CreateFlow(ctx context.Context, actor idp.Actor, f idp.Flow) (*idp.Flow, error) {
	return create(ctx, s, s.flows(), actor, f)
}

// UpdateFlow changes a flow as it is now. mutate may run again. Errors:
// CodeForbidden; CodeNotFound; CodeInvalid on the field concerned; what mutate
// returns.
func (s *Service) UpdateFlow(ctx context.Context, actor idp.Actor, id idp.FlowID, mutate func(*idp.Flow) error) (*idp.Flow, error) {
	return update(ctx, s, s.flows(), actor, id, mutate)
}

// DeleteFlow deletes a flow with its bindings. Brands and stages that name it
// are left without. Errors: CodeForbidden; CodeNotFound; CodeInvalid when a
// stage cannot do without it.
func (s *Service) DeleteFlow(ctx context.Context, actor idp.Actor, id idp.FlowID) error {
	return remove(ctx, s, s.flows(), actor, id)
}

func (s *Service) flows() noun[idp.Flow] {
	return noun[idp.Flow]{
		what: "flow", resource: idp.ResourceFlow,
		rows:  func(tx idp.Repos) rows[idp.Flow] { return tx.Flows },
		id:    func(f *idp.Flow) *idp.FlowID { return &f.ID },
		model: func(*idp.Flow) string { return "authentik_flows.flow" },
		name:  func(_ context.Context, _ idp.Repos, f *idp.Flow) (string, error) { return f.Slug, nil },
		fields: func(f *idp.Flow) map[string]any {
			return map[string]any{"name": f.Name, "slug": f.Slug, "title": f.Title, "designation": f.Designation,
				"authentication": f.Authentication, "denied_action": f.DeniedAction, "layout": f.Layout,
				"background": f.Background, "compatibility_mode": f.CompatibilityMode, "policy_engine_mode": f.PolicyMode}
		},
		judge: judgeFlow,
		leave: func(ctx context.Context, tx idp.Repos, actor idp.Actor, f *idp.Flow) error {
			return s.forget(ctx, tx, actor, "flow", f.ID.String())
		},
	}
}

func judgeFlow(_ context.Context, _ idp.Repos, was, f *idp.Flow) error {
	if was == nil {
		fallback(&f.Authentication, idp.AuthenticationNone)
		fallback(&f.DeniedAction, idp.DeniedMessageContinue)
		fallback(&f.Layout, idp.Layouts()[0])
		fallback(&f.PolicyMode, idp.PolicyAny)
	}
	var faults idp.Faults
	f.Name = strings.TrimSpace(f.Name)
	faults.Line("name", f.Name, maxName, false)
	if faults.Line("slug", f.Slug, maxName, false) && !slug.MatchString(f.Slug) {
		faults.Add("slug", "Enter a valid “slug” consisting of letters, numbers, underscores or hyphens.")
	}
	faults.Line("title", f.Title, maxText, true)
	checkAddress(&faults, "background", f.Background)
	idp.Choice(&faults, "designation", f.Designation, idp.Designations())
	idp.Choice(&faults, "authentication", f.Authentication, idp.Authentications())
	idp.Choice(&faults, "denied_action", f.DeniedAction, idp.DeniedActions())
	idp.Choice(&faults, "layout", f.Layout, idp.Layouts())
	idp.Choice(&faults, "policy_engine_mode", f.PolicyMode, idp.PolicyModes())
	return faults.Err()
}
