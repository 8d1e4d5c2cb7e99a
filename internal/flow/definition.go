package flow

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// definition is a flow with everything configured around it, as it is kept in
// memory while the configuration stays the same. Nobody changes one.
type definition struct {
	flow     *idp.Flow
	bindings []bound  // in order, with their stages built
	policies Policies // over the bindings read at once; nil = ask each time
}

// bound is a binding with its stage.
type bound struct {
	row   idp.FlowBinding
	def   *idp.Stage // nil = it does not exist
	kind  Kind
	stage Stage // nil = it cannot be built
	fault error // why not
}

// define returns the visit's flow as it is configured in its revision, or, without
// one, in the present, which it notes. The error is CodeNotFound when there is no such
// flow.
func (x *Executor) define(ctx context.Context, v *Visit) (*definition, error) {
	if v.Revision == (idp.Revision{}) {
		present, err := x.store.Repos().Configuration.Revision(ctx)
		if err != nil {
			return nil, err
		}
		v.Revision = present
	}
	return x.definitions.Get(v.Revision, v.Slug, func() (*definition, error) { return x.read(ctx, v.Slug) })
}

// Kept says how many definitions of flows this process keeps in memory.
func (x *Executor) Kept() int { return x.definitions.Len() }

// Keeps reports whether the definition of the flow is among them.
func (x *Executor) Keeps(slug string) bool { return x.definitions.Has(slug) }

// Forget drops the definitions that are kept: each is read anew when its flow is
// next run. Runs under way go on.
func (x *Executor) Forget() { x.definitions.Clear() }

// read reads a flow with its bindings, stages and policies.
func (x *Executor) read(ctx context.Context, slug string) (*definition, error) {
	repos := x.store.Repos()
	f, err := repos.Flows.GetBySlug(ctx, slug)
	if err != nil {
		return nil, err
	}
	page, err := repos.FlowBindings.Find(ctx, idp.FlowBindingFilter{FlowID: &f.ID, Paging: idp.Paging{Limit: 1000}})
	if err != nil {
		return nil, fmt.Errorf("reading bindings of flow %s: %w", f.Slug, err)
	}
	d := &definition{flow: f}
	ids := []idp.StageID{}
	for _, b := range page.Items {
		d.bindings = append(d.bindings, bound{row: b})
		ids = append(ids, b.StageID)
	}
	if err := x.prepare(ctx, d); err != nil || len(ids) == 0 {
		return d, err
	}
	stages, err := repos.Stages.Find(ctx, idp.StageFilter{IDs: ids, Paging: idp.Paging{Limit: 1000}})
	if err != nil {
		return nil, fmt.Errorf("reading stages of flow %s: %w", f.Slug, err)
	}
	for i := range d.bindings {
		b := &d.bindings[i]
		for j := range stages.Items {
			if stages.Items[j].ID == b.row.StageID {
				b.def = &stages.Items[j]
			}
		}
		b.fault = x.build(b)
	}
	return d, nil
}

// prepare reads the policies of the flow and of its bindings at once where that
// is possible.
func (x *Executor) prepare(ctx context.Context, d *definition) error {
	preparer, ok := x.policies.(Preparer)
	if !ok {
		return nil
	}
	targets := []idp.UUID{d.flow.ID.UUID()}
	for _, b := range d.bindings {
		targets = append(targets, b.row.ID.UUID())
	}
	prepared, err := preparer.Prepare(ctx, targets)
	if err != nil {
		return fmt.Errorf("reading policies of flow %s: %w", d.flow.Slug, err)
	}
	d.policies = prepared
	return nil
}

// build makes the binding's stage from its settings.
func (x *Executor) build(b *bound) error {
	if b.def == nil {
		return fmt.Errorf("stage %s does not exist", b.row.StageID)
	}
	kind, ok := x.kinds[b.def.Kind]
	if !ok {
		return fmt.Errorf("stage %q is of the unknown kind %q", b.def.Name, b.def.Kind)
	}
	settings, err := kind.Decode(b.def.Settings)
	if err == nil {
		b.stage, err = kind.Build(settings)
	}
	if err != nil {
		return fmt.Errorf("settings of stage %q: %w", b.def.Name, err)
	}
	b.kind = kind
	return nil
}
