package admin

import (
	"fmt"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (c *Console) userDevices(w http.ResponseWriter, r *http.Request) error {
	d, list, err := c.tab(r, "-last_used")
	if err != nil {
		return err
	}
	filter := idp.KnownDeviceFilter{UserID: &d.User.ID, Paging: list.Paging()}
	if list.Query.Text("show") != "all" {
		known := true
		filter.Known = &known
	}
	found, err := c.sessions.FindDevices(r.Context(), web.Actor(r), filter)
	if err != nil {
		return fmt.Errorf("listing the known devices of user %d: %w", d.User.ID, err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	at := userPath(d.User.ID) + "devices/"
	t := page.DeviceTable(r, page.Devices{Items: found.Items, Base: at, Owner: d.User, Atlas: c.atlas, Now: d.Now, Badges: c.badges})
	t.Title, t.Text = "Known browsers", "Where this account has signed in before. A browser that is forgotten is a stranger again; its sessions go on unless they are ended, too."
	t.Paging = list.Pages(found.Total, "browser")
	t.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconLaptop, Title: "No known browser",
		Text: "Browsers are remembered when somebody signs in to this account, for as long as the user login stage says. Lockdowns and new passwords make strangers of all."})
	t.Actions = buttons(page.DeviceListActs(r, list, filter.Known == nil, d.User, found.Total, at))
	return page.Render(w, r, userTab(d.frame(r, "Browsers"), nil, t))
}

func (c *Console) forgetDevice(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	id, err := web.IDParam[idp.KnownDevice](r, "device", "known device")
	if err != nil {
		return err
	}
	known, err := c.sessions.GetDevice(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	if known.UserID != d.User.ID {
		return idp.NotFound("known device")
	}
	return page.ForgetDevice(w, r, c.forgetting(w, r, d, "Forget browser"), known)
}

func (c *Console) forgetDevices(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	return page.ForgetDevices(w, r, c.forgetting(w, r, d, "Forget all browsers"))
}

func (c *Console) forgetting(w http.ResponseWriter, r *http.Request, d *dossier, here string) page.Forgetting {
	return page.Forgetting{Sessions: c.sessions, Store: c.store, Owner: d.User, Base: userPath(d.User.ID) + "devices/",
		Ask: func(q ui.ConfirmProps) error { return page.AskInConsole(w, r, userCrumbs(d.User, here), q) }}
}
