package page

import (
	"context"
	"fmt"
	"net/http"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// Forgetter forgets browsers; session.Service is one.
type Forgetter interface {
	ForgetDevice(ctx context.Context, actor idp.Actor, id idp.KnownDeviceID, sessions bool) (session.Forgotten, error)
	ForgetDevices(ctx context.Context, actor idp.Actor, user idp.UserID, sessions bool) (session.Forgotten, error)
}

// Forgetting is what the pages about browsers of an account share: the person's own
// and the console's.
type Forgetting struct {
	Sessions Forgetter
	Store    idp.Store
	Owner    *idp.User
	Base     string                        // the address of the list
	Ask      func(q ui.ConfirmProps) error // draws the question
}

// DeviceListActs are the acts above a list of total browsers of an account: all says
// that it shows those, too, that are not known any more.
func DeviceListActs(r *http.Request, list List, all bool, owner *idp.User, total int, base string) []templ.Component {
	toggle := ui.ButtonProps{Label: "Show forgotten ones, too", Href: list.Href("show", "all"), Small: true}
	if all {
		toggle = ui.ButtonProps{Label: "Show known ones only", Href: list.Href("show", ""), Small: true}
	}
	out := []templ.Component{ui.Button(toggle)}
	if total > 0 {
		out = append(out, ui.Button(ui.ButtonProps{Label: "Forget all…", Kind: ui.Warning, Small: true, Href: base + "forget/"}))
	}
	return out
}

// forgetForm reads the answer to the question; yes is false while it is asked.
func forgetForm(r *http.Request) (yes, sessions bool, err error) {
	if r.Method != http.MethodPost {
		return false, false, nil
	}
	form, err := web.DecodeForm(r)
	return form.Bool("confirmed"), form.Bool("sessions"), err
}

// ForgetDevice asks before a browser is forgotten, and forgets it.
func ForgetDevice(w http.ResponseWriter, r *http.Request, f Forgetting, d *idp.KnownDevice) error {
	yes, sessions, err := forgetForm(r)
	if err != nil {
		return err
	}
	live, err := f.Store.Repos().KnownDevices.Sessions(r.Context(), d.ID)
	if err != nil {
		return err
	}
	if !yes {
		return f.Ask(ForgetQuestion(r, d, f.Owner, len(live), f.Base))
	}
	out, err := f.Sessions.ForgetDevice(r.Context(), web.Actor(r), d.ID, sessions)
	if err != nil {
		return Refused(w, r, err, f.Base)
	}
	if out.Sessions > 0 && PresentDevice(r, d.ID) {
		return Parted(w, r)
	}
	if out == (session.Forgotten{}) {
		return Already(w, r, "That browser was not known any more.", f.Base)
	}
	web.Flash(r.Context(), web.ToneSuccess, HaveForgotten(out))
	return web.Redirect(w, r, f.Base)
}

// ForgetDevices asks before all browsers of an account are forgotten, and forgets
// them.
func ForgetDevices(w http.ResponseWriter, r *http.Request, f Forgetting) error {
	yes, sessions, err := forgetForm(r)
	if err != nil {
		return err
	}
	if !yes {
		known := true
		found, err := f.Store.Repos().KnownDevices.Find(r.Context(), idp.KnownDeviceFilter{UserID: &f.Owner.ID, Known: &known, Paging: idp.Paging{Limit: 1}})
		if err != nil {
			return fmt.Errorf("counting the known devices of user %d: %w", f.Owner.ID, err)
		}
		return f.Ask(ForgetAllQuestion(r, f.Owner, found.Total, f.Base))
	}
	out, err := f.Sessions.ForgetDevices(r.Context(), web.Actor(r), f.Owner.ID, sessions)
	if err != nil {
		return Refused(w, r, err, f.Base)
	}
	web.Flash(r.Context(), web.ToneSuccess, HaveForgotten(out))
	return web.Redirect(w, r, f.Base)
}
