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
			if l := s.Badges.Token(it, s.Owner); l != nil {
				tag = LockBadge(l)
			}
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
