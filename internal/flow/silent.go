package flow

import (
	"context"
	"errors"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Applies reports whether the policies of a flow let the visitor in. A policy
// that gives no answer does not. Errors: CodeNotFound; those of the moment.
func (x *Executor) Applies(ctx context.Context, v Visit) (bool, error) {
	p, err := x.load(ctx, v)
	if err != nil {
		return false, err
	}
	err = p.applicable(ctx)
	var not *NotApplicable
	if errors.As(err, &not) {
		return false, nil
	}
	return err == nil, err
}

// Straight takes the browser through a flow at once, without the flow's own
// page, where no stage that applies could show anything and none is to be judged
// again when it is reached. A nil answer means that the flow needs its page.
func (x *Executor) Straight(ctx context.Context, v Visit) (*Answer, error) {
	d, err := x.define(ctx, &v)
	if err != nil {
		return nil, err
	}
	if v.Inspect {
		return nil, nil
	}
	for i := range d.bindings {
		b := &d.bindings[i]
		if b.fault != nil || !b.kind.Headless || b.row.ReEvaluatePolicies && d.guarded(b) {
			return nil, nil
		}
	}
	return x.Get(ctx, v)
}

// guarded reports whether policies are bound to the binding, as far as is known.
func (d *definition) guarded(b *bound) bool {
	known, ok := d.policies.(interface{ Bound(target idp.UUID) bool })
	return !ok || known.Bound(b.row.ID.UUID())
}
