package page

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// Mount adds routes below the console's path, each for those who may open it (see
// guard.go).
type Mount struct{ Router chi.Router }

// Get adds a page.
func (m Mount) Get(path string, h web.Handler) {
	m.Router.Method(http.MethodGet, AdminPath+path, guard(h))
}

// Post adds what a form is sent to.
func (m Mount) Post(path string, h web.Handler) {
	m.Router.Method(http.MethodPost, AdminPath+path, guard(h))
}

// Act is for what asks first: GET is the question, for reloads and for browsers
// without script.
func (m Mount) Act(path string, h web.Handler) {
	m.Get(path, h)
	m.Post(path, h)
}

// Confirmed reads the form of an act. yes is false for a GET and for a form
// that was sent without asking first.
func Confirmed(r *http.Request) (yes bool, err error) {
	if r.Method != http.MethodPost {
		return false, nil
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return false, err
	}
	return form.Bool("confirmed"), nil
}

// Crumbs is the way to a page about a thing of a list; here is "" on the thing's
// own page.
func Crumbs(list, listHref, thing, thingHref, here string) []ui.Crumb {
	out := []ui.Crumb{{Label: list, Href: listHref}}
	if here == "" {
		return append(out, ui.Crumb{Label: thing})
	}
	return append(out, ui.Crumb{Label: thing, Href: thingHref}, ui.Crumb{Label: here})
}
