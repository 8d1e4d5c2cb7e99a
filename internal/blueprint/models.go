package blueprint

import (
	"context"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The models that other files speak of.
const (
	flowModel          = "authentik_flows.flow"
	bindingModel       = "authentik_flows.flowstagebinding"
	promptModel        = "authentik_stages_prompt.prompt"
	policyBindingModel = "authentik_policies.policybinding"
	brandModel         = "authentik_brands.brand"
	groupModel         = "authentik_core.group"
	userModel          = "authentik_core.user"
	tokenModel         = "authentik_core.token"
	roleModel          = "authentik_rbac.role"
	invitationModel    = "authentik_stages_invitation.invitation"

	notificationRuleModel = "authentik_events.notificationrule"
	transportModel        = "authentik_events.notificationtransport"
	webhookMappingModel   = "authentik_events.notificationwebhookmapping"

	applicationModel   = "authentik_core.application"
	oauthProviderModel = "authentik_providers_oauth2.oauth2provider"
	scopeMappingModel  = "authentik_providers_oauth2.scopemapping"

	applyModel = "authentik_blueprints.metaapplyblueprint"
	cleanModel = "authentik_blueprints.metacleanblueprint"
)

// models lists what a blueprint may speak of, beside kinds of stages and
// policies.
func models() map[string]model {
	out := map[string]model{}
	for _, m := range []model{flows(), bindings(), prompts(), policyBindings(), brands(), groups{}, users{}, roles{}, tokens{}, invitations{},
		notificationRules(), transports(), webhookMappings(), applications(), oauthProviders(), scopeMappings(), kept{}} {
		out[m.about().model] = m
	}
	return out
}

func flows() model {
	return noun[idp.Flow, idp.FlowFilter, *flowWire]{
		model: flowModel, title: "Flow", help: "A sequence of stages.", resource: idp.ResourceFlow, key: []string{"slug"},
		table: func(r idp.Repos) idp.HeldTable[idp.Flow, idp.FlowID, idp.FlowFilter] { return r.Flows },
		pk:    func(f *idp.Flow) *idp.FlowID { return &f.ID },
		fresh: func() (*idp.Flow, *flowWire) {
			return &idp.Flow{Layout: "stacked", DeniedAction: idp.DeniedMessageContinue, Authentication: idp.AuthenticationNone,
				PolicyMode: idp.PolicyAny}, &flowWire{}
		},
		name:   func(_ context.Context, _ *run, f *idp.Flow) (string, error) { return f.Slug, nil },
		narrow: func(fields map[string]any) idp.FlowFilter { return idp.FlowFilter{Slug: word(fields, "slug")} },
		page:   func(f *idp.FlowFilter) *idp.Paging { return &f.Paging },
	}
}

func bindings() model {
	return noun[idp.FlowBinding, idp.FlowBindingFilter, *bindingWire]{
		model: bindingModel, title: "Flow stage binding", help: "Puts a stage into a flow.", resource: idp.ResourceFlow,
		key: []string{"target", "stage", "order"},
		table: func(r idp.Repos) idp.HeldTable[idp.FlowBinding, idp.FlowBindingID, idp.FlowBindingFilter] {
			return r.FlowBindings
		},
		pk: func(b *idp.FlowBinding) *idp.FlowBindingID { return &b.ID },
		fresh: func() (*idp.FlowBinding, *bindingWire) {
			return &idp.FlowBinding{ReEvaluatePolicies: true, InvalidResponseAction: idp.InvalidRetry, PolicyMode: idp.PolicyAny}, &bindingWire{}
		},
		name: func(ctx context.Context, r *run, b *idp.FlowBinding) (string, error) {
			flow, err := r.nameOf(ctx, "flow", b.FlowID.String())
			if err != nil {
				return "", err
			}
			stage, err := r.nameOf(ctx, "stage", b.StageID.String())
			return fmt.Sprintf("%s #%d %s", flow, b.Order, stage), err
		},
		narrow: func(fields map[string]any) (f idp.FlowBindingFilter) {
			f.FlowID, f.StageID = id[idp.Flow](fields, "target"), id[idp.Stage](fields, "stage")
			return f
		},
		page: func(f *idp.FlowBindingFilter) *idp.Paging { return &f.Paging },
	}
}

func prompts() model {
	return noun[idp.Prompt, idp.PromptFilter, *promptWire]{
		model: promptModel, title: "Prompt", help: "A field that a prompt stage may show.", resource: idp.ResourceStage, key: []string{"name"},
		table:  func(r idp.Repos) idp.HeldTable[idp.Prompt, idp.PromptID, idp.PromptFilter] { return r.Prompts },
		pk:     func(p *idp.Prompt) *idp.PromptID { return &p.ID },
		fresh:  func() (*idp.Prompt, *promptWire) { return &idp.Prompt{Required: true}, &promptWire{} },
		narrow: func(fields map[string]any) idp.PromptFilter { return idp.PromptFilter{Name: word(fields, "name")} },
		page:   func(f *idp.PromptFilter) *idp.Paging { return &f.Paging },
	}
}

func policyBindings() model {
	return noun[idp.PolicyBinding, idp.PolicyBindingFilter, *policyBindingWire]{
		model: policyBindingModel, title: "Policy binding", resource: idp.ResourcePolicy, key: []string{"target", "policy", "group", "user", "order"},
		help: "Lets a policy, a group or a user decide whether a flow or a stage of one applies, or a notification rule matches an event.",
		table: func(r idp.Repos) idp.HeldTable[idp.PolicyBinding, idp.PolicyBindingID, idp.PolicyBindingFilter] {
			return r.PolicyBindings
		},
		pk: func(b *idp.PolicyBinding) *idp.PolicyBindingID { return &b.ID },
		fresh: func() (*idp.PolicyBinding, *policyBindingWire) {
			return &idp.PolicyBinding{Enabled: true, Timeout: 30 * time.Second}, &policyBindingWire{}
		},
		name: policyBindingName,
		narrow: func(fields map[string]any) (f idp.PolicyBindingFilter) {
			if target := id[any](fields, "target"); target != nil {
				f.Targets = []idp.UUID{target.UUID()}
			}
			f.PolicyID = id[idp.Policy](fields, "policy")
			return f
		},
		page: func(f *idp.PolicyBindingFilter) *idp.Paging { return &f.Paging },
	}
}

// policyBindingName says who decides about what.
func policyBindingName(ctx context.Context, r *run, b *idp.PolicyBinding) (who string, err error) {
	switch {
	case b.PolicyID != nil:
		who, err = r.nameOf(ctx, "policy", b.PolicyID.String())
	case b.GroupID != nil:
		who, err = r.nameOf(ctx, "group", b.GroupID.String())
	case b.UserID != nil:
		who, err = r.nameOf(ctx, "user", b.UserID.String())
	}
	if err != nil {
		return "", err
	}
	on, err := r.nameOf(ctx, "target", b.Target.String())
	return who + " on " + on, err
}

func brands() model {
	return noun[idp.Brand, idp.BrandFilter, *brandWire]{
		model: brandModel, title: "Brand", help: "How the product shows itself on a domain.", resource: idp.ResourceBrand, key: []string{"domain"},
		table:  func(r idp.Repos) idp.HeldTable[idp.Brand, idp.BrandID, idp.BrandFilter] { return r.Brands },
		pk:     func(b *idp.Brand) *idp.BrandID { return &b.ID },
		fresh:  func() (*idp.Brand, *brandWire) { return &idp.Brand{Title: "Portcullis"}, &brandWire{} },
		name:   func(_ context.Context, _ *run, b *idp.Brand) (string, error) { return b.Domain, nil },
		narrow: func(fields map[string]any) idp.BrandFilter { return idp.BrandFilter{Domain: word(fields, "domain")} },
		page:   func(f *idp.BrandFilter) *idp.Paging { return &f.Paging },
	}
}

// id is a primary key among fields, nil when there is none.
func id[T any](fields map[string]any, name string) *idp.ID[T] {
	if s := word(fields, name); s != nil {
		if parsed, err := idp.ParseID[T](*s); err == nil {
			return &parsed
		}
	}
	return nil
}
