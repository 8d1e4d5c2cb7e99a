package account

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/application"
	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// Deps are what the Pages need.
type Deps struct {
	Store     idp.Store
	Accounts  *account.Service
	Sessions  *session.Service
	Tokens    *token.Service
	Lockdowns *lockdown.Service
	Flow      page.LockdownFlow // starts the brand's lockdown flow
	// Whereabouts says where sessions are used from; nil = nobody knows.
	Whereabouts idp.Whereabouts
	// Bells keeps the bells of pages that are open up to date; nil = each page counts.
	Bells Bells
	// Applications says what the person may use; nil = nothing.
	Applications *application.Access
	Consents     *consent.Service // nil = none are shown
	// Locked is this server's view of the locks in force; nil = pages show no badges.
	Locked  page.LockView
	Factors page.FactorKeeper // nil = none are shown
	// Elevations keep requests for access; nil = nothing can be asked for.
	Elevations *elevate.Service
}

// Pages answers the person's own pages.
type Pages struct {
	store     idp.Store
	accounts  *account.Service
	sessions  *session.Service
	tokens    *token.Service
	lockdowns *lockdown.Service
	flow      page.LockdownFlow
	atlas     idp.Whereabouts
	bells     Bells
	badges    page.Badges
	factors   page.FactorKeeper

	elevations   *elevate.Service
	applications *application.Access
	consents     *consent.Service
}

// New returns the Pages.
func New(d Deps) *Pages {
	return &Pages{store: d.Store, accounts: d.Accounts, sessions: d.Sessions, tokens: d.Tokens, lockdowns: d.Lockdowns, flow: d.Flow, atlas: d.Whereabouts, bells: d.Bells,
		applications: d.Applications, consents: d.Consents, badges: page.Badges{View: d.Locked}, factors: d.Factors, elevations: d.Elevations}
}

// PasswordFlow is the flow in which people change their password.
const PasswordFlow = "default-password-change"

// The addresses.
const (
	sessionsPath = page.SettingsPath + "sessions/"
	tokensPath   = page.SettingsPath + "tokens/"
)

// Routes adds the pages, and the choice of colours, which needs nobody signed
// in; it is one of server.Deps.Mounts. Strangers are sent to sign in.
func (p *Pages) Routes(r chi.Router) {
	r.Method(http.MethodPost, page.ThemePath, web.Handler(page.SetTheme))
	r.Group(func(r chi.Router) {
		r.Use(web.RequireUser)
		get := func(path string, h web.Handler) { r.Method(http.MethodGet, path, h) }
		post := func(path string, h web.Handler) { r.Method(http.MethodPost, path, h) }
		// both is for acts: GET is the question, for reloads and without script.
		both := func(path string, h web.Handler) { get(path, h); post(path, h) }

		get(page.AccountPath, p.home)
		get(page.NotificationsPath, p.notifications)
		post(page.NotificationsPath+"seen/", p.seeAll)
		post(page.NotificationsPath+"{notification}/seen/", p.see)
		post(page.NotificationsPath+"{notification}/delete/", p.dropNotice)
		if p.bells != nil {
			get(page.BellPath, p.ring)
		}
		get(page.SettingsPath, p.settings)
		post(page.SettingsPath+"details/", p.saveDetails)
		post(page.SettingsPath+"lockdown/", p.lockDown)
		get(sessionsPath, p.ownSessions)
		both(sessionsPath+"end-others/", p.endOthers)
		both(sessionsPath+"end/", p.endAll)
		both(sessionsPath+"{session}/end/", p.endSession)
		if p.factors != nil {
			get(factorsPath, p.ownFactors)
			both(factorsPath+"{factor}/rename/", p.renameFactor)
			both(factorsPath+"{factor}/remove/", p.removeFactor)
		}
		if p.elevations != nil {
			get(accessPath, p.ownAccess)
			post(accessPath, p.askAccess)
			post(accessPath+"{request}/use/", p.useAccess)
			both(accessPath+"{request}/withdraw/", p.withdrawAccess)
			both(accessPath+"{request}/end/", p.endAccess)
		}
		get(devicesPath, p.ownDevices)
		both(devicesPath+"forget/", p.forgetDevices)
		both(devicesPath+"{device}/forget/", p.forgetDevice)
		get(tokensPath, p.ownTokens)
		for _, k := range page.TokenKinds {
			both(newTokenPath(k), p.newToken(k))
		}
		get(tokensPath+"{token}/key/", p.tokenKey)
		both(tokensPath+"{token}/revoke/", p.revokeToken)
		if p.consents != nil {
			get(consentsPath, p.ownConsents)
			both(consentsPath+"{consent}/revoke/", p.withdraw)
		}
	})
}

// now is the time that "2 minutes ago" is counted from; it decides nothing.
func now() time.Time { return time.Now() }

// own is a session or token that the person themselves holds: another's is
// nobody's here, even for administrators.
func own(r *http.Request, owner idp.UserID, noun string) error {
	if !web.Actor(r).Is(owner) {
		return idp.NotFound(noun)
	}
	return nil
}

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
