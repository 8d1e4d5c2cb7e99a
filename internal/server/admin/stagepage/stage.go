package stagepage

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/admin/settingsform"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func redirect(w http.ResponseWriter, r *http.Request, to string) error { return web.Redirect(w, r, to) }

// stageForm holds what was typed.
type stageForm struct {
	Name     string
	Settings settingsform.Form
}

func stageFormOf(kind flow.Kind, s *idp.Stage) stageForm {
	return stageForm{s.Name, settingsform.Of(kind.Describe(), s.Settings)}
}

func readStageForm(kind flow.Kind, s *idp.Stage, sent web.Form) stageForm {
	return stageForm{sent.Text("name"), settingsform.Read(kind.Describe(), s.Settings, sent)}
}

// seen is the state that the form was filled from.
func (f stageForm) seen() any { return []any{f.Name, f.Settings.Seen()} }

func (f stageForm) apply(s *idp.Stage) { s.Name, s.Settings = f.Name, f.Settings.JSON() }

type stageView struct {
	Page    ui.PageProps
	Form    ui.FormProps
	Fields  []settingsform.Field
	Nothing bool // the kind has no settings
	Used    []ui.Item
	Danger  []ui.DangerRow
}

// show draws the form. v brings the page and the address of the form.
func (p *Pages) showStage(w http.ResponseWriter, r *http.Request, kind flow.Kind, form stageForm, faults page.Faults, v stageView) error {
	choices, err := settingsform.Lookup(r.Context(), p.store.Repos(), kind.Describe())
	if err != nil {
		return err
	}
	v.Fields = form.Settings.Fields(settingsform.Look{Choices: choices, Faults: faults})
	v.Nothing = len(v.Fields) == 0
	name := ui.FieldProps{Name: "name", Label: "Name", Value: form.Name, Required: true, MaxLength: 255, Error: faults.Of("name"),
		Hint: "How this step is called in lists of stages and flows. Visitors never see it.", Autofocus: form.Name == "", Autocomplete: "off"}
	v.Fields = append([]settingsform.Field{{Input: &name, Wide: true}}, v.Fields...)
	v.Form.Errors = faults.Rest(append(form.Settings.Names(), "name")...)
	v.Page.Narrow = true
	v.Page = page.Console(r, v.Page)
	return page.RenderStatus(w, r, faults.Status(), stagePage(v))
}

func (p *Pages) kind(r *http.Request) (flow.Kind, error) {
	kind, ok := p.kinds.Kind(web.Param(r, "kind"))
	if !ok {
		return kind, idp.NotFound("kind of stage")
	}
	return kind, nil
}

func (p *Pages) newStage(w http.ResponseWriter, r *http.Request) error {
	kind, err := p.kind(r)
	if err != nil {
		return err
	}
	return p.showNewStage(w, r, kind, stageFormOf(kind, &idp.Stage{}), page.Faults{}, page.BackOf(r, nil))
}

func (p *Pages) showNewStage(w http.ResponseWriter, r *http.Request, kind flow.Kind, form stageForm, faults page.Faults, back page.Back) error {
	return p.showStage(w, r, kind, form, faults, stageView{
		Page: ui.PageProps{Title: "New " + strings.ToLower(title(kind)) + " stage", Subtitle: kind.Summary,
			Crumbs: page.Crumbs("Stages", stagesPath, "New stage", back.With(stagesPath+"new/"), title(kind))},
		Form: ui.FormProps{Action: stagesPath + "new/" + kind.Name + "/", Submit: "Create stage", Cancel: back.Or(stagesPath), Hidden: back.Hidden()}})
}

func (p *Pages) createStage(w http.ResponseWriter, r *http.Request) error {
	kind, err := p.kind(r)
	if err != nil {
		return err
	}
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	back := page.BackOf(r, sent)
	form := readStageForm(kind, &idp.Stage{}, sent)
	draft := idp.Stage{Kind: kind.Name}
	form.apply(&draft)
	made, err := p.configure.CreateStage(r.Context(), web.Actor(r), draft)
	if faults, ok := page.FaultsOf(err); ok {
		return p.showNewStage(w, r, kind, form, faults, back)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The stage "+made.Name+" was created.")
	if back != "" {
		return redirect(w, r, back.Telling("stage", made.ID.String()))
	}
	return redirect(w, r, stagesPath)
}

func (p *Pages) loadStage(r *http.Request) (*idp.Stage, error) {
	id, err := web.IDParam[idp.Stage](r, "stage", "stage")
	if err != nil {
		return nil, err
	}
	return p.store.Repos().Stages.Get(r.Context(), id)
}

func (p *Pages) editStage(w http.ResponseWriter, r *http.Request) error {
	s, err := p.loadStage(r)
	if err != nil {
		return err
	}
	kind, known := p.kinds.Kind(s.Kind)
	if !known {
		return p.showUnknown(w, r, s)
	}
	return p.showEditStage(w, r, kind, s, stageFormOf(kind, s), page.Faults{}, page.BackOf(r, nil))
}

func (p *Pages) showEditStage(w http.ResponseWriter, r *http.Request, kind flow.Kind, s *idp.Stage, form stageForm, faults page.Faults, back page.Back) error {
	used, err := p.usage(r.Context())
	if err != nil {
		return err
	}
	v := stageView{
		Page: ui.PageProps{Title: s.Name, Subtitle: kind.Summary, Tags: p.kindTag(s.Kind),
			Crumbs: []ui.Crumb{{Label: "Stages", Href: stagesPath}, {Label: s.Name}}},
		Form: ui.FormProps{Action: stagePath(s.ID), Submit: "Save changes", Cancel: back.Or(stagesPath),
			Hidden: append(back.Hidden(), ui.Pair{Name: page.SeenField, Value: page.Seen(stageFormOf(kind, s).seen())})},
		Used: used.items(s), Danger: dangerOf(deleteStageQuestion(s, used), "Delete this stage", "Delete stage")}
	return p.showStage(w, r, kind, form, faults, v)
}

// showUnknown is the page of a stage whose kind this version does not have: it can
// only be deleted.
func (p *Pages) showUnknown(w http.ResponseWriter, r *http.Request, s *idp.Stage) error {
	used, err := p.usage(r.Context())
	if err != nil {
		return err
	}
	view := page.Console(r, ui.PageProps{Title: s.Name, Tags: p.kindTag(s.Kind), Narrow: true,
		Crumbs: []ui.Crumb{{Label: "Stages", Href: stagesPath}, {Label: s.Name}},
		Banner: ui.Alert(ui.AlertProps{Tone: ui.ToneWarn, Title: "This version does not know the kind " + s.Kind + ".",
			Text: "The stage cannot be changed, and flows that reach it stop there. Delete it, or run a version that has the kind."})})
	return page.Render(w, r, unknownPage(view, used.items(s), dangerOf(deleteStageQuestion(s, used), "Delete this stage", "Delete stage")))
}

func (p *Pages) updateStage(w http.ResponseWriter, r *http.Request) error {
	s, err := p.loadStage(r)
	if err != nil {
		return err
	}
	kind, known := p.kinds.Kind(s.Kind)
	if !known {
		return idp.NotFound("kind of stage")
	}
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	back := page.BackOf(r, sent)
	form := readStageForm(kind, s, sent)
	changed, err := p.configure.UpdateStage(r.Context(), web.Actor(r), s.ID, func(now *idp.Stage) error {
		present := *now
		s = &present // what the form is shown again beside
		if err := page.Unchanged(sent, stageFormOf(kind, now).seen()); err != nil {
			return err
		}
		readStageForm(kind, now, sent).apply(now)
		return nil
	})
	if faults, ok := page.FaultsOf(err); ok {
		return p.showEditStage(w, r, kind, s, form, faults, back)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The stage "+changed.Name+" was saved.")
	return redirect(w, r, back.Or(stagePath(s.ID)))
}

// items say where a stage is used.
func (u usage) items(s *idp.Stage) []ui.Item {
	var out []ui.Item
	for _, f := range u.flows[s.ID] {
		out = append(out, ui.Item{Label: "Flow", Value: ui.Two(f.Name, f.Slug, flowsPath+f.ID.String()+"/")})
	}
	for _, other := range u.naming(s.ID.String()) {
		out = append(out, ui.Item{Label: "Stage", Value: ui.Two(other.Name, "", stagePath(other.ID))})
	}
	return out
}

func deleteStageQuestion(s *idp.Stage, used usage) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "Delete the stage " + s.Name + "?", Submit: "Delete stage", Danger: true,
		Action: stagePath(s.ID) + "delete/", Back: stagePath(s.ID), Text: "No flow uses it. This cannot be undone."}
	for _, f := range used.flows[s.ID] {
		q.Consequences = append(q.Consequences, fmt.Sprintf("The flow %s (%s) loses this step", f.Name, f.Slug))
	}
	for _, other := range used.naming(s.ID.String()) {
		q.Consequences = append(q.Consequences, "The stage "+other.Name+" goes on without it")
	}
	if len(q.Consequences) > 0 {
		q.Text = "It disappears from what uses it. This cannot be undone."
	}
	return q
}

// dangerOf offers what asks the question.
func dangerOf(q ui.ConfirmProps, title, label string) []ui.DangerRow {
	return []ui.DangerRow{{Title: title, Text: q.Text, Action: ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
		Button: ui.ButtonProps{Label: label, Kind: ui.Warning, Icon: ui.IconTrash}})}}
}

func (p *Pages) deleteStage(w http.ResponseWriter, r *http.Request) error {
	s, err := p.loadStage(r)
	if err != nil {
		return err
	}
	used, err := p.usage(r.Context())
	if err != nil {
		return err
	}
	q := deleteStageQuestion(s, used)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Stages", stagesPath, s.Name, stagePath(s.ID), "Delete"), q)
	}
	if err := p.configure.DeleteStage(r.Context(), web.Actor(r), s.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The stage "+s.Name+" was deleted.")
	return redirect(w, r, stagesPath)
}
