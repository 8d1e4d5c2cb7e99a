package notifypage

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Notifier tries transports and queues deliveries again; notify.Service does.
type Notifier interface {
	Test(ctx context.Context, actor idp.Actor, id idp.TransportID) (string, error)
	Redeliver(ctx context.Context, actor idp.Actor, id int64) (*idp.Delivery, error)
}

// Policies knows the kinds of policies and judges their settings; policy.Kinds does.
type Policies interface {
	Get(name string) (policy.Kind, bool)
	Check(name string, settings json.RawMessage) error
}

// Deps are what the pages need.
type Deps struct {
	Store     idp.Store
	Configure *configure.Service
	Notify    Notifier
	Policies  Policies
	// MailReady reports whether a mail server is configured; nil = yes.
	MailReady func() bool
}

// Pages answers the pages about notifications.
type Pages struct{ d Deps }

// New returns Pages.
func New(d Deps) *Pages { return &Pages{d} }

// The addresses.
const (
	rulesPath      = page.NotificationRulesPath
	transportsPath = page.TransportsPath
	mappingsPath   = page.WebhookMappingsPath
	deliveriesPath = page.DeliveriesPath
	policiesPath   = page.AdminPath + "policies/"
	groupsPath     = page.AdminPath + "groups/"
	usersPath      = page.AdminPath + "users/"
	eventsPath     = page.AdminPath + "events/"
)

// Routes adds the pages; it is one of server.Deps.Mounts. Whoever is not signed in is
// sent to sign in; whoever may do nothing with notifications is refused.
func (p *Pages) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireUser)
		m := page.Mount{Router: r}
		m.Get("notification-rules/", p.rules)
		m.Get("notification-rules/new/", p.newRule)
		m.Post("notification-rules/new/", p.createRule)
		m.Get("notification-rules/{rule}/", p.rule)
		m.Get("notification-rules/{rule}/edit/", p.editRule)
		m.Post("notification-rules/{rule}/edit/", p.updateRule)
		m.Act("notification-rules/{rule}/delete/", p.deleteRule)
		m.Post("notification-rules/{rule}/policies/", p.bind)
		m.Post("notification-rules/{rule}/policies/{binding}/", p.updateBinding)
		m.Act("notification-rules/{rule}/policies/{binding}/unbind/", p.unbind)
		m.Get("notification-transports/", p.transports)
		m.Get("notification-transports/new/", p.newTransport)
		m.Post("notification-transports/new/", p.createTransport)
		m.Get("notification-transports/{transport}/", p.editTransport)
		m.Post("notification-transports/{transport}/", p.updateTransport)
		m.Post("notification-transports/{transport}/test/", p.testTransport)
		m.Act("notification-transports/{transport}/delete/", p.deleteTransport)
		m.Get("property-mappings/", p.mappings)
		m.Get("property-mappings/new/", p.newMapping)
		m.Post("property-mappings/new/", p.createMapping)
		m.Post("property-mappings/new/check/", p.checkMapping)
		m.Get("property-mappings/{mapping}/", p.editMapping)
		m.Post("property-mappings/{mapping}/", p.updateMapping)
		m.Act("property-mappings/{mapping}/delete/", p.deleteMapping)
		m.Get("deliveries/", p.deliveries)
		m.Get("deliveries/{delivery}/", p.delivery)
		m.Post("deliveries/{delivery}/redeliver/", p.redeliver)
		// Where a refused form was sent to can be loaded again.
		m.Get("notification-rules/{rule}/policies/", p.ruleHome)
		m.Get("notification-rules/{rule}/policies/{binding}/", p.ruleHome)
		m.Get("notification-transports/{transport}/test/", p.transportHome)
		m.Get("deliveries/{delivery}/redeliver/", p.deliveryHome)
	})
}

func (p *Pages) mailReady() bool { return p.d.MailReady == nil || p.d.MailReady() }

// now is the time that "2 minutes ago" is counted from; it decides nothing.
func now() time.Time { return time.Now() }

// batch is how many rows are read at once.
const batch = 1000

// every reads all pages of a list.
func every[T any](find func(idp.Paging) (idp.Page[T], error)) ([]T, error) {
	var out []T
	for {
		found, err := find(idp.Paging{Limit: batch, Offset: len(out)})
		if err != nil {
			return nil, err
		}
		out = append(out, found.Items...)
		if len(found.Items) == 0 || len(out) >= found.Total {
			return out, nil
		}
	}
}

func (p *Pages) ruleHome(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadRule(r)
	if err != nil {
		return err
	}
	return web.Redirect(w, r, rulePath(row.ID))
}

func (p *Pages) transportHome(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadTransport(r)
	if err != nil {
		return err
	}
	return web.Redirect(w, r, transportPath(row.ID))
}

func (p *Pages) deliveryHome(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadDelivery(r)
	if err != nil {
		return err
	}
	return web.Redirect(w, r, deliveryPath(row.ID))
}
