package admin

import (
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/logout"
	"github.com/portcullis-idp/portcullis/internal/server/live"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// Deps are what a Console needs.
type Deps struct {
	Store     idp.Store
	Roles     *access.Service // nil = pages say nothing of roles
	Accounts  *account.Service
	Sessions  *session.Service
	Tokens    *token.Service
	Lockdowns *lockdown.Service
	Configure *configure.Service
	Flow      page.LockdownFlow // starts the brand's lockdown flow
	Live      *live.Events      // nil = pages show events as they were when they were opened
	// PublicURL turns the path of a recovery link into one that can be sent;
	// "" = the host of the request.
	PublicURL string
	// Whereabouts says where sessions are used from; nil = nobody knows.
	Whereabouts idp.Whereabouts
	// Locked is this server's view of the locks in force; nil = pages show no
	// badges.
	Locked page.LockView
	// Lockouts says who is locked out after failed attempts; nil = pages say nothing
	// of it.
	Lockouts *lockout.Service
	// Audit verifies the chain over the audit log; nil = there is none.
	Audit *audit.Service
	// Logouts says what applications were told of logouts.
	Logouts *logout.Service
	// Deliveries draws what was sent because of an event, nil where there is nothing to
	// see; nil = there are none.
	Deliveries func(r *http.Request, event idp.EventID) (templ.Component, error)
	// MailReady says whether the installation has a mail server; nil = it has.
	MailReady func() bool
	// SecretLost says that what the server seals is lost when it stops, for it has no
	// secret of its own that lasts.
	SecretLost bool
	// Elevations keep requests for access; nil = pages say nothing of them.
	Elevations *elevate.Service
	// Factors keeps second factors; nil = pages say nothing of them.
	Factors page.FactorKeeper
}

// Console answers every page of the console.
type Console struct {
	store     idp.Store
	roles     *access.Service
	accounts  *account.Service
	sessions  *session.Service
	tokens    *token.Service
	lockdowns *lockdown.Service
	configure *configure.Service
	flow      page.LockdownFlow
	live      *live.Events
	public    string
	atlas     idp.Whereabouts
	badges    page.Badges
	lockouts  *lockout.Service
	audit     *audit.Service
	logouts   *logout.Service

	deliveries func(r *http.Request, event idp.EventID) (templ.Component, error)
	mails      func() bool
	secretLost bool
	factors    page.FactorKeeper
	elevations *elevate.Service
	verified   verified
	daily      daily
}

// New returns a Console.
func New(d Deps) *Console {
	return &Console{store: d.Store, roles: d.Roles, accounts: d.Accounts, sessions: d.Sessions, tokens: d.Tokens,
		lockdowns: d.Lockdowns, configure: d.Configure, flow: d.Flow, live: d.Live, public: d.PublicURL, atlas: d.Whereabouts,
		badges: page.Badges{View: d.Locked}, lockouts: d.Lockouts, audit: d.Audit, logouts: d.Logouts, deliveries: d.Deliveries, mails: d.MailReady, secretLost: d.SecretLost, factors: d.Factors, elevations: d.Elevations}
}

// Routes adds the console's pages; it is one of server.Deps.Mounts. Whoever is
// not signed in is sent to sign in, whoever is no superuser is refused.
func (c *Console) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireUser)
		m := page.Mount{Router: r}
		m.Get("", c.overview)
		m.Get("search/", c.search)
		c.userRoutes(m)
		c.groupRoutes(m)
		m.Get("sessions/", c.allSessions)
		m.Post("sessions/bulk/", c.endChosen)
		m.Act("sessions/{session}/end/", c.endSession)
		m.Get("lockdowns/", c.lockdownList)
		m.Get("lockdowns/{lockdown}/", c.lockdown)
		if c.logouts != nil {
			m.Post("lockdowns/notices/{notice}/tell/", c.tellAgain)
		}
		m.Get("events/", c.events)
		if c.live != nil {
			m.Get("events/live/", c.liveEvents)
		}
		m.Get("events/export/", c.exportEvents)
		if c.audit != nil {
			m.Get("events/verify/", c.chainPage)
			m.Post("events/verify/", c.verifyChain)
		}
		m.Get("events/{event}/", c.event)
		m.Get("brands/", c.brands)
		m.Get("brands/new/", c.newBrand)
		m.Post("brands/new/", c.createBrand)
		m.Get("brands/{brand}/", c.editBrand)
		m.Post("brands/{brand}/", c.updateBrand)
		m.Act("brands/{brand}/delete/", c.deleteBrand)
	})
}

func (c *Console) userRoutes(m page.Mount) {
	m.Get("users/", c.users)
	m.Post("users/bulk/", c.bulk)
	m.Get("users/new/", c.newUser)
	m.Post("users/new/", c.createUser)
	m.Get("users/{user}/", c.user)
	m.Get("users/{user}/sessions/", c.userSessions)
	m.Get("users/{user}/tokens/", c.userTokens)
	m.Get("users/{user}/groups/", c.userGroups)
	m.Get("users/{user}/events/", c.userEvents)
	m.Get("users/{user}/lockdowns/", c.userLockdowns)
	m.Get("users/{user}/edit/", c.editUser)
	m.Post("users/{user}/edit/", c.updateUser)
	m.Get("users/{user}/password/", c.passwordForm)
	m.Post("users/{user}/password/", c.setPassword)
	m.Act("users/{user}/activate/", c.activate)
	m.Act("users/{user}/deactivate/", c.deactivate)
	m.Act("users/{user}/delete/", c.deleteUser)
	m.Act("users/{user}/recovery/", c.recoveryLink)
	m.Act("users/{user}/recovery-email/", c.recoveryMail)
	m.Post("users/{user}/lockdown/", c.lockDown)
	m.Act("users/{user}/sessions/end/", c.endSessions)
	m.Act("users/{user}/sessions/end-others/", c.endOthers)
	m.Act("users/{user}/sessions/{session}/end/", c.endUserSession)
	if c.elevations != nil {
		m.Get("users/{user}/access/", c.userAccess)
	}
	if c.factors != nil {
		m.Get("users/{user}/factors/", c.userFactors)
		m.Act("users/{user}/factors/{factor}/remove/", c.removeFactor)
	}
	m.Get("users/{user}/devices/", c.userDevices)
	m.Act("users/{user}/devices/forget/", c.forgetDevices)
	m.Act("users/{user}/devices/{device}/forget/", c.forgetDevice)
	m.Act("users/{user}/tokens/{token}/revoke/", c.revokeToken)
	m.Post("users/{user}/groups/join/", c.joinGroup)
	m.Act("users/{user}/groups/{group}/leave/", c.leaveGroup)
	if c.roles != nil {
		m.Get("users/{user}/roles/", c.userRoles)
		m.Post("users/{user}/roles/give/", c.giveUserRole)
		m.Act("users/{user}/roles/{role}/take/", c.takeUserRole)
	}
}

func (c *Console) groupRoutes(m page.Mount) {
	m.Get("groups/", c.groups)
	m.Get("groups/new/", c.newGroup)
	m.Post("groups/new/", c.createGroup)
	m.Get("groups/{group}/", c.group)
	m.Get("groups/{group}/edit/", c.editGroup)
	m.Post("groups/{group}/edit/", c.updateGroup)
	m.Act("groups/{group}/delete/", c.deleteGroup)
	m.Post("groups/{group}/members/add/", c.addMember)
	m.Act("groups/{group}/members/{user}/remove/", c.removeMember)
	if c.roles != nil {
		m.Get("groups/{group}/roles/", c.groupRoles)
		m.Post("groups/{group}/roles/give/", c.giveGroupRole)
		m.Act("groups/{group}/roles/{role}/take/", c.takeGroupRole)
	}
}

// now is the time that "2 minutes ago" is counted from; it decides nothing.
func now() time.Time { return time.Now() }
