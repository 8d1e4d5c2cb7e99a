package stagepage

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// icons are the signs of kinds; the others have a common one.
var icons = map[string]ui.IconName{
	"identification": ui.IconIdCard, "password": ui.IconKeyRound, "user_login": ui.IconLogIn, "user_logout": ui.IconLogOut,
	"user_write": ui.IconPencil, "user_delete": ui.IconUserX, "prompt": ui.IconTextCursorInput, "account_lockdown": ui.IconGate,
	"deny": ui.IconBan, "redirect": ui.IconArrowRight, "email": ui.IconMail, "consent": ui.IconShieldCheck,
	"invitation": ui.IconTicket, "dummy": ui.IconCircleHelp, "authenticator_totp": ui.IconSmartphone,
	"authenticator_webauthn": ui.IconFingerprint, "authenticator_static": ui.IconFileText, "authenticator_validate": ui.IconShieldUser,
}

func icon(kind string) ui.IconName {
	if i, ok := icons[kind]; ok {
		return i
	}
	return ui.IconLayers
}

// title is a kind's name without the word that the whole page says already.
func title(k flow.Kind) string { return strings.TrimSuffix(k.Verbose, " Stage") }

// kindTag names the kind of a stage; one that this version does not know stands
// out.
func (p *Pages) kindTag(name string) templ.Component {
	if k, ok := p.kinds.Kind(name); ok {
		return ui.TagIcon(ui.ToneNeutral, icon(name), title(k))
	}
	return ui.Tag(ui.ToneWarn, "Unknown kind: "+name)
}

func (p *Pages) stages(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "name")
	if err != nil {
		return err
	}
	filter := idp.StageFilter{Paging: list.Paging()}
	if kind := list.Query.Trimmed("kind"); kind != "" {
		filter.Kind = &kind
	}
	found, err := p.store.Repos().Stages.Find(r.Context(), filter)
	if err != nil {
		return fmt.Errorf("listing stages: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return redirect(w, r, to)
	}
	used, err := p.usage(r.Context())
	if err != nil {
		return err
	}
	create := ui.ButtonProps{Label: "New stage", Kind: ui.Primary, Icon: ui.IconPlus, Href: stagesPath + "new/"}
	t := ui.TableProps{ID: "stages", Caption: "Stages", Paging: list.Pages(found.Total, "stage"),
		Columns: []ui.Column{list.Column("Name", "name"), list.Column("Kind", "kind"), {Label: "Used in"}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconLayers, Title: "No stages yet", Action: ui.Button(create),
			Text: "A stage is one step of a flow: it asks for something, checks something or does something."}),
		Filter: ui.FilterBar(ui.FilterProps{Action: stagesPath, Query: list.Search(), Placeholder: "Search stages", Reset: list.Reset("kind"),
			Hidden: list.Kept(), Swap: "stages", Fields: []ui.FieldProps{list.Choice("kind", "Kind", "Any kind", p.kindOptions()...)}})}
	if list.Filtered("kind") {
		t.Empty = ui.NothingFound("stage", stagesPath)
	}
	for i := range found.Items {
		s := &found.Items[i]
		t.Rows = append(t.Rows, ui.Row{ID: s.ID.String(), Label: s.Name, Cells: []templ.Component{
			ui.Two(s.Name, "", stagePath(s.ID)), ui.Join(p.kindTag(s.Kind)), used.in(s)},
			Actions: rowMenu(stagePath(s.ID), deleteStageQuestion(s, used))})
	}
	view := page.Console(r, ui.PageProps{Title: "Stages", Subtitle: "The steps that flows are made of.", Actions: ui.Button(create)})
	return page.Render(w, r, listPage(view, t))
}

func (p *Pages) kindOptions() []ui.Option {
	var out []ui.Option
	for _, k := range p.kinds.Kinds() {
		out = append(out, ui.Option{Value: k.Name, Label: title(k)})
	}
	slices.SortFunc(out, func(a, b ui.Option) int { return strings.Compare(a.Label, b.Label) })
	return out
}

// rowMenu is what can be done with a row.
func rowMenu(path string, q ui.ConfirmProps) []ui.MenuItem {
	return []ui.MenuItem{{Label: "Edit", Icon: ui.IconPencil, Href: path},
		{Label: "Delete", Icon: ui.IconTrash, Post: q.Action, Confirm: &q, Danger: true}}
}

// in says which flows have the stage, and which stages name it.
func (u usage) in(s *idp.Stage) templ.Component {
	var links []templ.Component
	for _, f := range u.flows[s.ID] {
		links = append(links, ui.Anchor(f.Slug, flowsPath+f.ID.String()+"/"))
	}
	for _, other := range u.naming(s.ID.String()) {
		links = append(links, ui.Anchor(other.Name, stagePath(other.ID)))
	}
	if len(links) == 0 {
		return ui.Muted("Not used")
	}
	return ui.Commas(links...)
}

func (p *Pages) chooseKind(w http.ResponseWriter, r *http.Request) error {
	back := page.BackOf(r, nil)
	var choices []ui.Choice
	for _, k := range p.kinds.Kinds() {
		choices = append(choices, ui.Choice{Title: title(k), Text: k.Summary, Icon: icon(k.Name), Href: back.With(stagesPath + "new/" + k.Name + "/")})
	}
	slices.SortFunc(choices, func(a, b ui.Choice) int { return strings.Compare(a.Title, b.Title) })
	view := page.Console(r, ui.PageProps{Title: "New stage", Subtitle: "What should the step do?", Crumbs: []ui.Crumb{{Label: "Stages", Href: stagesPath}, {Label: "New stage"}}})
	return page.Render(w, r, choosePage(view, choices))
}
