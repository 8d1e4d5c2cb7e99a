package blueprintpage

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// The places a document can come from.
const (
	fromText = "content"
	fromFile = "file"
)

// form holds what was typed.
type form struct {
	Source, Name, Path, Content, Context string
	Enabled                              bool
}

func readForm(raw web.Form) form {
	f := form{Source: raw.Text("source"), Name: raw.Trimmed("name"), Path: raw.Trimmed("path"), Content: lines(raw.Text("content")),
		Context: strings.TrimSpace(lines(raw.Text("context"))), Enabled: raw.Bool("enabled")}
	if f.Source != fromFile {
		f.Source = fromText
	}
	return f
}

// lines are those of a text as files have them: forms end lines in their own way.
func lines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

func formOf(b *idp.Blueprint) form {
	f := form{Source: fromText, Name: b.Name, Path: b.Path, Content: b.Content, Enabled: b.Enabled}
	if b.Path != "" {
		f.Source = fromFile
	}
	if len(b.Context) > 0 {
		if raw, err := json.MarshalIndent(b.Context, "", "  "); err == nil {
			f.Context = string(raw)
		}
	}
	return f
}

// apply puts what was typed into the blueprint.
func (f form) apply(b *idp.Blueprint) error {
	context, err := readContext(f.Context)
	if err != nil {
		return err
	}
	b.Name, b.Context, b.Enabled, b.Path, b.Content = f.Name, context, f.Enabled, "", ""
	if f.Source == fromFile {
		if f.Path == "" {
			return idp.Invalid("path", "Choose a file.")
		}
		b.Path = f.Path
		return nil
	}
	if strings.TrimSpace(f.Content) == "" {
		return idp.Invalid("content", "Write a blueprint, or choose a file.")
	}
	b.Content = f.Content
	return nil
}

func readContext(text string) (map[string]any, error) {
	context := map[string]any{}
	if text == "" {
		return context, nil
	}
	if err := json.Unmarshal([]byte(text), &context); err != nil || context == nil {
		return nil, idp.Invalid("context", `Expected a JSON object, such as {"slug": "welcome"}.`)
	}
	return context, nil
}

// starter is what a new blueprint begins with.
const starter = `version: 1
metadata:
  name: My blueprint
entries:
  - model: authentik_flows.flow
    id: flow
    identifiers:
      slug: my-flow
    attrs:
      name: My flow
      title: Welcome
      designation: stage_configuration
`

type formView struct {
	Page     ui.PageProps
	Form     form
	Faults   page.Faults
	Problems []blueprint.Problem
	Files    []ui.Option
	Action   string
	Submit   string
	Cancel   string
	Seen     string
	New      bool
	Plan     *planView // of a check that found nothing wrong
}

// fields are those that the form shows.
func (v formView) fields() []string { return []string{"name", "path", "content", "context", "enabled"} }

// contentFault is what is wrong with the content beside its problems.
func (v formView) contentFault() string {
	if len(v.Problems) > 0 {
		return ""
	}
	return v.Faults.Of("content")
}

func (p *Pages) showForm(w http.ResponseWriter, r *http.Request, v formView, err error) error {
	v.Problems = blueprint.Problems(err)
	v.Faults, _ = page.FaultsOf(err)
	if v.Form.Source == fromFile {
		files, err := p.library.Files(r.Context(), web.Actor(r))
		if err != nil {
			return err
		}
		v.Files = []ui.Option{{Value: "", Label: "Choose a file"}}
		known := v.Form.Path == ""
		for _, f := range files {
			label := f.Path
			if f.Metadata.Name != f.Path {
				label += " — " + f.Metadata.Name
			}
			v.Files = append(v.Files, ui.Option{Value: f.Path, Label: label})
			known = known || f.Path == v.Form.Path
		}
		if !known {
			v.Files = append(v.Files, ui.Option{Value: v.Form.Path, Label: v.Form.Path + " (gone)"})
		}
	}
	v.Page = page.Console(r, v.Page)
	return page.RenderStatus(w, r, v.Faults.Status(), formPage(v))
}

func (p *Pages) newForm(w http.ResponseWriter, r *http.Request) error {
	f := form{Source: fromText, Content: starter, Enabled: true}
	if web.Query(r).Text("source") == fromFile {
		f = form{Source: fromFile, Enabled: true, Path: web.Query(r).Trimmed("path")}
	}
	return p.showForm(w, r, newView(f), nil)
}

func newView(f form) formView {
	return formView{Form: f, New: true, Action: newPath, Submit: "Create blueprint", Cancel: listPath,
		Page: ui.PageProps{Title: "New blueprint", Subtitle: "It is applied when it is saved, and again whenever what it says changes.",
			Crumbs: []ui.Crumb{{Label: "Blueprints", Href: listPath}, {Label: "New blueprint"}},
			Tabs: []ui.Tab{{Label: "Own content", Href: newPath, Current: f.Source == fromText},
				{Label: "File of the server", Href: newPath + "?source=" + fromFile, Current: f.Source == fromFile}}}}
}

func (p *Pages) create(w http.ResponseWriter, r *http.Request) error {
	raw, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	f := readForm(raw)
	b := idp.Blueprint{}
	if err := f.apply(&b); err != nil {
		return p.showForm(w, r, newView(f), err)
	}
	if raw.Text("act") == "check" {
		return p.checkForm(w, r, newView(f), &b)
	}
	made, err := p.library.Create(r.Context(), web.Actor(r), b)
	if _, ok := page.FaultsOf(err); ok {
		return p.showForm(w, r, newView(f), err)
	}
	if err != nil {
		return err
	}
	tellSaved(r, made)
	return web.Redirect(w, r, path(made.ID))
}

// tellSaved says what came of saving.
func tellSaved(r *http.Request, b *idp.Blueprint) {
	switch {
	case b.Status == idp.BlueprintError:
		web.Flash(r.Context(), web.ToneWarning, "The blueprint "+b.Name+" was saved, but cannot be applied.")
	case !b.Enabled:
		web.Flash(r.Context(), web.ToneSuccess, "The blueprint "+b.Name+" was saved. It is disabled, so it is not applied.")
	default:
		web.Flash(r.Context(), web.ToneSuccess, "The blueprint "+b.Name+" was saved and applied.")
	}
}

// checkForm shows the form again with what is wrong with the document, or what
// applying it would change.
func (p *Pages) checkForm(w http.ResponseWriter, r *http.Request, v formView, b *idp.Blueprint) error {
	name := b.Name
	if name == "" {
		name = "content"
	}
	u := blueprint.Upload{File: name, Content: []byte(b.Content), Path: b.Path, Context: b.Context, DryRun: true}
	report, err := p.library.Import(r.Context(), web.Actor(r), u)
	if err != nil && len(blueprint.Problems(err)) == 0 {
		if _, ok := page.FaultsOf(err); !ok {
			return err
		}
	}
	if err == nil {
		v.Plan = viewOf(report, "")
	}
	return p.showForm(w, r, v, err)
}

func (p *Pages) editView(b *idp.Blueprint, f form) formView {
	v := formView{Form: f, Action: path(b.ID) + "edit/", Submit: "Save and apply", Cancel: path(b.ID), Seen: page.Seen(formOf(b)),
		Page: ui.PageProps{Title: "Edit " + b.Name, Crumbs: page.Crumbs("Blueprints", listPath, b.Name, path(b.ID), "Edit")}}
	return v
}

func (p *Pages) editForm(w http.ResponseWriter, r *http.Request) error {
	b, err := p.load(r)
	if err != nil {
		return err
	}
	v := p.editView(b, formOf(b))
	if b.Content != "" && b.Status == idp.BlueprintError {
		return p.showMarked(w, r, v, blueprint.ProblemsOf(b))
	}
	return p.showForm(w, r, v, nil)
}

// showMarked shows a form with the problems of the last attempt; nobody sent
// anything wrong, so it is no answer to that.
func (p *Pages) showMarked(w http.ResponseWriter, r *http.Request, v formView, problems []blueprint.Problem) error {
	v.Problems = problems
	v.Page = page.Console(r, v.Page)
	return page.Render(w, r, formPage(v))
}

func (p *Pages) update(w http.ResponseWriter, r *http.Request) error {
	b, err := p.load(r)
	if err != nil {
		return err
	}
	raw, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	f := readForm(raw)
	wanted := *b
	if err := f.apply(&wanted); err != nil {
		return p.showForm(w, r, p.editView(b, f), err)
	}
	if raw.Text("act") == "check" {
		return p.checkForm(w, r, p.editView(b, f), &wanted)
	}
	changed, err := p.library.Update(r.Context(), web.Actor(r), b.ID, func(now *idp.Blueprint) error {
		if err := page.Unchanged(raw, formOf(now)); err != nil {
			return err
		}
		return f.apply(now)
	})
	if _, ok := page.FaultsOf(err); ok {
		if idp.Is(err, idp.CodeConflict) {
			if b, err = p.load(r); err != nil {
				return err
			}
			err = idp.Conflict("Somebody changed this meanwhile. Below is what you typed; look at the present state before you save it again.")
		}
		return p.showForm(w, r, p.editView(b, f), err)
	}
	if err != nil {
		return err
	}
	tellSaved(r, changed)
	return web.Redirect(w, r, path(changed.ID))
}
