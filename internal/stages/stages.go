package stages

import (
	"context"
	"encoding/json"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/stages/accountlockdown"
	"github.com/portcullis-idp/portcullis/internal/stages/deny"
	"github.com/portcullis-idp/portcullis/internal/stages/identification"
	"github.com/portcullis-idp/portcullis/internal/stages/password"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/internal/stages/redirect"
	"github.com/portcullis-idp/portcullis/internal/stages/userlogin"
	"github.com/portcullis-idp/portcullis/internal/stages/userlogout"
	"github.com/portcullis-idp/portcullis/internal/stages/userwrite"
)

// Repos reads what stages look up; idp.Store is one.
type Repos interface{ Repos() idp.Repos }

// Accounts is what stages need of accounts; account.Service is one.
type Accounts interface {
	password.Accounts
	userwrite.Accounts
}

// Sessions is what stages need of sessions; session.Service is one.
type Sessions interface {
	userlogin.Sessions
	userlogout.Sessions
}

// Deps are what the stages need.
type Deps struct {
	Store     Repos
	Accounts  Accounts
	Sessions  Sessions
	Lockdowns accountlockdown.Lockdowns
	Policies  prompt.Policies
}

// All lists every kind of stage. A new kind is one line here.
func All(d Deps) []flow.Kind {
	return []flow.Kind{
		identification.Kind(d.Store, d.Accounts),
		password.Kind(d.Accounts),
		userlogin.Kind(d.Sessions),
		userlogout.Kind(d.Sessions),
		userwrite.Kind(d.Accounts),
		prompt.Kind(d.Store, d.Policies),
		accountlockdown.Kind(d.Store, d.Lockdowns),
		deny.Kind(),
		redirect.Kind(),
	}
}

// Kinds finds kinds by name or model; blueprints ask it.
type Kinds []flow.Kind

// Kind returns the name of the kind with that model, such as
// authentik_stages_password.passwordstage.
func (k Kinds) Kind(model string) (name string, ok bool) {
	for _, kind := range k {
		if kind.Model == model {
			return kind.Name, true
		}
	}
	return "", false
}

// Check decodes the settings of a kind strictly and returns them with all
// defaults. The error is an *idp.Error with CodeInvalid.
func (k Kinds) Check(name string, settings json.RawMessage) (json.RawMessage, error) {
	for _, kind := range k {
		if kind.Name == name {
			return kind.Validate(context.Background(), nil, settings)
		}
	}
	return nil, idp.Invalid("kind", "“%s” is not a kind of stage.", name)
}
