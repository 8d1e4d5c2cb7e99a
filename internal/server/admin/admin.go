package admin

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// Deps are what a Console needs.
type Deps struct {
	Store     idp.Store
	Accounts  *account.Service
	Sessions  *session.Service
	Tokens    *token.Service
	Lockdowns *lockdown.Service
	Configure *configure.Service
	Flow      page.LockdownFlow // starts the brand's lockdown flow
	// PublicURL turns the path of a recovery link into one that can be sent;
	// "" = the host of the request.
	PublicURL string
}

// Console answers every page of the console.
type Console struct {
	store     idp.Store
	accounts  *account.Service
	sessions  *session.Service
	tokens    *token.Service
	lockdowns *lockdown.Service
	configure *configure.Service
	flow      page.LockdownFlow
	public    string
}

// New returns a Console.
func New(d Deps) *Console {
	return &Console{store: d.Store, accounts: d.Accounts, sessions: d.Sessions, tokens: d.Tokens,
		lockdowns: d.Lockdowns, configure: d.Configure, flow: d.Flow, public: d.PublicURL}
}

// Routes adds the console's pages; it is one of server.Deps.Mounts. Whoever is
// not signed in is sent to sign in, whoever is no superuser is refused.
func (c *Console) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireSuperuser)
		m := mount{r}
		m.get("", c.overview)
		m.get("search/", c.search)
		c.userRoutes(m)
		c.groupRoutes(m)
		m.get("lockdowns/", c.lockdownList)
		m.get("lockdowns/{lockdown}/", c.lockdown)
		m.get("events/", c.events)
		m.get("events/{event}/", c.event)
		m.get("brands/", c.brands)
		m.get("brands/new/", c.newBrand)
		m.post("brands/new/", c.createBrand)
		m.get("brands/{brand}/", c.editBrand)
		m.post("brands/{brand}/", c.updateBrand)
		m.act("brands/{brand}/delete/", c.deleteBrand)
	})
}

func (c *Console) userRoutes(m mount) {
	m.get("users/", c.users)
	m.post("users/bulk/", c.bulk)
	m.get("users/new/", c.newUser)
	m.post("users/new/", c.createUser)
	m.get("users/{user}/", c.user)
	m.get("users/{user}/sessions/", c.userSessions)
	m.get("users/{user}/tokens/", c.userTokens)
	m.get("users/{user}/groups/", c.userGroups)
	m.get("users/{user}/events/", c.userEvents)
	m.get("users/{user}/lockdowns/", c.userLockdowns)
	m.get("users/{user}/edit/", c.editUser)
	m.post("users/{user}/edit/", c.updateUser)
	m.get("users/{user}/password/", c.passwordForm)
	m.post("users/{user}/password/", c.setPassword)
	m.act("users/{user}/activate/", c.activate)
	m.act("users/{user}/deactivate/", c.deactivate)
	m.act("users/{user}/delete/", c.deleteUser)
	m.act("users/{user}/recovery/", c.recoveryLink)
	m.post("users/{user}/lockdown/", c.lockDown)
	m.act("users/{user}/sessions/end/", c.endSessions)
	m.act("users/{user}/sessions/{session}/end/", c.endSession)
	m.act("users/{user}/tokens/{token}/revoke/", c.revokeToken)
	m.post("users/{user}/groups/join/", c.joinGroup)
	m.act("users/{user}/groups/{group}/leave/", c.leaveGroup)
}

func (c *Console) groupRoutes(m mount) {
	m.get("groups/", c.groups)
	m.get("groups/new/", c.newGroup)
	m.post("groups/new/", c.createGroup)
	m.get("groups/{group}/", c.group)
	m.get("groups/{group}/edit/", c.editGroup)
	m.post("groups/{group}/edit/", c.updateGroup)
	m.act("groups/{group}/delete/", c.deleteGroup)
	m.post("groups/{group}/members/add/", c.addMember)
	m.act("groups/{group}/members/{user}/remove/", c.removeMember)
}

// mount adds routes below the console's path.
type mount struct{ r chi.Router }

func (m mount) get(path string, h web.Handler) { m.r.Method(http.MethodGet, page.AdminPath+path, h) }

func (m mount) post(path string, h web.Handler) { m.r.Method(http.MethodPost, page.AdminPath+path, h) }

// act is for what asks first: GET is the question, for reloads and for browsers
// without script.
func (m mount) act(path string, h web.Handler) {
	m.get(path, h)
	m.post(path, h)
}

// now is the time that "2 minutes ago" is counted from; it decides nothing.
func now() time.Time { return time.Now() }

// confirmed reads the form of an act. yes is false for a GET and for a form
// that was sent without asking first.
func confirmed(r *http.Request) (yes bool, err error) {
	if r.Method != http.MethodPost {
		return false, nil
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return false, err
	}
	return form.Bool("confirmed"), nil
}
