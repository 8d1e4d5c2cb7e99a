package admin

import (
	"net/http"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/token"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// recoveryLifetime is how long a recovery link opens.
const recoveryLifetime = 24 * time.Hour

func hours(d time.Duration) string { return ui.Count(int(d.Hours()), "hour") }

// recoveryLink asks how often the link is to work, makes it and shows it once, in
// the answer itself: it is a secret, so it is kept nowhere for a page to come.
func (c *Console) recoveryLink(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	at := userPath(d.User.ID)
	if why := d.reasons(r).Recovery; why != "" {
		return page.Refused(w, r, idp.Invalid("", "%s", why), at)
	}
	var form web.Form
	if r.Method == http.MethodPost {
		if form, err = web.DecodeForm(r); err != nil {
			return err
		}
	}
	if !form.Bool("confirmed") {
		return askRecovery(w, r, d, page.Faults{})
	}
	// Whoever says nothing gets what opens least.
	chosen := form.Text("single_use")
	if chosen != "" && chosen != "true" && chosen != "false" {
		faults, _ := page.FaultsOf(idp.Invalid("single_use", "Choose “Once” or “More than once”."))
		return askRecovery(w, r, d, faults)
	}
	single := chosen != "false"
	link, err := c.tokens.RecoveryLink(r.Context(), web.Actor(r), d.User.ID, web.Brand(r), token.LinkTerms{Lifetime: recoveryLifetime, Reusable: !single})
	if err != nil {
		return page.Refused(w, r, err, at)
	}
	p := page.Console(r, ui.PageProps{Title: "Recovery link", Narrow: true, Crumbs: userCrumbs(d.User, "Recovery link"),
		Subtitle: "For " + d.User.DisplayName() + ". It is shown once, here and now."})
	p.Path = at
	return page.Render(w, r, recoveryPage(p, d, c.absolute(r, link), single))
}

func askRecovery(w http.ResponseWriter, r *http.Request, d *dossier, faults page.Faults) error {
	p := page.Console(r, ui.PageProps{Title: "Create a recovery link for " + d.User.DisplayName() + "?", Narrow: true, Crumbs: userCrumbs(d.User, "Recovery link")})
	p.Path = userPath(d.User.ID)
	return page.RenderStatus(w, r, faults.Status(), recoveryForm(p, d, faults))
}

// absolute turns a path of this server into an address that can be sent.
func (c *Console) absolute(r *http.Request, link string) string {
	return page.Absolute(r, c.public, link)
}
