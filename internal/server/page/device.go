package page

import (
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/useragent"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// Devices is what a DeviceTable shows.
type Devices struct {
	Items  []idp.KnownDevice
	Base   string // the list's address; one is forgotten at Base + id + "/forget/"
	Owner  *idp.User
	Atlas  idp.Whereabouts // nil = nobody knows where addresses are
	Now    time.Time
	Badges Badges
}

// DeviceTable lists the browsers that an account is known in. The one that asks is
// marked and comes first.
func DeviceTable(r *http.Request, d Devices) ui.TableProps {
	t := ui.TableProps{ID: "devices", Caption: "Known browsers",
		Columns: []ui.Column{{Label: "Browser"}, {Label: "Place"}, {Label: "Last seen"}, {Label: "Known until"},
			{Label: "Action", HideHead: true, Numeric: true}}}
	items := slices.Clone(d.Items)
	slices.SortStableFunc(items, func(a, b idp.KnownDevice) int {
		switch {
		case PresentDevice(r, a.ID):
			return -1
		case PresentDevice(r, b.ID):
			return 1
		}
		return 0
	})
	for i := range items {
		t.Rows = append(t.Rows, deviceRow(r, d, &items[i]))
	}
	return t
}

// PresentDevice reports whether a browser is the one that the request comes from.
func PresentDevice(r *http.Request, id idp.KnownDeviceID) bool {
	own := web.Actor(r).Session
	return own != nil && own.DeviceID != nil && *own.DeviceID == id
}

func deviceRow(r *http.Request, d Devices, it *idp.KnownDevice) ui.Row {
	tag := deviceState(it)
	if PresentDevice(r, it.ID) {
		tag = ui.Tag(ui.ToneInfo, "This browser")
		if !it.Known {
			tag = ui.Join(tag, deviceState(it))
		}
	}
	tag = With(tag, d.Badges.Device(it, d.Owner))
	icon, label := BrowserOf(it.UserAgent)
	return ui.Row{ID: it.ID.String(), Label: label, Muted: !it.Known, Cells: []templ.Component{
		device(icon, label, it.UserAgent, tag, ""), where(Place(d.Atlas, it.IP), Network(d.Atlas, it.IP), addressOf(it.IP)),
		seen(it.LastSeenAt, it.CreatedAt, d.Now), knownUntil(it, d.Now), deviceActs(d, it, label)}}
}

// deviceState is whether a browser is known, was forgotten, or is known no more.
func deviceState(it *idp.KnownDevice) templ.Component {
	switch {
	case it.Known:
		return ui.Tag(ui.ToneOK, "Known")
	case it.RevokedAt != nil:
		return ui.Tag(ui.ToneNeutral, "Forgotten")
	}
	return ui.Tag(ui.ToneNeutral, "Over")
}

// whyOver says why a browser is not known any more.
func whyOver(it *idp.KnownDevice, now time.Time) string {
	switch {
	case it.RevokedAt != nil:
		return "Forgotten"
	case !it.ExpiresAt.After(now):
		return "Its time was over"
	}
	return "All sessions were ended since"
}

// deviceActs leads to the lock wizard and to the question before forgetting.
func deviceActs(d Devices, it *idp.KnownDevice, label string) templ.Component {
	parts := []templ.Component{ui.Button(ui.ButtonProps{Label: "Lock…", Small: true, Href: LockWizard(idp.LockKey{Kind: idp.LockDevice, Value: it.ID.String()}),
		Attrs: templ.Attributes{"aria-label": "Lock the browser " + label}})}
	if it.Known {
		parts = append(parts, ui.Button(ui.ButtonProps{Label: "Forget…", Small: true, Href: d.Base + it.ID.String() + "/forget/",
			Attrs: templ.Attributes{"aria-label": "Forget the browser " + label}}))
	}
	return rowActs(parts)
}

// ForgetQuestion asks before a browser is forgotten, and whether its sessions are to
// end, too.
func ForgetQuestion(r *http.Request, it *idp.KnownDevice, owner *idp.User, sessions int, base string) ui.ConfirmProps {
	_, label := BrowserOf(it.UserAgent)
	q := ui.ConfirmProps{Title: "Forget " + label + "?", Submit: "Forget browser", Danger: true, Action: base + it.ID.String() + "/forget/", Back: base,
		Text: "The browser is a stranger again: the next sign-in of " + owner.DisplayName() + " there counts as one from an unknown browser. Who is signed in there stays so, unless you end that, too."}
	ends := "Nobody is signed in there at the moment."
	if sessions > 0 {
		ends = Ends(idp.Holdings{Sessions: sessions})[0]
		if PresentDevice(r, it.ID) {
			ends += ", yours here among them"
		}
	}
	q.Body = ui.Field(ui.FieldProps{Name: "sessions", Type: ui.FieldCheckbox, Label: "End its sessions, too", Hint: ends, Value: "1"})
	if web.Actor(r).Is(owner.ID) {
		q.Text = "The browser is a stranger again: your next sign-in there counts as one from an unknown browser. If you are signed in there you stay so, unless you end that, too."
	}
	return q
}

// ForgetAllQuestion asks before all n browsers of somebody are forgotten.
func ForgetAllQuestion(r *http.Request, owner *idp.User, n int, base string) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "Forget all browsers of " + owner.DisplayName() + "?", Submit: "Forget all browsers", Danger: true, Action: base + "forget/", Back: base,
		Text:         "Every browser is a stranger again, and the next sign-in there counts as one from an unknown browser. Sessions go on, unless you end them, too.",
		Consequences: []string{ui.Count(n, "browser") + " forgotten"}}
	ends := "Every session of the account, known browser or not."
	if web.Actor(r).Is(owner.ID) {
		q.Title, ends = "Forget all your browsers?", "Every session but the one you are using."
	}
	q.Body = ui.Field(ui.FieldProps{Name: "sessions", Type: ui.FieldCheckbox, Label: "End all sessions, too", Hint: ends, Value: "1"})
	return q
}

// HaveForgotten says what came of forgetting browsers.
func HaveForgotten(out session.Forgotten) string {
	text := ui.Count(out.Devices, "browser") + " forgotten."
	if out.Devices == 0 {
		text = "No browser was known any more."
	}
	if out.Sessions > 0 {
		text += " " + HaveEnded(out.Sessions, "session")
	}
	switch {
	case out.Kept == 1:
		text += " One is still known, because a lock names it."
	case out.Kept > 1:
		text += " " + ui.Count(out.Kept, "browser") + " are still known, because locks name them."
	}
	return text
}

// BrowserOf names a browser by its header, with the sign for its kind.
func BrowserOf(header string) (ui.IconName, string) {
	agent := useragent.Parse(header)
	if icon, ok := deviceIcons[agent.Device.Kind]; ok {
		return icon, agent.Label()
	}
	return ui.IconGlobe, agent.Label()
}

func addressOf(at netip.Addr) string {
	if !at.IsValid() {
		return ""
	}
	return at.Unmap().String()
}
