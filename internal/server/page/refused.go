package page

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// refusal is what a page tells somebody whom a lock refuses.
type refusal struct {
	Title   string
	Lead    string
	Message string     // the lock's, "" = none
	Text    string     // the exact text, for whoever is asked for help
	Until   *time.Time // nil = until somebody lifts it
	Stale   bool       // no lock refuses, but strictness for want of knowing of them all
	Links   []ui.Link  // the first is the main one
	Now     time.Time
}

// refusalOf puts an error of the kind that idp.Locked reports into words.
func refusalOf(err error, links []ui.Link) refusal {
	v := refusal{Title: "Access is locked", Lead: "You cannot go on for now. Nothing of yours is lost.", Links: links, Now: time.Now()}
	var e *idp.Error
	if !errors.As(err, &e) {
		return v
	}
	v.Text = e.Message
	if e.Lock == nil {
		v.Title, v.Stale = "Access is paused", true
		v.Lead = "This server cannot be sure of its rules at the moment, so it lets nobody in. It does again as soon as it can."
		return v
	}
	v.Message, v.Until = e.Lock.Message, e.Lock.ExpiresAt
	return v
}

// Refused implements web.Pages. The session goes on once the lock is lifted.
func (Pages) Refused(w http.ResponseWriter, r *http.Request, err error) {
	var links []ui.Link
	if r.Method == http.MethodGet {
		links = append(links, ui.Link{Label: "Try again", Href: r.URL.RequestURI()})
	}
	links = append(links, ui.Link{Label: "Sign in as somebody else", Href: web.SignInPath}, ui.Link{Label: "Sign out", Href: SignOutPath})
	v := refusalOf(err, links)
	f := ui.FlowProps{Brand: Brand(web.Brand(r)), Theme: Theme(r)}
	if failed := RenderStatus(w, r, http.StatusForbidden, everywhere(refused(f, v))); failed != nil {
		web.From(r.Context()).Record.Warn(failed)
		http.Error(w, v.Text, http.StatusForbidden)
	}
}

// everywhere draws a page with all its links: who is refused is nobody to the
// server, and may well open them once the lock does not count any more.
func everywhere(c templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return c.Render(ui.WithOffers(ctx, func(string, string) bool { return true }), w)
	})
}

// deniedLinks are the ways on from a flow that a lock ended.
func deniedLinks(r *http.Request) []ui.Link {
	again := ui.Link{Label: "Try again", Href: web.SignInPath}
	if r.Method == http.MethodGet { // such as a link by mail, which still works
		again.Href = r.URL.RequestURI()
	}
	if web.User(r) != nil {
		return []ui.Link{{Label: "To your account", Href: AccountPath}, again}
	}
	return []ui.Link{again}
}
