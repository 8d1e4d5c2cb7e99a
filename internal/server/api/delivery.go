package api

import (
	"encoding/base64"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Delivery is one thing to send because of one event.
type Delivery struct {
	ID            int64                   `json:"id"`
	Event         idp.EventID             `json:"event"`
	Rule          *idp.NotificationRuleID `json:"rule" doc:"null = deleted since"`
	RuleName      string                  `json:"rule_name"`
	Severity      idp.Severity            `json:"severity"`
	Transport     *idp.TransportID        `json:"transport" doc:"null = deleted since"`
	TransportName string                  `json:"transport_name"`
	Mode          idp.TransportMode       `json:"mode"`
	User          *idp.UserID             `json:"user" doc:"Whom it tells; null = nobody in particular, or deleted since"`
	Recipient     string                  `json:"recipient" doc:"Their username; empty = nobody in particular"`
	State         idp.DeliveryState       `json:"state" enum:"pending,delivered,failed"`
	Tries         int                     `json:"tries"`
	Redeliveries  int                     `json:"redeliveries" doc:"How often somebody had it sent once more; tries begin anew with each."`
	Answer        string                  `json:"answer" doc:"What the receiver said the last time, or what went wrong."`
	Created       time.Time               `json:"created"`
	NextTry       *time.Time              `json:"next_try" doc:"While it is pending; null = at once."`
	Ended         *time.Time              `json:"ended" doc:"Delivered, or given up."`
}

func deliveryView(d *idp.Delivery) *Delivery {
	return &Delivery{ID: d.ID, Event: d.EventID, Rule: d.RuleID, RuleName: d.RuleName, Severity: d.Severity, Transport: d.TransportID,
		TransportName: d.TransportName, Mode: d.Mode, User: d.UserID, Recipient: d.Recipient, State: d.State, Tries: d.Tries, Redeliveries: d.Redeliveries, Answer: d.Answer,
		Created: d.CreatedAt.UTC(), NextTry: utc(d.NextAt), Ended: utc(d.EndedAt)}
}

// DeliveryPagination says which part of the list an answer holds. With a cursor
// nothing is counted: the numbers are null then.
type DeliveryPagination LockPagination

// DeliveryPage is a part of the list of deliveries.
type DeliveryPage struct {
	Pagination   DeliveryPagination `json:"pagination"`
	Results      []Delivery         `json:"results"`
	Autocomplete map[string]any     `json:"autocomplete"`
}

var deliveryOrdering = []string{"pk", "created", "state"}

func (a *API) mountDeliveries() {
	const path, one = "/events/deliveries/", "/events/deliveries/{id}/"
	view := reflect.TypeFor[Delivery]()
	for _, op := range []operation{
		{method: http.MethodGet, path: path, id: "list", summary: "List deliveries of notifications, newest first",
			params: slices.Concat(pageParams(deliveryOrdering), []param{{name: "event", kind: id}, {name: "rule", kind: id}, {name: "transport", kind: id},
				{name: "state", kind: text, enum: []string{string(idp.DeliveryPending), string(idp.DeliveryDelivered), string(idp.DeliveryFailed)},
					help: "failed: given up, and tried again when somebody asks for it."},
				{name: "cursor", kind: text, help: "Go on where an earlier answer ended (pagination.next_cursor), however long the list is; empty = from the beginning. Nothing is counted then."}}),
			response: reflect.TypeFor[DeliveryPage](), run: a.listDeliveries},
		{method: http.MethodGet, path: one, id: "retrieve", summary: "Get one of the deliveries", response: view, run: a.getDelivery},
		{method: http.MethodPost, path: one + "redeliver/", id: "redeliver_create", summary: "Send one of the deliveries that are over once more",
			response: view, run: a.redeliver},
	} {
		op.tag, op.id = "events", "events_deliveries_"+op.id
		a.kit.add(op)
	}
}

func (a *API) listDeliveries(c *call) (any, error) {
	if err := a.mayNotify(c, idp.VerbList); err != nil {
		return nil, err
	}
	p, page, err := paging(c.query, deliveryOrdering)
	if err != nil {
		return nil, err
	}
	f := idp.DeliveryFilter{Paging: p, EventID: oneID[idp.Event](c.query, "event"), RuleID: oneID[idp.NotificationRule](c.query, "rule"),
		TransportID: oneID[idp.Transport](c.query, "transport"), State: word[idp.DeliveryState](c.query, "state")}
	if c.r.URL.Query().Has("cursor") {
		return a.deliveryStretch(c, f)
	}
	found, err := a.Store.Repos().Deliveries.Find(c, f)
	if err != nil {
		return nil, err
	}
	whole, err := paginate(deliveryViews(found.Items), found.Total, page, p.Limit)
	if err != nil {
		return nil, err
	}
	n := whole.Pagination
	out := DeliveryPage{Results: whole.Results, Autocomplete: whole.Autocomplete, Pagination: DeliveryPagination{Next: &n.Next, Previous: &n.Previous,
		Count: &n.Count, Current: &n.Current, TotalPages: &n.TotalPages, StartIndex: &n.StartIndex, EndIndex: &n.EndIndex}}
	if last := len(found.Items) - 1; n.Next > 0 && len(p.Order) == 0 && last >= 0 {
		out.Pagination.NextCursor = deliveryCursor(&found.Items[last])
	}
	return out, nil
}

func deliveryViews(rows []idp.Delivery) []Delivery {
	views := make([]Delivery, 0, len(rows))
	for i := range rows {
		views = append(views, *deliveryView(&rows[i]))
	}
	return views
}

// deliveryStretch lists what comes behind a cursor.
func (a *API) deliveryStretch(c *call, f idp.DeliveryFilter) (any, error) {
	if len(f.Order) > 0 || len(c.query["page"]) > 0 {
		return nil, idp.Invalid("cursor", "A cursor goes through the list as it is ordered by itself: set neither ordering nor page.")
	}
	if text := c.query.text("cursor"); text != nil {
		before, err := readDeliveryCursor(*text)
		if err != nil {
			return nil, err
		}
		f.Before = before
	}
	f.Uncounted = true
	found, err := a.Store.Repos().Deliveries.Find(c, f)
	if err != nil {
		return nil, err
	}
	out := DeliveryPage{Results: deliveryViews(found.Items), Autocomplete: map[string]any{}}
	if n := len(found.Items); n > 0 && n >= f.Limit { // perhaps nothing comes any more
		out.Pagination.NextCursor = deliveryCursor(&found.Items[n-1])
	}
	return out, nil
}

func deliveryCursor(d *idp.Delivery) string {
	return base64.RawURLEncoding.EncodeToString([]byte("delivery " + strconv.FormatInt(d.ID, 10)))
}

func readDeliveryCursor(text string) (int64, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && len(raw) > len("delivery ") && string(raw[:len("delivery ")]) == "delivery " {
		if n, err := strconv.ParseInt(string(raw[len("delivery "):]), 10, 64); err == nil && n > 0 {
			return n, nil
		}
	}
	return 0, idp.Invalid("cursor", "“%s” is not a cursor: take pagination.next_cursor of an earlier answer.", limit(text, 50))
}

// deliveryKey is the number in the path. What is none is nobody's.
func deliveryKey(c *call) (int64, error) {
	n, err := strconv.ParseInt(c.param("id"), 10, 64)
	if err != nil || n <= 0 {
		return 0, idp.NotFound("delivery")
	}
	return n, nil
}

func (a *API) getDelivery(c *call) (any, error) {
	if err := a.mayNotify(c, idp.VerbRead); err != nil {
		return nil, err
	}
	id, err := deliveryKey(c)
	if err != nil {
		return nil, err
	}
	d, err := a.Store.Repos().Deliveries.Get(c, id)
	if err != nil {
		return nil, err
	}
	return deliveryView(d), nil
}

func (a *API) redeliver(c *call) (any, error) {
	if err := a.mayNotify(c, idp.VerbUpdate); err != nil {
		return nil, err
	}
	id, err := deliveryKey(c)
	if err != nil {
		return nil, err
	}
	d, err := a.Notify.Redeliver(c, c.actor, id)
	if err != nil {
		return nil, err
	}
	return deliveryView(d), nil
}
