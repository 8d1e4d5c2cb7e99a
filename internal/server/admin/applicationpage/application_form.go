package applicationpage

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// applicationFields are the names of the fields, as on the wire.
var applicationFields = []string{"name", "slug", "group", "provider", "policy_engine_mode", "meta_launch_url", "open_in_new_tab", "meta_icon", "meta_description",
	"meta_publisher", "forward_hosts", "cookie_lifetime"}

// newKind stands for a provider that is made together with the application.
const newKind = "new"

// applicationForm holds what was typed.
type applicationForm struct {
	Name, Slug, Group, Provider, Mode, LaunchURL, Icon, Description, Publisher, Hosts, Cookie string
	NewTab                                                                                    bool
}

func readApplicationForm(form web.Form) applicationForm {
	return applicationForm{Name: form.Trimmed("name"), Slug: form.Trimmed("slug"), Group: form.Trimmed("group"), Provider: form.Trimmed("provider"),
		Mode: form.Trimmed("policy_engine_mode"), LaunchURL: form.Trimmed("meta_launch_url"), Icon: form.Trimmed("meta_icon"),
		Description: strings.ReplaceAll(form.Trimmed("meta_description"), "\r\n", "\n"), Publisher: form.Trimmed("meta_publisher"),
		Hosts: strings.Join(lines(form.Text("forward_hosts")), "\n"), Cookie: form.Trimmed("cookie_lifetime"), NewTab: form.Bool("open_in_new_tab")}
}

func applicationFormOf(a *idp.Application) applicationForm {
	f := applicationForm{Name: a.Name, Slug: a.Slug, Group: a.Group, Mode: string(a.PolicyMode), LaunchURL: a.LaunchURL, Icon: a.Icon, Description: a.Description,
		Publisher: a.Publisher, Hosts: strings.Join(a.ForwardHosts, "\n"), NewTab: a.OpenInNew}
	if a.ProviderID != nil {
		f.Provider = a.ProviderID.String()
	}
	if a.CookieLifetime > 0 {
		f.Cookie = idp.FormatDuration(a.CookieLifetime)
	}
	return f
}

// lines are the lines of a text that say something.
func lines(text string) []string {
	out := []string{}
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// notSlug is what a slug does not have.
var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// apply puts what was typed into the application. Without a slug it has one of its name.
func (f applicationForm) apply(a *idp.Application) error {
	var faults idp.Faults
	a.Name, a.Slug, a.Group, a.PolicyMode, a.LaunchURL, a.OpenInNew = f.Name, f.Slug, f.Group, idp.PolicyMode(f.Mode), f.LaunchURL, f.NewTab
	a.Icon, a.Description, a.Publisher, a.ForwardHosts = f.Icon, f.Description, f.Publisher, lines(f.Hosts)
	if a.Slug == "" {
		a.Slug = strings.Trim(notSlug.ReplaceAllString(strings.ToLower(f.Name), "-"), "-")
	}
	a.ProviderID, a.CookieLifetime = nil, 0
	if f.Provider != "" && f.Provider != newKind {
		id, err := idp.ParseID[idp.OAuthProvider](f.Provider)
		if err != nil {
			faults.Add("provider", "Choose a provider of the list.")
		}
		a.ProviderID = &id
	}
	if f.Cookie != "" {
		d, err := idp.ParseDuration(f.Cookie)
		if err != nil {
			faults.Add("cookie_lifetime", "%s", err.Error())
		}
		a.CookieLifetime = d
	}
	return faults.Err()
}

type applicationFormView struct {
	Page      ui.PageProps
	Form      applicationForm
	Provider  providerForm
	Props     ui.FormProps
	Faults    page.Faults
	New       bool
	Providers []ui.Option
	Flows     []ui.FieldProps
}

func (p *Pages) showApplicationForm(w http.ResponseWriter, r *http.Request, v applicationFormView) error {
	providers, err := every("providers", func(at idp.Paging) (idp.Page[idp.OAuthProvider], error) {
		at.Order = []string{"name"}
		return p.d.Store.Repos().OAuthProviders.Find(r.Context(), idp.OAuthProviderFilter{Paging: at})
	})
	if err != nil {
		return err
	}
	taken, err := p.takenProviders(r)
	if err != nil {
		return err
	}
	if v.New {
		v.Providers = append(v.Providers, ui.Option{Value: newKind, Label: "A new OAuth2/OpenID provider"})
	}
	for i := range providers {
		if id := providers[i].ID; !taken[id] || id.String() == v.Form.Provider {
			v.Providers = append(v.Providers, ui.Option{Value: id.String(), Label: providers[i].Name})
		}
	}
	v.Providers = append(v.Providers, ui.Option{Value: "", Label: "None: a proxy asks, or it is a link only"})
	if v.New {
		if v.Flows, err = p.flowFields(r, v.Provider, v.Faults); err != nil {
			return err
		}
	}
	known := applicationFields
	if v.New {
		known = append(append([]string{}, applicationFields...), "client_type", "redirect_uris", "authorization_flow", "invalidation_flow")
	}
	v.Props.Errors = v.Faults.Rest(known...)
	v.Page.Narrow = true
	v.Page = page.Console(r, v.Page)
	return page.RenderStatus(w, r, v.Faults.Status(), applicationFormPage(v))
}

// takenProviders are the providers that applications have.
func (p *Pages) takenProviders(r *http.Request) (map[idp.OAuthProviderID]bool, error) {
	all, err := every("applications", func(at idp.Paging) (idp.Page[idp.Application], error) {
		return p.d.Store.Repos().Applications.Find(r.Context(), idp.ApplicationFilter{Paging: at})
	})
	out := map[idp.OAuthProviderID]bool{}
	for i := range all {
		if all[i].ProviderID != nil {
			out[*all[i].ProviderID] = true
		}
	}
	return out, err
}

func (p *Pages) newApplication(w http.ResponseWriter, r *http.Request) error {
	provider, err := p.usualProvider(r)
	if err != nil {
		return err
	}
	form := applicationForm{Mode: string(idp.PolicyAny), Provider: newKind}
	if id := web.Query(r).Trimmed("provider"); id != "" {
		form.Provider = id
	}
	return p.showNewApplication(w, r, form, provider, page.Faults{})
}

func (p *Pages) showNewApplication(w http.ResponseWriter, r *http.Request, form applicationForm, provider providerForm, faults page.Faults) error {
	return p.showApplicationForm(w, r, applicationFormView{Form: form, Provider: provider, Faults: faults, New: true,
		Page: ui.PageProps{Title: "New application", Subtitle: "The application and how it signs people in, in one go. Next you say who may use it.",
			Crumbs: []ui.Crumb{{Label: "Applications", Href: applicationsPath}, {Label: "New application"}}},
		Props: ui.FormProps{Action: applicationsPath + "new/", Submit: "Create application", Cancel: applicationsPath}})
}

func (p *Pages) createApplication(w http.ResponseWriter, r *http.Request) error {
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readApplicationForm(sent)
	provider, err := p.usualProvider(r)
	if err != nil {
		return err
	}
	provider.Type, provider.RedirectURIs = sent.Trimmed("client_type"), sent.Text("redirect_uris")
	provider.Authorization, provider.Invalidation = sent.Trimmed("authorization_flow"), sent.Trimmed("invalidation_flow")
	var draft idp.Application
	var made *idp.Application
	err = form.apply(&draft)
	switch {
	case err != nil:
	case form.Provider == newKind:
		var with idp.OAuthProvider
		if err = provider.apply(&with); err == nil {
			with.Name = draft.Name
			_, made, err = p.d.Configure.CreateApplicationWith(r.Context(), web.Actor(r), with, draft)
		}
	default:
		made, err = p.d.Configure.CreateApplication(r.Context(), web.Actor(r), draft)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.showNewApplication(w, r, form, provider, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The application "+made.Name+" was created. Everybody may use it until something is bound to it.")
	return web.Redirect(w, r, applicationPath(made.ID))
}

func (p *Pages) editApplication(w http.ResponseWriter, r *http.Request) error {
	a, err := p.loadApplication(r)
	if err != nil {
		return err
	}
	return p.showEditApplication(w, r, a, applicationFormOf(a), page.Faults{})
}

func (p *Pages) showEditApplication(w http.ResponseWriter, r *http.Request, a *idp.Application, form applicationForm, faults page.Faults) error {
	return p.showApplicationForm(w, r, applicationFormView{Form: form, Faults: faults,
		Page: ui.PageProps{Title: "Edit " + a.Name, Crumbs: page.Crumbs("Applications", applicationsPath, a.Name, applicationPath(a.ID), "Edit")},
		Props: ui.FormProps{Action: applicationPath(a.ID) + "edit/", Submit: "Save changes", Cancel: applicationPath(a.ID),
			Hidden: []ui.Pair{{Name: page.SeenField, Value: page.Seen(applicationFormOf(a))}}}})
}

func (p *Pages) updateApplication(w http.ResponseWriter, r *http.Request) error {
	a, err := p.loadApplication(r)
	if err != nil {
		return err
	}
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readApplicationForm(sent)
	changed, err := p.d.Configure.UpdateApplication(r.Context(), web.Actor(r), a.ID, func(now *idp.Application) error {
		present := *now
		a = &present // what the form is shown again beside
		if err := page.Unchanged(sent, applicationFormOf(now)); err != nil {
			return err
		}
		return form.apply(now)
	})
	if faults, ok := page.FaultsOf(err); ok {
		return p.showEditApplication(w, r, a, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The application "+changed.Name+" was saved.")
	return web.Redirect(w, r, applicationPath(changed.ID))
}
