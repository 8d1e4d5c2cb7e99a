package blueprint

import (
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// groupModel is the model of groups.
const groupModel = "authentik_core.group"

// models lists what a blueprint may speak of, beside kinds of stages and
// policies.
func models(rules Rules) map[string]model {
	return map[string]model{
		"authentik_flows.flow":             flows(rules),
		"authentik_flows.flowstagebinding": bindings(rules),
		"authentik_stages_prompt.prompt":   prompts(rules),
		"authentik_policies.policybinding": policyBindings(rules),
		"authentik_brands.brand":           brands(rules),
		groupModel:                         groups(),
	}
}

func flows(rules Rules) model {
	return noun[idp.Flow, idp.FlowFilter, *flowWire]{
		rules: rules,
		table: func(r idp.Repos) idp.HeldTable[idp.Flow, idp.FlowID, idp.FlowFilter] { return r.Flows },
		pk:    func(f *idp.Flow) idp.FlowID { return f.ID },
		fresh: func() (*idp.Flow, *flowWire) {
			return &idp.Flow{Layout: "stacked", DeniedAction: idp.DeniedMessageContinue, Authentication: idp.AuthenticationNone,
				PolicyMode: idp.PolicyAny}, &flowWire{}
		},
		narrow: func(fields map[string]any) idp.FlowFilter { return idp.FlowFilter{Slug: word(fields, "slug")} },
		page:   func(f *idp.FlowFilter) *idp.Paging { return &f.Paging },
	}
}

func bindings(rules Rules) model {
	return noun[idp.FlowBinding, idp.FlowBindingFilter, *bindingWire]{
		rules: rules,
		table: func(r idp.Repos) idp.HeldTable[idp.FlowBinding, idp.FlowBindingID, idp.FlowBindingFilter] {
			return r.FlowBindings
		},
		pk: func(b *idp.FlowBinding) idp.FlowBindingID { return b.ID },
		fresh: func() (*idp.FlowBinding, *bindingWire) {
			return &idp.FlowBinding{ReEvaluatePolicies: true, InvalidResponseAction: idp.InvalidRetry, PolicyMode: idp.PolicyAny}, &bindingWire{}
		},
		narrow: func(fields map[string]any) idp.FlowBindingFilter {
			if s := word(fields, "target"); s != nil {
				if id, err := idp.ParseID[idp.Flow](*s); err == nil {
					return idp.FlowBindingFilter{FlowID: &id}
				}
			}
			return idp.FlowBindingFilter{}
		},
		page: func(f *idp.FlowBindingFilter) *idp.Paging { return &f.Paging },
	}
}

func prompts(rules Rules) model {
	return noun[idp.Prompt, idp.PromptFilter, *promptWire]{
		rules:  rules,
		table:  func(r idp.Repos) idp.HeldTable[idp.Prompt, idp.PromptID, idp.PromptFilter] { return r.Prompts },
		pk:     func(p *idp.Prompt) idp.PromptID { return p.ID },
		fresh:  func() (*idp.Prompt, *promptWire) { return &idp.Prompt{Required: true}, &promptWire{} },
		narrow: func(fields map[string]any) idp.PromptFilter { return idp.PromptFilter{Name: word(fields, "name")} },
		page:   func(f *idp.PromptFilter) *idp.Paging { return &f.Paging },
	}
}

func policyBindings(rules Rules) model {
	return noun[idp.PolicyBinding, idp.PolicyBindingFilter, *policyBindingWire]{
		rules: rules,
		table: func(r idp.Repos) idp.HeldTable[idp.PolicyBinding, idp.PolicyBindingID, idp.PolicyBindingFilter] {
			return r.PolicyBindings
		},
		pk: func(b *idp.PolicyBinding) idp.PolicyBindingID { return b.ID },
		fresh: func() (*idp.PolicyBinding, *policyBindingWire) {
			return &idp.PolicyBinding{Enabled: true, Timeout: 30 * time.Second}, &policyBindingWire{}
		},
		narrow: func(fields map[string]any) idp.PolicyBindingFilter {
			if s := word(fields, "target"); s != nil {
				if id, err := idp.ParseID[any](*s); err == nil {
					return idp.PolicyBindingFilter{Targets: []idp.UUID{id.UUID()}}
				}
			}
			return idp.PolicyBindingFilter{}
		},
		page: func(f *idp.PolicyBindingFilter) *idp.Paging { return &f.Paging },
	}
}

func brands(rules Rules) model {
	return noun[idp.Brand, idp.BrandFilter, *brandWire]{
		rules:  rules,
		table:  func(r idp.Repos) idp.HeldTable[idp.Brand, idp.BrandID, idp.BrandFilter] { return r.Brands },
		pk:     func(b *idp.Brand) idp.BrandID { return b.ID },
		fresh:  func() (*idp.Brand, *brandWire) { return &idp.Brand{Title: "Portcullis"}, &brandWire{} },
		narrow: func(fields map[string]any) idp.BrandFilter { return idp.BrandFilter{Domain: word(fields, "domain")} },
		page:   func(f *idp.BrandFilter) *idp.Paging { return &f.Paging },
	}
}

func groups() model {
	return noun[idp.Group, idp.GroupFilter, *groupWire]{
		table:  func(r idp.Repos) idp.HeldTable[idp.Group, idp.GroupID, idp.GroupFilter] { return r.Groups },
		pk:     func(g *idp.Group) idp.GroupID { return g.ID },
		fresh:  func() (*idp.Group, *groupWire) { return &idp.Group{}, &groupWire{} },
		narrow: func(fields map[string]any) idp.GroupFilter { return idp.GroupFilter{Name: word(fields, "name")} },
		page:   func(f *idp.GroupFilter) *idp.Paging { return &f.Paging },
	}
}

func word(fields map[string]any, name string) *string {
	if s, ok := fields[name].(string); ok {
		return &s
	}
	return nil
}
