package api

import (
	"net/http"
	"net/url"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Notification is what one person was told in the console.
type Notification struct {
	PK             idp.NotificationID `json:"pk"`
	Severity       idp.Severity       `json:"severity"`
	Body           string             `json:"body"`
	Hyperlink      *string            `json:"hyperlink" doc:"What the event leads to, or its page in the console, for whoever may read events, while it is kept."`
	HyperlinkLabel *string            `json:"hyperlink_label"`
	Created        time.Time          `json:"created"`
	Event          *Event             `json:"event,omitempty" doc:"What it tells of, for whoever may read events, while it is kept."`
	Seen           bool               `json:"seen"`
}

type notificationBody struct {
	Seen Optional[bool] `json:"seen"`
	_    struct{}       `ignore:"pk,severity,body,hyperlink,hyperlink_label,created,event"`
}

// severities are the values of filters by severity.
func severities() (out []string) {
	for _, s := range idp.Severities() {
		out = append(out, string(s))
	}
	return out
}

// notifications are everybody's own: nobody needs a right for them, and nobody sees
// those of others.
func (a *API) notifications() resource[Notification, notificationBody] {
	return resource[Notification, notificationBody]{
		path: "/events/notifications/", key: "uuid", name: "Notification", id: "events_notifications", plural: "own notifications", tag: "events",
		filters: []param{{name: "severity", kind: text, enum: severities()}, {name: "seen", kind: boolean}, {name: "body", kind: text},
			{name: "created", kind: instant}, {name: "event", kind: id},
			{name: "user", kind: integer, help: "Of others than the caller, nothing is found."}},
		ordering: []string{"created", "severity", "seen", "pk"},
		list:     a.listNotifications, get: a.getNotification, change: a.changeNotification, destroy: a.deleteNotification,
		usedBy: func(c *call, _ string) ([]UsedBy, error) {
			_, err := a.ownNotification(c)
			return nil, err // nothing refers to a notification
		},
	}
}

func (a *API) mountNotificationActions() {
	a.kit.add(operation{method: http.MethodPost, path: "/events/notifications/mark_all_seen/", id: "events_notifications_mark_all_seen_create",
		tag: "events", summary: "Note that all own notifications were seen", run: func(c *call) (any, error) {
			return nil, a.Store.InTx(c, func(tx idp.Repos) error {
				_, err := tx.Notifications.SeeAll(c, c.actor.User.ID)
				return err
			})
		}})
}

// oneID returns the first identifier of a parameter; nil when it is absent.
func oneID[T any](q query, name string) *idp.ID[T] {
	if all := ids[T](q, name); len(all) > 0 {
		return &all[0]
	}
	return nil
}

// word is a parameter as a text of some type; nil when it is absent.
func word[T ~string](q query, name string) *T {
	s := q.text(name)
	if s == nil {
		return nil
	}
	v := T(*s)
	return &v
}

func (a *API) listNotifications(c *call, p idp.Paging) ([]Notification, int, error) {
	own := c.actor.User.ID
	for _, n := range c.query.ints("user") {
		if idp.UserID(n) != own {
			return nil, 0, nil
		}
	}
	page, err := a.Store.Repos().Notifications.Find(c, idp.NotificationFilter{Paging: p, UserID: &own, EventID: oneID[idp.Event](c.query, "event"),
		Severity: word[idp.Severity](c.query, "severity"), Seen: c.query.bool("seen"), Body: c.query.text("body"), CreatedAt: c.query.time("created")})
	if err != nil {
		return nil, 0, err
	}
	views, err := a.notificationViews(c, page.Items)
	return views, page.Total, err
}

// notificationViews shows notifications with their events, each of which is read
// once. Who may not read events is told what the rule says and no more.
func (a *API) notificationViews(c *call, list []idp.Notification) ([]Notification, error) {
	may := a.Access.Check(c.actor, idp.VerbRead, idp.Object{Resource: idp.ResourceEvent}) == nil
	events := map[idp.EventID]*Event{}
	views := make([]Notification, 0, len(list))
	for _, n := range list {
		v := Notification{PK: n.ID, Severity: n.Severity, Body: n.Body, Created: n.CreatedAt.UTC(), Seen: n.Seen}
		if n.EventID != nil && n.EventKept && may {
			if _, known := events[*n.EventID]; !known {
				e, err := a.Store.Repos().Events.Get(c, *n.EventID)
				switch {
				case idp.Is(err, idp.CodeNotFound): // it is not kept any more
					events[*n.EventID] = nil
				case err != nil:
					return nil, err
				default:
					shown := a.eventView(e)
					events[*n.EventID] = &shown
				}
			}
			if v.Event = events[*n.EventID]; v.Event != nil {
				v.Hyperlink, v.HyperlinkLabel = a.linkOf(c, v.Event)
			}
		}
		views = append(views, v)
	}
	return views, nil
}

// linkOf is where an event leads: whoever wrote it may have said so, as in
// ak_create_event("…", {"hyperlink": "https://…", "hyperlink_label": "…"}).
func (a *API) linkOf(c *call, e *Event) (link, label *string) {
	to, _ := e.Context["hyperlink"].(string)
	words, _ := e.Context["hyperlink_label"].(string)
	if u, err := url.Parse(to); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		to, words = a.absolute(c.r, "/if/admin/events/"+e.PK.String()+"/"), ""
	}
	if words == "" {
		words = "Open the event"
		if to == e.Context["hyperlink"] {
			words = to
		}
	}
	return &to, &words
}

func notificationKey(c *call) (idp.NotificationID, error) {
	return web.IDParam[idp.Notification](c.r, "uuid", "notification")
}

// ownNotification finds the one of the path; that of somebody else is nobody's.
func (a *API) ownNotification(c *call) (*idp.Notification, error) {
	id, err := notificationKey(c)
	if err != nil {
		return nil, err
	}
	n, err := a.Store.Repos().Notifications.Get(c, id)
	if err == nil && n.UserID != c.actor.User.ID {
		return nil, idp.NotFound("notification")
	}
	return n, err
}

func (a *API) getNotification(c *call, _ string) (*Notification, error) {
	n, err := a.ownNotification(c)
	if err != nil {
		return nil, err
	}
	views, err := a.notificationViews(c, []idp.Notification{*n})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

func (a *API) changeNotification(c *call, _ string, b *notificationBody, partial bool) (*Notification, error) {
	id, err := notificationKey(c)
	if err != nil {
		return nil, err
	}
	if seen := b.Seen.Patch(partial, false); seen != nil {
		err := a.Store.InTx(c, func(tx idp.Repos) error {
			theirs, err := tx.Notifications.See(c, c.actor.User.ID, id, *seen)
			if err == nil && !theirs {
				return idp.NotFound("notification")
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return a.getNotification(c, "")
}

func (a *API) deleteNotification(c *call, _ string) error {
	id, err := notificationKey(c)
	if err != nil {
		return err
	}
	return a.Store.InTx(c, func(tx idp.Repos) error {
		theirs, err := tx.Notifications.Delete(c, c.actor.User.ID, id)
		if err == nil && !theirs {
			return idp.NotFound("notification")
		}
		return err
	})
}

// mountNotifications adds everything about telling people of events. A server built
// without does not offer it.
func (a *API) mountNotifications() {
	if a.Notify == nil {
		return
	}
	a.notificationRules().mount(a.kit)
	a.notificationTransports().mount(a.kit)
	a.mountTransportTest()
	a.webhookMappings().mount(a.kit)
	a.notifications().mount(a.kit)
	a.mountNotificationActions()
	a.mountDeliveries()
}
