package notifypage

import (
	"fmt"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// transportFields are the names of the fields, as on the wire.
var transportFields = []string{"name", "mode", "webhook_url", "webhook_secret", "webhook_mapping_body", "webhook_mapping_headers",
	"email_subject_prefix", "email_template", "send_once"}

// dropSecret is the field that removes the secret.
const dropSecret = "webhook_secret_remove"

// transportForm holds what was typed. A secret is never shown again.
type transportForm struct {
	Name, Mode, URL, Body, Headers, Prefix, Template string
	SendOnce                                         bool

	secret string
	drop   bool
}

func readTransportForm(form web.Form) transportForm {
	return transportForm{Name: form.Trimmed("name"), Mode: form.Trimmed("mode"), URL: form.Trimmed("webhook_url"), Body: form.Trimmed("webhook_mapping_body"),
		Headers: form.Trimmed("webhook_mapping_headers"), Prefix: form.Text("email_subject_prefix"), Template: form.Trimmed("email_template"),
		SendOnce: form.Bool("send_once"), secret: form.Text("webhook_secret"), drop: form.Bool(dropSecret)}
}

func transportFormOf(t *idp.Transport) transportForm {
	key := func(id *idp.WebhookMappingID) string {
		if id == nil {
			return ""
		}
		return id.String()
	}
	return transportForm{Name: t.Name, Mode: string(t.Mode), URL: t.WebhookURL, Body: key(t.WebhookMappingBody), Headers: key(t.WebhookMappingHeaders),
		Prefix: t.EmailSubjectPrefix, Template: t.EmailTemplate, SendOnce: t.SendOnce}
}

// transportState is what a form is filled from, and whether the secret is the same.
func transportState(t *idp.Transport) any { return []any{transportFormOf(t), t.WebhookSecret} }

// apply puts what was typed into the transport. A secret that was left empty stays.
func (f transportForm) apply(t *idp.Transport) error {
	var faults idp.Faults
	key := func(field, raw string) *idp.WebhookMappingID {
		if raw == "" {
			return nil
		}
		id, err := idp.ParseID[idp.WebhookMapping](raw)
		if err != nil {
			faults.Add(field, "Choose a mapping of the list.")
		}
		return &id
	}
	t.Name, t.Mode, t.WebhookURL, t.SendOnce = f.Name, idp.TransportMode(f.Mode), f.URL, f.SendOnce
	t.WebhookMappingBody, t.WebhookMappingHeaders = key("webhook_mapping_body", f.Body), key("webhook_mapping_headers", f.Headers)
	t.EmailSubjectPrefix, t.EmailTemplate = f.Prefix, f.Template
	switch {
	case f.secret != "":
		t.WebhookSecret = f.secret
	case f.drop:
		t.WebhookSecret = ""
	}
	return faults.Err()
}

type transportView struct {
	Page     ui.PageProps
	Form     transportForm
	Props    ui.FormProps
	Faults   page.Faults
	Row      *idp.Transport // nil = a new one
	Mappings []ui.Option
	MailOff  bool
	Trial    trial
	Rules    []idp.NotificationRule
	Recent   ui.TableProps
	Danger   []ui.DangerRow
}

// Set reports whether the transport has a secret.
func (v transportView) Set() bool { return v.Row != nil && v.Row.WebhookSecret != "" }

func (p *Pages) showTransport(w http.ResponseWriter, r *http.Request, v transportView) error {
	all, err := every(func(at idp.Paging) (idp.Page[idp.WebhookMapping], error) {
		return p.d.Store.Repos().WebhookMappings.Find(r.Context(), idp.WebhookMappingFilter{Paging: at})
	})
	if err != nil {
		return fmt.Errorf("listing webhook mappings: %w", err)
	}
	v.Mappings = []ui.Option{{Label: "The usual"}}
	for i := range all {
		v.Mappings = append(v.Mappings, ui.Option{Value: all[i].ID.String(), Label: all[i].Name})
	}
	v.MailOff, v.Props.Errors = !p.mailReady(), v.Faults.Rest(transportFields...)
	if v.Row != nil && !web.May(r, idp.VerbUpdate, idp.ResourceNotification) {
		v.Form.URL = v.Row.ShownURL()
	}
	v.Page = page.Console(r, v.Page)
	return page.RenderStatus(w, r, v.Faults.Status(), transportPage(v))
}

func (p *Pages) newTransport(w http.ResponseWriter, r *http.Request) error {
	return p.showNewTransport(w, r, transportForm{Mode: string(idp.TransportWebhook)}, page.Faults{}, page.BackOf(r, nil))
}

func (p *Pages) showNewTransport(w http.ResponseWriter, r *http.Request, form transportForm, faults page.Faults, back page.Back) error {
	return p.showTransport(w, r, transportView{Form: form, Faults: faults,
		Page:  ui.PageProps{Title: "New transport", Narrow: true, Crumbs: []ui.Crumb{{Label: "Notification transports", Href: transportsPath}, {Label: "New transport"}}},
		Props: ui.FormProps{Action: transportsPath + "new/", Submit: "Create transport", Cancel: back.Or(transportsPath), Hidden: back.Hidden()}})
}

func (p *Pages) createTransport(w http.ResponseWriter, r *http.Request) error {
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form, draft, back := readTransportForm(sent), idp.Transport{}, page.BackOf(r, sent)
	var made *idp.Transport
	if err = form.apply(&draft); err == nil {
		made, err = p.d.Configure.CreateTransport(r.Context(), web.Actor(r), draft)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.showNewTransport(w, r, form, faults, back)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The transport "+made.Name+" was created. Test it before you rely on it.")
	return web.Redirect(w, r, back.Or(transportPath(made.ID)))
}

func (p *Pages) loadTransport(r *http.Request) (*idp.Transport, error) {
	id, err := web.IDParam[idp.Transport](r, "transport", "transport")
	if err != nil {
		return nil, err
	}
	return p.d.Store.Repos().Transports.Get(r.Context(), id)
}

func (p *Pages) editTransport(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadTransport(r)
	if err != nil {
		return err
	}
	return p.showEditTransport(w, r, row, transportView{Form: transportFormOf(row)})
}

// showEditTransport draws the page; v brings the form, the faults and the trial.
func (p *Pages) showEditTransport(w http.ResponseWriter, r *http.Request, row *idp.Transport, v transportView) error {
	var err error
	if v.Rules, err = p.users(r, row.ID); err != nil {
		return err
	}
	found, err := p.d.Store.Repos().Deliveries.Find(r.Context(), idp.DeliveryFilter{TransportID: &row.ID, Paging: idp.Paging{Limit: recent}})
	if err != nil {
		return fmt.Errorf("listing the deliveries of transport %s: %w", row.ID, err)
	}
	v.Recent = deliveryTable(found.Items, transportPath(row.ID))
	v.Recent.Title, v.Recent.Actions = "Recent deliveries", more(found.Total, "transport", row.ID.String())
	q := deleteTransportQuestion(row, v.Rules)
	v.Danger = []ui.DangerRow{{Title: "Delete this transport", Text: q.Text, Action: ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
		Button: ui.ButtonProps{Label: "Delete transport", Kind: ui.Warning, Icon: ui.IconTrash}})}}
	v.Row = row
	v.Page = ui.PageProps{Title: row.Name, Tags: modeTag(row.Mode, modes[row.Mode].label), Crumbs: page.Crumbs("Notification transports", transportsPath, row.Name, "", "")}
	if row.Mode == idp.TransportEmail {
		v.Page.Banner = p.mailBanner(true)
	}
	v.Props = ui.FormProps{Action: transportPath(row.ID), Submit: "Save changes", Cancel: transportsPath,
		Hidden: []ui.Pair{{Name: page.SeenField, Value: page.Seen(transportState(row))}}}
	return p.showTransport(w, r, v)
}

// users are the rules that use a transport.
func (p *Pages) users(r *http.Request, id idp.TransportID) ([]idp.NotificationRule, error) {
	rules, err := every(func(at idp.Paging) (idp.Page[idp.NotificationRule], error) {
		return p.d.Store.Repos().NotificationRules.Find(r.Context(), idp.NotificationRuleFilter{Transport: &id, Paging: at})
	})
	if err != nil {
		return nil, fmt.Errorf("listing the rules of transport %s: %w", id, err)
	}
	return rules, nil
}

func (p *Pages) updateTransport(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadTransport(r)
	if err != nil {
		return err
	}
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readTransportForm(sent)
	changed, err := p.d.Configure.UpdateTransport(r.Context(), web.Actor(r), row.ID, func(now *idp.Transport) error {
		present := *now
		row = &present // what the form is shown again beside
		if err := page.Unchanged(sent, transportState(now)); err != nil {
			return err
		}
		return form.apply(now)
	})
	if faults, ok := page.FaultsOf(err); ok {
		return p.showEditTransport(w, r, row, transportView{Form: form, Faults: faults})
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The transport "+changed.Name+" was saved.")
	return web.Redirect(w, r, transportPath(row.ID))
}

// trial is what came of a test.
type trial struct {
	Ran, OK bool
	Answer  string
}

// testTransport sends a test over the transport as it is stored. That it fails is an
// answer like another.
func (p *Pages) testTransport(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadTransport(r)
	if err != nil {
		return err
	}
	answer, err := p.d.Notify.Test(r.Context(), web.Actor(r), row.ID)
	t := trial{Ran: true, OK: err == nil, Answer: answer}
	if faults, ok := page.FaultsOf(err); ok && !idp.Is(err, idp.CodeForbidden) {
		t.Answer = faults.Text()
	} else if err != nil {
		return err
	}
	return p.showEditTransport(w, r, row, transportView{Form: transportFormOf(row), Trial: t})
}

func deleteTransportQuestion(row *idp.Transport, rules []idp.NotificationRule) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "Delete the transport " + row.Name + "?", Submit: "Delete transport", Danger: true, Action: transportPath(row.ID) + "delete/", Back: transportPath(row.ID),
		Text: "What waits to be sent over it fails. This cannot be undone."}
	for i := range rules {
		said := "The rule " + rules[i].Name + " no longer tells by it"
		if len(rules[i].Transports) == 1 {
			said = "The rule " + rules[i].Name + " tells nobody any more: it has no other transport"
		}
		q.Consequences = append(q.Consequences, said)
	}
	return q
}

func (p *Pages) deleteTransport(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadTransport(r)
	if err != nil {
		return err
	}
	rules, err := p.users(r, row.ID)
	if err != nil {
		return err
	}
	q := deleteTransportQuestion(row, rules)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Notification transports", transportsPath, row.Name, transportPath(row.ID), "Delete"), q)
	}
	if err := p.d.Configure.DeleteTransport(r.Context(), web.Actor(r), row.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The transport "+row.Name+" was deleted.")
	return web.Redirect(w, r, transportsPath)
}
