package page

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/useragent"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// Sessions is what a SessionTable shows.
type Sessions struct {
	Items []idp.Session
	Base  string    // the list's address; a session is ended at Base + id + "/end/"
	Back  Back      // where to go when one was ended; "" = Base
	Owner *idp.User // whose they are; nil = everybody's, see Owners
	// Owners are the users of a list of everybody's; UserHref leads to one.
	Owners   map[idp.UserID]*idp.User
	UserHref func(idp.UserID) string
	Atlas    idp.Whereabouts // nil = nobody knows where addresses are
	Now      time.Time
	Badges   Badges
	Told     map[idp.SessionID]string // of those that are over, see SessionsTold
}

// owner is whose the session is; an account that is gone meanwhile still has a
// name.
func (s Sessions) owner(it *idp.Session) *idp.User {
	if s.Owner != nil {
		return s.Owner
	}
	if u := s.Owners[it.UserID]; u != nil {
		return u
	}
	return &idp.User{ID: it.UserID, Username: it.Username}
}

// SessionTable lists signed-in browsers. The one that asks is marked and comes
// first.
func SessionTable(r *http.Request, s Sessions) ui.TableProps {
	t := ui.TableProps{ID: "sessions", Caption: "Sessions",
		Columns: []ui.Column{{Label: "Device"}, {Label: "Place"}, {Label: "Last used"}, {Label: "Ends"},
			{Label: "Action", HideHead: true, Numeric: true}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconLaptop, Title: "No session",
			Text: "Every browser that signs in to this account is listed here and can be signed out."})}
	if s.Owner == nil {
		t.Columns = slices.Insert(t.Columns, 1, ui.Column{Label: "User"})
	}
	items := slices.Clone(s.Items)
	slices.SortStableFunc(items, func(a, b idp.Session) int {
		switch {
		case Present(r, &a):
			return -1
		case Present(r, &b):
			return 1
		}
		return 0
	})
	for i := range items {
		t.Rows = append(t.Rows, sessionRow(r, s, &items[i]))
	}
	return t
}

func sessionRow(r *http.Request, s Sessions, it *idp.Session) ui.Row {
	var tag templ.Component
	switch {
	case !it.Live:
		tag = ui.StateTag(SessionState(it))
	case Present(r, it):
		tag = ui.Tag(ui.ToneInfo, "This session")
	}
	owner := s.owner(it)
	if l := s.Badges.Session(it, owner); l != nil && tag == nil {
		tag = LockBadge(l)
	} else {
		tag = With(tag, l)
	}
	cells := []templ.Component{
		device(DeviceIcon(it), Device(it), it.UserAgent, tag, Details(it)), where(Place(s.Atlas, it.IP), Network(s.Atlas, it.IP), Address(it)),
		used(it, s.Now), ends(it, s.Told[it.ID], s.Now), endButton(r, s, it)}
	label := Device(it)
	if s.Owner == nil {
		cells = slices.Insert(cells, 1, ui.PersonCell(owner.Name, owner.Username, s.UserHref(owner.ID)))
		label += " of " + owner.DisplayName()
	}
	row := ui.Row{ID: it.ID.String(), Label: label, Muted: !it.Live, Cells: cells}
	if !it.Live {
		row.Fixed = "it has ended"
	}
	return row
}

func endButton(r *http.Request, s Sessions, it *idp.Session) templ.Component {
	if !it.Live {
		return ui.Text("")
	}
	q := EndSessionQuestion(r, it, s.owner(it), s.Base)
	b := ui.ButtonProps{Label: "End", Small: true, Attrs: templ.Attributes{"aria-label": "End the session on " + Device(it)}}
	if s.Owner == nil {
		b.Attrs["aria-label"] = "End the session of " + s.owner(it).DisplayName() + " on " + Device(it)
	}
	if Present(r, it) {
		b.Label = "Sign out"
		delete(b.Attrs, "aria-label")
	}
	return ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q, Button: b, Hidden: s.Back.Hidden()})
}

// Present reports whether a session is the one that the request comes with.
func Present(r *http.Request, it *idp.Session) bool {
	own := web.Actor(r).Session
	return own != nil && own.ID == it.ID
}

// EndSessionQuestion asks before a session is ended.
func EndSessionQuestion(r *http.Request, it *idp.Session, owner *idp.User, base string) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "End the session on " + Device(it) + "?", Submit: "End session", Danger: true,
		Text:   owner.DisplayName() + " is signed out there at once and can sign in again.",
		Action: base + it.ID.String() + "/end/", Back: base}
	switch {
	case Present(r, it):
		q.Title, q.Submit = "Sign out of this session?", "Sign out"
		q.Text = "This is the session you are using, on " + Device(it) + ": you are signed out."
	case web.Actor(r).Is(owner.ID):
		q.Text = "You are signed out there at once. If it was not you, change your password, too."
	}
	return q
}

// EndAllQuestion asks before all n sessions of a user are ended; base is the
// address of their list.
func EndAllQuestion(r *http.Request, owner *idp.User, n int, base string) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "End all sessions of " + owner.DisplayName() + "?", Submit: "End all sessions", Danger: true,
		Text:         "They are signed out on every device at once and can sign in again.",
		Consequences: Ends(idp.Holdings{Sessions: n}), Action: base + "end/", Back: base}
	if web.Actor(r).Is(owner.ID) {
		q.Title = "End all your sessions?"
		q.Text = "You are signed out on every device at once, here too, and have to sign in again."
	}
	return q
}

// EndOthersQuestion asks somebody before their n sessions besides the present
// one are ended.
func EndOthersQuestion(n int, base string) ui.ConfirmProps {
	return ui.ConfirmProps{Title: "End all your other sessions?", Submit: "End other sessions", Danger: true,
		Text:         "You are signed out on every other device at once and stay signed in here.",
		Consequences: Ends(idp.Holdings{Sessions: max(n, 0)}), Action: base + "end-others/", Back: base}
}

// Parted answers an act that ended the session it came with: the browser forgets
// the cookies, and the person may sign in again.
func Parted(w http.ResponseWriter, r *http.Request) error {
	web.SignOut(w, r)
	return web.Redirect(w, r, web.SignInPath)
}

var authMethods = map[string]string{
	"password": "a password", "token": "a link or an app password", "auth_webauthn_pwl": "a passkey", "auth_mfa": "two factors",
}

// Details are the quiet facts of a session: the system and its version, how
// somebody signed in, what it is bound to.
func Details(it *idp.Session) string {
	var out []string
	agent := useragent.Parse(it.UserAgent)
	if os := agent.OS; os.Major != "" && !strings.Contains(agent.Label(), os.Family+" "+os.Major) {
		version := os.Family + " " + os.Major
		if os.Minor != "" {
			version += "." + os.Minor
		}
		out = append(out, version)
	}
	if it.AuthMethod != "" {
		method := authMethods[it.AuthMethod]
		if method == "" {
			method = strings.ReplaceAll(it.AuthMethod, "_", " ")
		}
		out = append(out, "Signed in with "+method)
	}
	if bound := Bound(it.Binding); bound != "" {
		out = append(out, bound)
	}
	return strings.Join(out, " · ")
}
