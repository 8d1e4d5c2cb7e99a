package flow

import "github.com/portcullis-idp/portcullis/internal/idp"

// object is what a policy is bound to, as policies and expressions see it: the
// flow, or one of its stages; nil for anything else.
func (p *passage) object(target idp.UUID) map[string]any {
	f := p.run.Flow
	whole := map[string]any{"pk": f.ID.String(), "model": "authentik_flows.flow", "name": f.Name, "slug": f.Slug, "title": f.Title,
		"designation": string(f.Designation)}
	if target == f.ID.UUID() {
		return whole
	}
	for _, b := range p.bindings {
		if b.row.ID.UUID() != target {
			continue
		}
		out := map[string]any{"pk": b.row.ID.String(), "model": "authentik_flows.flowstagebinding", "name": "", "order": b.row.Order, "target": whole}
		stage := map[string]any{"pk": b.row.StageID.String(), "name": "", "kind": ""}
		if b.def != nil {
			stage["name"], stage["kind"], out["name"] = b.def.Name, b.def.Kind, b.def.Name
		}
		out["stage"] = stage
		return out
	}
	return nil
}
