package blueprint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// maxNested is how many blueprints may apply one another in a row.
const maxNested = 10

type nestedKey struct{}

// entered notes that a document is being applied; the error is that of one that
// applies itself, by way of others too.
func entered(ctx context.Context, file string) (context.Context, error) {
	above, _ := ctx.Value(nestedKey{}).([]string)
	chain := strings.Join(append(slices.Clone(above), file), " → ")
	if slices.Contains(above, file) {
		return ctx, fmt.Errorf("the blueprints apply one another in a circle: %s", chain)
	}
	if len(above) >= maxNested {
		return ctx, fmt.Errorf("more than %d blueprints apply one another: %s", maxNested, chain)
	}
	return context.WithValue(ctx, nestedKey{}, append(slices.Clone(above), file)), nil
}

// applyOther serves metaapplyblueprint: another kept blueprint, before this one
// goes on.
func (r *run) applyOther(ctx context.Context, e *Entry, change *Change) error {
	identifiers, err := r.attributes(ctx, e.Identifiers)
	if err != nil {
		return err
	}
	attrs, err := r.attributes(ctx, e.Attrs)
	if err != nil {
		return err
	}
	// The original takes them from attrs as well: attrs: {identifiers: …}.
	if inner, ok := attrs["identifiers"].(map[string]any); ok && len(identifiers) == 0 {
		identifiers = inner
	}
	required := true
	if v, given := attrs["required"]; given {
		required = truthy(v)
	}
	if len(identifiers) == 0 {
		return wrongAt(e.node, "identifiers are missing: at least one field of the blueprint to apply, such as name")
	}
	if r.s.Instances == nil {
		return &wrong{at: e.model, field: "model", message: "other blueprints cannot be applied here", unsupported: true}
	}
	change.Name = display(identifiers["name"])
	err = r.s.Instances.ApplyNamed(ctx, r.tx, r.actor, identifiers)
	switch {
	case idp.Is(err, idp.CodeNotFound) && !required:
		return nil
	case idp.Is(err, idp.CodeNotFound):
		return wrongAt(e.Identifiers, "no blueprint has %s; attrs: {required: false} would do without", display(identifiers))
	case err != nil && Problems(err) == nil && !errors.Is(err, errUnprepared) && ofInput(err):
		return wrongAt(e.node, "the blueprint %s cannot be applied: %v", display(identifiers), err)
	case err != nil:
		return err
	}
	change.Effect = EffectUnchanged
	return nil
}

// clean serves metacleanblueprint: every object of a model of the configuration
// is deleted.
func (r *run) clean(ctx context.Context, e *Entry, change *Change) error {
	identifiers, err := r.attributes(ctx, e.Identifiers)
	if err != nil {
		return err
	}
	attrs, err := r.attributes(ctx, e.Attrs)
	if err != nil {
		return err
	}
	name, ok := overlayMaps(identifiers, attrs)["model_name"].(string)
	if !ok {
		return wrongAt(e.node, "model_name is missing: the model all of whose objects are deleted")
	}
	m, err := r.s.model(name)
	if err != nil {
		return r.at(e.node, err)
	}
	switch m.right() {
	case idp.ResourceFlow, idp.ResourceStage, idp.ResourcePolicy, idp.ResourceBrand, idp.ResourceNotification, idp.ResourceApplication:
	default:
		return &wrong{at: e.node, field: "model_name", unsupported: true, message: "only objects of the configuration are deleted all at once; remove others one by one, with state: absent"}
	}
	if err := r.permitted(m, idp.VerbDelete); err != nil {
		return err
	}
	change.Effect, change.Name = EffectUnchanged, name
	for {
		t, err := m.find(ctx, r, query{{"pk__isnull", false}})
		if err != nil || t == nil {
			return err
		}
		if err := m.remove(ctx, r, t); err != nil {
			return err
		}
		change.Effect = EffectRemoved
		change.Fields = append(change.Fields, FieldChange{Field: t.name, From: t.pk, To: nil})
	}
}

func overlayMaps(lower, upper map[string]any) map[string]any {
	out, _ := overlay(lower, upper).(map[string]any)
	return out
}
