package page

import (
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// Tokens is what a TokenTable shows.
type Tokens struct {
	Items  []idp.Token
	Base   string    // the list's address; a token is revoked at Base + id + "/revoke/"
	Owner  *idp.User // whose they are
	Now    time.Time
	Badges Badges
	Link   func(*idp.Token) string // a token's own page; nil = it has none
}

// TokenTable lists bearer secrets, never their keys.
func TokenTable(s Tokens) ui.TableProps {
	t := ui.TableProps{ID: "tokens", Caption: "Tokens",
		Columns: []ui.Column{{Label: "Token"}, {Label: "Kind"}, {Label: "Last used"}, {Label: "Created"},
			{Label: "Expires"}, {Label: "Action", HideHead: true, Numeric: true}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconKeyRound, Title: "No token",
			Text: "API tokens, app passwords and links that open this account are listed here and can be revoked."})}
	for i := range s.Items {
		it := &s.Items[i]
		var tag templ.Component
		end := ui.Text("")
		if it.Live {
			if l := s.Badges.Token(it, s.Owner); l != nil {
				tag = LockBadge(l)
			} else if marked := StepUpTag(it); marked != nil {
				tag = marked
			}
			q := RevokeQuestion(it, s.Owner, s.Base)
			end = ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q, Button: ui.ButtonProps{Label: "Revoke", Small: true,
				Attrs: templ.Attributes{"aria-label": "Revoke the token " + it.Identifier}}})
		} else {
			tag = ui.StateTag(TokenState(it))
		}
		href := ""
		if s.Link != nil {
			href = s.Link(it)
		}
		t.Rows = append(t.Rows, ui.Row{ID: it.ID.String(), Label: it.Identifier, Muted: !it.Live, Cells: []templ.Component{
			Named(it.Identifier, it.Description, href, tag), ui.Tag(ui.ToneNeutral, Intent(it.Intent)), When(it.LastUsedAt, s.Now),
			ui.Time(it.CreatedAt, s.Now), TokenEnds(it, s.Now), end}})
	}
	return t
}

// TokenEnds is when a token ends.
func TokenEnds(it *idp.Token, now time.Time) templ.Component {
	if !it.Expiring {
		return ui.Muted("never")
	}
	return When(it.ExpiresAt, now)
}

// RevokeQuestion asks before a token is revoked.
func RevokeQuestion(it *idp.Token, owner *idp.User, base string) ui.ConfirmProps {
	return ui.ConfirmProps{Title: "Revoke the token " + it.Identifier + "?", Submit: "Revoke token", Danger: true,
		Text:   "Whatever uses it for " + owner.DisplayName() + " stops working at once. A revoked token cannot be brought back.",
		Action: base + it.ID.String() + "/revoke/", Back: base}
}
