package userdelete

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// nobody is said whether there is no account or no proof that it is one's own:
// the difference would tell who exists.
const nobody = "No user to delete."

// Settings configure the stage: there is nothing to configure.
type Settings struct{}

// Accounts deletes accounts.
type Accounts interface {
	// Leave deletes an account that a flow has established to be the one it is
	// about.
	Leave(ctx context.Context, actor idp.Actor, id idp.UserID, generation int64) error
}

// Kind describes the stage.
func Kind(accounts Accounts) flow.Kind {
	return flow.Kind{
		Name: "user_delete", Model: "authentik_stages_user_delete.userdeletestage", Form: "ak-stage-user-delete-form",
		Verbose: "User Delete Stage", VerbosePlural: "User Delete Stages",
		Summary:  "Deletes the account that the flow has established, without asking: put a prompt before it.",
		Settings: func() any { return &Settings{} },
		Build:    func(any) (flow.Stage, error) { return stage{accounts}, nil },
		Headless: true,
	}
}

type stage struct{ accounts Accounts }

// Enter implements flow.Stage.
func (s stage) Enter(ctx context.Context, run *flow.Run) (flow.Step, error) {
	u, err := run.Subject(ctx)
	if err != nil {
		return nil, err
	}
	if !run.Proven(u) {
		if u != nil {
			run.Note(fmt.Errorf("flow %s would delete user %d, whom it has only been told the name of", run.Flow.Slug, u.ID))
		}
		return flow.Deny{Reason: nobody}, nil
	}
	generation := u.SessionGeneration
	if p, ok := flow.KeyPending.In(run.Vars); ok && p.User == u.ID {
		generation = p.Generation
	}
	if err := s.accounts.Leave(ctx, run.Actor, u.ID, generation); err != nil {
		return nil, err
	}
	for _, drop := range []func(flow.Vars){flow.KeyPending.Drop, flow.KeyPendingIdentifier.Drop, flow.KeyLink.Drop,
		flow.KeyAuthMethod.Drop, flow.KeyAuthMethodArgs.Drop, flow.KeyFactor.Drop, flow.KeyRestored.Drop, flow.KeyEnrolled.Drop} {
		drop(run.Vars)
	}
	if run.Actor.Is(u.ID) {
		run.SignOut()
	}
	run.Forget()
	return flow.Next{}, nil
}

// Submit implements flow.Stage.
func (s stage) Submit(ctx context.Context, run *flow.Run, _ flow.Input) (flow.Step, error) {
	return s.Enter(ctx, run)
}
