package page

import (
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// Pages draws what the server itself has to show; see web.Pages.
type Pages struct{}

var _ web.Pages = Pages{}

var titles = map[int]string{
	http.StatusBadRequest:            "That did not work",
	http.StatusForbidden:             "No permission",
	http.StatusNotFound:              "Nothing here",
	http.StatusMethodNotAllowed:      "That is not possible here",
	http.StatusConflict:              "Somebody was faster",
	http.StatusRequestEntityTooLarge: "That is too large",
	http.StatusUnsupportedMediaType:  "That did not work",
	http.StatusTooManyRequests:       "Too many requests",
	http.StatusServiceUnavailable:    "Not available right now",
	http.StatusInternalServerError:   "Something went wrong",
}

// Error implements web.Pages: inside the frame the person was in, so that the
// way back is where it always is, and on a page of its own for strangers.
func (Pages) Error(w http.ResponseWriter, r *http.Request, status int, message, requestID string) {
	e := ui.ErrorProps{Status: status, Title: titles[status], Message: message,
		Brand: Brand(web.Brand(r)), Theme: Theme(r)}
	if e.Title == "" {
		e.Title = http.StatusText(status)
	}
	if status >= http.StatusInternalServerError {
		e.RequestID = requestID
	}
	u := web.User(r)
	inConsole := strings.HasPrefix(r.URL.Path, AdminPath) && web.MayConsole(r)
	inAccount := u != nil && (strings.HasPrefix(r.URL.Path, AccountPath) || strings.HasPrefix(r.URL.Path, AdminPath))
	var c templ.Component
	switch {
	case status >= http.StatusInternalServerError:
		// Whatever failed may fail again while the frame is filled in.
		e.Links = links(r, u != nil)
		c = ui.ErrorPage(e)
	case inConsole:
		e.Links = []ui.Link{{Label: "To the overview", Href: AdminPath}}
		c = errorInConsole(Console(r, ui.PageProps{Title: e.Title, HideHead: true}), e)
	case inAccount:
		e.Links = []ui.Link{{Label: "To your account", Href: AccountPath}}
		if status == http.StatusForbidden && strings.HasPrefix(r.URL.Path, AdminPath) {
			e.Title = "You do not have permission to open the console"
			e.Message = "Your account has no role that opens it. You are signed in as " + u.Username + "."
			e.Links = append(e.Links, ui.Link{Label: "Sign in as somebody else", Href: SignOutPath})
		}
		c = errorInAccount(Account(r, ui.PageProps{Title: e.Title, HideHead: true}), e)
	default:
		e.Links = links(r, u != nil)
		c = ui.ErrorPage(e)
	}
	if err := RenderStatus(w, r, status, c); err != nil {
		web.From(r.Context()).Record.Warn(err)
		http.Error(w, message, status)
	}
}

// links are the ways on from a page outside every frame.
func links(r *http.Request, signedIn bool) []ui.Link {
	var out []ui.Link
	if r.Method == http.MethodGet {
		out = append(out, ui.Link{Label: "Try again", Href: r.URL.RequestURI()})
	}
	if signedIn {
		return append([]ui.Link{{Label: "To your account", Href: AccountPath}}, out...)
	}
	return append(out, ui.Link{Label: "Sign in", Href: web.SignInPath})
}
