package blueprintpage

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// importView is a document that somebody brings along: being written, or about
// to be applied.
type importView struct {
	Page             ui.PageProps
	Content, Context string
	Skip             bool
	Faults           page.Faults
	Problems         []blueprint.Problem
	Unsupported      bool      // all that is wrong could be left out
	Plan             *planView // nil = nothing to show yet
	Source           *sourceView
}

func (v importView) fields() []string {
	return []string{"file", "content", "context", "skip_unsupported"}
}

func (v importView) contentFault() string {
	if len(v.Problems) > 0 {
		return ""
	}
	return v.Faults.Of("content")
}

func (p *Pages) importForm(w http.ResponseWriter, r *http.Request) error {
	return showImport(w, r, importView{}, nil)
}

func showImport(w http.ResponseWriter, r *http.Request, v importView, err error) error {
	v.Problems = blueprint.Problems(err)
	v.Faults, _ = page.FaultsOf(err)
	v.Unsupported = len(v.Problems) > 0
	for _, problem := range v.Problems {
		v.Unsupported = v.Unsupported && problem.Unsupported
	}
	v.Page = ui.PageProps{Title: "Import a blueprint", Subtitle: "A document is applied once and not kept. You see what it would change first.",
		Crumbs: []ui.Crumb{{Label: "Blueprints", Href: listPath}, {Label: "Import"}}}
	if v.Plan != nil {
		v.Page.Subtitle = "Nothing has been changed yet."
		s := source("Document", v.Content, v.Plan.Warnings)
		v.Source = &s
	}
	v.Page = page.Console(r, v.Page)
	return page.RenderStatus(w, r, v.Faults.Status(), importPage(v))
}

func (p *Pages) importDocument(w http.ResponseWriter, r *http.Request) error {
	raw, err := web.DecodeUpload(r)
	if err != nil {
		return err
	}
	v := importView{Content: lines(raw.Text("content")), Context: strings.TrimSpace(lines(raw.Text("context"))), Skip: raw.Bool("skip_unsupported")}
	if raw.Text("act") == "edit" {
		return showImport(w, r, v, nil)
	}
	file, err := raw.File("file")
	if err != nil {
		return showImport(w, r, v, err)
	}
	if len(file) > 0 {
		if problem := web.TextProblem(string(file)); problem != "" {
			return showImport(w, r, v, idp.Invalid("file", "This is not a text file: %s", problem))
		}
		v.Content = lines(string(file))
	}
	if strings.TrimSpace(v.Content) == "" {
		return showImport(w, r, v, idp.Invalid("content", "Choose a file, or paste a document."))
	}
	context, err := readContext(v.Context)
	if err != nil {
		return showImport(w, r, v, err)
	}
	u := blueprint.Upload{File: "document", Content: []byte(v.Content), Context: context, SkipUnsupported: v.Skip, DryRun: raw.Text("act") != "apply"}
	report, err := p.library.Import(r.Context(), web.Actor(r), u)
	if err != nil {
		if _, ok := page.FaultsOf(err); !ok {
			return err
		}
		return showImport(w, r, v, err)
	}
	if u.DryRun {
		v.Plan = viewOf(report, "")
		return showImport(w, r, v, nil)
	}
	web.Flash(r.Context(), web.ToneSuccess, fmt.Sprintf("The document was applied: %s.", counted(report)))
	return web.Redirect(w, r, listPath)
}
