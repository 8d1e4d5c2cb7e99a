package app

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// stepUp notes in the session of whoever goes through a flow that they proved once more
// who they are. Only what a stage of this very run had that same account prove counts,
// whatever the flow looks like.
func (a *App) stepUp(ctx context.Context, run *flow.Run) error {
	proof, ok := run.Proof()
	if !ok || run.Actor.Session == nil || !run.Actor.Is(proof.User) {
		return idp.Forbidden("Nothing was proved here, or too long ago: this flow has to ask for your password or second factor.")
	}
	return a.Sessions.Prove(ctx, run.Actor, session.Proof{Method: proof.Method, Factor: proof.Factor})
}
