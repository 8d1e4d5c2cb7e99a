package policypage

import (
	"net/http"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/server/admin/settingsform"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// formID ties the fields of the trial to the form of the policy: what is tried is
// what is typed.
const formID = "policy-form"

type policyView struct {
	Page   ui.PageProps
	Form   ui.FormProps
	Fields []settingsform.Field
	Check  string // where expressions are checked while they are typed
	Parts  string
	Names  settingsform.NamesProps
	Trial  trial
	Used   []ui.Item
	Danger []ui.DangerRow
}

// show draws the form. v brings the page and the addresses.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, kind policy.Kind, form policyForm, faults page.Faults, v policyView) error {
	choices, err := settingsform.Lookup(r.Context(), p.store.Repos(), describe(kind))
	if err != nil {
		return err
	}
	if v.Trial.People, err = p.people(r); err != nil {
		return err
	}
	v.Fields = form.Settings.Fields(settingsform.Look{Choices: choices, Faults: faults,
		Suggest:    func(setting string) []ui.Option { return suggestions(kind, setting) },
		Expression: func(field, source string) *ui.Fault { return form.fault(kind, field, source) }})
	name := ui.FieldProps{Name: "name", Label: "Name", Value: form.Name, Required: true, MaxLength: 255, Error: faults.Of("name"),
		Hint: "How this policy is called in lists. Expressions of other policies ask it by this name.", Autofocus: form.Name == "", Autocomplete: "off"}
	logging := ui.FieldProps{Name: "execution_logging", Label: "Log every answer", Type: ui.FieldSwitch, Checked: form.Logging,
		Hint: "Write an event each time a binding asks the policy. Faults are always written.", Error: faults.Of("execution_logging")}
	v.Fields = append(append([]settingsform.Field{{Input: &name, Wide: true}}, v.Fields...), settingsform.Field{Input: &logging})
	v.Form.ID, v.Form.Errors = formID, faults.Rest(append(form.Settings.Names(), "name", "execution_logging")...)
	for _, field := range expressions(kind) {
		v.Parts += "field-" + field + "-status "
	}
	v.Check = kindPath(kind.Name) + "check/"
	v.Names = settingsform.NamesProps{Events: overEvents(kind), None: v.Parts == ""}
	v.Page = page.Console(r, v.Page)
	return page.RenderStatus(w, r, faults.Status(), policyPage(v))
}

func (p *Pages) kind(r *http.Request) (policy.Kind, error) {
	kind, ok := p.engine.Kinds().Get(web.Param(r, "kind"))
	if !ok || kind.Name != web.Param(r, "kind") { // Get answers to models too
		return kind, idp.NotFound("kind of policy")
	}
	return kind, nil
}

func (p *Pages) newPolicy(w http.ResponseWriter, r *http.Request) error {
	kind, err := p.kind(r)
	if err != nil {
		return err
	}
	return p.showNew(w, r, kind, policyFormOf(kind, &idp.Policy{}), page.Faults{}, page.BackOf(r, nil), newTrial(r, kind))
}

func (p *Pages) showNew(w http.ResponseWriter, r *http.Request, kind policy.Kind, form policyForm, faults page.Faults, back page.Back, t trial) error {
	t.Action = kindPath(kind.Name) + "test/"
	return p.show(w, r, kind, form, faults, policyView{Trial: t,
		Page: ui.PageProps{Title: "New " + strings.ToLower(title(kind)) + " policy", Subtitle: kind.Summary,
			Crumbs: page.Crumbs("Policies", policiesPath, "New policy", back.With(policiesPath+"new/"), title(kind))},
		Form: ui.FormProps{Action: kindPath(kind.Name), Submit: "Create policy", Cancel: back.Or(policiesPath), Hidden: back.Hidden()}})
}

func (p *Pages) createPolicy(w http.ResponseWriter, r *http.Request) error {
	kind, err := p.kind(r)
	if err != nil {
		return err
	}
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	back, form := page.BackOf(r, sent), readPolicyForm(kind, &idp.Policy{}, sent)
	if settingsform.Replaced(sent) {
		return p.showNew(w, r, kind, form, page.Faults{}, back, readTrial(sent))
	}
	draft := idp.Policy{Kind: kind.Name}
	form.apply(&draft)
	made, err := p.configure.CreatePolicy(r.Context(), web.Actor(r), draft)
	if faults, ok := page.FaultsOf(err); ok {
		return p.showNew(w, r, kind, form, faults, back, readTrial(sent))
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The policy "+made.Name+" was created.")
	if back != "" {
		return web.Redirect(w, r, back.Telling("policy", made.ID.String()))
	}
	return web.Redirect(w, r, policyPath(made.ID))
}

func (p *Pages) load(r *http.Request) (*idp.Policy, error) {
	id, err := web.IDParam[idp.Policy](r, "policy", "policy")
	if err != nil {
		return nil, err
	}
	return p.store.Repos().Policies.Get(r.Context(), id)
}

func (p *Pages) editPolicy(w http.ResponseWriter, r *http.Request) error {
	row, err := p.load(r)
	if err != nil {
		return err
	}
	kind, known := p.engine.Kinds().Get(row.Kind)
	if !known {
		return p.showUnknown(w, r, row)
	}
	return p.showEdit(w, r, kind, row, edit{form: policyFormOf(kind, row), back: page.BackOf(r, nil), trial: newTrial(r, kind)})
}

// edit is what a page of changes shows beside the policy as it is stored.
type edit struct {
	form   policyForm
	faults page.Faults
	back   page.Back
	trial  trial
	seen   string // the state the form was filled from; "" = the present one
}

func (p *Pages) showEdit(w http.ResponseWriter, r *http.Request, kind policy.Kind, row *idp.Policy, e edit) error {
	used, err := p.bounds(r.Context(), row.ID)
	if err != nil {
		return err
	}
	if e.seen == "" {
		e.seen = page.Seen(policyFormOf(kind, row).seen())
	}
	e.trial.Action = policyPath(row.ID) + "test/"
	return p.show(w, r, kind, e.form, e.faults, policyView{Trial: e.trial, Used: items(used), Danger: dangerOf(deleteQuestion(row, used)),
		Page: ui.PageProps{Title: row.Name, Subtitle: kind.Summary, Tags: p.kindTag(row.Kind), Crumbs: []ui.Crumb{{Label: "Policies", Href: policiesPath}, {Label: row.Name}}},
		Form: ui.FormProps{Action: policyPath(row.ID), Submit: "Save changes", Cancel: e.back.Or(policiesPath),
			Hidden: append(e.back.Hidden(), ui.Pair{Name: page.SeenField, Value: e.seen})}})
}

// showUnknown is the page of a policy whose kind this version does not have: it
// can only be deleted.
func (p *Pages) showUnknown(w http.ResponseWriter, r *http.Request, row *idp.Policy) error {
	used, err := p.bounds(r.Context(), row.ID)
	if err != nil {
		return err
	}
	view := page.Console(r, ui.PageProps{Title: row.Name, Tags: p.kindTag(row.Kind), Narrow: true,
		Crumbs: []ui.Crumb{{Label: "Policies", Href: policiesPath}, {Label: row.Name}},
		Banner: ui.Alert(ui.AlertProps{Tone: ui.ToneWarn, Title: "This version does not know the kind " + row.Kind + ".",
			Text: "The policy cannot be changed, and it lets nobody pass. Delete it, or run a version that has the kind."})})
	return page.Render(w, r, unknownPage(view, items(used), dangerOf(deleteQuestion(row, used))))
}

func (p *Pages) updatePolicy(w http.ResponseWriter, r *http.Request) error {
	row, err := p.load(r)
	if err != nil {
		return err
	}
	kind, known := p.engine.Kinds().Get(row.Kind)
	if !known {
		return idp.NotFound("kind of policy")
	}
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	e := edit{form: readPolicyForm(kind, row, sent), back: page.BackOf(r, sent), trial: readTrial(sent)}
	if settingsform.Replaced(sent) {
		e.seen = sent.Text(page.SeenField)
		return p.showEdit(w, r, kind, row, e)
	}
	changed, err := p.configure.UpdatePolicy(r.Context(), web.Actor(r), row.ID, func(now *idp.Policy) error {
		present := *now
		row = &present // what the form is shown again beside
		if err := page.Unchanged(sent, policyFormOf(kind, now).seen()); err != nil {
			return err
		}
		readPolicyForm(kind, now, sent).apply(now)
		return nil
	})
	var ok bool
	if e.faults, ok = page.FaultsOf(err); ok {
		return p.showEdit(w, r, kind, row, e)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The policy "+changed.Name+" was saved.")
	return web.Redirect(w, r, e.back.Or(policyPath(row.ID)))
}

func deleteQuestion(row *idp.Policy, used []bound) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "Delete the policy " + row.Name + "?", Submit: "Delete policy", Danger: true,
		Action: policyPath(row.ID) + "delete/", Back: policyPath(row.ID), Text: "Nothing asks it. This cannot be undone."}
	for _, b := range used {
		q.Consequences = append(q.Consequences, b.Where+" "+b.Said+" no longer asks it")
		q.Text = "Whom it kept out may get in: what it is bound to goes on without it. This cannot be undone."
	}
	return q
}

func dangerOf(q ui.ConfirmProps) []ui.DangerRow {
	return []ui.DangerRow{{Title: "Delete this policy", Text: q.Text, Action: ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
		Button: ui.ButtonProps{Label: "Delete policy", Kind: ui.Warning, Icon: ui.IconTrash}})}}
}

func (p *Pages) deletePolicy(w http.ResponseWriter, r *http.Request) error {
	row, err := p.load(r)
	if err != nil {
		return err
	}
	used, err := p.bounds(r.Context(), row.ID)
	if err != nil {
		return err
	}
	q := deleteQuestion(row, used)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Policies", policiesPath, row.Name, policyPath(row.ID), "Delete"), q)
	}
	if err := p.configure.DeletePolicy(r.Context(), web.Actor(r), row.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The policy "+row.Name+" was deleted.")
	return web.Redirect(w, r, policiesPath)
}
