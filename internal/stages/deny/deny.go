package deny

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/flow"
)

// Settings configure the stage.
type Settings struct {
	DenyMessage string `json:"deny_message" help:"What the visitor reads. Empty shows a general message."`
}

// Kind describes the stage.
func Kind() flow.Kind {
	return flow.Kind{
		Name: "deny", Model: "authentik_stages_deny.denystage", Form: "ak-stage-deny-form",
		Verbose: "Deny Stage", VerbosePlural: "Deny Stages",
		Summary:  "Ends the flow with a message; bind policies to it to say for whom.",
		Settings: func() any { return &Settings{} },
		Build:    func(settings any) (flow.Stage, error) { return stage{*settings.(*Settings)}, nil },
		Headless: true,
	}
}

type stage struct{ settings Settings }

// Enter implements flow.Stage.
func (s stage) Enter(_ context.Context, run *flow.Run) (flow.Step, error) {
	if message, ok := flow.KeyDenyMessage.In(run.Vars); ok && message != "" {
		return flow.Deny{Reason: message}, nil
	}
	if s.settings.DenyMessage != "" {
		return flow.Deny{Reason: s.settings.DenyMessage}, nil
	}
	return flow.Deny{Reason: "Request has been denied."}, nil
}

// Submit implements flow.Stage.
func (s stage) Submit(ctx context.Context, run *flow.Run, _ flow.Input) (flow.Step, error) {
	return s.Enter(ctx, run)
}
