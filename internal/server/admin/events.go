package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/useragent"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

var eventFilters = []string{"action", "username", "client_ip", "since", "until"}

func (c *Console) events(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "-created")
	if err != nil {
		return err
	}
	filter, err := eventFilter(list.Query)
	if err != nil {
		return err
	}
	filter.Paging = list.Paging()
	found, err := c.store.Repos().Events.Find(r.Context(), filter)
	if err != nil {
		return fmt.Errorf("listing events: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	daily, err := c.daily.counts(r.Context(), c.store.Repos().Events, chartDays)
	if err != nil {
		return fmt.Errorf("counting events per day: %w", err)
	}
	t := eventTable(found.Items, now())
	t.Columns[0] = list.Column("What happened", "action")
	t.Columns[len(t.Columns)-1] = list.Column("When", "created")
	bar := eventFilterBar(list)
	bar.Actions = ui.Join(exportButtons(list), c.liveTable(list, found.Items))
	t.Paging, t.Filter = eventPaging(list, found), ui.FilterBar(bar)
	if list.Filtered(eventFilters...) {
		t.Empty = ui.NothingFound("event", eventsPath)
	}
	p := page.Console(r, ui.PageProps{Title: "Event log", Subtitle: "What happened, who did it, and from where. Nothing here can be changed; retention alone removes what is old.",
		Tabs: presetTabs(list)})
	return page.Render(w, r, eventsPage(p, eventChart(daily, now()), t, c.chainLine(r)))
}

// lockdownAction is the choice that means "lockdowns", which are events of
// another action with a mark in their context.
const (
	lockdownAction = "lockdown"
	restoreAction  = "restore"
)

func eventFilter(q web.Form) (idp.EventFilter, error) {
	var f idp.EventFilter
	switch a := q.Trimmed("action"); {
	case a == "":
	case a == lockdownAction:
		id := idp.ActionIDLockdown
		f.ActionID = &id
	case a == restoreAction:
		id := idp.ActionIDRestore
		f.ActionID = &id
	case presetOf(a) != nil:
		f.ActionIDs = presetOf(a)
	case slices.Contains(idp.Actions(), idp.Action(a)):
		f.Actions = []idp.Action{idp.Action(a)}
	default:
		return f, idp.Invalid("action", "“%.40s” is not an action of events.", a)
	}
	if u := q.Trimmed("username"); u != "" {
		f.Username = &u
	}
	if ip := q.Trimmed("client_ip"); ip != "" {
		if _, err := netip.ParseAddr(ip); err != nil {
			return f, idp.Invalid("client_ip", "“%.60s” is not an address: expected one such as 192.0.2.7.", ip)
		}
		f.ClientIP = &ip
	}
	var err error
	if f.After, err = day(q, "since", 0); err != nil {
		return f, err
	}
	f.Before, err = day(q, "until", 1)
	return f, err
}

// day reads a date (UTC); plus days later, so that "until" takes its day in.
func day(q web.Form, field string, plus int) (*time.Time, error) {
	raw := q.Trimmed(field)
	if raw == "" {
		return nil, nil
	}
	at, err := time.Parse(time.DateOnly, raw)
	if err != nil {
		return nil, idp.Invalid(field, "“%.40s” is not a date: expected one such as 2026-01-31.", raw)
	}
	at = at.AddDate(0, 0, plus)
	return &at, nil
}

func eventFilterBar(list page.List) ui.FilterProps {
	options := []ui.Option{{Value: lockdownAction, Label: "Lockdown"}, {Value: restoreAction, Label: "Restore"}}
	for _, p := range presets {
		options = append(options, ui.Option{Value: p.value, Label: p.option})
	}
	for _, a := range idp.Actions() {
		options = append(options, ui.Option{Value: string(a), Label: page.Action(a)})
	}
	text := func(name, label string, kind ui.FieldType) ui.FieldProps {
		return ui.FieldProps{Name: name, Label: label, Placeholder: label, Type: kind, Value: list.Query.Trimmed(name)}
	}
	return ui.FilterProps{Action: eventsPath, Query: list.Search(), Placeholder: "Search events", Reset: list.Reset(eventFilters...),
		Hidden: list.Kept(), Swap: "events", Fields: []ui.FieldProps{
			list.Choice("action", "Action", "Any action", options...), text("username", "Username", ui.FieldText),
			text("client_ip", "Address", ui.FieldText), text("since", "Since", ui.FieldDate), text("until", "Until", ui.FieldDate)}}
}

func eventTable(events []idp.Event, at time.Time) ui.TableProps {
	t := ui.TableProps{ID: "events", Caption: "Events",
		Columns: []ui.Column{{Label: "What happened"}, {Label: "Kind"}, {Label: "Address"}, {Label: "When"}},
		Empty:   ui.Empty(ui.EmptyProps{Icon: ui.IconScrollText, Title: "Nothing happened yet", Text: "Sign-ins, changes and lockdowns appear here."})}
	for i := range events {
		e := &events[i]
		d := page.DescribeEvent(e)
		t.Rows = append(t.Rows, ui.Row{ID: e.ID.String(), Label: d.Sentence, Cells: []templ.Component{
			ui.Two(d.Sentence, summary(e), eventPath(e.ID)), ui.TagIcon(d.Tone, d.Icon, d.Label), eventAddress(e), ui.Time(e.CreatedAt, at)}})
	}
	return t
}

// summary is the one fact of an event that a list should show.
func summary(e *idp.Event) string {
	for _, key := range []string{"reason", "logout_reason", "message"} {
		if s, _ := e.Context[key].(string); s != "" {
			return clip(s, 140)
		}
	}
	return ""
}

func clip(s string, limit int) string {
	r := []rune(s)
	if len(r) <= limit {
		return s
	}
	return string(r[:limit]) + "…"
}

func eventAddress(e *idp.Event) templ.Component {
	if !e.ClientIP.IsValid() {
		return ui.None()
	}
	return ui.Mono(e.ClientIP.Unmap().String())
}

type eventView struct {
	Page  ui.PageProps
	Facts []ui.Item
	Event *idp.Event
	Sent  templ.Component // what was sent because of it; nil = nothing
}

func (c *Console) event(w http.ResponseWriter, r *http.Request) error {
	id, err := web.IDParam[idp.Event](r, "event", "event")
	if err != nil {
		return err
	}
	e, err := c.store.Repos().Events.Get(r.Context(), id)
	if err != nil {
		return err
	}
	d := page.DescribeEvent(e)
	v := eventView{Event: e, Facts: eventFacts(e, d)}
	if c.deliveries != nil {
		if v.Sent, err = c.deliveries(r, id); err != nil {
			return err
		}
	}
	v.Page = page.Console(r, ui.PageProps{Title: d.Sentence, Tags: ui.TagIcon(d.Tone, d.Icon, d.Label),
		Crumbs: []ui.Crumb{{Label: "Event log", Href: eventsPath}, {Label: d.Label}}})
	return page.Render(w, r, eventPage(v))
}

func eventFacts(e *idp.Event, d page.EventView) []ui.Item {
	items := []ui.Item{{Label: "When", Value: ui.TimeFull(e.CreatedAt, now())}, {Label: "Action", Value: ui.Mono(string(e.Action))}}
	if d.User != "" {
		items = append(items, ui.Item{Label: "Concerns", Value: userLink(d.User, idp.UserID(d.UserID))})
	}
	done := templ.Component(ui.Muted("the system"))
	switch {
	case e.Action == idp.ActionLoginFailed:
		done = ui.Muted("nobody who is known")
	case d.By != "":
		done = userLink(d.By, idp.UserID(d.ByID))
	case d.User != "":
		done = userLink(d.User, idp.UserID(d.UserID))
	}
	items = append(items, ui.Item{Label: "Done by", Value: done}, ui.Item{Label: "Address", Value: eventAddress(e)})
	if request, ok := e.Context["http_request"].(map[string]any); ok {
		if agent, _ := request["user_agent"].(string); agent != "" {
			items = append(items, ui.Item{Label: "Browser", Value: ui.Text(useragent.Parse(agent).Label())})
		}
		if id, _ := request["request_id"].(string); id != "" {
			items = append(items, ui.Item{Label: "Request ID", Value: ui.CopyID(id)})
		}
	}
	if record, _ := e.Context["lockdown"].(string); record != "" {
		if id, err := idp.ParseID[idp.Lockdown](record); err == nil {
			items = append(items, ui.Item{Label: "Record", Value: ui.Anchor("Open the lockdown", lockdownPath(id))})
		}
	}
	if s := summary(e); s != "" {
		items = append(items, ui.Item{Label: "Reason", Value: ui.Text(s)})
	}
	return append(items, ui.Item{Label: "Event ID", Value: ui.CopyID(e.ID.String())})
}

// userLink names an account that may be gone by now.
func userLink(name string, id idp.UserID) templ.Component {
	if id <= 0 {
		return ui.Text(name)
	}
	return ui.Anchor(name, userPath(id))
}

// context is the event's context as JSON, for the page's last card.
func (v eventView) context() json.RawMessage {
	raw, err := json.Marshal(v.Event.Context)
	if err != nil {
		return json.RawMessage("{}") // it came from JSON
	}
	return raw
}
