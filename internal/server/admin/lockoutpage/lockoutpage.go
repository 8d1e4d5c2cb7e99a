package lockoutpage

import (
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/server/live"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

const (
	listPath     = page.LockoutsPath
	livePath     = page.LockoutsPath + "live/"
	historyPath  = page.LockoutHistoryPath
	settingsPath = page.SecuritySettingsPath
	effectPath   = page.SecuritySettingsPath + "effect/"
	keepPath     = page.SecuritySettingsPath + "retention/"
)

// Deps are what the pages need.
type Deps struct {
	Store    idp.Store
	Lockouts *lockout.Service
	Audit    *audit.Service // nil = how long events are kept is not on the settings page
	Live     *live.Events   // nil = the list looks by itself twice a minute only
	// Unsent says why no owner is told by mail, such as that no mail server is
	// configured; nil or "" = they are.
	Unsent func() string
}

// Pages answers the pages about lockouts.
type Pages struct{ d Deps }

// New returns Pages.
func New(d Deps) *Pages { return &Pages{d} }

// Routes adds the pages; it is one of server.Deps.Mounts. Whoever is not signed in is
// sent to sign in; whoever may do nothing with lockouts is refused.
func (p *Pages) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireUser)
		m := page.Mount{Router: r}
		m.Get("lockouts/", p.list)
		m.Get("lockouts/history/", p.history)
		if p.d.Live != nil {
			m.Get("lockouts/live/", p.live)
		}
		m.Post("lockouts/unlock/", p.unlock)
		m.Post("lockouts/undo/", p.undo)
		m.Get("security-settings/", p.settings)
		m.Post("security-settings/", p.change)
		m.Post("security-settings/effect/", p.effect)
		if p.d.Audit != nil {
			m.Post("security-settings/retention/", p.keep)
		}
	})
}

// now is the time that "in 12 minutes" is counted from; it decides nothing.
func now() time.Time { return time.Now() }
