package applicationpage

import (
	"fmt"
	"net/http"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (p *Pages) applications(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "name")
	if err != nil {
		return err
	}
	found, err := p.d.Store.Repos().Applications.Find(r.Context(), idp.ApplicationFilter{Paging: list.Paging()})
	if err != nil {
		return fmt.Errorf("listing applications: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	providers, err := p.allProviders(r)
	if err != nil {
		return err
	}
	create := ui.ButtonProps{Label: "New application", Kind: ui.Primary, Icon: ui.IconPlus, Href: applicationsPath + "new/"}
	t := ui.TableProps{ID: "applications", Caption: "Applications", Paging: list.Pages(found.Total, "application"),
		Columns: []ui.Column{list.Column("Name", "name"), list.Column("Group", "group"), {Label: "Provider"}, {Label: "Signs in with", Optional: true}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconAppWindow, Title: "No applications yet", Action: ui.Button(create),
			Text: "An application is something that people sign in to through this installation."}),
		Filter: ui.FilterBar(ui.FilterProps{Action: applicationsPath, Query: list.Search(), Placeholder: "Search applications", Reset: list.Reset(), Hidden: list.Kept(), Swap: "applications"})}
	if list.Filtered() {
		t.Empty = ui.NothingFound("application", applicationsPath)
	}
	for i := range found.Items {
		a := &found.Items[i]
		provider, kind := templ.Component(ui.Tag(ui.ToneWarn, "None")), templ.Component(ui.None())
		if a.ProviderID != nil {
			if it := providers[*a.ProviderID]; it != nil {
				provider, kind = ui.Anchor(it.Name, providerPath(it.ID)), ui.Muted("OpenID Connect")
			}
		}
		if a.ProviderID == nil && len(a.ForwardHosts) > 0 {
			provider, kind = ui.None(), ui.Muted("Proxy")
		}
		t.Rows = append(t.Rows, ui.Row{ID: a.ID.String(), Label: a.Name, Cells: []templ.Component{ui.Two(a.Name, a.Slug, applicationPath(a.ID)), ui.Maybe(a.Group), provider, kind},
			Actions: []ui.MenuItem{{Label: "Open", Icon: ui.IconAppWindow, Href: applicationPath(a.ID)}, {Label: "Edit", Icon: ui.IconPencil, Href: applicationPath(a.ID) + "edit/"},
				{Label: "Delete", Icon: ui.IconTrash, Href: applicationPath(a.ID) + "delete/", Danger: true}}})
	}
	return page.Render(w, r, listPage(page.Console(r, ui.PageProps{Title: "Applications", Subtitle: "What people sign in to through this installation.", Actions: ui.Button(create)}), t))
}

// allProviders are all providers, by their keys.
func (p *Pages) allProviders(r *http.Request) (map[idp.OAuthProviderID]*idp.OAuthProvider, error) {
	all, err := every("providers", func(at idp.Paging) (idp.Page[idp.OAuthProvider], error) {
		return p.d.Store.Repos().OAuthProviders.Find(r.Context(), idp.OAuthProviderFilter{Paging: at})
	})
	out := map[idp.OAuthProviderID]*idp.OAuthProvider{}
	for i := range all {
		out[all[i].ID] = &all[i]
	}
	return out, err
}

func (p *Pages) loadApplication(r *http.Request) (*idp.Application, error) {
	id, err := web.IDParam[idp.Application](r, "application", "application")
	if err != nil {
		return nil, err
	}
	return p.d.Store.Repos().Applications.Get(r.Context(), id)
}

func (p *Pages) applicationHome(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadApplication(r)
	if err != nil {
		return err
	}
	return web.Redirect(w, r, applicationPath(row.ID))
}

func deleteApplicationQuestion(a *idp.Application) ui.ConfirmProps {
	return ui.ConfirmProps{Title: "Delete the application " + a.Name + "?", Submit: "Delete application", Danger: true,
		Text:   "People can no longer sign in to it, what it was granted ends, and what people agreed to and what is bound to it are gone. Its provider stays.",
		Action: applicationPath(a.ID) + "delete/", Back: applicationPath(a.ID)}
}

func (p *Pages) deleteApplication(w http.ResponseWriter, r *http.Request) error {
	a, err := p.loadApplication(r)
	if err != nil {
		return err
	}
	q := deleteApplicationQuestion(a)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Applications", applicationsPath, a.Name, applicationPath(a.ID), "Delete"), q)
	}
	if err := p.d.Configure.DeleteApplication(r.Context(), web.Actor(r), a.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The application "+a.Name+" was deleted.")
	return web.Redirect(w, r, applicationsPath)
}
