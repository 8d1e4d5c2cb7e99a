package api

import (
	"net/http"
	"reflect"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/useragent"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// KnownDevice is a browser that an account has signed in with, as the API shows it.
type KnownDevice struct {
	UUID          idp.KnownDeviceID `json:"uuid"` // what a lock on a device names
	User          idp.UserID        `json:"user"`
	Username      string            `json:"username"`
	Name          string            `json:"name"` // browser and system in words
	Current       bool              `json:"current"`
	Known         bool              `json:"known"`
	Forgotten     *time.Time        `json:"forgotten"` // when it was; null = it was not
	LastIP        string            `json:"last_ip"`
	LastUserAgent string            `json:"last_user_agent"`
	GeoIP         SessionGeoIP      `json:"geo_ip"`
	ASN           SessionASN        `json:"asn"`
	Created       time.Time         `json:"created"`
	LastUsed      time.Time         `json:"last_used"`
	Expires       time.Time         `json:"expires"`
}

func (a *API) knownDevices() resource[KnownDevice, struct{}] {
	return resource[KnownDevice, struct{}]{
		path: "/core/known_devices/", key: "uuid", name: "KnownDevice", id: "core_known_devices",
		plural: "browsers that accounts are known in", tag: "core",
		filters: []param{{name: "user", kind: integer, help: "Whose they are."}, {name: "user__username", kind: text},
			{name: "known", kind: boolean, help: "Whether they still count."}},
		ordering: []string{"last_used", "created", "expires", "user__username"},
		list:     a.listKnownDevices, get: a.getKnownDevice, usedBy: a.knownDeviceUsedBy,
	}
}

// ForgetResponse says what came of forgetting browsers.
type ForgetResponse struct {
	Forgotten int `json:"forgotten"` // that were known until then
	Sessions  int `json:"sessions"`  // that ended
	Kept      int `json:"kept"`      // still known, because a lock names them
}

var alsoSessions = param{name: "sessions", kind: boolean, help: "End the sessions there, too; otherwise they go on."}

func (a *API) mountKnownDeviceActions() {
	a.kit.add(operation{method: http.MethodDelete, path: "/core/known_devices/{uuid}/", tag: "core", id: "core_known_devices_destroy",
		summary: "Forget a browser: it is a stranger again", params: []param{alsoSessions},
		run: func(c *call) (any, error) { return nil, a.forgetDevice(c) }})
	a.kit.add(operation{method: http.MethodDelete, path: "/core/known_devices/bulk_delete/", tag: "core", id: "core_known_devices_bulk_delete_destroy",
		summary: "Forget every browser of a user", params: []param{{name: "user", kind: integer, required: true},
			{name: "sessions", kind: boolean, help: "End every session of the user, too, but the one that asks."}},
		response: reflect.TypeFor[ForgetResponse](), run: a.forgetDevices})
}

func (a *API) knownDeviceView(c *call, d *idp.KnownDevice) KnownDevice {
	v := KnownDevice{UUID: d.ID, User: d.UserID, Username: d.Username, Name: useragent.Parse(d.UserAgent).Label(), Known: d.Known,
		Forgotten: utc(d.RevokedAt), LastUserAgent: d.UserAgent, Created: d.CreatedAt.UTC(), LastUsed: d.LastSeenAt.UTC(), Expires: d.ExpiresAt.UTC()}
	if s := c.actor.Session; s != nil && s.DeviceID != nil {
		v.Current = *s.DeviceID == d.ID
	}
	if d.IP.IsValid() {
		v.LastIP = d.IP.Unmap().String()
	}
	v.GeoIP, v.ASN = a.locate(d.IP)
	return v
}

func (a *API) listKnownDevices(c *call, p idp.Paging) ([]KnownDevice, int, error) {
	owner, known, err := a.ownerFilter(c)
	if err != nil || !known {
		return nil, 0, err
	}
	page, err := a.Sessions.FindDevices(c, c.actor, idp.KnownDeviceFilter{Paging: p, UserID: owner, Known: c.query.bool("known")})
	if err != nil {
		return nil, 0, err
	}
	views := make([]KnownDevice, 0, len(page.Items))
	for i := range page.Items {
		views = append(views, a.knownDeviceView(c, &page.Items[i]))
	}
	return views, page.Total, nil
}

func (a *API) knownDevice(c *call) (*idp.KnownDevice, error) {
	id, err := web.IDParam[idp.KnownDevice](c.r, "uuid", "known device")
	if err != nil {
		return nil, err
	}
	return a.Sessions.GetDevice(c, c.actor, id)
}

func (a *API) getKnownDevice(c *call, _ string) (*KnownDevice, error) {
	d, err := a.knownDevice(c)
	if err != nil {
		return nil, err
	}
	v := a.knownDeviceView(c, d)
	return &v, nil
}

func (a *API) forgetDevice(c *call) error {
	d, err := a.knownDevice(c)
	if err != nil {
		return err
	}
	_, err = a.Sessions.ForgetDevice(c, c.actor, d.ID, c.query.is("sessions", false))
	return err
}

func (a *API) forgetDevices(c *call) (any, error) {
	out, err := a.Sessions.ForgetDevices(c, c.actor, idp.UserID(c.query.ints("user")[0]), c.query.is("sessions", false))
	if err != nil {
		return nil, err
	}
	return forgetView(out), nil
}

func forgetView(out session.Forgotten) ForgetResponse {
	return ForgetResponse{Forgotten: out.Devices, Sessions: out.Sessions, Kept: out.Kept}
}

// knownDeviceUsedBy names the sessions that were begun in the browser: they stay when
// it is forgotten.
func (a *API) knownDeviceUsedBy(c *call, _ string) ([]UsedBy, error) {
	d, err := a.knownDevice(c)
	if err != nil {
		return nil, err
	}
	found, err := a.Store.Repos().KnownDevices.Sessions(c, d.ID)
	if err != nil {
		return nil, err
	}
	var out []UsedBy
	for _, id := range found {
		out = append(out, UsedBy{App: "authentik_core", ModelName: "authenticatedsession", PK: id.String(), Name: "Session " + id.String(), Action: stays})
	}
	return out, nil
}
