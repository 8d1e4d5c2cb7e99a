package invitation

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/invitation"
)

// TokenParam is the part of the flow's query that carries an invitation's token.
const TokenParam = "itoken"

// needed is said to whoever comes without an invitation.
const needed = "You need an invitation to go on. Open the link that you were given."

// Settings configure the stage.
type Settings struct {
	ContinueFlowWithoutInvitation bool `json:"continue_flow_without_invitation" help:"Let people on who have no invitation, or one that is not valid. Otherwise the flow ends for them here."`
}

// Invitations judges the tokens of links.
type Invitations interface {
	// Open returns the invitation of a token if it may be used in the flow;
	// otherwise the error is CodeRefused.
	Open(ctx context.Context, token string, in idp.FlowID) (*idp.Invitation, error)
}

// Kind describes the stage.
func Kind(invitations Invitations) flow.Kind {
	return flow.Kind{
		Name: "invitation", Model: "authentik_stages_invitation.invitationstage", Form: "ak-stage-invitation-form",
		Verbose: "Invitation Stage", VerbosePlural: "Invitation Stages",
		Summary:  "Lets only those on who were invited, with what their invitation says filled in.",
		Settings: func() any { return &Settings{} },
		Build:    func(settings any) (flow.Stage, error) { return stage{*settings.(*Settings), invitations}, nil },
		Facts:    facts,
		Headless: true,
	}
}

// facts keeps the token, which the identifier is, from policies and expressions.
func facts(_ context.Context, run *flow.Run, out map[string]any) error {
	held, ok := invitation.Key.In(run.Vars)
	out["invitation_in_effect"], out[string(invitation.Key)] = ok, nil
	if ok {
		out[string(invitation.Key)] = map[string]any{"name": held.Name}
	}
	return nil
}

type stage struct {
	settings    Settings
	invitations Invitations
}

// Enter implements flow.Stage.
func (s stage) Enter(ctx context.Context, run *flow.Run) (flow.Step, error) {
	token := run.Query[TokenParam]
	if held, ok := invitation.Key.In(run.Vars); ok && token == "" {
		token = held.ID.String()
	}
	invitation.Key.Drop(run.Vars)
	if token == "" {
		if s.settings.ContinueFlowWithoutInvitation {
			return flow.Next{}, nil
		}
		return flow.Deny{Reason: needed}, nil
	}
	found, err := s.invitations.Open(ctx, token, run.Flow.ID)
	if idp.Is(err, idp.CodeRefused) && s.settings.ContinueFlowWithoutInvitation {
		return flow.Next{}, nil
	}
	if err != nil {
		return nil, err
	}
	invitation.Key.Put(run.Vars, invitation.Held{ID: found.ID, Name: found.Name})
	data, _ := flow.KeyPromptData.In(run.Vars)
	if data == nil {
		data = map[string]any{}
	}
	for key, value := range found.FixedData {
		data[key] = value
	}
	flow.KeyPromptData.Put(run.Vars, data)
	return flow.Next{}, nil
}

// Submit implements flow.Stage.
func (s stage) Submit(ctx context.Context, run *flow.Run, _ flow.Input) (flow.Step, error) {
	return s.Enter(ctx, run)
}
