package app

import (
	"os"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
)

// prints makes what applies blueprints.
func (a *App) prints() *blueprint.Service {
	return blueprint.New(blueprint.Deps{Store: a.DB, Access: a.Access, Rules: a.Configure, Accounts: a.Accounts, Tokens: a.Tokens,
		Stages: a.Flows, Policies: a.policyKinds, Env: os.Getenv})
}
