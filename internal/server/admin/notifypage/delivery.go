package notifypage

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// states are the states in words.
var states = map[idp.DeliveryState]struct {
	label string
	tone  ui.Tone
	icon  ui.IconName
}{
	idp.DeliveryPending:   {"Waiting", ui.ToneNeutral, ui.IconClock},
	idp.DeliveryDelivered: {"Delivered", ui.ToneOK, ui.IconCircleCheck},
	idp.DeliveryFailed:    {"Failed", ui.ToneBad, ui.IconCircleX},
}

// stateTag says how far a delivery has come.
func stateTag(d *idp.Delivery) templ.Component {
	s := states[d.State]
	if d.State == idp.DeliveryPending && d.Tries > 0 {
		s.label, s.tone, s.icon = "Trying again", ui.ToneWarn, ui.IconRotateCcw
	}
	return ui.TagIcon(s.tone, s.icon, s.label)
}

// deliveryTable lists deliveries; back is the page that it stands on, which may be that
// of a rule or of a transport: it need not be said again.
func deliveryTable(items []idp.Delivery, back string) ui.TableProps {
	t := ui.TableProps{ID: "deliveries", Caption: "Deliveries",
		Columns: []ui.Column{{Label: "What"}, {Label: "State"}, {Label: "Last answer"}, {Label: "Queued"}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconInbox, Title: "Nothing was sent yet",
			Text: "What rules send by webhook and e-mail appears here. What people are told in the console needs no delivery."})}
	at := now()
	for i := range items {
		d := &items[i]
		row := ui.Row{ID: strconv.FormatInt(d.ID, 10), Label: "delivery " + strconv.FormatInt(d.ID, 10), Cells: []templ.Component{
			what(d, back), progress(d, back, at), lastAnswer(d), ui.Time(d.CreatedAt, at)},
			Actions: []ui.MenuItem{{Label: "Open", Icon: ui.IconFileText, Href: deliveryPath(d.ID)}}}
		if d.EventKept {
			row.Actions = append(row.Actions, ui.MenuItem{Label: "Open the event", Icon: ui.IconScrollText, Href: eventsPath + d.EventID.String() + "/"})
		}
		if d.State == idp.DeliveryDelivered { // one that failed has a button
			row.Actions = append(row.Actions, ui.MenuItem{Label: "Redeliver", Icon: ui.IconRotateCcw, Post: redeliverPath(d.ID), Hidden: page.Back(back).Hidden(), Divider: true})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// what is of which rule a delivery is, by what and to whom.
func what(d *idp.Delivery, back string) templ.Component {
	main, sub, to := d.RuleName, d.TransportName, ""
	switch {
	case d.RuleID != nil && back == rulePath(*d.RuleID):
		main, sub = d.TransportName, ""
	case d.TransportID != nil && back == transportPath(*d.TransportID):
		sub = ""
	}
	if d.Recipient != "" {
		to = "to " + d.Recipient
	}
	return ui.Two(main, strings.TrimSpace(sub+" "+to), deliveryPath(d.ID))
}

// gist is what a list shows of an answer: why it went wrong, and how what the receiver
// said begins.
func gist(s string) (why, said string) {
	lines := strings.SplitN(strings.TrimSpace(s), "\n", 3)
	for i, line := range lines {
		if r := []rune(line); len(r) > 200 {
			lines[i] = string(r[:200]) + "…"
		}
	}
	if len(lines) == 1 {
		return lines[0], ""
	}
	return lines[0], lines[1]
}

// more leads to the whole list when a page shows only its beginning.
func more(total int, filter, value string) templ.Component {
	if total <= recent {
		return nil
	}
	return ui.Button(ui.ButtonProps{Label: "All " + ui.Count(total, "delivery"), Href: deliveriesPath + "?" + filter + "=" + value, Small: true})
}

type deliveryView struct {
	Page     ui.PageProps
	Delivery *idp.Delivery
}

// times says how often.
func times(n int) string {
	switch n {
	case 0:
		return "Never"
	case 1:
		return "Once"
	}
	return ui.Number(n) + " times"
}

func redeliverButton(d *idp.Delivery, back string, small bool) templ.Component {
	if d.State == idp.DeliveryPending {
		return nil
	}
	return ui.Action(ui.ActionProps{Action: redeliverPath(d.ID), Hidden: page.Back(back).Hidden(), Button: ui.ButtonProps{Label: "Redeliver", Icon: ui.IconRotateCcw, Small: small}})
}

func (v deliveryView) facts() []ui.Item {
	d, at := v.Delivery, now()
	rule, transport, to := ui.Text(d.RuleName+" (deleted)"), ui.Text(d.TransportName+" (deleted)"), templ.Component(ui.Muted("Nobody in particular"))
	if d.RuleID != nil {
		rule = ui.Anchor(d.RuleName, rulePath(*d.RuleID))
	}
	if d.TransportID != nil {
		transport = ui.Anchor(d.TransportName, transportPath(*d.TransportID))
	}
	switch {
	case d.UserID != nil:
		to = ui.Anchor(d.Recipient, usersPath+d.UserID.String()+"/")
	case d.Recipient != "":
		to = ui.Text(d.Recipient + " (deleted)")
	}
	event := ui.Anchor(d.EventID.String(), eventsPath+d.EventID.String()+"/")
	if !d.EventKept {
		event = ui.Text(d.EventID.String() + " (not kept any more)")
	}
	out := []ui.Item{{Label: "Event", Value: event}, {Label: "Rule", Value: rule},
		{Label: "Severity", Value: page.SeverityTag(d.Severity)}, {Label: "Transport", Value: transport}, {Label: "Mode", Value: ui.Text(modes[d.Mode].label)},
		{Label: "To", Value: to}, {Label: "Tries", Value: ui.Text(ui.Number(d.Tries))}, {Label: "Redelivered", Value: ui.Text(times(d.Redeliveries))}, {Label: "Queued", Value: ui.TimeFull(d.CreatedAt, at)}}
	if d.State == idp.DeliveryPending {
		next := templ.Component(ui.Text("As soon as what waits before it is sent"))
		if d.NextAt != nil {
			next = ui.TimeFull(*d.NextAt, at)
		}
		return append(out, ui.Item{Label: "Next try", Value: next})
	}
	return append(out, ui.Item{Label: "Ended", Value: ui.TimeFull(page.At(d.EndedAt), at)})
}
