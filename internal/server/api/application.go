package api

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/application"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Application is something that people sign in to.
type Application struct {
	PK                      string         `json:"pk" format:"uuid"`
	Name                    string         `json:"name"`
	Slug                    string         `json:"slug"`
	Provider                *int           `json:"provider"`
	ProviderObj             *Provider      `json:"provider_obj"`
	BackchannelProviders    []int          `json:"backchannel_providers"`
	BackchannelProvidersObj []Provider     `json:"backchannel_providers_obj"`
	LaunchURL               *string        `json:"launch_url" doc:"Where whoever asks begins to use it; null: nowhere."`
	OpenInNewTab            bool           `json:"open_in_new_tab"`
	MetaLaunchURL           string         `json:"meta_launch_url"`
	MetaIcon                string         `json:"meta_icon"`
	MetaIconURL             *string        `json:"meta_icon_url"`
	MetaIconThemedURLs      *ThemedURLs    `json:"meta_icon_themed_urls"`
	MetaDescription         string         `json:"meta_description"`
	MetaPublisher           string         `json:"meta_publisher"`
	PolicyEngineMode        idp.PolicyMode `json:"policy_engine_mode" enum:"all,any"`
	Group                   string         `json:"group"`

	ForwardHosts   []string `json:"forward_hosts" doc:"Hosts that proxies ask the forward-auth endpoint about for this application."`
	CookieLifetime string   `json:"cookie_lifetime" doc:"How long the application keeps people signed in by itself, as whoever runs it says; seconds=0: nobody said."`
}

type applicationBody struct {
	Name                 Optional[string]   `json:"name" api:"required" max:"255"`
	Slug                 Optional[string]   `json:"slug" api:"required" max:"255" help:"The name of its endpoints; changing it changes the issuer."`
	Provider             Optional[int32]    `json:"provider" api:"null" help:"The key of a provider that no other application has."`
	BackchannelProviders Optional[[]int32]  `json:"backchannel_providers" help:"There are none of this kind: leave it empty."`
	OpenInNewTab         Optional[bool]     `json:"open_in_new_tab"`
	MetaLaunchURL        Optional[string]   `json:"meta_launch_url" api:"blank" help:"Empty: the origin of the provider's first redirect URI; blank://blank hides the application. %(username)s stands for the person's."`
	MetaIcon             Optional[string]   `json:"meta_icon" api:"blank" help:"An address, a path of this server or a data: URL of a picture."`
	MetaDescription      Optional[string]   `json:"meta_description" api:"blank"`
	MetaPublisher        Optional[string]   `json:"meta_publisher" api:"blank" max:"255"`
	PolicyEngineMode     Optional[string]   `json:"policy_engine_mode" enum:"all,any"`
	Group                Optional[string]   `json:"group" api:"blank" max:"255" help:"Under which people's pages show it."`
	ForwardHosts         Optional[[]string] `json:"forward_hosts"`
	CookieLifetime       Optional[string]   `json:"cookie_lifetime" help:"hours=8, for example."`
	_                    struct{}           `ignore:"pk,provider_obj,backchannel_providers_obj,launch_url,meta_icon_url,meta_icon_themed_urls"`
}

// apply puts the body on an application; in a full replacement what is absent gets its
// default.
func (b *applicationBody) apply(to *idp.Application, partial bool) error {
	var faults idp.Faults
	if len(b.BackchannelProviders.Value) > 0 {
		faults.Add("backchannel_providers", "There are no providers that speak over a back channel alone.")
	}
	assign(&to.Name, b.Name, true, "") // required where it matters
	assign(&to.Slug, b.Slug, true, "")
	assign(&to.OpenInNew, b.OpenInNewTab, partial, false)
	assign(&to.LaunchURL, b.MetaLaunchURL, partial, "")
	assign(&to.Icon, b.MetaIcon, partial, "")
	assign(&to.Description, b.MetaDescription, partial, "")
	assign(&to.Publisher, b.MetaPublisher, partial, "")
	mode := string(to.PolicyMode)
	assign(&mode, b.PolicyEngineMode, partial, string(idp.PolicyAny))
	to.PolicyMode = idp.PolicyMode(mode)
	assign(&to.Group, b.Group, partial, "")
	assign(&to.ForwardHosts, b.ForwardHosts, partial, nil)
	assignDuration(&faults, &to.CookieLifetime, "cookie_lifetime", b.CookieLifetime, partial, 0)
	return faults.Err()
}

// assignDuration is assign for a duration as it is written on the wire.
func assignDuration(faults *idp.Faults, to *time.Duration, name string, from Optional[string], partial bool, otherwise time.Duration) {
	s := from.Patch(partial, "")
	if s == nil {
		return
	}
	if *s == "" {
		*to = otherwise
		return
	}
	d, err := idp.ParseDuration(*s)
	if err != nil {
		faults.Add(name, "%s", err.Error())
		return
	}
	*to = d
}

func (a *API) applications() resource[Application, applicationBody] {
	return resource[Application, applicationBody]{
		path: "/core/applications/", key: "slug", name: "Application", id: "core_applications", plural: "applications", tag: "core",
		filters: []param{{name: "name", kind: text}, {name: "slug", kind: text}, {name: "group", kind: text}, {name: "meta_description", kind: text},
			{name: "meta_launch_url", kind: text}, {name: "meta_publisher", kind: text},
			{name: "for_user", kind: integer, help: "What that user may use."},
			{name: "only_with_launch_url", kind: boolean, help: "Those that people can begin to use."},
			{name: "superuser_full_list", kind: boolean, help: "All there are, for whoever may list them; otherwise those that the user may use."}},
		ordering: []string{"name", "slug", "group", "provider", "meta_description", "meta_launch_url", "meta_publisher", "policy_engine_mode", "open_in_new_tab", "pk"},
		list:     a.listApplications, get: a.getApplication, create: a.createApplication, change: a.changeApplication,
		destroy: a.deleteApplication, usedBy: a.applicationUsedBy,
	}
}

func (a *API) mayApply(c *call, verb idp.Verb) error {
	return a.Access.Check(c.actor, verb, idp.Object{Resource: idp.ResourceApplication})
}

// applicationRequest is what policies may look at of a request.
func applicationRequest(c *call) idp.PolicyRequest {
	req := idp.PolicyRequest{SignedIn: c.actor.User, ClientIP: c.actor.ClientIP(), Context: map[string]any{}}
	req.Brand, _ = c.actor.Brand["name"].(string)
	if r := c.actor.Request; r != nil {
		req.Path, req.Method, req.Query = r.Path, r.Method, r.Query
	}
	return req
}

func (a *API) listApplications(c *call, p idp.Paging) ([]Application, int, error) {
	if c.actor.User == nil {
		return nil, 0, a.mayApply(c, idp.VerbList)
	}
	f := idp.ApplicationFilter{Paging: p, Name: c.query.text("name"), Slug: c.query.text("slug"), Group: c.query.text("group"),
		Description: c.query.text("meta_description"), LaunchURL: c.query.text("meta_launch_url"), Publisher: c.query.text("meta_publisher")}
	user, err := a.forUser(c)
	if err != nil {
		return nil, 0, err
	}
	launchable := c.query.is("only_with_launch_url", false)
	full := c.query.is("superuser_full_list", false) && a.mayApply(c, idp.VerbList) == nil
	if full && !launchable {
		page, err := a.Store.Repos().Applications.Find(c, f)
		if err != nil {
			return nil, 0, err
		}
		views, err := a.applicationViews(c, page.Items, user)
		return views, page.Total, err
	}
	all, err := a.allowed(c, user, f, full)
	if err != nil {
		return nil, 0, err
	}
	views, err := a.applicationViews(c, all, user)
	if err != nil {
		return nil, 0, err
	}
	if launchable {
		views = slices.DeleteFunc(views, func(v Application) bool { return v.LaunchURL == nil })
	}
	from := min(p.Offset, len(views))
	return views[from:min(from+p.Limit, len(views))], len(views), nil
}

// allowed are the applications that a user may use, or all.
func (a *API) allowed(c *call, user *idp.User, f idp.ApplicationFilter, full bool) ([]idp.Application, error) {
	if !full {
		return a.Applications.Usable(c, user, f, applicationRequest(c))
	}
	return every(func(p idp.Paging) (idp.Page[idp.Application], error) {
		p.Order, p.Search = f.Order, f.Search
		f.Paging = p
		return a.Store.Repos().Applications.Find(c, f)
	})
}

// forUser is whom the question is about: the caller, or for_user, for whoever may see
// that account and what applications there are.
func (a *API) forUser(c *call) (*idp.User, error) {
	pks := c.query.ints("for_user")
	if len(pks) == 0 || c.actor.Is(idp.UserID(pks[0])) {
		return c.actor.User, nil
	}
	id := idp.UserID(pks[0])
	for _, err := range []error{a.mayApply(c, idp.VerbRead), a.Access.Check(c.actor, idp.VerbRead, idp.Of(idp.ResourceUser, id))} {
		if err != nil {
			return nil, err
		}
	}
	u, err := a.Store.Repos().Users.Get(c, id)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, idp.Invalid("for_user", "Invalid pk \"%d\" - object does not exist.", id)
	}
	return u, err
}

// applicationViews shows applications, as user would begin to use them; providers are
// for whoever may read them.
func (a *API) applicationViews(c *call, list []idp.Application, user *idp.User) ([]Application, error) {
	wanted := []idp.OAuthProviderID{}
	for i := range list {
		if list[i].ProviderID != nil {
			wanted = append(wanted, *list[i].ProviderID)
		}
	}
	providers, err := a.providersByID(c, wanted)
	if err != nil {
		return nil, err
	}
	knows := a.mayApply(c, idp.VerbRead) == nil
	views := make([]Application, 0, len(list))
	for i := range list {
		app := &list[i]
		v := Application{PK: app.ID.String(), Name: app.Name, Slug: app.Slug, BackchannelProviders: []int{}, BackchannelProvidersObj: []Provider{},
			OpenInNewTab: app.OpenInNew, MetaLaunchURL: app.LaunchURL, MetaIcon: app.Icon, MetaDescription: app.Description, MetaPublisher: app.Publisher,
			PolicyEngineMode: app.PolicyMode, Group: app.Group, ForwardHosts: append([]string{}, app.ForwardHosts...), CookieLifetime: idp.FormatDuration(app.CookieLifetime)}
		if app.Icon != "" {
			v.MetaIconURL = &app.Icon
		}
		var p *idp.OAuthProvider
		if app.ProviderID != nil {
			p = providers[*app.ProviderID]
		}
		if launch := application.LaunchURL(app, p, user); launch != "" && launch != application.Hidden {
			v.LaunchURL = &launch
		}
		if p != nil && knows {
			pk, shown := int(p.PK), providerView(p, app)
			v.Provider, v.ProviderObj = &pk, &shown
		}
		views = append(views, v)
	}
	return views, nil
}

func (a *API) applicationView(c *call, app *idp.Application, err error) (*Application, error) {
	if err != nil {
		return nil, err
	}
	views, err := a.applicationViews(c, []idp.Application{*app}, c.actor.User)
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

// findApplication is the one of the path, for whoever may read applications.
func (a *API) findApplication(c *call, verb idp.Verb) (*idp.Application, error) {
	if err := a.mayApply(c, verb); err != nil {
		return nil, err
	}
	return a.Store.Repos().Applications.GetBySlug(c, c.param("slug"))
}

// visibleApplication is findApplication, and for everybody else what they may use.
func (a *API) visibleApplication(c *call) (*idp.Application, error) {
	denied := a.mayApply(c, idp.VerbRead)
	if denied != nil && (c.actor.User == nil || !idp.Is(denied, idp.CodeForbidden)) {
		return nil, denied
	}
	app, err := a.Store.Repos().Applications.GetBySlug(c, c.param("slug"))
	if err != nil || denied == nil {
		return app, err
	}
	result, err := a.Applications.MayUse(c, c.actor.User, app, applicationRequest(c))
	if err != nil || !result.Passing {
		return nil, idp.NotFound("application")
	}
	return app, nil
}

func (a *API) getApplication(c *call, _ string) (*Application, error) {
	app, err := a.visibleApplication(c)
	return a.applicationView(c, app, err)
}

// provide reads the provider that the body names.
func (b *applicationBody) provide(c *call, a *API, to *idp.Application, partial bool) error {
	switch {
	case !b.Provider.Set && partial:
		return nil
	case b.Provider.Ptr() == nil:
		to.ProviderID = nil
		return nil
	}
	p, err := a.Store.Repos().OAuthProviders.GetByPK(c, idp.ProviderPK(b.Provider.Value))
	if idp.Is(err, idp.CodeNotFound) {
		return idp.Invalid("provider", "Invalid pk \"%d\" - object does not exist.", b.Provider.Value)
	}
	if err != nil {
		return err
	}
	to.ProviderID = &p.ID
	return nil
}

func (a *API) createApplication(c *call, b *applicationBody) (*Application, error) {
	if err := a.mayApply(c, idp.VerbCreate); err != nil {
		return nil, err
	}
	var app idp.Application
	if err := b.apply(&app, false); err != nil {
		return nil, err
	}
	if err := b.provide(c, a, &app, false); err != nil {
		return nil, err
	}
	made, err := a.Configure.CreateApplication(c, c.actor, app)
	return a.applicationView(c, made, err)
}

func (a *API) changeApplication(c *call, _ string, b *applicationBody, partial bool) (*Application, error) {
	found, err := a.findApplication(c, idp.VerbUpdate)
	if err != nil {
		return nil, err
	}
	changed, err := a.Configure.UpdateApplication(c, c.actor, found.ID, func(app *idp.Application) error {
		if err := b.apply(app, partial); err != nil {
			return err
		}
		return b.provide(c, a, app, partial)
	})
	return a.applicationView(c, changed, err)
}

func (a *API) deleteApplication(c *call, _ string) error {
	found, err := a.findApplication(c, idp.VerbDelete)
	if err != nil {
		return err
	}
	return a.Configure.DeleteApplication(c, c.actor, found.ID)
}

// applicationUsedBy lists what goes with an application: what is bound to it, and what
// people have agreed to.
func (a *API) applicationUsedBy(c *call, _ string) ([]UsedBy, error) {
	app, err := a.findApplication(c, idp.VerbRead)
	if err != nil {
		return nil, err
	}
	return join(
		func() ([]UsedBy, error) { return a.policyBindingUsers(c, []idp.UUID{app.ID.UUID()}) },
		func() ([]UsedBy, error) { return a.consentsTo(c, app) },
	)
}

func (a *API) consentsTo(c *call, app *idp.Application) ([]UsedBy, error) {
	key := app.ID.String()
	page, err := a.Store.Repos().Consents.Find(c, idp.ConsentFilter{Application: &key, Paging: idp.Paging{Limit: maxPageSize}})
	var out []UsedBy
	for _, one := range page.Items {
		out = append(out, UsedBy{App: "authentik_stages_consent", ModelName: "userconsent", PK: one.ID.String(), Name: "Consent of " + one.Username, Action: goesToo})
	}
	return out, err
}

func (a *API) mountApplicationActions() {
	a.kit.add(operation{method: http.MethodGet, path: "/core/applications/{slug}/check_access/", id: "core_applications_check_access_retrieve", tag: "core",
		summary: "Say whether somebody may use the application", params: []param{{name: "for_user", kind: integer}},
		response: reflect.TypeFor[PolicyTestResult](), run: a.checkAccess})
}

// checkAccess asks the policies of an application about the caller or, for whoever may
// see it, somebody else. What each binding said is for who may read policies.
func (a *API) checkAccess(c *call) (any, error) {
	if c.actor.User == nil {
		return nil, a.mayApply(c, idp.VerbRead)
	}
	user, err := a.forUser(c)
	if err != nil {
		return nil, err
	}
	app, err := a.Store.Repos().Applications.GetBySlug(c, c.param("slug"))
	if err != nil {
		return nil, err
	}
	req := applicationRequest(c)
	req.Debug = true
	result, err := a.Applications.MayUse(c, user, app, req)
	if c.Err() != nil {
		return nil, c.Err() // nobody waits any more
	}
	out := PolicyTestResult{Passing: err == nil && result.Passing, Messages: append([]string{}, result.Messages...), LogMessages: []LogEvent{}}
	if err != nil {
		out.Messages = append(out.Messages, "A policy gave no answer, so nobody is let in by it.")
	}
	if a.mayPolicy(c, idp.VerbRead) == nil {
		at := time.Now().UTC()
		for _, t := range result.Trace {
			said := map[bool]string{true: "passes", false: "does not pass"}[t.Passing]
			out.LogMessages = append(out.LogMessages, LogEvent{Timestamp: at, LogLevel: "info", Logger: "policy",
				Event: strings.TrimSpace(t.Kind+" "+t.Name) + " " + said, Attributes: map[string]any{"binding": t.Binding.String(), "negated": t.Negated, "fault": t.Fault}})
		}
	}
	return out, nil
}
