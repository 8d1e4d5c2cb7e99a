package page

import (
	"net/http"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// Why a session ended, as its row keeps it.
const (
	EndedByAdministrator = "ended by an administrator"
	EndedByOwner         = "ended by its owner"
)

// Sessions is what a SessionTable shows.
type Sessions struct {
	Items []idp.Session
	Base  string    // the list's address; a session is ended at Base + id + "/end/"
	Owner *idp.User // whose they are
	Now   time.Time
}

// SessionTable lists signed-in browsers. The one that asks is marked.
func SessionTable(r *http.Request, s Sessions) ui.TableProps {
	t := ui.TableProps{ID: "sessions", Caption: "Sessions",
		Columns: []ui.Column{{Label: "Device"}, {Label: "Address"}, {Label: "Last used"}, {Label: "Signed in", Optional: true},
			{Label: "Expires", Optional: true}, {Label: "Action", HideHead: true, Numeric: true}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconLaptop, Title: "No session",
			Text: "Every browser that signs in to this account is listed here and can be signed out."})}
	for i := range s.Items {
		t.Rows = append(t.Rows, sessionRow(r, s, &s.Items[i]))
	}
	return t
}

func sessionRow(r *http.Request, s Sessions, it *idp.Session) ui.Row {
	var tag, end templ.Component
	q := EndSessionQuestion(r, it, s.Owner, s.Base)
	switch {
	case !it.Live:
		tag, end = ui.StateTag(SessionState(it)), ui.Muted(it.EndReason)
	case current(r, it):
		tag = ui.Tag(ui.ToneInfo, "This browser")
	}
	if it.Live {
		end = ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q, Button: ui.ButtonProps{Label: "End", Small: true,
			Attrs: templ.Attributes{"aria-label": "End the session on " + Device(it)}}})
	}
	return ui.Row{ID: it.ID.String(), Label: Device(it), Muted: !it.Live, Cells: []templ.Component{
		device(DeviceIcon(it), Device(it), it.UserAgent, tag), address(Address(it)), ui.Time(it.LastSeenAt, s.Now),
		ui.Time(it.CreatedAt, s.Now), ui.Time(it.ExpiresAt, s.Now), end}}
}

func current(r *http.Request, it *idp.Session) bool {
	own := web.Actor(r).Session
	return own != nil && own.ID == it.ID
}

// EndSessionQuestion asks before a session is ended.
func EndSessionQuestion(r *http.Request, it *idp.Session, owner *idp.User, base string) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "End the session on " + Device(it) + "?", Submit: "End session", Danger: true,
		Text:   owner.DisplayName() + " is signed out there at once and can sign in again.",
		Action: base + it.ID.String() + "/end/", Back: base}
	switch {
	case current(r, it):
		q.Text = "This is the browser you are using: you are signed out."
	case web.Actor(r).Is(owner.ID):
		q.Text = "You are signed out there at once. If it was not you, change your password, too."
	}
	return q
}

// Tokens is what a TokenTable shows.
type Tokens struct {
	Items []idp.Token
	Base  string    // the list's address; a token is revoked at Base + id + "/revoke/"
	Owner *idp.User // whose they are
	Now   time.Time
}

// TokenTable lists bearer secrets, never their keys.
func TokenTable(s Tokens) ui.TableProps {
	t := ui.TableProps{ID: "tokens", Caption: "Tokens",
		Columns: []ui.Column{{Label: "Token"}, {Label: "Kind"}, {Label: "Last used"}, {Label: "Created", Optional: true},
			{Label: "Expires", Optional: true}, {Label: "Action", HideHead: true, Numeric: true}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconKeyRound, Title: "No token",
			Text: "API tokens, app passwords and links that open this account are listed here and can be revoked."})}
	for i := range s.Items {
		it := &s.Items[i]
		var tag templ.Component
		end := ui.Text("")
		if it.Live {
			q := RevokeQuestion(it, s.Owner, s.Base)
			end = ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q, Button: ui.ButtonProps{Label: "Revoke", Small: true,
				Attrs: templ.Attributes{"aria-label": "Revoke the token " + it.Identifier}}})
		} else {
			tag = ui.StateTag(TokenState(it))
		}
		expires := templ.Component(ui.Muted("never"))
		if it.Expiring {
			expires = When(it.ExpiresAt, s.Now)
		}
		t.Rows = append(t.Rows, ui.Row{ID: it.ID.String(), Label: it.Identifier, Muted: !it.Live, Cells: []templ.Component{
			named(it.Identifier, it.Description, tag), ui.Tag(ui.ToneNeutral, Intent(it.Intent)), When(it.LastUsedAt, s.Now),
			ui.Time(it.CreatedAt, s.Now), expires, end}})
	}
	return t
}

// RevokeQuestion asks before a token is revoked.
func RevokeQuestion(it *idp.Token, owner *idp.User, base string) ui.ConfirmProps {
	return ui.ConfirmProps{Title: "Revoke the token " + it.Identifier + "?", Submit: "Revoke token", Danger: true,
		Text:   "Whatever uses it for " + owner.DisplayName() + " stops working at once. A revoked token cannot be brought back.",
		Action: base + it.ID.String() + "/revoke/", Back: base}
}
