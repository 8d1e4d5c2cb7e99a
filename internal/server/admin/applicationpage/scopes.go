package applicationpage

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/server/admin/settingsform"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (p *Pages) scopes(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "scope_name")
	if err != nil {
		return err
	}
	found, err := p.d.Store.Repos().ScopeMappings.Find(r.Context(), idp.ScopeMappingFilter{Paging: list.Paging()})
	if err != nil {
		return fmt.Errorf("listing scope mappings: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	create := ui.ButtonProps{Label: "New scope mapping", Kind: ui.Primary, Icon: ui.IconPlus, Href: scopesPath + "new/"}
	t := ui.TableProps{ID: "scopes", Caption: "Scope mappings", Paging: list.Pages(found.Total, "mapping"),
		Columns: []ui.Column{list.Column("Name", "name"), list.Column("Scope", "scope_name"), {Label: "People are asked about", Optional: true}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconFileText, Title: "No scope mappings yet", Action: ui.Button(create),
			Text: "A scope mapping is an expression that says what applications are told when they ask for a scope."}),
		Filter: ui.FilterBar(ui.FilterProps{Action: scopesPath, Query: list.Search(), Placeholder: "Search scope mappings", Reset: list.Reset(), Hidden: list.Kept(), Swap: "scopes"})}
	if list.Filtered() {
		t.Empty = ui.NothingFound("mapping", scopesPath)
	}
	for i := range found.Items {
		m := &found.Items[i]
		name := templ.Component(ui.Two(m.Name, "", scopePath(m.ID)))
		t.Rows = append(t.Rows, ui.Row{ID: m.ID.String(), Label: m.Name, Cells: []templ.Component{name, ui.Mono(m.Scope), ui.Maybe(m.Description)},
			Actions: []ui.MenuItem{{Label: "Edit", Icon: ui.IconPencil, Href: scopePath(m.ID)}, {Label: "Delete", Icon: ui.IconTrash, Href: scopePath(m.ID) + "delete/", Danger: true}}})
	}
	return page.Render(w, r, listPage(page.Console(r, ui.PageProps{Title: "Scope mappings", Subtitle: "Expressions that say what applications are told of people.", Actions: ui.Button(create)}), t))
}

// scopeForm holds what was typed.
type scopeForm struct{ Name, Scope, Description, Expression string }

func readScopeForm(form web.Form) scopeForm {
	source := form.Text("expression")
	if form.Has(ui.ReplacePrefix + "expression") {
		source = form.Text(ui.ReplacePrefix + "expression")
	}
	return scopeForm{Name: form.Trimmed("name"), Scope: form.Trimmed("scope_name"), Description: form.Trimmed("description"), Expression: strings.ReplaceAll(source, "\r\n", "\n")}
}

func scopeFormOf(m *idp.ScopeMapping) scopeForm {
	return scopeForm{m.Name, m.Scope, m.Description, m.Expression}
}

func (f scopeForm) apply(m *idp.ScopeMapping) {
	m.Name, m.Scope, m.Description, m.Expression = f.Name, f.Scope, f.Description, f.Expression
}

// fault says what is wrong with the expression, nil = nothing that has a place.
func (f scopeForm) fault() *ui.Fault {
	if strings.TrimSpace(f.Expression) == "" {
		return nil
	}
	err := policy.CheckScope(f.Expression)
	var at *policy.Error
	if !errors.As(err, &at) {
		return nil
	}
	out := settingsform.FaultOf(at)
	if instead, certain := policy.Translate(f.Expression, false); certain && policy.CheckScope(instead) == nil {
		out = settingsform.Offer(out, instead)
	}
	return out
}

func (f scopeForm) editor(faults page.Faults) ui.EditorProps {
	e := ui.EditorProps{FieldProps: ui.FieldProps{Name: "expression", Label: "Expression", Value: f.Expression, NoOptional: true, Error: faults.Of("expression"),
		Hint: `Gives a map of claims, such as {"email": user.email, "groups": user.groups}.`, Rows: 10}, Fault: f.fault()}
	if e.Fault != nil {
		e.Error = "" // the fault says it, with its place
	}
	return e
}

type scopeView struct {
	Page   ui.PageProps
	Form   scopeForm
	Props  ui.FormProps
	Faults page.Faults
	New    bool
	Used   []idp.OAuthProvider
	Danger []ui.DangerRow
}

func (p *Pages) showScope(w http.ResponseWriter, r *http.Request, v scopeView) error {
	v.Props.Errors = v.Faults.Rest("name", "scope_name", "description", "expression")
	v.Page = page.Console(r, v.Page)
	return page.RenderStatus(w, r, v.Faults.Status(), scopePage(v))
}

func (p *Pages) newScope(w http.ResponseWriter, r *http.Request) error {
	return p.showNewScope(w, r, scopeForm{}, page.Faults{})
}

func (p *Pages) showNewScope(w http.ResponseWriter, r *http.Request, form scopeForm, faults page.Faults) error {
	return p.showScope(w, r, scopeView{Form: form, Faults: faults, New: true,
		Page:  ui.PageProps{Title: "New scope mapping", Crumbs: []ui.Crumb{{Label: "Scope mappings", Href: scopesPath}, {Label: "New scope mapping"}}},
		Props: ui.FormProps{Action: scopesPath + "new/", Submit: "Create mapping", Cancel: scopesPath}})
}

func (p *Pages) createScope(w http.ResponseWriter, r *http.Request) error {
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form, draft := readScopeForm(sent), idp.ScopeMapping{}
	if settingsform.Replaced(sent) {
		return p.showNewScope(w, r, form, page.Faults{})
	}
	form.apply(&draft)
	made, err := p.d.Configure.CreateScopeMapping(r.Context(), web.Actor(r), draft)
	if faults, ok := page.FaultsOf(err); ok {
		return p.showNewScope(w, r, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The mapping "+made.Name+" was created. Choose it in a provider.")
	return web.Redirect(w, r, scopePath(made.ID))
}

// checkScope says what is wrong with the expression while it is typed: the part below
// the editor. It changes nothing.
func (p *Pages) checkScope(w http.ResponseWriter, r *http.Request) error {
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	return page.Render(w, r, ui.EditorStatus(readScopeForm(sent).editor(page.Faults{})))
}

func (p *Pages) loadScope(r *http.Request) (*idp.ScopeMapping, error) {
	id, err := web.IDParam[idp.ScopeMapping](r, "mapping", "scope mapping")
	if err != nil {
		return nil, err
	}
	return p.d.Store.Repos().ScopeMappings.Get(r.Context(), id)
}

func (p *Pages) usersOf(r *http.Request, id idp.ScopeMappingID) ([]idp.OAuthProvider, error) {
	return every("providers", func(at idp.Paging) (idp.Page[idp.OAuthProvider], error) {
		return p.d.Store.Repos().OAuthProviders.Find(r.Context(), idp.OAuthProviderFilter{Mapping: &id, Paging: at})
	})
}

func (p *Pages) editScope(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadScope(r)
	if err != nil {
		return err
	}
	return p.showEditScope(w, r, row, scopeFormOf(row), page.Faults{}, "")
}

// showEditScope draws the page; seen is the state that the form was filled from, "" =
// the present one.
func (p *Pages) showEditScope(w http.ResponseWriter, r *http.Request, row *idp.ScopeMapping, form scopeForm, faults page.Faults, seen string) error {
	used, err := p.usersOf(r, row.ID)
	if err != nil {
		return err
	}
	if seen == "" {
		seen = page.Seen(scopeFormOf(row))
	}
	q := deleteScopeQuestion(row, used)
	v := scopeView{Form: form, Faults: faults, Used: used,
		Danger: []ui.DangerRow{{Title: "Delete this mapping", Text: q.Text, Action: ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
			Button: ui.ButtonProps{Label: "Delete mapping", Kind: ui.Warning, Icon: ui.IconTrash}})}},
		Page:  ui.PageProps{Title: row.Name, Tags: ui.Tag(ui.ToneNeutral, "Scope mapping"), Crumbs: page.Crumbs("Scope mappings", scopesPath, row.Name, "", "")},
		Props: ui.FormProps{Action: scopePath(row.ID), Submit: "Save changes", Cancel: scopesPath, Hidden: []ui.Pair{{Name: page.SeenField, Value: seen}}}}
	return p.showScope(w, r, v)
}

func (p *Pages) updateScope(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadScope(r)
	if err != nil {
		return err
	}
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readScopeForm(sent)
	if settingsform.Replaced(sent) {
		return p.showEditScope(w, r, row, form, page.Faults{}, sent.Text(page.SeenField))
	}
	changed, err := p.d.Configure.UpdateScopeMapping(r.Context(), web.Actor(r), row.ID, func(now *idp.ScopeMapping) error {
		present := *now
		row = &present // what the form is shown again beside
		if err := page.Unchanged(sent, scopeFormOf(now)); err != nil {
			return err
		}
		form.apply(now)
		return nil
	})
	if faults, ok := page.FaultsOf(err); ok {
		return p.showEditScope(w, r, row, form, faults, "")
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The mapping "+changed.Name+" was saved.")
	return web.Redirect(w, r, scopePath(row.ID))
}

func deleteScopeQuestion(row *idp.ScopeMapping, used []idp.OAuthProvider) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "Delete the mapping " + row.Name + "?", Submit: "Delete mapping", Danger: true, Action: scopePath(row.ID) + "delete/", Back: scopePath(row.ID),
		Text: "This cannot be undone."}
	for i := range used {
		q.Consequences = append(q.Consequences, "The provider "+used[i].Name+" tells its application less")
	}
	return q
}

func (p *Pages) deleteScope(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadScope(r)
	if err != nil {
		return err
	}
	used, err := p.usersOf(r, row.ID)
	if err != nil {
		return err
	}
	q := deleteScopeQuestion(row, used)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Scope mappings", scopesPath, row.Name, scopePath(row.ID), "Delete"), q)
	}
	if err := p.d.Configure.DeleteScopeMapping(r.Context(), web.Actor(r), row.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The mapping "+row.Name+" was deleted.")
	return web.Redirect(w, r, scopesPath)
}
