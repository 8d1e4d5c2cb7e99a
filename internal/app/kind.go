package app

import "github.com/portcullis-idp/portcullis/internal/flow"

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
