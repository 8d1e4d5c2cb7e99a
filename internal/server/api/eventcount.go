package api

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// EventVolume is how many events of an action six hours saw.
type EventVolume struct {
	Action idp.Action `json:"action"`
	Time   time.Time  `json:"time"`
	Count  int        `json:"count"`
}

// EventTopPerUser is how often an application was used, and by how many.
type EventTopPerUser struct {
	Application   map[string]any `json:"application"`
	CountedEvents int            `json:"counted_events"`
	UniqueUsers   int            `json:"unique_users"`
}

// How far counts look back in days, and how many applications they name, usually
// and at most.
const (
	usualHistory, maxHistory = 7, 60
	usualTop, maxTop         = 15, 100
)

// mountEventCounts adds what charts are drawn from.
func (a *API) mountEventCounts() {
	volume := slices.Concat(eventFilters, []param{{name: "history_days", kind: integer, help: "How many days to look back, at most 60; 7 unless said otherwise."},
		{name: "search", kind: text, help: "What an event's action, app, user, context or address says, from the beginning of a word on."},
		{name: "ordering", kind: text, enum: eventVolumeOrder(), help: "time, action or count; a minus sign for descending."}})
	a.kit.add(operation{method: http.MethodGet, path: "/events/events/volume/", id: "events_events_volume_list", tag: "events",
		summary: "Count events per six hours and action", params: volume, response: reflect.TypeFor[[]EventVolume](), run: a.eventVolume})
	a.kit.add(operation{method: http.MethodGet, path: "/events/events/top_per_user/", id: "events_events_top_per_user_list", tag: "events",
		summary: "Count events per authorized application", params: []param{
			{name: "action", kind: text, help: "authorize_application unless said otherwise."},
			{name: "top_n", kind: integer, help: "How many applications, at most 100; 15 unless said otherwise."}},
		response: reflect.TypeFor[[]EventTopPerUser](), run: a.eventTop})
}

// positive reads a number that is 1 or more, cut to the most there may be.
func positive(q query, name string, usual, most int) (int, error) {
	n := usual
	if list := q.ints(name); len(list) > 0 {
		n = list[0]
	}
	if n < 1 {
		return 0, idp.Invalid(name, "Ensure this value is greater than or equal to 1.")
	}
	return min(n, most), nil
}

func (a *API) mayCount(c *call) error {
	return a.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceEvent})
}

func (a *API) eventVolume(c *call) (any, error) {
	if err := a.mayCount(c); err != nil {
		return nil, err
	}
	days, err := positive(c.query, "history_days", usualHistory, maxHistory)
	if err != nil {
		return nil, err
	}
	f := eventFilter(c.query)
	if s := c.query.text("search"); s != nil {
		f.Search = limitBytes(*s, 500)
	}
	counts, err := a.Store.Repos().Events.Volume(c, f, days)
	if err != nil {
		return nil, err
	}
	out := make([]EventVolume, 0, len(counts))
	for _, n := range counts {
		out = append(out, EventVolume{Action: n.Action, Time: n.Day.UTC(), Count: n.Count})
	}
	if o := c.query.text("ordering"); o != nil {
		sortVolume(out, *o)
	}
	return out, nil
}

func eventVolumeOrder() []string {
	return []string{"time", "-time", "action", "-action", "count", "-count"}
}

func sortVolume(list []EventVolume, by string) {
	field, descending := strings.CutPrefix(by, "-")
	slices.SortStableFunc(list, func(x, y EventVolume) int {
		if descending {
			x, y = y, x
		}
		switch field {
		case "action":
			return strings.Compare(string(x.Action), string(y.Action))
		case "count":
			return x.Count - y.Count
		}
		return x.Time.Compare(y.Time)
	})
}

func (a *API) eventTop(c *call) (any, error) {
	if err := a.mayCount(c); err != nil {
		return nil, err
	}
	most, err := positive(c.query, "top_n", usualTop, maxTop)
	if err != nil {
		return nil, err
	}
	action := idp.Action("authorize_application")
	if name := c.query.text("action"); name != nil {
		action = idp.Action(*name)
	}
	counts, err := a.Store.Repos().Events.Applications(c, action, most)
	if err != nil {
		return nil, err
	}
	out := make([]EventTopPerUser, 0, len(counts))
	for _, n := range counts {
		out = append(out, EventTopPerUser{Application: n.Application, CountedEvents: n.Events, UniqueUsers: n.Users})
	}
	return out, nil
}
