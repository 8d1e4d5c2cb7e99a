package blueprintpage

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (p *Pages) load(r *http.Request) (*idp.Blueprint, error) {
	id, err := web.IDParam[idp.Blueprint](r, "blueprint", "blueprint")
	if err != nil {
		return nil, err
	}
	return p.library.Get(r.Context(), web.Actor(r), id)
}

// detailView is a blueprint with what is wrong with it.
type detailView struct {
	Page     ui.PageProps
	State    state
	Failed   bool
	Problems []blueprint.Problem
	Href     string
	Facts    []ui.Item
	Source   *sourceView // nil when the file cannot be read
	Danger   []ui.DangerRow
}

// frame is what the pages of one blueprint have in common.
func frame(r *http.Request, b *idp.Blueprint, here string) ui.PageProps {
	at := path(b.ID)
	view := ui.PageProps{Title: b.Name, Tags: statusTag(b), Crumbs: page.Crumbs("Blueprints", listPath, b.Name, at, here),
		Tabs: []ui.Tab{{Label: "Overview", Href: at, Current: here == ""}, {Label: "What would change", Href: at + "plan/", Current: here != ""}}}
	if b.Metadata.Labels["blueprints.goauthentik.io/description"] != "" {
		view.Subtitle = b.Metadata.Labels["blueprints.goauthentik.io/description"]
	}
	return view
}

// acts are the buttons of a blueprint.
func acts(b *idp.Blueprint) templ.Component {
	at := path(b.ID)
	out := []templ.Component{ui.Button(ui.ButtonProps{Label: "Edit", Icon: ui.IconPencil, Href: at + "edit/"})}
	if !b.Enabled {
		return buttons(append(out, ui.Action(ui.ActionProps{Action: at + "enable/",
			Button: ui.ButtonProps{Label: "Enable and apply", Icon: ui.IconPlay, Kind: ui.Primary}}))...)
	}
	return buttons(append(out,
		ui.Action(ui.ActionProps{Action: at + "disable/", Button: ui.ButtonProps{Label: "Disable", Icon: ui.IconBan}}),
		ui.Action(ui.ActionProps{Action: at + "apply/", Button: ui.ButtonProps{Label: "Apply now", Icon: ui.IconPlay, Kind: ui.Primary}}))...)
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request) error {
	b, err := p.load(r)
	if err != nil {
		return err
	}
	text, err := p.library.Source(r.Context(), web.Actor(r), b)
	if err != nil && !idp.Is(err, idp.CodeInvalid) {
		return err
	}
	v := detailView{Page: frame(r, b, ""), State: states[b.Status], Failed: b.Status == idp.BlueprintError, Problems: blueprint.ProblemsOf(b),
		Facts: facts(b), Danger: danger(b)}
	if err == nil {
		s := source("Content of "+b.Name, text, v.Problems)
		v.Source = &s
	}
	v.Page.Actions = acts(b)
	v.Page = page.Console(r, v.Page)
	return page.Render(w, r, detailPage(v))
}

func facts(b *idp.Blueprint) []ui.Item {
	out := []ui.Item{{Label: "Source", Value: origin(b)}, {Label: "Last applied", Value: ui.TimeFull(page.At(b.AppliedAt), now())}}
	if b.TriedAt != nil && (b.AppliedAt == nil || !b.TriedAt.Equal(*b.AppliedAt)) {
		out = append(out, ui.Item{Label: "Last attempt", Value: ui.TimeFull(*b.TriedAt, now())})
	}
	if b.Metadata.Name != "" && b.Metadata.Name != b.Name {
		out = append(out, ui.Item{Label: "Calls itself", Value: ui.Text(b.Metadata.Name)})
	}
	if len(b.ManagedModels) > 0 {
		var models []string
		for _, m := range b.ManagedModels {
			models = append(models, noun(m))
		}
		out = append(out, ui.Item{Label: "Describes", Value: ui.Tags(models)})
	}
	for _, key := range slices.Sorted(maps.Keys(b.Context)) {
		text, _ := value(b.Context[key])
		out = append(out, ui.Item{Label: "Context " + key, Value: ui.Mono(text)})
	}
	if b.AppliedHash != "" {
		out = append(out, ui.Item{Label: "Applied hash", Value: ui.CopyID(b.AppliedHash[:min(16, len(b.AppliedHash))])})
	}
	return out
}

func deleteQuestion(b *idp.Blueprint) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "Delete the blueprint " + b.Name + "?", Submit: "Delete blueprint", Danger: true,
		Action: path(b.ID) + "delete/", Back: path(b.ID), Text: "It is not applied any more. What it made is kept."}
	if b.Path != "" && b.Status != idp.BlueprintOrphaned {
		q.Text = "What it made is kept. Its file is still there, so it comes back when the files are checked next; disable it instead to keep it from being applied."
	}
	return q
}

func danger(b *idp.Blueprint) []ui.DangerRow {
	q := deleteQuestion(b)
	return []ui.DangerRow{{Title: "Delete this blueprint", Text: q.Text, Action: ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
		Button: ui.ButtonProps{Label: "Delete blueprint", Kind: ui.Warning, Icon: ui.IconTrash}})}}
}

// planPageView is what applying a blueprint would change, or why it cannot be.
type planPageView struct {
	Page     ui.PageProps
	Plan     *planView // nil when the document is not right
	Problems []blueprint.Problem
	Href     string
	Disabled bool
}

func (p *Pages) plan(w http.ResponseWriter, r *http.Request) error {
	b, err := p.load(r)
	if err != nil {
		return err
	}
	v := planPageView{Page: frame(r, b, "What would change"), Href: path(b.ID), Disabled: !b.Enabled}
	report, err := p.library.Plan(r.Context(), web.Actor(r), b.ID)
	switch v.Problems = blueprint.Problems(err); {
	case err == nil:
		v.Plan = viewOf(report, v.Href)
	case len(v.Problems) == 0:
		return err
	}
	v.Page.Actions = acts(b)
	v.Page = page.Console(r, v.Page)
	return page.Render(w, r, planPage(v))
}

func (p *Pages) apply(w http.ResponseWriter, r *http.Request) error {
	b, err := p.load(r)
	if err != nil {
		return err
	}
	done, report, err := p.library.Apply(r.Context(), web.Actor(r), b.ID)
	if err != nil {
		return page.Refused(w, r, err, path(b.ID))
	}
	tellOutcome(r, done, report)
	return web.Redirect(w, r, path(b.ID))
}

// tellOutcome says what came of applying.
func tellOutcome(r *http.Request, b *idp.Blueprint, report *blueprint.Report) {
	switch {
	case b.Status == idp.BlueprintError:
		web.Flash(r.Context(), web.ToneDanger, "The blueprint "+b.Name+" could not be applied. Nothing was changed.")
	case report != nil:
		web.Flash(r.Context(), web.ToneSuccess, fmt.Sprintf("The blueprint %s was applied: %s.", b.Name, counted(report)))
	default:
		web.Flash(r.Context(), web.ToneSuccess, "The blueprint "+b.Name+" was saved.")
	}
}

func (p *Pages) enable(w http.ResponseWriter, r *http.Request) error  { return p.toggle(w, r, true) }
func (p *Pages) disable(w http.ResponseWriter, r *http.Request) error { return p.toggle(w, r, false) }

func (p *Pages) toggle(w http.ResponseWriter, r *http.Request, on bool) error {
	b, err := p.load(r)
	if err != nil {
		return err
	}
	if b.Enabled == on {
		return page.Already(w, r, "Somebody did that meanwhile: this is how it is now.", path(b.ID))
	}
	changed, err := p.library.Update(r.Context(), web.Actor(r), b.ID, func(b *idp.Blueprint) error {
		b.Enabled = on
		return nil
	})
	if err != nil {
		return page.Refused(w, r, err, path(b.ID))
	}
	switch {
	case !on:
		web.Flash(r.Context(), web.ToneSuccess, "The blueprint "+b.Name+" is not applied any more. What it made is kept.")
	case changed.Status == idp.BlueprintError:
		tellOutcome(r, changed, nil)
	default:
		web.Flash(r.Context(), web.ToneSuccess, "The blueprint "+b.Name+" is enabled and applied.")
	}
	return web.Redirect(w, r, path(b.ID))
}

func (p *Pages) delete(w http.ResponseWriter, r *http.Request) error {
	b, err := p.load(r)
	if err != nil {
		return err
	}
	q := deleteQuestion(b)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Blueprints", listPath, b.Name, path(b.ID), "Delete"), q)
	}
	if err := p.library.Delete(r.Context(), web.Actor(r), b.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The blueprint "+b.Name+" was deleted. What it made is kept.")
	return web.Redirect(w, r, listPath)
}
