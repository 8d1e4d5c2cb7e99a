package page

import (
	"net/http"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/oidc"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// Flow implements web.Pages: one card on the brand's background.
func (Pages) Flow(w http.ResponseWriter, r *http.Request, p web.FlowPage) error {
	a := p.Answer
	f := ui.FlowProps{Title: a.Info.Title, Brand: Brand(web.Brand(r)), Theme: Theme(r), Danger: a.Frame.Danger, Wide: a.Frame.Wide}
	f.Layout = a.Info.Layout
	if a.Info.Background != "" {
		f.Brand.BackgroundURL = a.Info.Background
	}
	for _, m := range p.Messages {
		f.Messages = append(f.Messages, ui.Flash{Tone: tones[m.Tone], Text: m.Text})
	}
	if a.Inspection != nil {
		f.Aside = inspector(a.Inspection, AdminPath+"flows/"+a.Flow.ID.String()+"/")
	}
	if a.Done {
		return Render(w, r, flowEnd(f, ui.AlertProps{Tone: ui.ToneOK, Title: "The flow ends here",
			Text: "Without the inspector the browser would be there already."}, ui.Link{Label: "Continue", Href: a.Redirect}))
	}
	if denied, _ := a.Challenge.(flow.AccessDenied); a.View == nil && denied.Refusal != nil {
		return Render(w, r, refused(f, refusalOf(denied.Refusal, deniedLinks(r))))
	}
	if a.View == nil {
		return Render(w, r, flowEnd(f, end(a.Challenge), out(r, a.Challenge)))
	}
	if a.Frame.Person != "" {
		f.User, f.NotYou = &ui.Person{Username: a.Frame.Person}, a.Frame.Over
	}
	for _, l := range a.Frame.Links {
		f.Links = append(f.Links, ui.Link{Label: l.Label, Href: l.Href})
	}
	if steppingUp(r) {
		f.Text = whyAgain(web.Next(r.URL.Query()))
		f.NotYou = "" // nobody else can do it
	}
	if web.User(r) != nil && !a.Frame.Told {
		f.Cancel = leaveURL(r, a.Info.CancelURL)
	}
	return Render(w, r, flowStep(f, a.View))
}

// steppingUp reports whether the page is of the flow in which whoever is signed in proves
// once more who they are.
func steppingUp(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, flow.Path(flow.StepUpSlug))
}

// whyAgain says why somebody is asked who is signed in, by where it leads them.
func whyAgain(next string) string {
	const ago = "You last did so a while ago, and what comes next takes a fresh proof."
	switch path, _, _ := strings.Cut(next, "?"); path {
	case web.GoOnPath:
		return ago + " What you filled in is kept."
	case oidc.AuthorizePath:
		return "The application that you are going to asks for a fresh proof."
	}
	return ago
}

// leaveURL leaves a flow that somebody signed in has under way: back to where
// they came from, when the flow's address says so, else to their first page. An
// application that waits for the flow's end is told.
func leaveURL(r *http.Request, cancel string) string {
	if cancel == "" {
		return ""
	}
	next := web.Next(r.URL.Query())
	switch path, _, asks := strings.Cut(next, "?"); {
	case asks && (path == oidc.AuthorizePath || path == oidc.VerifyPath):
		next += "&" + oidc.CancelParam + "=true"
	case steppingUp(r):
		next = string(BackOf(r, nil)) // what it leads to would lead here again
	}
	if next == "" {
		next = home(r)
	}
	return withNext(cancel, next)
}

// end is the note of a challenge of the engine itself: access denied, or a
// flow that cannot go on.
func end(c flow.Challenge) ui.AlertProps {
	switch c := c.(type) {
	case flow.AccessDenied:
		text := c.ErrorMessage
		if text == "" {
			text = "You do not have permission to go on here."
		}
		return ui.AlertProps{Tone: ui.ToneBad, Title: "Access denied", Text: text, Live: true}
	case flow.FlowError:
		text := c.Error
		if text == "" {
			text = "Something went wrong on our side. Try again; if it stays, tell your administrator the request ID."
		}
		return ui.AlertProps{Tone: ui.ToneBad, Title: "This cannot go on", Text: text, Body: ui.CopyID(c.RequestID), Live: true}
	}
	return ui.AlertProps{Tone: ui.ToneBad, Title: "This cannot go on", Text: "There is no page for this step.", Live: true}
}

// out is the way out of a flow that ended.
func out(r *http.Request, c flow.Challenge) ui.Link {
	denied, _ := c.(flow.AccessDenied)
	switch u := web.User(r); {
	case u == nil && denied.SignIn:
		return ui.Link{Label: "Sign in", Href: web.SignInURL(r)}
	case u == nil:
		return ui.Link{Label: "Sign in", Href: web.SignInPath}
	case web.MayConsole(r):
		return ui.Link{Label: "To the console", Href: AdminPath}
	}
	return ui.Link{Label: "To your account", Href: AccountPath}
}

// home is the first page of whoever is signed in.
func home(r *http.Request) string {
	if web.MayConsole(r) {
		return AdminPath
	}
	return AccountPath
}

// Locked implements web.Pages.
func (Pages) Locked(w http.ResponseWriter, r *http.Request) error {
	return Render(w, r, locked(ui.FlowProps{Title: "Your account has been locked",
		Brand: Brand(web.Brand(r)), Theme: Theme(r)}))
}
