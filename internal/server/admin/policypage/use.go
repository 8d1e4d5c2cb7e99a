package policypage

import (
	"context"
	"fmt"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// bound is one place where a policy decides.
type bound struct {
	Where  string // Flow, Stage of a flow, Stage
	Name   string
	Detail string
	Said   string // the name in a sentence
	Href   string
}

// bounds finds where a policy decides: its bindings, and the stages that ask it.
func (p *Pages) bounds(ctx context.Context, id idp.PolicyID) ([]bound, error) {
	repos := p.store.Repos()
	found, err := repos.PolicyBindings.Find(ctx, idp.PolicyBindingFilter{PolicyID: &id, Paging: idp.Paging{Limit: 1000}})
	if err != nil {
		return nil, fmt.Errorf("listing the bindings of policy %s: %w", id, err)
	}
	var out []bound
	for i := range found.Items {
		b, err := p.place(ctx, repos, &found.Items[i])
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	filter := idp.StageFilter{Paging: idp.Paging{Limit: 1000, Order: []string{"name"}}}
	for {
		stages, err := repos.Stages.Find(ctx, filter)
		if err != nil {
			return nil, fmt.Errorf("listing stages: %w", err)
		}
		for i := range stages.Items {
			if s := &stages.Items[i]; strings.Contains(string(s.Settings), id.String()) {
				out = append(out, bound{Where: "Stage", Name: s.Name, Said: s.Name, Detail: "asks it about the answers", Href: page.AdminPath + "stages/" + s.ID.String() + "/"})
			}
		}
		filter.Offset += len(stages.Items)
		if len(stages.Items) == 0 || filter.Offset >= stages.Total {
			return out, nil
		}
	}
}

// place says what a binding is about. What is gone meanwhile is just a binding.
func (p *Pages) place(ctx context.Context, repos idp.Repos, b *idp.PolicyBinding) (bound, error) {
	out := bound{Where: "Binding", Name: b.Target.String(), Said: b.Target.String(), Detail: state(b)}
	f, err := repos.Flows.Get(ctx, idp.FlowID(b.Target))
	if err == nil {
		out.Where, out.Name, out.Said = "Flow", f.Name, f.Name+" ("+f.Slug+")"
		out.Detail, out.Href = f.Slug+out.Detail, page.AdminPath+"flows/"+f.ID.String()+"/"
		return out, nil
	}
	if !idp.Is(err, idp.CodeNotFound) {
		return out, err
	}
	rule, err := repos.NotificationRules.Get(ctx, idp.NotificationRuleID(b.Target))
	if err == nil {
		out.Where, out.Name, out.Said, out.Href = "Notification rule", rule.Name, rule.Name, page.NotificationRulePath(rule.ID)
		out.Detail = strings.TrimPrefix(out.Detail, ", ")
		return out, nil
	}
	if !idp.Is(err, idp.CodeNotFound) {
		return out, err
	}
	app, err := repos.Applications.Get(ctx, idp.ApplicationID(b.Target))
	if err == nil {
		out.Where, out.Name, out.Said, out.Href = "Application", app.Name, app.Name, page.ApplicationPath(app.ID)
		out.Detail = strings.TrimPrefix(out.Detail, ", ")
		return out, nil
	}
	if !idp.Is(err, idp.CodeNotFound) {
		return out, err
	}
	step, err := repos.FlowBindings.Get(ctx, idp.FlowBindingID(b.Target))
	if err != nil {
		return out, gone(err)
	}
	s, err := repos.Stages.Get(ctx, step.StageID)
	if err != nil {
		return out, gone(err)
	}
	if f, err = repos.Flows.Get(ctx, step.FlowID); err != nil {
		return out, gone(err)
	}
	out.Where, out.Name, out.Said = "Stage of a flow", s.Name, s.Name+" in "+f.Name+" ("+f.Slug+")"
	out.Detail, out.Href = "in "+f.Slug+out.Detail, page.AdminPath+"flows/"+f.ID.String()+"/"
	return out, nil
}

func gone(err error) error {
	if idp.Is(err, idp.CodeNotFound) {
		return nil
	}
	return err
}

func state(b *idp.PolicyBinding) string {
	switch {
	case !b.Enabled:
		return ", switched off"
	case b.Negate:
		return ", negated"
	}
	return ""
}

func items(list []bound) []ui.Item {
	var out []ui.Item
	for _, b := range list {
		out = append(out, ui.Item{Label: b.Where, Value: ui.Two(b.Name, b.Detail, b.Href)})
	}
	return out
}
