package page

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// SignedIn is the heading of the page on the way to an application.
const SignedIn = "You are signed in"

// Away implements web.Pages.
func (Pages) Away(w http.ResponseWriter, r *http.Request, to, title string) error {
	return Away(w, r, to, title)
}

// Away takes the browser to another site, where it may have sent a form: browsers hold all
// redirects that follow a form to the hosts that the form's page names, also those that the
// other site answers with, and nobody can name these beforehand. So they are given a page
// that leads on by itself; title is its heading. Programs that show no pages are
// redirected, and so is whoever goes to an app of the device: a browser opens one for
// whoever pressed something, which they did on the page before (web.AllowFormTo).
func Away(w http.ResponseWriter, r *http.Request, to, title string) error {
	u, err := url.Parse(to)
	if err != nil {
		return err // nobody could name such an address
	}
	if !strings.Contains(r.Header.Get("Accept"), "text/html") || !web.Site(u) {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	}
	w.Header().Set("Refresh", "0; url="+u.String())
	return Render(w, r, away(ui.FlowProps{Title: title, Text: "On the way to " + strings.ToLower(u.Host) + ".", Brand: Brand(web.Brand(r)), Theme: Theme(r)}, to))
}
