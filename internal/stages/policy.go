package stages

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// Engine evaluates bindings; policy.Engine is one.
type Engine interface {
	Evaluate(ctx context.Context, bindings []idp.PolicyBinding, mode idp.PolicyMode, req idp.PolicyRequest) (policy.Result, error)
}

// Policies answers flows and stages from the stored bindings and records what
// went wrong. It implements flow.Policies, flow.Preparer and prompt.Policies.
type Policies struct {
	store  Repos
	engine Engine
}

// NewPolicies returns Policies over a store and an engine.
func NewPolicies(store Repos, engine Engine) *Policies { return &Policies{store, engine} }

// Evaluate implements flow.Policies. A binding that gave no answer is an error
// unless the rest passes all the same: a stage must never be left out because
// its policy broke.
func (p *Policies) Evaluate(ctx context.Context, target idp.UUID, mode idp.PolicyMode, req idp.PolicyRequest) (idp.PolicyResult, error) {
	bindings, err := p.bindings(ctx, []idp.UUID{target})
	if err != nil {
		return idp.PolicyResult{}, err
	}
	return p.evaluate(ctx, bindings, mode, req)
}

// Prepare implements flow.Preparer: it reads the bindings of all targets at
// once.
func (p *Policies) Prepare(ctx context.Context, targets []idp.UUID) (flow.Policies, error) {
	bindings, err := p.bindings(ctx, targets)
	if err != nil {
		return nil, err
	}
	out := prepared{p, map[idp.UUID][]idp.PolicyBinding{}}
	for _, t := range targets {
		out.byTarget[t] = nil
	}
	for _, b := range bindings {
		out.byTarget[b.Target] = append(out.byTarget[b.Target], b)
	}
	return out, nil
}

type prepared struct {
	policies *Policies
	byTarget map[idp.UUID][]idp.PolicyBinding
}

// Bound reports whether anything enabled is bound to a target.
func (p prepared) Bound(target idp.UUID) bool {
	bindings, known := p.byTarget[target]
	return !known || len(bindings) > 0
}

// Evaluate implements flow.Policies.
func (p prepared) Evaluate(ctx context.Context, target idp.UUID, mode idp.PolicyMode, req idp.PolicyRequest) (idp.PolicyResult, error) {
	bindings, known := p.byTarget[target]
	if !known {
		return p.policies.Evaluate(ctx, target, mode, req)
	}
	return p.policies.evaluate(ctx, bindings, mode, req)
}

// EvaluateList implements prompt.Policies. A policy that gave no answer does not
// pass; the event says why.
func (p *Policies) EvaluateList(ctx context.Context, ids []idp.PolicyID, req idp.PolicyRequest) (idp.PolicyResult, error) {
	ids = slices.Compact(slices.SortedFunc(slices.Values(ids), func(a, b idp.PolicyID) int { return strings.Compare(a.String(), b.String()) }))
	page, err := p.store.Repos().Policies.Find(ctx, idp.PolicyFilter{IDs: ids, Paging: idp.Paging{Limit: 1000}})
	if err != nil {
		return idp.PolicyResult{}, err
	}
	if len(page.Items) != len(ids) {
		return idp.PolicyResult{}, errors.New("a validation policy does not exist")
	}
	result, err := p.ask(ctx, policy.Bind(page.Items), idp.PolicyAll, req)
	if len(result.Faults()) > 0 {
		result.Messages = append(result.Messages, unchecked)
	}
	return result.PolicyResult, err
}

// unchecked is what people are told when a policy gave no answer.
const unchecked = "The answers could not be checked. Try again later."

// bindings reads the enabled bindings of targets, page by page.
func (p *Policies) bindings(ctx context.Context, targets []idp.UUID) ([]idp.PolicyBinding, error) {
	enabled := true
	filter := idp.PolicyBindingFilter{Targets: targets, Enabled: &enabled, Paging: idp.Paging{Limit: 1000}}
	var all []idp.PolicyBinding
	for {
		page, err := p.store.Repos().PolicyBindings.Find(ctx, filter)
		if err != nil {
			return nil, fmt.Errorf("reading policy bindings: %w", err)
		}
		all = append(all, page.Items...)
		if len(page.Items) == 0 || len(all) >= page.Total {
			return all, nil
		}
		filter.Offset = len(all)
	}
}

func (p *Policies) evaluate(ctx context.Context, bindings []idp.PolicyBinding, mode idp.PolicyMode, req idp.PolicyRequest) (idp.PolicyResult, error) {
	if len(bindings) == 0 {
		return idp.PolicyResult{Passing: true}, nil
	}
	result, err := p.ask(ctx, bindings, mode, req)
	if err != nil {
		return idp.PolicyResult{}, err
	}
	if faults := result.Faults(); len(faults) > 0 && !result.Passing {
		return idp.PolicyResult{}, faults[0].Err
	}
	out := result.PolicyResult
	out.Trace = traces(result)
	return out, nil
}

// ask evaluates bindings and records what there is to record.
func (p *Policies) ask(ctx context.Context, bindings []idp.PolicyBinding, mode idp.PolicyMode, req idp.PolicyRequest) (policy.Result, error) {
	result, err := p.engine.Evaluate(ctx, bindings, mode, req)
	if err != nil {
		return policy.Result{}, err
	}
	return result, p.record(ctx, result, req)
}

// traces tells whoever inspects a flow what each binding answered.
func traces(result policy.Result) []idp.PolicyTrace {
	out := make([]idp.PolicyTrace, 0, len(result.Trace))
	for _, t := range result.Trace {
		one := idp.PolicyTrace{Binding: t.Binding, Kind: t.Kind, Passing: t.Passing, Negated: t.Negated, Messages: t.Messages, Took: t.Took}
		if t.Policy != nil {
			one.Name = t.Policy.Name
		}
		if t.Err != nil {
			one.Fault = t.Err.Error()
		}
		out = append(out, one)
	}
	return out
}

// record writes events about policies that gave no answer, and about those
// that ask for an event on each evaluation.
func (p *Policies) record(ctx context.Context, result policy.Result, req idp.PolicyRequest) error {
	for _, t := range result.Trace {
		facts := map[string]any{"binding": t.Binding.String(), "passing": t.Passing, "messages": t.Messages}
		if t.Policy != nil {
			facts["policy"] = t.Policy.Name
		}
		action := idp.ActionPolicyExecution
		switch {
		case t.Err != nil:
			action, facts["error"] = idp.ActionPolicyException, t.Err.Error()
		case !t.Log:
			continue
		}
		actor := idp.Actor{User: req.SignedIn, Request: &idp.RequestInfo{Path: req.Path, Method: req.Method, ClientIP: req.ClientIP}}
		if err := p.store.Repos().Events.Append(ctx, action.Event("authentik.policies", actor, req.User, facts)); err != nil {
			return fmt.Errorf("recording a policy's answer: %w", err)
		}
	}
	return nil
}
