package api

import (
	"context"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// Executor takes browsers through flows; see flow.Executor.
type Executor interface {
	Get(ctx context.Context, v flow.Visit) (*flow.Answer, error)
	Solve(ctx context.Context, v flow.Visit, in flow.Input) (*flow.Answer, error)
	Begin(ctx context.Context, v flow.Visit, set func(*flow.Run)) (link string, err error)
	Kind(name string) (flow.Kind, bool)
}

// Deps are what the API needs.
type Deps struct {
	Store     idp.Store
	Access    idp.Access
	Accounts  *account.Service
	Sessions  *session.Service
	Tokens    *token.Service
	Lockdowns *lockdown.Service
	Configure *configure.Service
	Flows     Executor
	Version   string
	PublicURL string // without a trailing slash; "" = derived from each request
}

// API holds the resources.
type API struct {
	Deps
	kit *kit
}

// New returns the API.
func New(d Deps) *API { return &API{Deps: d} }

// Mount adds the routes of the API. It is one of server.Deps.Mounts.
func (a *API) Mount(r chi.Router) {
	a.kit = newKit(r, a.Version)
	a.mountRoot()
	a.mountExecutor()
	a.users().mount(a.kit)
	a.mountUserActions()
	a.groups().mount(a.kit)
	a.mountGroupActions()
	a.brands().mount(a.kit)
	a.mountCurrentBrand()
	a.tokens().mount(a.kit)
	a.mountTokenActions()
	a.sessions().mount(a.kit)
	a.mountSessionActions()
	a.events().mount(a.kit)
	a.mountEventActions()
	a.mountStages("account_lockdown", "AccountLockdownStage")
	a.mountLockdowns()
	a.mountSchema()
}
