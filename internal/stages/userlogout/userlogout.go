package userlogout

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Settings configure the stage: there is nothing to configure.
type Settings struct{}

// Sessions ends sessions.
type Sessions interface {
	// End ends one session and writes the event; "" is the usual reason.
	End(ctx context.Context, actor idp.Actor, id idp.SessionID, reason string) error
}

// Kind describes the stage.
func Kind(sessions Sessions) flow.Kind {
	return flow.Kind{
		Name: "user_logout", Model: "authentik_stages_user_logout.userlogoutstage", Form: "ak-stage-user-logout-form",
		Verbose: "User Logout Stage", VerbosePlural: "User Logout Stages",
		Summary:  "Ends the browser's session.",
		Settings: func() any { return &Settings{} },
		Build:    func(any) (flow.Stage, error) { return stage{sessions}, nil },
		Headless: true,
	}
}

type stage struct{ sessions Sessions }

// Enter implements flow.Stage. Somebody whose session is over already is
// signed out all the same.
func (s stage) Enter(ctx context.Context, run *flow.Run) (flow.Step, error) {
	if own := run.Actor.Session; own != nil {
		err := s.sessions.End(ctx, run.Actor, own.ID, "")
		if err != nil && !idp.Is(err, idp.CodeNotFound) && !idp.Is(err, idp.CodeRefused) {
			return nil, err
		}
	}
	run.SignOut()
	return flow.Next{}, nil
}

// Submit implements flow.Stage.
func (s stage) Submit(ctx context.Context, run *flow.Run, _ flow.Input) (flow.Step, error) {
	return s.Enter(ctx, run)
}
