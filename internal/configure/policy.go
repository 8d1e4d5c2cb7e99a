package configure

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// CreatePolicy makes a policy. Errors: CodeForbidden; CodeInvalid on name, kind
// or the setting concerned.
func (s *Service) CreatePolicy(ctx context.Context, actor idp.Actor, p idp.Policy) (*idp.Policy, error) {
	return create(ctx, s, s.policies(), actor, p)
}

// UpdatePolicy changes a policy as it is now; its kind stays. mutate may run
// again. Errors: CodeForbidden; CodeNotFound; CodeInvalid on name, kind or the
// setting concerned; what mutate returns.
func (s *Service) UpdatePolicy(ctx context.Context, actor idp.Actor, id idp.PolicyID, mutate func(*idp.Policy) error) (*idp.Policy, error) {
	return update(ctx, s, s.policies(), actor, id, mutate)
}

// DeletePolicy deletes a policy with its bindings and takes it out of the stages
// that ask it. Errors: CodeForbidden; CodeNotFound; CodeInvalid when a stage
// cannot do without it.
func (s *Service) DeletePolicy(ctx context.Context, actor idp.Actor, id idp.PolicyID) error {
	return remove(ctx, s, s.policies(), actor, id)
}

func (s *Service) policies() noun[idp.Policy] {
	return noun[idp.Policy]{
		what: "policy", resource: idp.ResourcePolicy,
		rows: func(tx idp.Repos) rows[idp.Policy] { return tx.Policies },
		id:   func(p *idp.Policy) *idp.PolicyID { return &p.ID },
		model: func(p *idp.Policy) string {
			kind, _ := s.d.Policies.Get(p.Kind) // of an earlier version: no model
			return kind.Model
		},
		name: func(_ context.Context, _ idp.Repos, p *idp.Policy) (string, error) { return p.Name, nil },
		fields: func(p *idp.Policy) map[string]any {
			out := settingsOf(p.Settings)
			out["name"], out["kind"], out["execution_logging"] = p.Name, p.Kind, p.ExecutionLogging
			return out
		},
		judge: s.judgePolicy,
		leave: func(ctx context.Context, tx idp.Repos, actor idp.Actor, p *idp.Policy) error {
			return s.forget(ctx, tx, actor, "policy", p.ID.String())
		},
	}
}

func (s *Service) judgePolicy(_ context.Context, _ idp.Repos, was, p *idp.Policy) error {
	var faults idp.Faults
	p.Name = strings.TrimSpace(p.Name)
	faults.Line("name", p.Name, maxName, false)
	kind, ok := s.d.Policies.Get(p.Kind)
	switch {
	case was != nil && was.Kind != p.Kind:
		faults.Add("kind", "The kind of a policy cannot be changed.")
		return faults.Err()
	case !ok || kind.Name != p.Kind: // Get answers to models too
		faults.Add("kind", "%q is not a kind of policy.", p.Kind)
		return faults.Err()
	}
	if len(p.Settings) == 0 {
		p.Settings = json.RawMessage("{}")
	}
	return gather(&faults, s.d.Policies.Check(p.Kind, p.Settings))
}
