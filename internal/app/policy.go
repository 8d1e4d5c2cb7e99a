package app

import "github.com/portcullis-idp/portcullis/internal/policy"

// policyKinds lets blueprints ask about kinds of policies.
type policyKinds struct{ kinds *policy.Kinds }

// Kind implements blueprint.Kinds.
func (k policyKinds) Kind(model string) (string, bool) {
	kind, ok := k.kinds.Get(model)
	return kind.Name, ok && kind.Model == model
}
