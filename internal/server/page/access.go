package page

import (
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// AccessRequestsPath is where the console shows requests for access.
const AccessRequestsPath = AdminPath + "access-requests/"

// AccessRequestPath is where the console shows a request.
func AccessRequestPath(id idp.AccessRequestID) string { return AccessRequestsPath + id.String() + "/" }

// AccessRequest returns the lock that takes what was granted.
func (b Badges) AccessRequest(r *idp.AccessRequest) *idp.Lock {
	if b.View == nil || r.State != idp.AccessGranted {
		return nil
	}
	if l := b.Group(r.GroupName); l != nil {
		return l
	}
	key := idp.LockKey{Kind: idp.LockAccessRequest, Value: r.ID.String()}
	return b.named(key, &idp.User{Username: r.Username})
}

var accessStates = map[idp.AccessRequestState]struct {
	tone  ui.Tone
	label string
}{
	idp.AccessPending: {ui.ToneWarn, "Waiting for a decision"}, idp.AccessGranted: {ui.ToneOK, "Granted"}, idp.AccessDenied: {ui.ToneNeutral, "Denied"},
	idp.AccessWithdrawn: {ui.ToneNeutral, "Withdrawn"}, idp.AccessEnded: {ui.ToneNeutral, "Ended"}, idp.AccessExpired: {ui.ToneNeutral, "Over"},
}

// AccessState is how far a request has come, with the badge of a lock.
func AccessState(r *idp.AccessRequest, b Badges) templ.Component {
	s := accessStates[r.State]
	if r.State == idp.AccessExpired && r.DecidedAt == nil {
		s.label = "Nobody decided"
	}
	return With(ui.Tag(s.tone, s.label), b.AccessRequest(r))
}

// AccessRequests is what an AccessTable shows.
type AccessRequests struct {
	Items   []idp.AccessRequest
	Console bool // for administrators; otherwise for who asked
	Who     bool // with a column for whose they are
	Base    string
	Now     time.Time
	Badges  Badges
}

// AccessTable lists requests for access.
func AccessTable(r *http.Request, a AccessRequests) ui.TableProps {
	t := ui.TableProps{ID: "access-requests", Caption: "Access requests"}
	if a.Who {
		t.Columns = append(t.Columns, ui.Column{Label: "Person"})
	}
	t.Columns = append(t.Columns, ui.Column{Label: "Group"}, ui.Column{Label: "Reason", Optional: true}, ui.Column{Label: "State"}, ui.Column{Label: "Until"},
		ui.Column{Label: "Action", HideHead: true, Numeric: true})
	for i := range a.Items {
		it := &a.Items[i]
		label, at := it.GroupName+" for "+it.Username, ""
		if a.Console {
			at = AccessRequestPath(it.ID)
		}
		var cells []templ.Component
		if a.Who {
			cells = append(cells, ui.Anchor(it.Username, AdminPath+"users/"+strconv.Itoa(int(it.UserID))+"/"))
		}
		state := AccessState(it, a.Badges)
		if s := web.Actor(r).Session; !a.Console && s != nil && it.In(s.ID) {
			state = ui.Join(state, ui.Tag(ui.ToneInfo, "In use here"))
		}
		term := "for " + elevate.Words(it.Duration)
		if !a.Console && it.Note != "" {
			term += " · " + it.DecidedBy + ": “" + it.Note + "”"
		}
		cells = append(cells, ui.Two(it.GroupName, term, at), ui.Text(it.Reason), state, accessUntil(it, a.Now), accessActs(r, a, it))
		t.Rows = append(t.Rows, ui.Row{ID: it.ID.String(), Label: label, Muted: !it.Open(), Cells: cells})
	}
	return t
}

func accessUntil(it *idp.AccessRequest, now time.Time) templ.Component {
	if !it.Open() && it.State != idp.AccessExpired && it.State != idp.AccessEnded {
		return When(it.DecidedAt, now)
	}
	return ui.Time(it.ExpiresAt, now)
}

// accessActs are what can be done with a request: administrators do it on its page.
func accessActs(r *http.Request, a AccessRequests, it *idp.AccessRequest) templ.Component {
	at := a.Base + it.ID.String() + "/"
	button := func(label, what string) templ.Component {
		return ui.Button(ui.ButtonProps{Label: label, Small: true, Href: at + what, Attrs: templ.Attributes{"aria-label": label + " " + it.GroupName + " for " + it.Username}})
	}
	var parts []templ.Component
	switch {
	case a.Console && it.State == idp.AccessPending:
		parts = append(parts, button("Decide…", ""))
	case a.Console && it.State == idp.AccessGranted:
		parts = append(parts, ui.Button(ui.ButtonProps{Label: "Lock…", Small: true, Href: LockWizard(idp.LockKey{Kind: idp.LockAccessRequest, Value: it.ID.String()}),
			Attrs: templ.Attributes{"aria-label": "Lock " + it.GroupName + " for " + it.Username}}), button("End…", "end/"))
	case a.Console:
		parts = append(parts, button("Open", ""))
	case it.State == idp.AccessPending:
		parts = append(parts, button("Withdraw…", "withdraw/"))
	case it.State == idp.AccessGranted:
		if s := web.Actor(r).Session; s != nil && !it.In(s.ID) {
			parts = append(parts, ui.Action(ui.ActionProps{Action: at + "use/", Button: ui.ButtonProps{Label: "Use here", Small: true,
				Attrs: templ.Attributes{"aria-label": "Use " + it.GroupName + " here"}}}))
		}
		parts = append(parts, button("End…", "end/"))
	}
	return rowActs(parts)
}

// EndAccessQuestion asks before what was granted is ended.
func EndAccessQuestion(it *idp.AccessRequest, base, back string) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "End " + it.GroupName + " for " + it.Username + "?", Submit: "End access", Danger: true,
		Text: "The group is gone from every session at once. Sessions go on without it.", Action: base + it.ID.String() + "/end/", Back: back}
	if n := len(it.Carried); n > 0 {
		q.Consequences = []string{ui.Count(n, "session") + " without " + it.GroupName}
	}
	return q
}
