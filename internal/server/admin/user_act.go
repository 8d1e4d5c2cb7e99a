package admin

import (
	"net/http"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (d *dossier) deactivateQuestion() ui.ConfirmProps {
	at, name := userPath(d.User.ID), d.User.DisplayName()
	return ui.ConfirmProps{Title: "Deactivate " + name + "?",
		Text:         "They cannot sign in until somebody activates the account again. What ends now does not come back with that.",
		Consequences: page.EndsAt(d.Held, d.Applications), Submit: "Deactivate", Danger: true, Action: at + "deactivate/", Back: at}
}

func (d *dossier) activateQuestion() ui.ConfirmProps {
	at, name := userPath(d.User.ID), d.User.DisplayName()
	text := "They can sign in again. Sessions and tokens that ended stay ended."
	if !d.User.HasUsablePassword() {
		text += " There is no password: set one afterwards, or create a recovery link."
	}
	return ui.ConfirmProps{Title: "Activate " + name + "?", Text: text, Submit: "Activate", Action: at + "activate/", Back: at}
}

func (d *dossier) deleteQuestion() ui.ConfirmProps {
	at, name := userPath(d.User.ID), d.User.DisplayName()
	return ui.ConfirmProps{Title: "Delete " + name + "?",
		Text:         "The account is gone for good and cannot be restored. To stop somebody for now, use Account Lockdown instead.",
		Consequences: page.EndsAt(d.Held, d.Applications), Submit: "Delete " + d.User.Username, Danger: true, Action: at + "delete/", Back: at}
}

func (c *Console) activate(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	q := d.activateQuestion()
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, userCrumbs(d.User, "Activate"), q)
	case d.User.IsActive:
		return page.Already(w, r, d.User.DisplayName()+" is active already.", q.Back)
	}
	if err := c.lockdowns.Activate(r.Context(), web.Actor(r), d.User.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, d.User.DisplayName()+" was activated.")
	return web.Redirect(w, r, q.Back)
}

func (c *Console) deactivate(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	q := d.deactivateQuestion()
	if why := d.reasons(r).Deactivate; why != "" {
		return page.Refused(w, r, idp.Invalid("", "%s", why), q.Back)
	}
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, userCrumbs(d.User, "Deactivate"), q)
	case !d.User.IsActive:
		return page.Already(w, r, d.User.DisplayName()+" is inactive already.", q.Back)
	}
	if err := c.lockdowns.Deactivate(r.Context(), web.Actor(r), d.User.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, d.User.DisplayName()+" was deactivated. "+ended(d.Held))
	return web.Redirect(w, r, q.Back)
}

// ended says what a deactivation ended.
func ended(h idp.Holdings) string {
	if len(page.Ends(h)) == 0 {
		return "The account held no session or token."
	}
	list := endedShort(h)
	last := strings.LastIndex(list, ", ")
	return list[:last] + " and " + list[last+2:] + " ended."
}

func (c *Console) deleteUser(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	q := d.deleteQuestion()
	if why := d.reasons(r).Delete; why != "" {
		return page.Refused(w, r, idp.Invalid("", "%s", why), q.Back)
	}
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, userCrumbs(d.User, "Delete"), q)
	}
	if err := c.accounts.Delete(r.Context(), web.Actor(r), d.User.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, d.User.DisplayName()+" was deleted.")
	return web.Redirect(w, r, usersPath)
}

// lockDown starts the brand's lockdown flow for the user. What it would end
// stands on the page the button is on; the flow asks for the reason.
func (c *Console) lockDown(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	back := userPath(d.User.ID)
	if why := d.reasons(r).Lockdown; why != "" {
		return page.Refused(w, r, idp.Invalid("", "%s", why), back)
	}
	to, err := c.flow.Begin(w, r, []idp.UserID{d.User.ID}, back)
	if err != nil {
		return page.Refused(w, r, err, back)
	}
	return web.Redirect(w, r, to)
}

func (c *Console) passwordForm(w http.ResponseWriter, r *http.Request) error {
	return c.showPasswordForm(w, r, page.Faults{})
}

func (c *Console) showPasswordForm(w http.ResponseWriter, r *http.Request, faults page.Faults) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	if why := d.reasons(r).Password; why != "" {
		return page.Refused(w, r, idp.Invalid("", "%s", why), userPath(d.User.ID))
	}
	p := page.Console(r, ui.PageProps{Title: "Set password", Narrow: true, Crumbs: userCrumbs(d.User, "Set password"),
		Subtitle: "A new password for " + d.User.DisplayName() + "."})
	return page.RenderStatus(w, r, faults.Status(), passwordPage(p, d, faults, web.Actor(r).Is(d.User.ID)))
}

func (c *Console) setPassword(w http.ResponseWriter, r *http.Request) error {
	id, err := web.UserParam(r, "user")
	if err != nil {
		return err
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	if form.Text("password") != form.Text("repeat") {
		err = idp.Invalid("repeat", "The two passwords differ.")
	} else {
		err = c.accounts.SetPassword(r.Context(), web.Actor(r), id, form.Text("password"))
	}
	if faults, ok := page.FaultsOf(err); ok {
		return c.showPasswordForm(w, r, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The password was set. Tell it to the person on a safe way.")
	return web.Redirect(w, r, userPath(id))
}
