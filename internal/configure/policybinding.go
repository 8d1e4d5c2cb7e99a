package configure

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// maxTimeout is the longest time a policy may be given, as the contract has it:
// a 32-bit number of seconds.
const maxTimeout = math.MaxInt32 * time.Second

// CreatePolicyBinding binds a policy, a group or a user to a flow, a flow binding, a
// notification rule or an application. Errors: CodeForbidden; CodeInvalid on the field concerned.
func (s *Service) CreatePolicyBinding(ctx context.Context, actor idp.Actor, b idp.PolicyBinding) (*idp.PolicyBinding, error) {
	return create(ctx, s, s.policyBindings(), actor, b)
}

// UpdatePolicyBinding changes a binding as it is now. mutate may run again.
// Errors: CodeForbidden; CodeNotFound; CodeInvalid on the field concerned; what
// mutate returns.
func (s *Service) UpdatePolicyBinding(ctx context.Context, actor idp.Actor, id idp.PolicyBindingID, mutate func(*idp.PolicyBinding) error) (*idp.PolicyBinding, error) {
	return update(ctx, s, s.policyBindings(), actor, id, mutate)
}

// DeletePolicyBinding deletes a binding. Errors: CodeForbidden; CodeNotFound.
func (s *Service) DeletePolicyBinding(ctx context.Context, actor idp.Actor, id idp.PolicyBindingID) error {
	return remove(ctx, s, s.policyBindings(), actor, id)
}

func (s *Service) policyBindings() noun[idp.PolicyBinding] {
	return noun[idp.PolicyBinding]{
		what: "policy binding", resource: idp.ResourcePolicy,
		rows:  func(tx idp.Repos) rows[idp.PolicyBinding] { return tx.PolicyBindings },
		id:    func(b *idp.PolicyBinding) *idp.PolicyBindingID { return &b.ID },
		model: func(*idp.PolicyBinding) string { return "authentik_policies.policybinding" },
		name:  policyBindingName,
		fields: func(b *idp.PolicyBinding) map[string]any {
			return map[string]any{"target": b.Target, "policy": b.PolicyID, "group": b.GroupID, "user": b.UserID, "negate": b.Negate,
				"enabled": b.Enabled, "order": b.Order, "timeout": b.Timeout, "failure_result": b.FailureResult}
		},
		judge: judgePolicyBinding,
	}
}

func judgePolicyBinding(ctx context.Context, tx idp.Repos, _, b *idp.PolicyBinding) error {
	var faults idp.Faults
	set := 0
	for _, is := range []bool{b.PolicyID != nil, b.GroupID != nil, b.UserID != nil} {
		if is {
			set++
		}
	}
	switch {
	case set == 0:
		faults.Add("", "One of 'policy', 'user', 'group' must be set.")
	case set > 1:
		faults.Add("", "Only one of 'policy', 'user', 'group' can be set.")
	}
	checkOrder(&faults, b.Order)
	switch {
	case b.Timeout < 0:
		faults.Add("timeout", "Ensure this value is greater than or equal to 0.")
	case b.Timeout > maxTimeout:
		faults.Add("timeout", "Ensure this value is less than or equal to %d.", math.MaxInt32)
	}
	if label, err := targetLabel(ctx, tx, b.Target); err != nil {
		return err
	} else if label == "" {
		absent(&faults, "target", b.Target.String())
	}
	if b.PolicyID != nil {
		if _, err := pointing(ctx, &faults, "policy", *b.PolicyID, tx.Policies.Get); err != nil {
			return err
		}
	}
	if b.GroupID != nil {
		if _, err := pointing(ctx, &faults, "group", *b.GroupID, tx.Groups.Get); err != nil {
			return err
		}
	}
	if b.UserID != nil {
		if _, err := pointing(ctx, &faults, "user", *b.UserID, tx.Users.Get); err != nil {
			return err
		}
	}
	return faults.Err()
}

// target finds what a policy is bound to: a flow, or the binding of a stage in
// one. Both are nil when there is none.
func target(ctx context.Context, tx idp.Repos, id idp.UUID) (*idp.Flow, *idp.FlowBinding, error) {
	f, err := tx.Flows.Get(ctx, idp.FlowID(id))
	if !idp.Is(err, idp.CodeNotFound) {
		return f, nil, err
	}
	b, err := tx.FlowBindings.Get(ctx, idp.FlowBindingID(id))
	if idp.Is(err, idp.CodeNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	f, err = tx.Flows.Get(ctx, b.FlowID)
	return f, b, err
}

// policyBindingName says who is bound to what.
func policyBindingName(ctx context.Context, tx idp.Repos, b *idp.PolicyBinding) (string, error) {
	who := ""
	switch {
	case b.PolicyID != nil:
		p, err := tx.Policies.Get(ctx, *b.PolicyID)
		if err != nil {
			return "", err
		}
		who = "policy " + p.Name
	case b.GroupID != nil:
		g, err := tx.Groups.Get(ctx, *b.GroupID)
		if err != nil {
			return "", err
		}
		who = "group " + g.Name
	case b.UserID != nil:
		u, err := tx.Users.Get(ctx, *b.UserID)
		if err != nil {
			return "", err
		}
		who = "user " + u.Username
	}
	label, err := targetLabel(ctx, tx, b.Target)
	if err != nil || label == "" {
		return who, err
	}
	return who + " on " + label, nil
}

// targetLabel says what a policy is bound to; "" = nothing has the ID.
func targetLabel(ctx context.Context, tx idp.Repos, id idp.UUID) (string, error) {
	f, stage, err := target(ctx, tx, id)
	switch {
	case err != nil:
		return "", err
	case stage != nil:
		return fmt.Sprintf("#%d of %s", stage.Order, f.Slug), nil
	case f != nil:
		return f.Slug, nil
	}
	r, err := tx.NotificationRules.Get(ctx, idp.NotificationRuleID(id))
	if !idp.Is(err, idp.CodeNotFound) {
		if err != nil {
			return "", err
		}
		return "notification rule " + r.Name, nil
	}
	a, err := tx.Applications.Get(ctx, idp.ApplicationID(id))
	if idp.Is(err, idp.CodeNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return "application " + a.Slug, nil
}
