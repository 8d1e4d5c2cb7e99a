package api

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Event is one line of the audit log as the API shows it.
type Event struct {
	PK       idp.EventID    `json:"pk"`
	User     map[string]any `json:"user"`
	Action   idp.Action     `json:"action"`
	App      string         `json:"app"`
	Context  map[string]any `json:"context"`
	ClientIP *string        `json:"client_ip"`
	Created  time.Time      `json:"created"`
	Expires  time.Time      `json:"expires"`
	Brand    map[string]any `json:"brand"`
}

// TypeCreate describes one of several kinds.
type TypeCreate struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Component   string `json:"component"`
	ModelName   string `json:"model_name"`
}

// keptForever is what an event without an end says on the wire, where a time is
// required.
var keptForever = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// eventView shows an event. Without an end of its own it ends by the retention.
func (a *API) eventView(e *idp.Event) Event {
	v := Event{PK: e.ID, User: e.User, Action: e.Action, App: e.App, Context: e.Context, Created: e.CreatedAt.UTC(),
		Expires: keptForever, Brand: e.Brand}
	for _, m := range []*map[string]any{&v.User, &v.Context, &v.Brand} {
		if *m == nil {
			*m = map[string]any{}
		}
	}
	kept := audit.DefaultRetention
	if a.Audit != nil {
		kept = a.Audit.Kept()
	}
	if ends, any := kept.Ends(e); any {
		v.Expires = ends.UTC()
	}
	if e.ClientIP.IsValid() {
		ip := e.ClientIP.String()
		v.ClientIP = &ip
	}
	return v
}

// eventFilters are taken wherever events are listed or counted.
var eventFilters = []param{{name: "action", kind: text}, {name: "actions", kind: text, many: true},
	{name: "client_ip", kind: text}, {name: "username", kind: text},
	{name: "user", kind: integer, help: "Events that this user caused or that concern them."},
	{name: "action_id", kind: text, help: "What an event of action user_write was: account_lockdown, account_restore."},
	{name: "brand_name", kind: text, help: "The title of the brand it happened on."},
	{name: "context_model_app", kind: text}, {name: "context_model_name", kind: text}, {name: "context_model_pk", kind: text},
	{name: "context_authorized_app", kind: text, help: "The key of the application that was authorized."}}

func (a *API) events() resource[Event, struct{}] {
	return resource[Event, struct{}]{
		path: "/events/events/", key: "event_uuid", name: "Event", id: "events_events", plural: "events", tag: "events",
		filters:  slices.Concat(eventFilters, []param{{name: "created__gt", kind: instant}, {name: "created__lt", kind: instant}}),
		ordering: []string{"created", "action", "app", "client_ip", "user", "expires", "pk"},
		list:     a.listEvents, get: a.getEvent,
	}
}

func (a *API) listEvents(c *call, p idp.Paging) ([]Event, int, error) {
	if err := a.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceEvent}); err != nil {
		return nil, 0, err
	}
	f := eventFilter(c.query)
	f.Paging = p
	page, err := a.Store.Repos().Events.Find(c, f)
	if err != nil {
		return nil, 0, err
	}
	views := make([]Event, 0, len(page.Items))
	for i := range page.Items {
		views = append(views, a.eventView(&page.Items[i]))
	}
	return views, page.Total, nil
}

func eventFilter(q query) idp.EventFilter {
	f := idp.EventFilter{Username: q.text("username"), ClientIP: q.text("client_ip"), ActionID: q.text("action_id"),
		After: q.time("created__gt"), Before: q.time("created__lt"), BrandName: q.text("brand_name"),
		ModelApp: q.text("context_model_app"), ModelName: q.text("context_model_name"), ModelPK: q.text("context_model_pk"),
		AuthorizedApp: q.text("context_authorized_app")}
	if pks := q.ints("user"); len(pks) > 0 {
		id := idp.UserID(pks[0])
		f.UserID = &id
	}
	for _, name := range slices.Concat(q.texts("action"), q.texts("actions")) {
		f.Actions = append(f.Actions, idp.Action(name))
	}
	return f
}

func (a *API) getEvent(c *call, _ string) (*Event, error) {
	id, err := web.IDParam[idp.Event](c.r, "event_uuid", "event")
	if err != nil {
		return nil, err
	}
	if err := a.Access.Check(c.actor, idp.VerbRead, idp.Object{Resource: idp.ResourceEvent}); err != nil {
		return nil, err
	}
	e, err := a.Store.Repos().Events.Get(c, id)
	if err != nil {
		return nil, err
	}
	v := a.eventView(e)
	return &v, nil
}

func (a *API) mountEventActions() {
	a.kit.add(operation{method: http.MethodGet, path: "/events/events/actions/", id: "events_events_actions_list", tag: "events",
		summary: "List the actions of events", response: reflect.TypeFor[[]TypeCreate](), run: func(*call) (any, error) {
			var out []TypeCreate
			for _, action := range idp.Actions() {
				words := strings.ReplaceAll(string(action), "_", " ")
				out = append(out, TypeCreate{Name: strings.ToUpper(words[:1]) + words[1:], Component: string(action)})
			}
			return out, nil
		}})
	a.mountEventCounts()
}
