package applicationpage

import (
	"fmt"
	"net/http"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/application"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (p *Pages) providers(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "name")
	if err != nil {
		return err
	}
	found, err := p.d.Store.Repos().OAuthProviders.Find(r.Context(), idp.OAuthProviderFilter{Paging: list.Paging()})
	if err != nil {
		return fmt.Errorf("listing providers: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	create := ui.ButtonProps{Label: "New provider", Kind: ui.Primary, Icon: ui.IconPlus, Href: providersPath + "new/"}
	t := ui.TableProps{ID: "providers", Caption: "Providers", Paging: list.Pages(found.Total, "provider"),
		Columns: []ui.Column{list.Column("Name", "name"), {Label: "Application"}, list.Column("Client type", "client_type"), {Label: "Access tokens", Optional: true}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconLink, Title: "No providers yet", Action: ui.Button(create),
			Text: "A provider says how one application speaks OAuth 2 and OpenID Connect."}),
		Filter: ui.FilterBar(ui.FilterProps{Action: providersPath, Query: list.Search(), Placeholder: "Search providers", Reset: list.Reset(), Hidden: list.Kept(), Swap: "providers"})}
	if list.Filtered() {
		t.Empty = ui.NothingFound("provider", providersPath)
	}
	for i := range found.Items {
		it := &found.Items[i]
		app, err := p.applicationOf(r, it.ID)
		if err != nil {
			return err
		}
		of := templ.Component(ui.Tag(ui.ToneWarn, "None"))
		if app != nil {
			of = ui.Anchor(app.Name, applicationPath(app.ID))
		}
		t.Rows = append(t.Rows, ui.Row{ID: it.ID.String(), Label: it.Name, Cells: []templ.Component{ui.Two(it.Name, it.ClientID, providerPath(it.ID)), of,
			ui.Muted(clientTypes[it.ClientType]), ui.Muted(formats[it.AccessFormat])},
			Actions: []ui.MenuItem{{Label: "Edit", Icon: ui.IconPencil, Href: providerPath(it.ID)},
				{Label: "Delete", Icon: ui.IconTrash, Href: providerPath(it.ID) + "delete/", Danger: true}}})
	}
	return page.Render(w, r, listPage(page.Console(r, ui.PageProps{Title: "Providers", Subtitle: "How applications speak OAuth 2 and OpenID Connect.", Actions: ui.Button(create)}), t))
}

var clientTypes = map[idp.ClientType]string{idp.ClientConfidential: "Confidential", idp.ClientPublic: "Public"}

var formats = map[idp.AccessFormat]string{idp.AccessOpaque: "Opaque", idp.AccessJWT: "Signed (JWT)"}

// applicationOf is the application of a provider; nil = none.
func (p *Pages) applicationOf(r *http.Request, id idp.OAuthProviderID) (*idp.Application, error) {
	found, err := p.d.Store.Repos().Applications.Find(r.Context(), idp.ApplicationFilter{ProviderID: &id, Paging: idp.Paging{Limit: 1}})
	if err != nil || len(found.Items) == 0 {
		return nil, err
	}
	return &found.Items[0], nil
}

type providerView struct {
	Page        ui.PageProps
	Form        providerForm
	Props       ui.FormProps
	Faults      page.Faults
	Row         *idp.OAuthProvider // nil = a new one
	Application *idp.Application
	Flows       []ui.FieldProps
	Scopes      ui.PickerProps
	Secret      string // "" = there is none, or it is not for whoever looks
	Broken      bool   // the secret cannot be opened any more
	Endpoints   application.Endpoints
	Danger      []ui.DangerRow
}

func (p *Pages) showProvider(w http.ResponseWriter, r *http.Request, v providerView) error {
	var err error
	if v.Flows, err = p.flowFields(r, v.Form, v.Faults); err != nil {
		return err
	}
	if v.Scopes, err = p.scopePicker(r, v.Form.Mappings, v.Faults.Of("property_mappings")); err != nil {
		return err
	}
	v.Props.Errors = v.Faults.Rest(providerFields...)
	v.Page.Narrow = v.Row == nil
	v.Page = page.Console(r, v.Page)
	return page.RenderStatus(w, r, v.Faults.Status(), providerPage(v))
}

func (p *Pages) newProvider(w http.ResponseWriter, r *http.Request) error {
	form, err := p.usualProvider(r)
	if err != nil {
		return err
	}
	return p.showNewProvider(w, r, form, page.Faults{})
}

func (p *Pages) showNewProvider(w http.ResponseWriter, r *http.Request, form providerForm, faults page.Faults) error {
	return p.showProvider(w, r, providerView{Form: form, Faults: faults,
		Page:  ui.PageProps{Title: "New provider", Crumbs: []ui.Crumb{{Label: "Providers", Href: providersPath}, {Label: "New provider"}}},
		Props: ui.FormProps{Action: providersPath + "new/", Submit: "Create provider", Cancel: providersPath}})
}

func (p *Pages) createProvider(w http.ResponseWriter, r *http.Request) error {
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form, draft := readProviderForm(sent), idp.OAuthProvider{}
	var made *idp.OAuthProvider
	if err = form.apply(&draft); err == nil {
		made, err = p.d.Configure.CreateOAuthProvider(r.Context(), web.Actor(r), draft)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.showNewProvider(w, r, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The provider "+made.Name+" was created. It works once an application has it.")
	return web.Redirect(w, r, providerPath(made.ID))
}

func (p *Pages) loadProvider(r *http.Request) (*idp.OAuthProvider, error) {
	id, err := web.IDParam[idp.OAuthProvider](r, "provider", "provider")
	if err != nil {
		return nil, err
	}
	return p.d.Store.Repos().OAuthProviders.Get(r.Context(), id)
}

func (p *Pages) editProvider(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadProvider(r)
	if err != nil {
		return err
	}
	return p.showEditProvider(w, r, row, providerFormOf(row), page.Faults{})
}

// providerState is what a form is filled from.
func providerState(p *idp.OAuthProvider) any { return providerFormOf(p) }

func (p *Pages) showEditProvider(w http.ResponseWriter, r *http.Request, row *idp.OAuthProvider, form providerForm, faults page.Faults) error {
	app, err := p.applicationOf(r, row.ID)
	if err != nil {
		return err
	}
	v := providerView{Form: form, Faults: faults, Row: row, Application: app}
	if web.May(r, idp.VerbUpdate, idp.ResourceApplication) {
		v.Secret, err = p.d.Configure.ClientSecret(row)
		v.Broken = err != nil
	}
	if app != nil {
		v.Endpoints = application.EndpointsOf(p.origin(r), app, row.IssuerMode)
	}
	q := deleteProviderQuestion(row, app)
	if row.ClientType == idp.ClientConfidential {
		s := renewQuestion(row)
		v.Danger = append(v.Danger, ui.DangerRow{Title: "Replace the secret", Text: s.Text, Action: ui.Action(ui.ActionProps{Action: s.Action, Confirm: &s,
			Button: ui.ButtonProps{Label: "Replace secret", Kind: ui.Warning, Icon: ui.IconKeyRound}})})
	}
	v.Danger = append(v.Danger, ui.DangerRow{Title: "Delete this provider", Text: q.Text, Action: ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
		Button: ui.ButtonProps{Label: "Delete provider", Kind: ui.Warning, Icon: ui.IconTrash}})})
	v.Page = ui.PageProps{Title: row.Name, Crumbs: page.Crumbs("Providers", providersPath, row.Name, "", ""), Tags: ui.Tag(ui.ToneNeutral, "OAuth2/OpenID")}
	if app == nil {
		v.Page.Banner = ui.Alert(ui.AlertProps{Tone: ui.ToneWarn, Title: "No application has this provider", Text: "Its client can do nothing until one does."})
	}
	v.Props = ui.FormProps{Action: providerPath(row.ID), Submit: "Save changes", Cancel: providersPath,
		Hidden: []ui.Pair{{Name: page.SeenField, Value: page.Seen(providerState(row))}}}
	return p.showProvider(w, r, v)
}

func (p *Pages) updateProvider(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadProvider(r)
	if err != nil {
		return err
	}
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readProviderForm(sent)
	changed, err := p.d.Configure.UpdateOAuthProvider(r.Context(), web.Actor(r), row.ID, func(now *idp.OAuthProvider) error {
		present := *now
		row = &present // what the form is shown again beside
		if err := page.Unchanged(sent, providerState(now)); err != nil {
			return err
		}
		return form.apply(now)
	})
	if faults, ok := page.FaultsOf(err); ok {
		return p.showEditProvider(w, r, row, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The provider "+changed.Name+" was saved.")
	return web.Redirect(w, r, providerPath(changed.ID))
}

func renewQuestion(row *idp.OAuthProvider) ui.ConfirmProps {
	return ui.ConfirmProps{Title: "Replace the secret of " + row.Name + "?", Submit: "Replace secret", Danger: true,
		Text: "The present one ends at once: the application can sign nobody in until it has the new one.", Action: providerPath(row.ID) + "secret/", Back: providerPath(row.ID)}
}

func (p *Pages) renewSecret(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadProvider(r)
	if err != nil {
		return err
	}
	q := renewQuestion(row)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Providers", providersPath, row.Name, providerPath(row.ID), "Replace secret"), q)
	}
	_, err = p.d.Configure.UpdateOAuthProvider(r.Context(), web.Actor(r), row.ID, func(now *idp.OAuthProvider) error { now.ClientSecret = ""; return nil })
	if err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "There is a new secret. Give it to the application.")
	return web.Redirect(w, r, providerPath(row.ID))
}

func deleteProviderQuestion(row *idp.OAuthProvider, app *idp.Application) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "Delete the provider " + row.Name + "?", Submit: "Delete provider", Danger: true, Text: "No application has it.",
		Action: providerPath(row.ID) + "delete/", Back: providerPath(row.ID)}
	if app != nil {
		q.Text = "Nobody can sign in to " + app.Name + " any more, and everything that was granted through it ends."
	}
	return q
}

func (p *Pages) deleteProvider(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadProvider(r)
	if err != nil {
		return err
	}
	app, err := p.applicationOf(r, row.ID)
	if err != nil {
		return err
	}
	q := deleteProviderQuestion(row, app)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Providers", providersPath, row.Name, providerPath(row.ID), "Delete"), q)
	}
	if err := p.d.Configure.DeleteOAuthProvider(r.Context(), web.Actor(r), row.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The provider "+row.Name+" was deleted.")
	return web.Redirect(w, r, providersPath)
}
