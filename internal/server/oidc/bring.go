package oidc

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"

	core "github.com/portcullis-idp/portcullis/internal/oidc"

	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// bring has the browser bring an answer to the application: by a redirect, by a page that
// leads on where the browser comes from a form of ours, or by a form that sends itself and
// has a button for browsers without script (OAuth 2.0 Form Post Response Mode).
func (f *Front) bring(w http.ResponseWriter, r *http.Request, a *core.Answer) error {
	title := "Back to the application"
	if a.Values.Get("code") != "" {
		title = page.SignedIn
	}
	switch {
	case a.Mode == core.ModeForm:
		return f.post(w, r, a, title)
	case r.URL.Query().Has(resumeParam):
		return page.Away(w, r, a.URL(), title)
	}
	http.Redirect(w, r, a.URL(), http.StatusFound)
	return nil
}

// post has the browser post an answer.
func (f *Front) post(w http.ResponseWriter, r *http.Request, a *core.Answer, title string) error {
	to, err := url.Parse(a.To)
	if err != nil {
		return err // nobody registers such an address
	}
	web.FormsAway(w)
	// The application may check who sends the form: the origin is told, what was asked is not.
	w.Header().Set("Referrer-Policy", "strict-origin")
	return page.Render(w, r, answerForm(ui.FlowProps{Title: title, Text: "On the way to " + to.Host + ".", Brand: page.Brand(web.Brand(r)), Theme: page.Theme(r)},
		a.To, pairs(a.Values)))
}

// pairs are values in the order of their names.
func pairs(values url.Values) []ui.Pair {
	var out []ui.Pair
	for name := range values {
		out = append(out, ui.Pair{Name: name, Value: values.Get(name)})
	}
	slices.SortFunc(out, func(a, b ui.Pair) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// appScheme is the scheme, with its colon, of the app of a device that an address leads
// to; "" where it is the address of a site.
func appScheme(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" || web.Site(u) {
		return ""
	}
	return u.Scheme + ":"
}
