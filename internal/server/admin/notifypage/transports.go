package notifypage

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func transportPath(id idp.TransportID) string { return page.TransportPath(id) }

// modes are the ways to tell somebody, in words.
var modes = map[idp.TransportMode]struct {
	label, hint string
	icon        ui.IconName
}{
	idp.TransportLocal:   {"In the console", "People see it behind the bell. Nothing leaves this server.", ui.IconBell},
	idp.TransportWebhook: {"Webhook", "Posts JSON to an address of your own.", ui.IconLink},
	idp.TransportSlack:   {"Slack or Discord", "Posts a message to a channel, through its incoming webhook.", ui.IconSend},
	idp.TransportEmail:   {"E-mail", "Writes to the addresses of those who are told.", ui.IconMail},
}

func modeOptions() []ui.Option {
	var out []ui.Option
	for _, m := range idp.TransportModes() {
		out = append(out, ui.Option{Value: string(m), Label: modes[m].label, Hint: modes[m].hint})
	}
	return out
}

// modeTag is the sign of a mode with a name.
func modeTag(m idp.TransportMode, name string) templ.Component {
	return ui.TagIcon(ui.ToneNeutral, modes[m].icon, name)
}

func (p *Pages) transports(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "name")
	if err != nil {
		return err
	}
	filter := idp.TransportFilter{Paging: list.Paging()}
	if m := idp.TransportMode(list.Query.Trimmed("mode")); m != "" {
		if !slices.Contains(idp.TransportModes(), m) {
			return idp.Invalid("mode", "“%.40s” is not a mode of transports: expected local, webhook, webhook_slack or email.", string(m))
		}
		filter.Mode = &m
	}
	found, err := p.d.Store.Repos().Transports.Find(r.Context(), filter)
	if err != nil {
		return fmt.Errorf("listing transports: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	create := ui.ButtonProps{Label: "New transport", Kind: ui.Primary, Icon: ui.IconPlus, Href: transportsPath + "new/"}
	t := ui.TableProps{ID: "transports", Caption: "Notification transports", Paging: list.Pages(found.Total, "transport"),
		Columns: []ui.Column{list.Column("Name", "name"), list.Column("Mode", "mode"), {Label: "Goes to"}, {Label: "Rules", Numeric: true}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconSend, Title: "No transports yet", Action: ui.Button(create),
			Text: "A transport is a way to tell somebody: in the console, by webhook, or by e-mail."}),
		Filter: ui.FilterBar(ui.FilterProps{Action: transportsPath, Query: list.Search(), Placeholder: "Search transports", Reset: list.Reset("mode"),
			Hidden: list.Kept(), Swap: "transports", Fields: []ui.FieldProps{list.Choice("mode", "Mode", "Any mode", bare(modeOptions())...)}})}
	if list.Filtered("mode") {
		t.Empty = ui.NothingFound("transport", transportsPath)
	}
	for i := range found.Items {
		it := &found.Items[i]
		rules, err := p.d.Store.Repos().NotificationRules.Find(r.Context(), idp.NotificationRuleFilter{Transport: &it.ID, Paging: idp.Paging{Limit: 1}})
		if err != nil {
			return fmt.Errorf("counting the rules of transport %s: %w", it.ID, err)
		}
		t.Rows = append(t.Rows, ui.Row{ID: it.ID.String(), Label: it.Name, Cells: []templ.Component{
			ui.Two(it.Name, "", transportPath(it.ID)), modeTag(it.Mode, modes[it.Mode].label), p.goesTo(it), ui.Text(ui.Number(rules.Total))},
			Actions: []ui.MenuItem{{Label: "Edit", Icon: ui.IconPencil, Href: transportPath(it.ID)},
				{Label: "Deliveries", Icon: ui.IconInbox, Href: deliveriesPath + "?transport=" + it.ID.String()},
				{Label: "Delete", Icon: ui.IconTrash, Href: transportPath(it.ID) + "delete/", Danger: true}}})
	}
	counts, err := p.stats(r.Context())
	if err != nil {
		return err
	}
	view := page.Console(r, ui.PageProps{Title: "Notification transports", Subtitle: "The ways in which rules tell people.", Actions: ui.Button(create),
		Banner: p.mailBanner(slices.ContainsFunc(found.Items, func(t idp.Transport) bool { return t.Mode == idp.TransportEmail }))})
	return page.Render(w, r, transportsPage(view, counts, t))
}

// host is as much of an address as a list shows: the rest may be what proves who posts.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	return u.Host
}

// goesTo is where a transport sends.
func (p *Pages) goesTo(t *idp.Transport) templ.Component {
	switch {
	case t.Mode.Hooks():
		return ui.Mono(host(t.WebhookURL))
	case t.Mode == idp.TransportEmail && !p.mailReady():
		return ui.TagIcon(ui.ToneWarn, ui.IconTriangleAlert, "No mail server")
	case t.Mode == idp.TransportEmail:
		return ui.Muted("Their e-mail addresses")
	}
	return ui.Muted("Their lists in the console")
}

// mailBanner says that no mails can be sent; loud where somebody wants to.
func (p *Pages) mailBanner(wanted bool) templ.Component {
	if p.mailReady() {
		return nil
	}
	tone := ui.ToneInfo
	if wanted {
		tone = ui.ToneWarn
	}
	return ui.Alert(ui.AlertProps{Tone: tone, Title: "No mail server is configured",
		Text: "Transports of the mode e-mail send nothing until one is. What happens meanwhile is not sent later."})
}

// stats count deliveries.
func (p *Pages) stats(ctx context.Context) ([]ui.StatProps, error) {
	counts, err := p.d.Store.Repos().Deliveries.Count(ctx)
	if err != nil {
		return nil, fmt.Errorf("counting deliveries: %w", err)
	}
	tone := ui.Tone("")
	if counts[idp.DeliveryFailed] > 0 {
		tone = ui.ToneBad
	}
	at := func(s idp.DeliveryState) string { return deliveriesPath + "?state=" + string(s) }
	return []ui.StatProps{
		{Label: "Waiting", Value: ui.Number(counts[idp.DeliveryPending]), Icon: ui.IconClock, Href: at(idp.DeliveryPending), Note: "to be sent, or tried again"},
		{Label: "Failed", Value: ui.Number(counts[idp.DeliveryFailed]), Icon: ui.IconCircleX, Href: at(idp.DeliveryFailed), Note: "given up in the last day", Tone: tone},
		{Label: "Delivered", Value: ui.Number(counts[idp.DeliveryDelivered]), Icon: ui.IconCircleCheck, Href: at(idp.DeliveryDelivered), Note: "in the last day"},
	}, nil
}
