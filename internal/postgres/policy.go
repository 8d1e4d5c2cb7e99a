package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// validates holds for a stage s that asks the policy t about answers.
const validates = `jsonb_exists(s.settings -> 'validation_policies', t.id::text)`

var policyTable = newTable(table[idp.Policy]{
	listing: listing{
		noun: "policy",
		columns: `t.id, t.name, t.kind, t.settings, t.execution_logging, t.updated_at, t.created_at,
			((SELECT count(*) FROM policy_bindings b WHERE b.policy_id = t.id) +
			 (SELECT count(*) FROM stages s WHERE ` + validates + `)) AS bound_to`,
		orders: map[string]string{"pk": "t.id", "name": "t.name", "kind": "t.kind"},
		usual:  []string{"name"},
	},
	id: func(p *idp.Policy) *idp.PolicyID { return &p.ID },
	values: func(p *idp.Policy) pgx.NamedArgs {
		return pgx.NamedArgs{"name": p.Name, "kind": p.Kind, "settings": document(p.Settings), "execution_logging": p.ExecutionLogging}
	},
}, "policies", true, "name", "kind", "settings", "execution_logging")

type policies struct{ rows[idp.Policy] }

func newPolicies(q querier) policies { return policies{rows[idp.Policy]{policyTable, q}} }

func (r policies) Find(ctx context.Context, f idp.PolicyFilter) (idp.Page[idp.Policy], error) {
	var w where
	equal(&w, "t.kind", f.Kind)
	equal(&w, "t.name", f.Name)
	equal(&w, "t.execution_logging", f.ExecutionLogging)
	if f.IDs != nil {
		w.with("t.id = ANY(@ids)", "ids", f.IDs)
	}
	if f.Bound != nil {
		w.with("EXISTS (SELECT FROM policy_bindings b WHERE b.policy_id = t.id) = @bound", "bound", *f.Bound)
	}
	if f.Validates != nil {
		w.with("EXISTS (SELECT FROM stages s WHERE "+validates+") = @validates", "validates", *f.Validates)
	}
	equal(&w, "t.created_at", f.CreatedAt)
	equal(&w, "t.updated_at", f.UpdatedAt)
	if err := withSettings(&w, f.Settings, f.Defaults); err != nil {
		return idp.Page[idp.Policy]{}, err
	}
	w.search(f.Search, "t.name", "t.kind")
	return r.find(ctx, w, f.Paging)
}

// policyBindingTable reads the policy of a binding along with it.
var policyBindingTable = newTable(table[idp.PolicyBinding]{
	listing: listing{
		noun: "policy binding",
		columns: `t.id, t.target, t.policy_id, t.group_id, t.user_id, t.negate, t.enabled, t.ordinal, t.timeout_ms, t.failure_result,
			(SELECT p.name FROM policies p WHERE p.id = t.policy_id),
			(SELECT p.kind FROM policies p WHERE p.id = t.policy_id),
			(SELECT p.settings FROM policies p WHERE p.id = t.policy_id),
			(SELECT p.execution_logging FROM policies p WHERE p.id = t.policy_id),
			(SELECT p.updated_at FROM policies p WHERE p.id = t.policy_id),
			(SELECT p.created_at FROM policies p WHERE p.id = t.policy_id)`,
		orders: map[string]string{"pk": "t.id", "target": "t.target", "order": "t.ordinal", "enabled": "t.enabled", "policy": "t.policy_id"},
		usual:  []string{"order"},
	},
	id:   func(b *idp.PolicyBinding) *idp.PolicyBindingID { return &b.ID },
	scan: scanPolicyBinding,
	values: func(b *idp.PolicyBinding) pgx.NamedArgs {
		return pgx.NamedArgs{"target": b.Target, "policy_id": b.PolicyID, "group_id": b.GroupID, "user_id": b.UserID,
			"negate": b.Negate, "enabled": b.Enabled, "ordinal": b.Order, "timeout_ms": b.Timeout.Milliseconds(),
			"failure_result": b.FailureResult}
	},
}, "policy_bindings", false, "target", "policy_id", "group_id", "user_id", "negate", "enabled", "ordinal", "timeout_ms", "failure_result")

func scanPolicyBinding(row pgx.CollectableRow) (b idp.PolicyBinding, err error) {
	var name, kind *string
	var settings json.RawMessage
	var logging *bool
	var updated, created *time.Time
	var timeout int64
	err = row.Scan(&b.ID, &b.Target, &b.PolicyID, &b.GroupID, &b.UserID, &b.Negate, &b.Enabled, &b.Order, &timeout, &b.FailureResult,
		&name, &kind, &settings, &logging, &updated, &created)
	b.Timeout = time.Duration(timeout) * time.Millisecond
	if err == nil && b.PolicyID != nil && name != nil {
		b.Policy = &idp.Policy{ID: *b.PolicyID, Name: *name, Kind: *kind, Settings: settings, ExecutionLogging: *logging, UpdatedAt: *updated, CreatedAt: *created}
	}
	return b, err
}

type policyBindings struct{ rows[idp.PolicyBinding] }

func newPolicyBindings(q querier) policyBindings {
	return policyBindings{rows[idp.PolicyBinding]{policyBindingTable, q}}
}

func (r policyBindings) Create(ctx context.Context, b *idp.PolicyBinding) error {
	if err := r.checkTarget(ctx, b.Target); err != nil {
		return err
	}
	return r.rows.Create(ctx, b)
}

func (r policyBindings) Update(ctx context.Context, b *idp.PolicyBinding) error {
	if err := r.checkTarget(ctx, b.Target); err != nil {
		return err
	}
	return r.rows.Update(ctx, b)
}

// checkTarget stands in for the foreign key that several tables cannot share.
func (r policyBindings) checkTarget(ctx context.Context, target idp.UUID) error {
	var known bool
	err := r.q.QueryRow(ctx, `SELECT EXISTS (SELECT FROM flows WHERE id = $1) OR EXISTS (SELECT FROM flow_bindings WHERE id = $1)
		OR EXISTS (SELECT FROM notification_rules WHERE id = $1) OR EXISTS (SELECT FROM applications WHERE id = $1)`,
		target).Scan(&known)
	if err == nil && !known {
		return idp.Invalid("target", "Invalid pk “%s”: the object does not exist.", target)
	}
	return wrap(err, "policy binding", "looking for the target of a policy binding")
}

func (r policyBindings) Find(ctx context.Context, f idp.PolicyBindingFilter) (idp.Page[idp.PolicyBinding], error) {
	var w where
	if f.Targets != nil {
		w.with("t.target = ANY(@targets)", "targets", f.Targets)
	}
	equal(&w, "t.policy_id", f.PolicyID)
	equal(&w, "t.group_id", f.GroupID)
	equal(&w, "t.user_id", f.UserID)
	equal(&w, "t.enabled", f.Enabled)
	equal(&w, "t.ordinal", f.Order)
	if f.HasPolicy != nil {
		w.with("(t.policy_id IS NOT NULL) = @has_policy", "has_policy", *f.HasPolicy)
	}
	if f.Timeout != nil {
		w.with("t.timeout_ms = @timeout_ms", "timeout_ms", f.Timeout.Milliseconds())
	}
	w.search(f.Search, "(SELECT p.name FROM policies p WHERE p.id = t.policy_id)",
		"(SELECT g.name FROM groups g WHERE g.id = t.group_id)", "(SELECT u.username FROM users u WHERE u.id = t.user_id)")
	return r.find(ctx, w, f.Paging)
}
