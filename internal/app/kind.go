package app

import (
	"context"
	"encoding/json"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// stageKinds lets blueprints ask about kinds of stages.
type stageKinds struct{ flows *flow.Executor }

// Kind implements blueprint.Kinds.
func (k stageKinds) Kind(model string) (string, bool) {
	for _, kind := range k.flows.Kinds() {
		if kind.Model == model {
			return kind.Name, true
		}
	}
	return "", false
}

// Check implements blueprint.Kinds.
func (k stageKinds) Check(ctx context.Context, tx idp.Repos, name string, settings json.RawMessage) (json.RawMessage, error) {
	kind, _ := k.flows.Kind(name)
	return kind.Validate(ctx, &tx, settings)
}
