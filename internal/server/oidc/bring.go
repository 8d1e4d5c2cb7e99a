package oidc

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"slices"

	core "github.com/portcullis-idp/portcullis/internal/oidc"

	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// bring has the browser bring an answer to the application: by a redirect, or by a form
// that sends itself and has a button for browsers without script (OAuth 2.0 Form Post
// Response Mode).
func (f *Front) bring(w http.ResponseWriter, r *http.Request, a *core.Answer) error {
	if a.Mode != core.ModeForm {
		http.Redirect(w, r, a.URL(), http.StatusFound)
		return nil
	}
	to, err := url.Parse(a.To)
	if err != nil {
		return err // nobody registers such an address
	}
	web.FormsTo(w, originOf(a.To))
	// The application may check who sends the form: the origin is told, what was asked is not.
	w.Header().Set("Referrer-Policy", "strict-origin")
	title := "Back to the application"
	if a.Values.Get("code") != "" {
		title = "You are signed in"
	}
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

// plainHost are the hosts that a policy can name: it has no way to write addresses of
// IPv6, and reads some characters as its own.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9._-]+(:[0-9]+)?$`)

// originOf is where an address leads, for a policy: of hosts that it cannot name, and of
// the schemes of native applications, the scheme is all there is.
func originOf(uri string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return ""
	case (u.Scheme == "https" || u.Scheme == "http") && plainHost.MatchString(u.Host):
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + ":"
}
