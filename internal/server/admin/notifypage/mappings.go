package notifypage

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/server/admin/settingsform"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func mappingPath(id idp.WebhookMappingID) string { return mappingsPath + id.String() + "/" }

func (p *Pages) mappings(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "name")
	if err != nil {
		return err
	}
	found, err := p.d.Store.Repos().WebhookMappings.Find(r.Context(), idp.WebhookMappingFilter{Paging: list.Paging()})
	if err != nil {
		return fmt.Errorf("listing webhook mappings: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	create := ui.ButtonProps{Label: "New webhook mapping", Kind: ui.Primary, Icon: ui.IconPlus, Href: mappingsPath + "new/"}
	t := ui.TableProps{ID: "mappings", Caption: "Property mappings", Paging: list.Pages(found.Total, "mapping"),
		Columns: []ui.Column{list.Column("Name", "name"), {Label: "Used by"}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconFileText, Title: "No property mappings yet", Action: ui.Button(create),
			Text: "A webhook mapping is an expression that makes the body or the headers of webhooks from an event."}),
		Filter: ui.FilterBar(ui.FilterProps{Action: mappingsPath, Query: list.Search(), Placeholder: "Search mappings", Reset: list.Reset(), Hidden: list.Kept(), Swap: "mappings"})}
	if list.Filtered() {
		t.Empty = ui.NothingFound("mapping", mappingsPath)
	}
	for i := range found.Items {
		it := &found.Items[i]
		used, err := p.mapped(r, it.ID)
		if err != nil {
			return err
		}
		t.Rows = append(t.Rows, ui.Row{ID: it.ID.String(), Label: it.Name, Cells: []templ.Component{ui.Two(it.Name, "", mappingPath(it.ID)), usersOf(used)},
			Actions: []ui.MenuItem{{Label: "Edit", Icon: ui.IconPencil, Href: mappingPath(it.ID)},
				{Label: "Delete", Icon: ui.IconTrash, Href: mappingPath(it.ID) + "delete/", Danger: true}}})
	}
	return page.Render(w, r, listPage(page.Console(r, ui.PageProps{Title: "Property mappings", Subtitle: "Expressions that make the body and the headers of webhooks.",
		Actions: ui.Button(create)}), t))
}

// mapped are the transports that use a mapping.
func (p *Pages) mapped(r *http.Request, id idp.WebhookMappingID) ([]idp.Transport, error) {
	out, err := every(func(at idp.Paging) (idp.Page[idp.Transport], error) {
		return p.d.Store.Repos().Transports.Find(r.Context(), idp.TransportFilter{Mapping: &id, Paging: at})
	})
	if err != nil {
		return nil, fmt.Errorf("listing the transports of mapping %s: %w", id, err)
	}
	return out, nil
}

// mappingForm holds what was typed.
type mappingForm struct{ Name, Expression string }

func readMappingForm(form web.Form) mappingForm {
	source := form.Text("expression")
	if form.Has(ui.ReplacePrefix + "expression") {
		source = form.Text(ui.ReplacePrefix + "expression")
	}
	return mappingForm{Name: form.Trimmed("name"), Expression: strings.ReplaceAll(source, "\r\n", "\n")}
}

func mappingFormOf(m *idp.WebhookMapping) mappingForm { return mappingForm{m.Name, m.Expression} }

// fault says what is wrong with the expression, nil = nothing.
func (f mappingForm) fault() *ui.Fault {
	if strings.TrimSpace(f.Expression) == "" {
		return nil
	}
	err := policy.CheckMapping(f.Expression)
	var at *policy.Error
	if !errors.As(err, &at) {
		return nil
	}
	out := settingsform.FaultOf(at)
	if instead, certain := policy.Translate(f.Expression, false); certain && policy.CheckMapping(instead) == nil {
		out = settingsform.Offer(out, instead)
	}
	return out
}

func (f mappingForm) editor(faults page.Faults) ui.EditorProps {
	e := ui.EditorProps{FieldProps: ui.FieldProps{Name: "expression", Label: "Expression", Value: f.Expression, NoOptional: true, Error: faults.Of("expression"),
		Hint: `What it gives is sent: a map becomes JSON, such as {"text": notification.body, "by": event.user.username}.`, Rows: 10}, Fault: f.fault()}
	if e.Fault != nil {
		e.Error = "" // the fault says it, with its place
	}
	return e
}

type mappingView struct {
	Page   ui.PageProps
	Form   mappingForm
	Props  ui.FormProps
	Faults page.Faults
	New    bool
	Used   []idp.Transport
	Danger []ui.DangerRow
}

func (p *Pages) showMapping(w http.ResponseWriter, r *http.Request, v mappingView) error {
	v.Props.Errors = v.Faults.Rest("name", "expression")
	v.Page = page.Console(r, v.Page)
	return page.RenderStatus(w, r, v.Faults.Status(), mappingPage(v))
}

func (p *Pages) newMapping(w http.ResponseWriter, r *http.Request) error {
	return p.showNewMapping(w, r, mappingForm{}, page.Faults{})
}

func (p *Pages) showNewMapping(w http.ResponseWriter, r *http.Request, form mappingForm, faults page.Faults) error {
	return p.showMapping(w, r, mappingView{Form: form, Faults: faults, New: true,
		Page:  ui.PageProps{Title: "New webhook mapping", Crumbs: []ui.Crumb{{Label: "Property mappings", Href: mappingsPath}, {Label: "New webhook mapping"}}},
		Props: ui.FormProps{Action: mappingsPath + "new/", Submit: "Create mapping", Cancel: mappingsPath}})
}

func (p *Pages) createMapping(w http.ResponseWriter, r *http.Request) error {
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readMappingForm(sent)
	if settingsform.Replaced(sent) {
		return p.showNewMapping(w, r, form, page.Faults{})
	}
	made, err := p.d.Configure.CreateWebhookMapping(r.Context(), web.Actor(r), idp.WebhookMapping{Name: form.Name, Expression: form.Expression})
	if faults, ok := page.FaultsOf(err); ok {
		return p.showNewMapping(w, r, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The mapping "+made.Name+" was created. Choose it in a transport.")
	return web.Redirect(w, r, mappingPath(made.ID))
}

// checkMapping says what is wrong with the expression while it is typed: the part below
// the editor. It changes nothing.
func (p *Pages) checkMapping(w http.ResponseWriter, r *http.Request) error {
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	return page.Render(w, r, ui.EditorStatus(readMappingForm(sent).editor(page.Faults{})))
}

func (p *Pages) loadMapping(r *http.Request) (*idp.WebhookMapping, error) {
	id, err := web.IDParam[idp.WebhookMapping](r, "mapping", "webhook mapping")
	if err != nil {
		return nil, err
	}
	return p.d.Store.Repos().WebhookMappings.Get(r.Context(), id)
}

func (p *Pages) editMapping(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadMapping(r)
	if err != nil {
		return err
	}
	return p.showEditMapping(w, r, row, mappingFormOf(row), page.Faults{}, "")
}

// showEditMapping draws the page; seen is the state that the form was filled from, "" =
// the present one.
func (p *Pages) showEditMapping(w http.ResponseWriter, r *http.Request, row *idp.WebhookMapping, form mappingForm, faults page.Faults, seen string) error {
	used, err := p.mapped(r, row.ID)
	if err != nil {
		return err
	}
	if seen == "" {
		seen = page.Seen(mappingFormOf(row))
	}
	q := deleteMappingQuestion(row, used)
	return p.showMapping(w, r, mappingView{Form: form, Faults: faults, Used: used,
		Danger: []ui.DangerRow{{Title: "Delete this mapping", Text: q.Text, Action: ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
			Button: ui.ButtonProps{Label: "Delete mapping", Kind: ui.Warning, Icon: ui.IconTrash}})}},
		Page: ui.PageProps{Title: row.Name, Tags: ui.Tag(ui.ToneNeutral, "Webhook mapping"), Crumbs: page.Crumbs("Property mappings", mappingsPath, row.Name, "", "")},
		Props: ui.FormProps{Action: mappingPath(row.ID), Submit: "Save changes", Cancel: mappingsPath,
			Hidden: []ui.Pair{{Name: page.SeenField, Value: seen}}}})
}

func (p *Pages) updateMapping(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadMapping(r)
	if err != nil {
		return err
	}
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readMappingForm(sent)
	if settingsform.Replaced(sent) {
		return p.showEditMapping(w, r, row, form, page.Faults{}, sent.Text(page.SeenField))
	}
	changed, err := p.d.Configure.UpdateWebhookMapping(r.Context(), web.Actor(r), row.ID, func(now *idp.WebhookMapping) error {
		present := *now
		row = &present // what the form is shown again beside
		if err := page.Unchanged(sent, mappingFormOf(now)); err != nil {
			return err
		}
		now.Name, now.Expression = form.Name, form.Expression
		return nil
	})
	if faults, ok := page.FaultsOf(err); ok {
		return p.showEditMapping(w, r, row, form, faults, "")
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The mapping "+changed.Name+" was saved.")
	return web.Redirect(w, r, mappingPath(row.ID))
}

func deleteMappingQuestion(row *idp.WebhookMapping, used []idp.Transport) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "Delete the mapping " + row.Name + "?", Submit: "Delete mapping", Danger: true, Action: mappingPath(row.ID) + "delete/", Back: mappingPath(row.ID),
		Text: "This cannot be undone."}
	for i := range used {
		q.Consequences = append(q.Consequences, "The transport "+used[i].Name+" sends what is usual instead")
	}
	return q
}

func (p *Pages) deleteMapping(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadMapping(r)
	if err != nil {
		return err
	}
	used, err := p.mapped(r, row.ID)
	if err != nil {
		return err
	}
	q := deleteMappingQuestion(row, used)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Property mappings", mappingsPath, row.Name, mappingPath(row.ID), "Delete"), q)
	}
	if err := p.d.Configure.DeleteWebhookMapping(r.Context(), web.Actor(r), row.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The mapping "+row.Name+" was deleted.")
	return web.Redirect(w, r, mappingsPath)
}
