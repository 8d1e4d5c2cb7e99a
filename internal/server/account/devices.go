package account

import (
	"fmt"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

const devicesPath = page.SettingsPath + "devices/"

func (p *Pages) ownDevices(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "-last_used")
	if err != nil {
		return err
	}
	u := web.User(r)
	filter := idp.KnownDeviceFilter{UserID: &u.ID, Paging: list.Paging()}
	if list.Query.Text("show") != "all" {
		known := true
		filter.Known = &known
	}
	found, err := p.sessions.FindDevices(r.Context(), web.Actor(r), filter)
	if err != nil {
		return fmt.Errorf("listing the known devices of user %d: %w", u.ID, err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	t := page.DeviceTable(r, page.Devices{Items: found.Items, Base: devicesPath, Owner: u, Atlas: p.atlas, Now: now(), Badges: p.badges})
	t.Title, t.Text = "Browsers you are known in", "You have signed in here before. Forget a browser that you gave away or do not know: it is a stranger again."
	t.Paging = list.Pages(found.Total, "browser")
	t.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconLaptop, Title: "No known browser",
		Text: "When you sign in, the browser is remembered for a while. Those that are known are listed here."})
	t.Actions = row(page.DeviceListActs(r, list, filter.Known == nil, u, found.Total, devicesPath))
	return page.Render(w, r, listPage(settingsFrame(r, "Browsers"), t))
}

// deviceCrumbs is the way to a question about browsers.
func deviceCrumbs(here string) []ui.Crumb {
	return []ui.Crumb{settingsCrumb, {Label: "Browsers", Href: devicesPath}, {Label: here}}
}

func (p *Pages) forgetDevice(w http.ResponseWriter, r *http.Request) error {
	id, err := web.IDParam[idp.KnownDevice](r, "device", "known device")
	if err != nil {
		return err
	}
	d, err := p.sessions.GetDevice(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	if err := own(r, d.UserID, "known device"); err != nil {
		return err
	}
	return page.ForgetDevice(w, r, page.Forgetting{Sessions: p.sessions, Store: p.store, Owner: web.User(r), Base: devicesPath,
		Ask: func(q ui.ConfirmProps) error { return page.AskInAccount(w, r, deviceCrumbs("Forget browser"), q) }}, d)
}

func (p *Pages) forgetDevices(w http.ResponseWriter, r *http.Request) error {
	return page.ForgetDevices(w, r, page.Forgetting{Sessions: p.sessions, Store: p.store, Owner: web.User(r), Base: devicesPath,
		Ask: func(q ui.ConfirmProps) error { return page.AskInAccount(w, r, deviceCrumbs("Forget all"), q) }})
}
