package page

import (
	"encoding/json"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// glance is what the frame of a flow reads of any challenge, by the names on
// the wire.
type glance struct {
	PendingUser  string `json:"pending_user"`
	ErrorMessage string `json:"error_message"`
	Error        string `json:"error"`
	RequestID    string `json:"request_id"`
}

// look reads what the frame shows of a challenge. A challenge that is not JSON
// is a fault the API would meet first; the frame goes without.
func look(c flow.Challenge) glance {
	var g glance
	if raw, err := json.Marshal(c); err == nil {
		_ = json.Unmarshal(raw, &g)
	}
	return g
}

// Flow implements web.Pages: one card on the brand's background.
func (Pages) Flow(w http.ResponseWriter, r *http.Request, p web.FlowPage) error {
	info := p.Answer.Info
	f := ui.FlowProps{Title: info.Title, Brand: Brand(web.Brand(r)), Theme: Theme(r)}
	if info.Background != "" {
		f.Brand.BackgroundURL = info.Background
	}
	for _, m := range p.Messages {
		f.Messages = append(f.Messages, ui.Flash{Tone: tones[m.Tone], Text: m.Text})
	}
	g := look(p.Answer.Challenge)
	if p.Answer.View == nil {
		return Render(w, r, flowEnd(f, end(f.Title, g), leave(r)))
	}
	if g.PendingUser != "" {
		f.User, f.NotYou = &ui.Person{Username: g.PendingUser}, info.CancelURL
	} else {
		f.Cancel = info.CancelURL
	}
	return Render(w, r, flowStep(f, p.Answer.View))
}

// end is the note of a challenge of the engine itself: access denied, or a
// flow that cannot go on.
func end(title string, g glance) ui.AlertProps {
	a := ui.AlertProps{Tone: ui.ToneBad, Title: "Access denied", Text: g.ErrorMessage, Live: true}
	if g.Error != "" {
		a.Title, a.Text = title+" cannot go on", g.Error
	}
	if a.Text == "" {
		a.Text = "You do not have permission to go on here."
	}
	if g.RequestID != "" {
		a.Action = ui.CopyID(g.RequestID)
	}
	return a
}

// leave is the way out of a flow that ended.
func leave(r *http.Request) ui.Link {
	switch u := web.User(r); {
	case u == nil:
		return ui.Link{Label: "Sign in", Href: web.SignInPath}
	case u.IsSuperuser:
		return ui.Link{Label: "To the console", Href: AdminPath}
	}
	return ui.Link{Label: "To your account", Href: AccountPath}
}

// Locked implements web.Pages.
func (Pages) Locked(w http.ResponseWriter, r *http.Request) error {
	return Render(w, r, locked(ui.FlowProps{Title: "Your account has been locked",
		Brand: Brand(web.Brand(r)), Theme: Theme(r)}))
}
