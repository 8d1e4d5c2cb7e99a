package api

import (
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/live"
)

// mountLiveEvents offers the audit log as it grows: server-sent events whose data
// is the Event of the lists and whose id is its key. A message `end` with a reason
// comes last; `gap` says that something was left out.
func (a *API) mountLiveEvents() {
	if a.Live == nil {
		return
	}
	a.kit.add(operation{method: http.MethodGet, path: "/events/live/", id: "events_live", tag: "events",
		summary: "Follow events as they are committed: server-sent events, each with an Event",
		params: []param{{name: "action", kind: text}, {name: "actions", kind: text, many: true}, {name: "client_ip", kind: text},
			{name: "username", kind: text}, {name: "action_id", kind: text},
			{name: "user", kind: integer, help: "Events that this user caused or that concern them."},
			{name: "last_event_id", kind: id, help: "Go on after this event: at most the last 100 are told again. The header Last-Event-ID says the same and comes first."}},
		response: reflect.TypeFor[string](), media: "text/event-stream", run: a.followEvents})
}

func (a *API) followEvents(c *call) (any, error) {
	wish := live.Wish{Filter: eventFilter(c.query), Render: func(e *idp.Event) ([]byte, error) { return json.Marshal(a.eventView(e)) }}
	if last := c.query.text("last_event_id"); last != nil {
		wish.After = *last
	}
	if err := a.Live.Serve(c.w, c.r, wish); err != nil {
		return nil, err
	}
	return handled, nil
}
