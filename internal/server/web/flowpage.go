package web

import "github.com/portcullis-idp/portcullis/internal/flow"

// InspectorParam is the part of a flow's address that asks for the inspector.
const InspectorParam = "inspector"

// FlowPage is a challenge about to be drawn. Answer.View is nil for the
// challenges of the engine itself (access denied, flow error): the page draws
// those from Answer.Challenge.
type FlowPage struct {
	Answer   *flow.Answer
	Messages []Message // of policies that passed
}
