package notifypage

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func deliveryPath(id int64) string { return deliveriesPath + strconv.FormatInt(id, 10) + "/" }

func redeliverPath(id int64) string { return deliveryPath(id) + "redeliver/" }

var deliveryFilters = []string{"state", "rule", "transport"}

// maxTrail is how many pages back one can go step by step.
const maxTrail = 40

func (p *Pages) deliveries(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "")
	if err != nil {
		return err
	}
	f, trail, err := deliveryFilter(list.Query)
	if err != nil {
		return err
	}
	f.Limit = list.Size + 1 // one more than is shown, to know whether more follow
	found, err := p.d.Store.Repos().Deliveries.Find(r.Context(), f)
	if err != nil {
		return fmt.Errorf("listing deliveries: %w", err)
	}
	items, paging := found.Items, &ui.Paging{Noun: "delivery", Total: -1}
	before := len(trail) * list.Size
	if f.Before > 0 {
		before += list.Size
		paging.PrevHref = list.Href("before", "", "trail", "")
		if n := len(trail); n > 0 {
			paging.PrevHref = list.Href("before", trail[n-1], "trail", strings.Join(trail[:n-1], "."))
		}
	}
	if len(items) > list.Size {
		items = items[:list.Size]
		if f.Before > 0 {
			trail = append(slices.Clone(trail), strconv.FormatInt(f.Before, 10))
		}
		trail = trail[max(len(trail)-maxTrail, 0):]
		paging.NextHref = list.Href("before", strconv.FormatInt(items[len(items)-1].ID, 10), "trail", strings.Join(trail, "."))
	} else if f.Before == 0 {
		paging.Total = len(items)
	}
	paging.From, paging.To = before+1, before+len(items)
	t := deliveryTable(items, list.Href("before", list.Query.Trimmed("before"), "trail", list.Query.Trimmed("trail")))
	t.Paging = paging
	if t.Filter, err = p.deliveryBar(r, list); err != nil {
		return err
	}
	if list.Filtered(deliveryFilters...) || f.Before > 0 {
		t.Empty = ui.NothingFound("delivery", deliveriesPath)
	}
	counts, err := p.stats(r.Context())
	if err != nil {
		return err
	}
	return page.Render(w, r, transportsPage(page.Console(r, ui.PageProps{Title: "Deliveries",
		Subtitle: "What was to be sent by webhook and e-mail, and what came of it. Failures are tried again for a day; then they stay here until somebody delivers them again."}), counts, t))
}

// deliveryFilter reads the filters, and the places of the pages before this one.
func deliveryFilter(q web.Form) (f idp.DeliveryFilter, trail []string, err error) {
	if s := idp.DeliveryState(q.Trimmed("state")); s != "" {
		if states[s].label == "" {
			return f, nil, idp.Invalid("state", "“%.40s” is not a state of deliveries: expected pending, delivered or failed.", string(s))
		}
		f.State = &s
	}
	if raw := q.Trimmed("rule"); raw != "" {
		id, err := idp.ParseID[idp.NotificationRule](raw)
		if err != nil {
			return f, nil, idp.Invalid("rule", "“%.50s” is not the key of a rule: expected a UUID.", raw)
		}
		f.RuleID = &id
	}
	if raw := q.Trimmed("transport"); raw != "" {
		id, err := idp.ParseID[idp.Transport](raw)
		if err != nil {
			return f, nil, idp.Invalid("transport", "“%.50s” is not the key of a transport: expected a UUID.", raw)
		}
		f.TransportID = &id
	}
	if raw := q.Trimmed("before"); raw != "" {
		if f.Before, err = strconv.ParseInt(raw, 10, 64); err != nil || f.Before < 1 {
			return f, nil, idp.Invalid("before", "“%.40s” is no place in the list of deliveries.", raw)
		}
	}
	if raw := q.Trimmed("trail"); raw != "" {
		trail = strings.Split(raw, ".")
		for _, mark := range trail {
			if n, err := strconv.ParseInt(mark, 10, 64); err != nil || n < 1 || len(trail) > maxTrail {
				return f, nil, idp.Invalid("trail", "This address is not one of a page of deliveries.")
			}
		}
	}
	return f, trail, nil
}

func (p *Pages) deliveryBar(r *http.Request, list page.List) (templ.Component, error) {
	rules, err := every(func(at idp.Paging) (idp.Page[idp.NotificationRule], error) {
		return p.d.Store.Repos().NotificationRules.Find(r.Context(), idp.NotificationRuleFilter{Paging: at})
	})
	if err != nil {
		return nil, fmt.Errorf("listing notification rules: %w", err)
	}
	transports, err := p.allTransports(r.Context())
	if err != nil {
		return nil, err
	}
	var byRule, byTransport, byState []ui.Option
	for i := range rules {
		byRule = append(byRule, ui.Option{Value: rules[i].ID.String(), Label: rules[i].Name})
	}
	for _, t := range transports {
		if t.Mode != idp.TransportLocal { // what is told in the console needs no delivery
			byTransport = append(byTransport, ui.Option{Value: t.ID.String(), Label: t.Name})
		}
	}
	for _, s := range []idp.DeliveryState{idp.DeliveryPending, idp.DeliveryDelivered, idp.DeliveryFailed} {
		byState = append(byState, ui.Option{Value: string(s), Label: states[s].label})
	}
	return ui.FilterBar(ui.FilterProps{Action: deliveriesPath, Swap: "deliveries", Reset: list.Reset(deliveryFilters...), Fields: []ui.FieldProps{
		list.Choice("state", "State", "Any state", byState...), list.Choice("rule", "Rule", "Any rule", byRule...),
		list.Choice("transport", "Transport", "Any transport", byTransport...)}}), nil
}

func (p *Pages) loadDelivery(r *http.Request) (*idp.Delivery, error) {
	id, err := strconv.ParseInt(web.Param(r, "delivery"), 10, 64)
	if err != nil || id < 1 {
		return nil, idp.NotFound("delivery")
	}
	return p.d.Store.Repos().Deliveries.Get(r.Context(), id)
}

func (p *Pages) delivery(w http.ResponseWriter, r *http.Request) error {
	d, err := p.loadDelivery(r)
	if err != nil {
		return err
	}
	v := deliveryView{Delivery: d, Page: page.Console(r, ui.PageProps{Title: "Delivery " + strconv.FormatInt(d.ID, 10), Tags: stateTag(d),
		Crumbs: []ui.Crumb{{Label: "Deliveries", Href: deliveriesPath}, {Label: strconv.FormatInt(d.ID, 10)}}, Actions: redeliverButton(d, deliveryPath(d.ID), false)})}
	return page.Render(w, r, deliveryPage(v))
}

// redeliver queues a delivery that is over once more.
func (p *Pages) redeliver(w http.ResponseWriter, r *http.Request) error {
	d, err := p.loadDelivery(r)
	if err != nil {
		return err
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	back := page.BackOf(r, form).Or(deliveryPath(d.ID))
	if _, err := p.d.Notify.Redeliver(r.Context(), web.Actor(r), d.ID); err != nil {
		return page.Refused(w, r, err, back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "It is queued again, after what waits.")
	return web.Redirect(w, r, back)
}

// OfEvent is the panel with what was sent because of an event, or that it is queued; nil
// where there is nothing, or whoever looks may not see it.
func (p *Pages) OfEvent(r *http.Request, id idp.EventID) (templ.Component, error) {
	if !web.May(r, idp.VerbList, idp.ResourceNotification) {
		return nil, nil
	}
	found, err := p.d.Store.Repos().Deliveries.Find(r.Context(), idp.DeliveryFilter{EventID: &id, Paging: idp.Paging{Limit: 100}})
	if err != nil {
		return nil, fmt.Errorf("listing the deliveries of event %s: %w", id, err)
	}
	if len(found.Items) == 0 {
		waits, err := p.d.Store.Repos().Deliveries.Waits(r.Context(), id)
		if err != nil || !waits {
			return nil, err
		}
		return ui.Alert(ui.AlertProps{Title: "Deliveries", Text: "This event is queued: notification rules are about to be asked who is to be told of it."}), nil
	}
	t := deliveryTable(found.Items, eventsPath+id.String()+"/")
	t.Title, t.Text = "Deliveries", "What was sent because of this event, and what came of it."
	if found.Total > len(found.Items) {
		t.Text = "The newest " + strconv.Itoa(len(found.Items)) + " of " + ui.Count(found.Total, "delivery") + "."
	}
	return ui.Table(t), nil
}
