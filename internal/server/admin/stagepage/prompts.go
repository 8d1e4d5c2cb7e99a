package stagepage

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/admin/settingsform"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (p *Pages) prompts(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "name")
	if err != nil {
		return err
	}
	filter := idp.PromptFilter{Paging: list.Paging()}
	if t := list.Query.Trimmed("type"); t != "" {
		filter.Type = &t
	}
	found, err := p.store.Repos().Prompts.Find(r.Context(), filter)
	if err != nil {
		return fmt.Errorf("listing prompts: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return redirect(w, r, to)
	}
	used, err := p.usage(r.Context())
	if err != nil {
		return err
	}
	create := ui.ButtonProps{Label: "New prompt", Kind: ui.Primary, Icon: ui.IconPlus, Href: promptsPath + "new/"}
	t := ui.TableProps{ID: "prompts", Caption: "Prompts", Paging: list.Pages(found.Total, "prompt"),
		Columns: []ui.Column{list.Column("Name", "name"), list.Column("Field key", "field_key"), list.Column("Type", "type"),
			list.Column("Order", "order"), {Label: "Used in"}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconTextCursorInput, Title: "No prompts yet", Action: ui.Button(create),
			Text: "A prompt is one field or text that prompt stages show."}),
		Filter: ui.FilterBar(ui.FilterProps{Action: promptsPath, Query: list.Search(), Placeholder: "Search prompts", Reset: list.Reset("type"),
			Hidden: list.Kept(), Swap: "prompts", Fields: []ui.FieldProps{list.Choice("type", "Type", "Any type", typeOptions()...)}})}
	if list.Filtered("type") {
		t.Empty = ui.NothingFound("prompt", promptsPath)
	}
	t.Columns[3].Numeric = true
	for i := range found.Items {
		row := &found.Items[i]
		t.Rows = append(t.Rows, ui.Row{ID: row.ID.String(), Label: row.Name, Cells: []templ.Component{
			ui.Two(row.Name, row.Label, promptPath(row.ID)), ui.Mono(row.FieldKey), ui.Text(typeName(row.Type)),
			ui.Text(strconv.Itoa(row.Order)), used.shows(row.ID)},
			Actions: rowMenu(promptPath(row.ID), deletePromptQuestion(row, used))})
	}
	view := page.Console(r, ui.PageProps{Title: "Prompts", Subtitle: "The fields and texts that prompt stages show.", Actions: ui.Button(create)})
	return page.Render(w, r, listPage(view, t))
}

// shows says which stages show a prompt.
func (u usage) shows(id idp.PromptID) templ.Component {
	var links []templ.Component
	for _, s := range u.naming(id.String()) {
		links = append(links, ui.Anchor(s.Name, stagePath(s.ID)))
	}
	if len(links) == 0 {
		return ui.Muted("Not used")
	}
	return ui.Commas(links...)
}

type promptView struct {
	Page    ui.PageProps
	Form    ui.FormProps
	Fields  promptFields
	Sample  sample
	Preview string // where the preview comes from
	Used    []ui.Item
	Danger  []ui.DangerRow
}

func (p *Pages) showPrompt(w http.ResponseWriter, r *http.Request, form promptForm, faults page.Faults, v promptView) error {
	v.Sample = sampleOf(r, form)
	v.Fields = form.fields(faults, v.Sample.Wrong)
	v.Form.Errors = faults.Rest(promptNames()...)
	v.Form.Extra = previewButton(v.Preview)
	v.Page = page.Console(r, v.Page)
	return page.RenderStatus(w, r, faults.Status(), promptPage(v))
}

func (p *Pages) newPrompt(w http.ResponseWriter, r *http.Request) error {
	return p.showNewPrompt(w, r, promptForm{Type: string(prompt.Text), Required: true, Order: "0"}, page.Faults{}, page.BackOf(r, nil))
}

func (p *Pages) showNewPrompt(w http.ResponseWriter, r *http.Request, form promptForm, faults page.Faults, back page.Back) error {
	return p.showPrompt(w, r, form, faults, promptView{Preview: promptsPath + "new/preview/",
		Page: ui.PageProps{Title: "New prompt", Subtitle: "A field or a text that prompt stages show.",
			Crumbs: []ui.Crumb{{Label: "Prompts", Href: promptsPath}, {Label: "New prompt"}}},
		Form: ui.FormProps{Action: promptsPath + "new/", Submit: "Create prompt", Cancel: back.Or(promptsPath), Hidden: back.Hidden()}})
}

func (p *Pages) createPrompt(w http.ResponseWriter, r *http.Request) error {
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	back, form := page.BackOf(r, sent), readPromptForm(sent)
	if settingsform.Replaced(sent) {
		return p.showNewPrompt(w, r, form, page.Faults{}, back)
	}
	var draft idp.Prompt
	made := &draft
	if err = form.apply(&draft); err == nil {
		made, err = p.configure.CreatePrompt(r.Context(), web.Actor(r), draft)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.showNewPrompt(w, r, form, faults, back)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The prompt "+made.Name+" was created.")
	if back != "" {
		return redirect(w, r, back.Telling("prompt", made.ID.String()))
	}
	return redirect(w, r, promptsPath)
}

func (p *Pages) loadPrompt(r *http.Request) (*idp.Prompt, error) {
	id, err := web.IDParam[idp.Prompt](r, "prompt", "prompt")
	if err != nil {
		return nil, err
	}
	return p.store.Repos().Prompts.Get(r.Context(), id)
}

func (p *Pages) editPrompt(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadPrompt(r)
	if err != nil {
		return err
	}
	return p.showEditPrompt(w, r, row, promptFormOf(row), page.Faults{}, nil)
}

// showEditPrompt shows the form again beside the row as it is. Only sent, what a
// browser has just sent, tells which state it was filled from.
func (p *Pages) showEditPrompt(w http.ResponseWriter, r *http.Request, row *idp.Prompt, form promptForm, faults page.Faults, sent web.Form) error {
	used, err := p.usage(r.Context())
	if err != nil {
		return err
	}
	back := page.BackOf(r, sent)
	seen := sent.Text(page.SeenField)
	if seen == "" || faults.Any() {
		seen = page.Seen(promptFormOf(row))
	}
	v := promptView{Preview: promptPath(row.ID) + "preview/",
		Page: ui.PageProps{Title: row.Name, Subtitle: "A prompt: one field or text that prompt stages show.",
			Crumbs: []ui.Crumb{{Label: "Prompts", Href: promptsPath}, {Label: row.Name}}},
		Form: ui.FormProps{Action: promptPath(row.ID), Submit: "Save changes", Cancel: back.Or(promptsPath),
			Hidden: append(back.Hidden(), ui.Pair{Name: page.SeenField, Value: seen})},
		Danger: dangerOf(deletePromptQuestion(row, used), "Delete this prompt", "Delete prompt")}
	for _, s := range used.naming(row.ID.String()) {
		v.Used = append(v.Used, ui.Item{Label: "Stage", Value: ui.Two(s.Name, "", stagePath(s.ID))})
	}
	return p.showPrompt(w, r, form, faults, v)
}

func (p *Pages) updatePrompt(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadPrompt(r)
	if err != nil {
		return err
	}
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readPromptForm(sent)
	if settingsform.Replaced(sent) {
		return p.showEditPrompt(w, r, row, form, page.Faults{}, sent)
	}
	changed, err := p.configure.UpdatePrompt(r.Context(), web.Actor(r), row.ID, func(now *idp.Prompt) error {
		present := *now
		row = &present // what the form is shown again beside
		if err := page.Unchanged(sent, promptFormOf(now)); err != nil {
			return err
		}
		return form.apply(now)
	})
	if faults, ok := page.FaultsOf(err); ok {
		return p.showEditPrompt(w, r, row, form, faults, sent)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The prompt "+changed.Name+" was saved.")
	return redirect(w, r, page.BackOf(r, sent).Or(promptPath(row.ID)))
}

func deletePromptQuestion(row *idp.Prompt, used usage) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "Delete the prompt " + row.Name + "?", Submit: "Delete prompt", Danger: true,
		Action: promptPath(row.ID) + "delete/", Back: promptPath(row.ID), Text: "No stage shows it. This cannot be undone."}
	for _, s := range used.naming(row.ID.String()) {
		line := "The stage " + s.Name + " no longer shows it"
		for _, f := range used.flows[s.ID] {
			line += ", in the flow " + f.Slug
		}
		q.Consequences = append(q.Consequences, line)
		q.Text = "It disappears from what shows it. This cannot be undone."
	}
	return q
}

func (p *Pages) deletePrompt(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadPrompt(r)
	if err != nil {
		return err
	}
	used, err := p.usage(r.Context())
	if err != nil {
		return err
	}
	q := deletePromptQuestion(row, used)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Prompts", promptsPath, row.Name, promptPath(row.ID), "Delete"), q)
	}
	if err := p.configure.DeletePrompt(r.Context(), web.Actor(r), row.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The prompt "+row.Name+" was deleted.")
	return redirect(w, r, promptsPath)
}
