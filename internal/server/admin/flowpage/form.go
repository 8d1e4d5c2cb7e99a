package flowpage

import (
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// flowForm holds what was typed.
type flowForm struct {
	Name, Slug, Title, Background       string
	Designation, Authentication, Denied string
	Layout, Mode                        string
	Compatibility                       bool
}

// flowFields are the names of the fields, as on the wire.
var flowFields = []string{"name", "slug", "title", "designation", "authentication", "denied_action", "layout", "policy_engine_mode",
	"compatibility_mode", "background"}

func readFlowForm(form web.Form) flowForm {
	return flowForm{Name: form.Trimmed("name"), Slug: form.Trimmed("slug"), Title: form.Trimmed("title"), Background: form.Trimmed("background"),
		Designation: form.Trimmed("designation"), Authentication: form.Trimmed("authentication"), Denied: form.Trimmed("denied_action"),
		Layout: form.Trimmed("layout"), Mode: form.Trimmed("policy_engine_mode"), Compatibility: form.Bool("compatibility_mode")}
}

func flowFormOf(f *idp.Flow) flowForm {
	return flowForm{Name: f.Name, Slug: f.Slug, Title: f.Title, Background: f.Background, Designation: string(f.Designation),
		Authentication: string(f.Authentication), Denied: string(f.DeniedAction), Layout: string(f.Layout), Mode: string(f.PolicyMode),
		Compatibility: f.CompatibilityMode}
}

func (f flowForm) apply(to *idp.Flow) {
	to.Name, to.Slug, to.Title, to.Background = f.Name, f.Slug, f.Title, f.Background
	to.Designation, to.Authentication = idp.Designation(f.Designation), idp.Authentication(f.Authentication)
	to.DeniedAction, to.Layout = idp.DeniedAction(f.Denied), idp.Layout(f.Layout)
	to.PolicyMode, to.CompatibilityMode = idp.PolicyMode(f.Mode), f.Compatibility
}

type formView struct {
	Page   ui.PageProps
	Form   flowForm
	Faults page.Faults
	Action string
	Submit string
	Cancel string
	Seen   string // marks the state the form was filled from
	New    bool
	Danger []ui.DangerRow
}

func (p *Pages) showForm(w http.ResponseWriter, r *http.Request, v formView) error {
	v.Page.Narrow = true
	v.Page = page.Console(r, v.Page)
	return page.RenderStatus(w, r, v.Faults.Status(), formPage(v))
}

func (p *Pages) newFlow(w http.ResponseWriter, r *http.Request) error {
	blank := idp.Flow{Authentication: idp.AuthenticationNone, DeniedAction: idp.DeniedMessageContinue, Layout: idp.Layouts()[0], PolicyMode: idp.PolicyAny}
	return p.newForm(w, r, flowFormOf(&blank), page.Faults{})
}

func (p *Pages) newForm(w http.ResponseWriter, r *http.Request, form flowForm, faults page.Faults) error {
	return p.showForm(w, r, formView{Form: form, Faults: faults, New: true, Action: flowsPath + "new/", Submit: "Create flow", Cancel: flowsPath,
		Page: ui.PageProps{Title: "New flow", Subtitle: "Its stages are added on the next page.",
			Crumbs: []ui.Crumb{{Label: "Flows", Href: flowsPath}, {Label: "New flow"}}}})
}

func (p *Pages) createFlow(w http.ResponseWriter, r *http.Request) error {
	raw, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readFlowForm(raw)
	f := &idp.Flow{}
	form.apply(f)
	f, err = p.d.Configure.CreateFlow(r.Context(), web.Actor(r), *f)
	if faults, ok := page.FaultsOf(err); ok {
		return p.newForm(w, r, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The flow "+f.Name+" was created. Now add its stages.")
	return web.Redirect(w, r, flowPath(f.ID))
}

func (p *Pages) flow(r *http.Request) (*idp.Flow, error) {
	id, err := web.IDParam[idp.Flow](r, "flow", "flow")
	if err != nil {
		return nil, err
	}
	return p.d.Store.Repos().Flows.Get(r.Context(), id)
}

func (p *Pages) editFlow(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	return p.editForm(w, r, f, flowFormOf(f), page.Faults{})
}

func (p *Pages) editForm(w http.ResponseWriter, r *http.Request, f *idp.Flow, form flowForm, faults page.Faults) error {
	q, err := p.deleteQuestion(r, f)
	if err != nil {
		return err
	}
	return p.showForm(w, r, formView{Form: form, Faults: faults, Action: flowPath(f.ID) + "edit/", Submit: "Save changes", Cancel: flowPath(f.ID),
		Seen: page.Seen(flowFormOf(f)),
		Page: ui.PageProps{Title: "Edit " + f.Name, Crumbs: crumbs(f, "Edit")},
		Danger: []ui.DangerRow{{Title: "Delete this flow", Text: q.Text, Action: ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
			Button: ui.ButtonProps{Label: "Delete flow", Kind: ui.Warning, Icon: ui.IconTrash}})}}})
}

func (p *Pages) updateFlow(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	raw, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readFlowForm(raw)
	changed, err := p.d.Configure.UpdateFlow(r.Context(), web.Actor(r), f.ID, func(now *idp.Flow) error {
		present := *now
		f = &present // what the form is shown again beside
		if err := page.Unchanged(raw, flowFormOf(now)); err != nil {
			return err
		}
		form.apply(now)
		return nil
	})
	if faults, ok := page.FaultsOf(err); ok {
		return p.editForm(w, r, f, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The flow "+changed.Name+" was saved.")
	return web.Redirect(w, r, flowPath(changed.ID))
}

// deleteQuestion names what goes with the flow and what is left without it.
func (p *Pages) deleteQuestion(r *http.Request, f *idp.Flow) (ui.ConfirmProps, error) {
	q := ui.ConfirmProps{Title: "Delete the flow " + f.Name + "?", Submit: "Delete flow", Danger: true,
		Text:   "The flow is gone for good, with the policies bound to it. Its stages stay, for other flows.",
		Action: flowPath(f.ID) + "delete/", Back: flowPath(f.ID)}
	stages, err := p.stages(r.Context())
	if err != nil {
		return q, err
	}
	u, err := p.use(r.Context(), f.ID, stages)
	if err != nil {
		return q, err
	}
	n, err := p.stageCounts(r.Context())
	if err != nil {
		return q, err
	}
	switch n[f.ID] {
	case 0:
	case 1:
		q.Consequences = append(q.Consequences, "1 stage is taken out of it")
	default:
		q.Consequences = append(q.Consequences, ui.Count(n[f.ID], "stage")+" are taken out of it")
	}
	q.Consequences = append(q.Consequences, u.told()...)
	return q, nil
}

func (p *Pages) deleteFlow(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		q, err := p.deleteQuestion(r, f)
		if err != nil {
			return err
		}
		return page.AskInConsole(w, r, crumbs(f, "Delete"), q)
	}
	if err := p.d.Configure.DeleteFlow(r.Context(), web.Actor(r), f.ID); err != nil {
		return page.Refused(w, r, err, flowPath(f.ID))
	}
	web.Flash(r.Context(), web.ToneSuccess, "The flow "+f.Name+" was deleted.")
	return web.Redirect(w, r, flowsPath)
}

// crumbs is the way to a page about a flow.
func crumbs(f *idp.Flow, here string) []ui.Crumb {
	return page.Crumbs("Flows", flowsPath, f.Name, flowPath(f.ID), here)
}
