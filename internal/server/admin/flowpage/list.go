package flowpage

import (
	"context"
	"fmt"
	"net/http"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// filterFor is the parameter of the list that names a designation.
const filterFor = "designation"

func (p *Pages) list(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "name")
	if err != nil {
		return err
	}
	filter := idp.FlowFilter{Paging: list.Paging()}
	if d := idp.Designation(list.Query.Trimmed(filterFor)); d != "" {
		filter.Designation = &d
	}
	found, err := p.d.Store.Repos().Flows.Find(r.Context(), filter)
	if err != nil {
		return fmt.Errorf("listing flows: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	counts, err := p.stageCounts(r.Context())
	if err != nil {
		return err
	}
	brands, err := p.brands(r.Context())
	if err != nil {
		return err
	}
	create := ui.ButtonProps{Label: "New flow", Kind: ui.Primary, Icon: ui.IconPlus, Href: flowsPath + "new/"}
	bring := ui.ButtonProps{Label: "Import", Icon: ui.IconUpload, Href: importPath}
	t := ui.TableProps{ID: "flows", Caption: "Flows", Paging: list.Pages(found.Total, "flow"),
		Columns: []ui.Column{list.Column("Name", "name"), list.Column("For", "designation"), {Label: "Stages", Numeric: true}, {Label: "Used by"}},
		Filter:  filterBar(list),
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconWorkflow, Title: "No flow yet", Action: ui.Join(ui.Button(create), ui.Button(bring)),
			Text: "A flow is a row of stages that people go through: to sign in, to make an account, to lock one down."})}
	if list.Filtered(filterFor) {
		t.Empty = ui.NothingFound("flow", flowsPath)
	} else if found.Total == 0 {
		t.Filter = nil
	}
	uses := brandUses(brands)
	for i := range found.Items {
		f := &found.Items[i]
		t.Rows = append(t.Rows, ui.Row{ID: f.ID.String(), Label: f.Name, Cells: []templ.Component{
			nameCell(f), ui.Tag(ui.ToneNeutral, saying(designations, f.Designation).Label), stagesCell(counts[f.ID]), brandTags(uses[f.ID])}})
	}
	props := page.Console(r, ui.PageProps{Title: "Flows", Subtitle: "What people go through: signing in, making an account, locking one down.",
		Actions: ui.Join(ui.Button(bring), ui.Button(create))})
	return page.Render(w, r, listPage(props, t))
}

func filterBar(list page.List) templ.Component {
	return ui.FilterBar(ui.FilterProps{Action: flowsPath, Query: list.Search(), Placeholder: "Search flows", Swap: "flows",
		Fields: []ui.FieldProps{list.Choice(filterFor, "For", "For anything", options(idp.Designations(), designations)...)},
		Reset:  list.Reset(filterFor), Hidden: list.Kept()})
}

func stagesCell(n int) templ.Component {
	if n == 0 {
		return ui.Tag(ui.ToneWarn, "None")
	}
	return ui.Text(ui.Number(n))
}

// brandTags are the brands that point to a flow.
func brandTags(uses []brandUse) templ.Component {
	if len(uses) == 0 {
		return ui.None()
	}
	var out []templ.Component
	for _, u := range uses {
		out = append(out, brandTag(u, false))
	}
	return ui.Join(out...)
}

// stageCounts counts the stages of every flow.
func (p *Pages) stageCounts(ctx context.Context) (map[idp.FlowID]int, error) {
	all, err := every(func(at idp.Paging) (idp.Page[idp.FlowBinding], error) {
		return p.d.Store.Repos().FlowBindings.Find(ctx, idp.FlowBindingFilter{Paging: at})
	})
	if err != nil {
		return nil, fmt.Errorf("counting the stages of flows: %w", err)
	}
	out := map[idp.FlowID]int{}
	for i := range all {
		out[all[i].FlowID]++
	}
	return out, nil
}
