package api

import (
	"context"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/application"
	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/invitation"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/logout"
	"github.com/portcullis-idp/portcullis/internal/notify"
	"github.com/portcullis-idp/portcullis/internal/restore"
	"github.com/portcullis-idp/portcullis/internal/server/flowlink"
	"github.com/portcullis-idp/portcullis/internal/server/live"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// Executor takes browsers through flows; see flow.Executor.
type Executor interface {
	Get(ctx context.Context, v flow.Visit) (*flow.Answer, error)
	Solve(ctx context.Context, v flow.Visit, in flow.Input) (*flow.Answer, error)
	flowlink.Flows
	Inspect(ctx context.Context, v flow.Visit) (*flow.Inspection, error)
	Kind(name string) (flow.Kind, bool)
	Kinds() []flow.Kind
	Kept() int
	Keeps(slug string) bool
	Forget()
}

// Deps are what the API needs.
type Deps struct {
	Store       idp.Store
	Access      idp.Access
	Roles       *access.Service
	Accounts    *account.Service
	Sessions    *session.Service
	Tokens      *token.Service
	Lockdowns   *lockdown.Service
	Restores    *restore.Service
	Locks       *lock.Service
	Lockouts    *lockout.Service
	Notify      *notify.Service // nil = nobody is told of events
	Logouts     *logout.Service // nil = applications are not told of logouts
	Audit       *audit.Service  // nil = the audit log cannot be verified
	Invitations *invitation.Service
	Consents    *consent.Service
	Configure   *configure.Service
	Flows       Executor
	Policies    Policies // nil = policies are not offered
	Mail        Mail
	Blueprints  *blueprint.Library // nil = blueprints are not offered
	Prints      *blueprint.Service
	Live        *live.Events    // nil = events cannot be followed
	Whereabouts idp.Whereabouts // nil = nobody knows where addresses are
	LockModes   LockModes       // nil = roles have no locking mode
	Version     string
	PublicURL   string // without a trailing slash; "" = derived from each request

	Applications *application.Access // who may use which application
	SigningKeys  SigningKeys         // nil = keys are not offered
	Factors      Factors             // nil = second factors are not offered
	Elevations   *elevate.Service    // nil = nothing can be asked for
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
	a.mountVersion()
	a.mountExecutor()
	a.mountInspector()
	a.users().mount(a.kit)
	a.mountUserActions()
	a.mountEmail()
	a.groups().mount(a.kit)
	a.mountGroupActions()
	a.roles().mount(a.kit)
	a.mountRoleActions()
	a.brands().mount(a.kit)
	a.mountCurrentBrand()
	a.tokens().mount(a.kit)
	a.mountTokenActions()
	a.sessions().mount(a.kit)
	a.mountSessionActions()
	a.knownDevices().mount(a.kit)
	a.mountKnownDeviceActions()
	a.mountFactors()
	if a.Elevations != nil {
		a.accessRequests().mount(a.kit)
		a.mountAccessRequestActions()
	}
	a.events().mount(a.kit)
	a.mountEventActions()
	a.mountLiveEvents()
	a.mountEventVerify()
	a.mountNotifications()
	a.flows().mount(a.kit)
	a.mountFlowActions()
	a.flowBindings().mount(a.kit)
	a.allStages().mount(a.kit)
	a.mountStageActions()
	a.mountEveryStage()
	a.prompts().mount(a.kit)
	a.mountPromptActions()
	a.mountPolicies()
	a.applications().mount(a.kit)
	a.mountApplicationActions()
	a.allProviders().mount(a.kit)
	a.mountProviderTypes()
	a.oauthProviders().mount(a.kit)
	a.mountOAuthProviderActions()
	a.scopeMappings().mount(a.kit)
	a.mountSigningKeys()
	a.invitationResource().mount(a.kit)
	a.consentResource().mount(a.kit)
	a.mountLockdowns()
	a.mountRestore()
	a.mountLogoutNotices()
	a.mountLocks()
	a.mountPreference()
	a.mountLockouts()
	a.mountSettings()
	a.mountBlueprints()
	a.mountSchema()
	a.mountBrowser()
}
