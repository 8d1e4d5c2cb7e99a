package policypage

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// icons are the signs of kinds; the others have a common one.
var icons = map[string]ui.IconName{"expression": ui.IconFileCode, "event_matcher": ui.IconActivity, "password": ui.IconKeyRound,
	"password_expiry": ui.IconClock, "reputation": ui.IconShieldAlert, "dummy": ui.IconCircleHelp}

func icon(kind string) ui.IconName {
	if i, ok := icons[kind]; ok {
		return i
	}
	return ui.IconScale
}

// title is a kind's name without the word that the whole page says already.
func title(k policy.Kind) string { return strings.TrimSuffix(k.Verbose, " Policy") }

// kindTag names the kind of a policy; one that this version does not know stands
// out.
func (p *Pages) kindTag(name string) templ.Component {
	if k, ok := p.engine.Kinds().Get(name); ok {
		return ui.TagIcon(ui.ToneNeutral, icon(name), title(k))
	}
	return ui.Tag(ui.ToneWarn, "Unknown kind: "+name)
}

func (p *Pages) policies(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "name")
	if err != nil {
		return err
	}
	filter := idp.PolicyFilter{Paging: list.Paging()}
	if kind := list.Query.Trimmed("kind"); kind != "" {
		filter.Kind = &kind
	}
	repos := p.store.Repos()
	found, err := repos.Policies.Find(r.Context(), filter)
	if err != nil {
		return fmt.Errorf("listing policies: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	create := ui.ButtonProps{Label: "New policy", Kind: ui.Primary, Icon: ui.IconPlus, Href: policiesPath + "new/"}
	t := ui.TableProps{ID: "policies", Caption: "Policies", Paging: list.Pages(found.Total, "policy"),
		Columns: []ui.Column{list.Column("Name", "name"), list.Column("Kind", "kind"), {Label: "Bound to", Numeric: true}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconScale, Title: "No policies yet", Action: ui.Button(create),
			Text: "A policy decides whether a flow or one of its stages applies to somebody."}),
		Filter: ui.FilterBar(ui.FilterProps{Action: policiesPath, Query: list.Search(), Placeholder: "Search policies", Reset: list.Reset("kind"),
			Hidden: list.Kept(), Swap: "policies", Fields: []ui.FieldProps{list.Choice("kind", "Kind", "Any kind", p.kindOptions()...)}})}
	if list.Filtered("kind") {
		t.Empty = ui.NothingFound("policy", policiesPath)
	}
	for i := range found.Items {
		row := &found.Items[i]
		bindings, err := repos.PolicyBindings.Find(r.Context(), idp.PolicyBindingFilter{PolicyID: &row.ID, Paging: idp.Paging{Limit: 1}})
		if err != nil {
			return fmt.Errorf("counting the bindings of policy %s: %w", row.ID, err)
		}
		t.Rows = append(t.Rows, ui.Row{ID: row.ID.String(), Label: row.Name, Cells: []templ.Component{
			ui.Two(row.Name, "", policyPath(row.ID)), ui.Join(p.kindTag(row.Kind)), ui.Text(ui.Number(bindings.Total))},
			Actions: []ui.MenuItem{{Label: "Edit", Icon: ui.IconPencil, Href: policyPath(row.ID)},
				{Label: "Delete", Icon: ui.IconTrash, Href: policyPath(row.ID) + "delete/", Danger: true}}})
	}
	view := page.Console(r, ui.PageProps{Title: "Policies", Subtitle: "Rules that decide which flows and stages apply to whom.",
		Actions: listActions(ui.ButtonProps{Label: "Reputation scores", Href: scoresPath}, create)})
	return page.Render(w, r, listPage(view, t))
}

func (p *Pages) kindOptions() []ui.Option {
	var out []ui.Option
	for _, k := range p.engine.Kinds().List() {
		out = append(out, ui.Option{Value: k.Name, Label: title(k)})
	}
	slices.SortFunc(out, func(a, b ui.Option) int { return strings.Compare(a.Label, b.Label) })
	return out
}

func (p *Pages) chooseKind(w http.ResponseWriter, r *http.Request) error {
	back := page.BackOf(r, nil)
	var choices []ui.Choice
	for _, k := range p.engine.Kinds().List() {
		choices = append(choices, ui.Choice{Title: title(k), Text: k.Summary, Icon: icon(k.Name), Href: back.With(kindPath(k.Name))})
	}
	view := page.Console(r, ui.PageProps{Title: "New policy", Subtitle: "What should it look at?",
		Crumbs: []ui.Crumb{{Label: "Policies", Href: policiesPath}, {Label: "New policy"}}})
	return page.Render(w, r, choosePage(view, choices))
}
