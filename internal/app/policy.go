package app

import (
	"context"
	"encoding/json"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// policyKinds lets blueprints ask about kinds of policies.
type policyKinds struct{ kinds *policy.Kinds }

// Kind implements blueprint.Kinds.
func (k policyKinds) Kind(model string) (string, bool) {
	kind, ok := k.kinds.Get(model)
	return kind.Name, ok && kind.Model == model
}

// Check implements blueprint.Kinds.
func (k policyKinds) Check(_ context.Context, _ idp.Repos, kind string, settings json.RawMessage) (json.RawMessage, error) {
	return settings, k.kinds.Check(kind, settings)
}
