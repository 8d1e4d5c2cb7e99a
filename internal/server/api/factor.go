package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Factors keeps second factors; factor.Service is one.
type Factors interface {
	Of(ctx context.Context, actor idp.Actor, user idp.UserID) ([]idp.Factor, error)
	Find(ctx context.Context, actor idp.Actor, filter idp.FactorFilter) (idp.Page[idp.Factor], error)
	GetByNum(ctx context.Context, actor idp.Actor, kind idp.FactorKind, num int32) (*idp.Factor, error)
	Rename(ctx context.Context, actor idp.Actor, id idp.FactorID, name string) error
	Remove(ctx context.Context, actor idp.Actor, id idp.FactorID) error
}

// Device is a second factor of any kind, as the API shows it.
type Device struct {
	PK                string       `json:"pk"`
	Name              string       `json:"name"`
	Type              string       `json:"type"`
	Confirmed         bool         `json:"confirmed"` // always true: there is no factor that nobody has shown to have
	Created           time.Time    `json:"created"`
	LastUpdated       time.Time    `json:"last_updated"`
	LastUsed          *time.Time   `json:"last_used"`
	ExtraDescription  *string      `json:"extra_description"`
	ExternalID        *string      `json:"external_id"`
	VerboseName       string       `json:"verbose_name"`
	VerboseNamePlural string       `json:"verbose_name_plural"`
	MetaModelName     string       `json:"meta_model_name"`
	UUID              idp.FactorID `json:"uuid"` // what a lock on an MFA device names
	User              idp.UserID   `json:"user"`
	CodesLeft         *int         `json:"codes_left"` // of recovery codes
}

// TOTPDevice is an authenticator app.
type TOTPDevice struct {
	PK       int32        `json:"pk"`
	Name     string       `json:"name"`
	User     PartialUser  `json:"user"`
	UUID     idp.FactorID `json:"uuid"`
	LastUsed *time.Time   `json:"last_used"`
}

// StaticDevice is a set of recovery codes. The codes are kept as digests, so they are
// never shown again.
type StaticDevice struct {
	PK        int32               `json:"pk"`
	Name      string              `json:"name"`
	User      PartialUser         `json:"user"`
	TokenSet  []StaticDeviceToken `json:"token_set"` // always empty
	CodesLeft int                 `json:"codes_left"`
	UUID      idp.FactorID        `json:"uuid"`
	LastUsed  *time.Time          `json:"last_used"`
}

// StaticDeviceToken would be a recovery code.
type StaticDeviceToken struct {
	Token string `json:"token"`
}

// WebAuthnDevice is a passkey or security key.
type WebAuthnDevice struct {
	PK         int32               `json:"pk"`
	Name       string              `json:"name"`
	CreatedOn  time.Time           `json:"created_on"`
	DeviceType *WebAuthnDeviceType `json:"device_type"` // null: models are not looked up
	AAGUID     string              `json:"aaguid"`
	User       PartialUser         `json:"user"`
	UUID       idp.FactorID        `json:"uuid"`
	LastUsed   *time.Time          `json:"last_used"`
}

// WebAuthnDeviceType is a model of passkeys.
type WebAuthnDeviceType struct {
	AAGUID      idp.UUID `json:"aaguid"`
	Description string   `json:"description"`
}

type factorBody struct {
	Name Optional[string] `json:"name" api:"required" max:"64"`
}

// factorModel is what a kind is called.
type factorModel struct{ path, name, label, verbose, plural, many string }

var factorModels = map[idp.FactorKind]factorModel{
	idp.FactorTOTP:     {"totp", "TOTPDevice", "authentik_stages_authenticator_totp.", "TOTP Device", "TOTP Devices", "authenticator apps"},
	idp.FactorStatic:   {"static", "StaticDevice", "authentik_stages_authenticator_static.", "Static Device", "Static Devices", "sets of recovery codes"},
	idp.FactorWebAuthn: {"webauthn", "WebAuthnDevice", "authentik_stages_authenticator_webauthn.", "WebAuthn Device", "WebAuthn Devices", "passkeys"},
}

func deviceView(f *idp.Factor) Device {
	m := factorModels[f.Kind]
	v := Device{PK: strconv.Itoa(int(f.Num)), Name: f.Name, Type: m.label + m.name, Confirmed: true, Created: f.CreatedAt.UTC(), LastUpdated: f.UpdatedAt.UTC(),
		LastUsed: utc(f.LastUsedAt), VerboseName: m.verbose, VerboseNamePlural: m.plural, MetaModelName: m.label + strings.ToLower(m.name), UUID: f.ID, User: f.UserID}
	switch f.Kind {
	case idp.FactorStatic:
		v.CodesLeft = &f.CodesLeft
	case idp.FactorWebAuthn:
		aaguid := f.AAGUID.String()
		v.ExternalID = &aaguid
	}
	return v
}

func (a *API) mountFactors() {
	if a.Factors == nil {
		return
	}
	devices := reflect.TypeFor[[]Device]()
	a.kit.add(operation{method: http.MethodGet, path: "/authenticators/all/", tag: "authenticators", id: "authenticators_all_list",
		summary: "List one's own second factors", response: devices, run: func(c *call) (any, error) { return a.devicesOf(c, c.actor.User.ID) }})
	a.kit.add(operation{method: http.MethodGet, path: "/authenticators/admin/all/", tag: "authenticators", id: "authenticators_admin_all_list",
		summary: "List the second factors of a user", params: []param{{name: "user", kind: integer, help: "Whose; otherwise everybody's."}},
		response: devices, run: a.everyDevice})
	for _, admin := range []bool{false, true} {
		mountFactor(a, idp.FactorTOTP, admin, func(f *idp.Factor, u PartialUser) TOTPDevice {
			return TOTPDevice{PK: f.Num, Name: f.Name, User: u, UUID: f.ID, LastUsed: utc(f.LastUsedAt)}
		})
		mountFactor(a, idp.FactorStatic, admin, func(f *idp.Factor, u PartialUser) StaticDevice {
			return StaticDevice{PK: f.Num, Name: f.Name, User: u, TokenSet: []StaticDeviceToken{}, CodesLeft: f.CodesLeft, UUID: f.ID, LastUsed: utc(f.LastUsedAt)}
		})
		mountFactor(a, idp.FactorWebAuthn, admin, func(f *idp.Factor, u PartialUser) WebAuthnDevice {
			return WebAuthnDevice{PK: f.Num, Name: f.Name, CreatedOn: f.CreatedAt.UTC(), AAGUID: f.AAGUID.String(), User: u, UUID: f.ID, LastUsed: utc(f.LastUsedAt)}
		})
	}
}

func (a *API) devicesOf(c *call, user idp.UserID) ([]Device, error) {
	found, err := a.Factors.Of(c, c.actor, user)
	views := make([]Device, 0, len(found))
	for i := range found {
		views = append(views, deviceView(&found[i]))
	}
	return views, err
}

// everyDevice is a list without pages, so that of everybody's it has as many as a page
// has at most.
func (a *API) everyDevice(c *call) (any, error) {
	if pks := c.query.ints("user"); len(pks) > 0 {
		return a.devicesOf(c, idp.UserID(pks[0]))
	}
	if err := a.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceFactor}); err != nil {
		return nil, err
	}
	page, err := a.Factors.Find(c, c.actor, idp.FactorFilter{Paging: idp.Paging{Limit: maxPageSize, Order: []string{"user", "pk"}}})
	views := make([]Device, 0, len(page.Items))
	for i := range page.Items {
		views = append(views, deviceView(&page.Items[i]))
	}
	return views, err
}

// factorAPI is the resource of a kind: one's own factors, or everybody's.
type factorAPI[V any] struct {
	*API
	kind  idp.FactorKind
	admin bool
	view  func(*idp.Factor, PartialUser) V
}

func mountFactor[V any](a *API, kind idp.FactorKind, admin bool, view func(*idp.Factor, PartialUser) V) {
	m, own := factorModels[kind], factorAPI[V]{a, kind, admin, view}
	r := resource[V, factorBody]{path: "/authenticators/" + m.path + "/", id: "authenticators_" + m.path, key: "id", name: m.name, tag: "authenticators",
		plural: "own " + m.many, filters: []param{{name: "name", kind: text}}, ordering: []string{"name", "pk", "created", "last_used"},
		list: own.list, get: own.get, change: own.change, destroy: own.destroy, usedBy: own.usedBy}
	if admin {
		r.path, r.id, r.plural, r.usedBy = "/authenticators/admin/"+m.path+"/", "authenticators_admin_"+m.path, m.many+" of all users", nil
		r.filters = append(r.filters, param{name: "user", kind: integer, help: "Whose they are."})
	}
	r.mount(a.kit)
}

func (r factorAPI[V]) views(c *call, list []idp.Factor) ([]V, error) {
	wanted := []idp.UserID{}
	for i := range list {
		wanted = append(wanted, list[i].UserID)
	}
	views := make([]V, 0, len(list))
	if len(list) == 0 {
		return views, nil
	}
	page, err := r.Store.Repos().Users.Find(c, idp.UserFilter{IDs: wanted, Paging: idp.Paging{Limit: maxPageSize}})
	if err != nil {
		return nil, err
	}
	users := map[idp.UserID]PartialUser{}
	for i := range page.Items {
		users[page.Items[i].ID] = partialUser(&page.Items[i])
	}
	for i := range list {
		views = append(views, r.view(&list[i], users[list[i].UserID]))
	}
	return views, nil
}

func (r factorAPI[V]) list(c *call, p idp.Paging) ([]V, int, error) {
	f := idp.FactorFilter{Paging: p, Kind: &r.kind, Name: c.query.text("name")}
	if !r.admin {
		f.UserID = &c.actor.User.ID
	} else {
		if err := r.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceFactor}); err != nil {
			return nil, 0, err
		}
		if pks := c.query.ints("user"); len(pks) > 0 {
			id := idp.UserID(pks[0])
			f.UserID = &id
		}
	}
	page, err := r.Factors.Find(c, c.actor, f)
	if err != nil {
		return nil, 0, err
	}
	views, err := r.views(c, page.Items)
	return views, page.Total, err
}

// one finds a factor by its key. Another's is nobody's where one's own are asked for.
func (r factorAPI[V]) one(c *call, key string) (*idp.Factor, error) {
	num, err := strconv.ParseInt(key, 10, 32)
	if err != nil {
		if r.admin {
			// Without the right, nobody learns what there is.
			if refused := r.Access.Check(c.actor, idp.VerbRead, idp.Object{Resource: idp.ResourceFactor}); refused != nil {
				return nil, refused
			}
		}
		return nil, idp.NotFound("second factor")
	}
	f, err := r.Factors.GetByNum(c, c.actor, r.kind, int32(num))
	if err == nil && !r.admin && !c.actor.Is(f.UserID) {
		return nil, idp.NotFound("second factor")
	}
	return f, err
}

func (r factorAPI[V]) get(c *call, key string) (*V, error) {
	f, err := r.one(c, key)
	if err != nil {
		return nil, err
	}
	views, err := r.views(c, []idp.Factor{*f})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

// change renames a factor: nothing else of it can be changed.
func (r factorAPI[V]) change(c *call, key string, body *factorBody, _ bool) (*V, error) {
	f, err := r.one(c, key)
	if err != nil {
		return nil, err
	}
	if body.Name.Set {
		if err := r.Factors.Rename(c, c.actor, f.ID, body.Name.Value); err != nil {
			return nil, err
		}
	}
	return r.get(c, key)
}

func (r factorAPI[V]) destroy(c *call, key string) error {
	f, err := r.one(c, key)
	if err != nil {
		return err
	}
	return r.Factors.Remove(c, c.actor, f.ID)
}

func (r factorAPI[V]) usedBy(c *call, key string) ([]UsedBy, error) {
	_, err := r.one(c, key)
	return nil, err // sessions that were begun with it go on without it
}
