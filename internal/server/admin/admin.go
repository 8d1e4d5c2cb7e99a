package admin

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/account"
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
	Access    idp.Access
	Accounts  *account.Service
	Sessions  *session.Service
	Tokens    *token.Service
	Lockdowns *lockdown.Service
	Flow      page.LockdownFlow // starts the brand's lockdown flow
	// PublicURL turns the path of a recovery link into one that can be sent;
	// "" = the host of the request.
	PublicURL string
}

// Console answers every page of the console.
type Console struct {
	store     idp.Store
	access    idp.Access
	accounts  *account.Service
	sessions  *session.Service
	tokens    *token.Service
	lockdowns *lockdown.Service
	flow      page.LockdownFlow
	public    string
}

// New returns a Console.
func New(d Deps) *Console {
	return &Console{store: d.Store, access: d.Access, accounts: d.Accounts, sessions: d.Sessions, tokens: d.Tokens,
		lockdowns: d.Lockdowns, flow: d.Flow, public: d.PublicURL}
}

// Routes adds the console's pages; it is one of server.Deps.Mounts. Whoever is
// not signed in is sent to sign in, whoever is no superuser is refused.
func (c *Console) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireSuperuser)
		get := func(path string, h web.Handler) { r.Method(http.MethodGet, page.AdminPath+path, h) }
		post := func(path string, h web.Handler) { r.Method(http.MethodPost, page.AdminPath+path, h) }
		// both is for acts: GET is the question, for reloads and without script.
		both := func(path string, h web.Handler) { get(path, h); post(path, h) }

		get("", c.overview)
		get("search/", c.search)

		get("users/", c.users)
		post("users/bulk/", c.bulk)
		get("users/new/", c.newUser)
		post("users/new/", c.createUser)
		get("users/{user}/", c.user)
		get("users/{user}/sessions/", c.userSessions)
		get("users/{user}/tokens/", c.userTokens)
		get("users/{user}/groups/", c.userGroups)
		get("users/{user}/events/", c.userEvents)
		get("users/{user}/lockdowns/", c.userLockdowns)
		get("users/{user}/edit/", c.editUser)
		post("users/{user}/edit/", c.updateUser)
		get("users/{user}/password/", c.passwordForm)
		post("users/{user}/password/", c.setPassword)
		both("users/{user}/activate/", c.activate)
		both("users/{user}/deactivate/", c.deactivate)
		both("users/{user}/delete/", c.deleteUser)
		both("users/{user}/recovery/", c.recoveryLink)
		post("users/{user}/lockdown/", c.lockDown)
		both("users/{user}/sessions/end/", c.endSessions)
		both("users/{user}/sessions/{session}/end/", c.endSession)
		both("users/{user}/tokens/{token}/revoke/", c.revokeToken)
		post("users/{user}/groups/join/", c.joinGroup)
		both("users/{user}/groups/{group}/leave/", c.leaveGroup)

		get("groups/", c.groups)
		get("groups/new/", c.newGroup)
		post("groups/new/", c.createGroup)
		get("groups/{group}/", c.group)
		get("groups/{group}/edit/", c.editGroup)
		post("groups/{group}/edit/", c.updateGroup)
		both("groups/{group}/delete/", c.deleteGroup)
		post("groups/{group}/members/add/", c.addMember)
		both("groups/{group}/members/{user}/remove/", c.removeMember)

		get("lockdowns/", c.lockdownList)
		get("lockdowns/{lockdown}/", c.lockdown)

		get("events/", c.events)
		get("events/{event}/", c.event)

		get("brands/", c.brands)
		get("brands/new/", c.newBrand)
		post("brands/new/", c.createBrand)
		get("brands/{brand}/", c.editBrand)
		post("brands/{brand}/", c.updateBrand)
		both("brands/{brand}/delete/", c.deleteBrand)
	})
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
