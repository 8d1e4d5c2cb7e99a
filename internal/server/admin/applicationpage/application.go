package applicationpage

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/application"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// sheet is everything the page of an application shows.
type sheet struct {
	Page      ui.PageProps
	Row       *idp.Application
	Provider  *idp.OAuthProvider
	Endpoints application.Endpoints
	Bound     []bound
	Subjects  []ui.Option // what can be bound
	Typed     typed
	Danger    []ui.DangerRow
}

// typed is a form of the page that was refused.
type typed struct {
	At     string // formBind, or the key of a binding; "" = none
	Form   web.Form
	Faults page.Faults
}

// formBind names the form that binds something.
const formBind = "bind"

// bound is what is bound to the application, in words.
type bound struct {
	Binding          *idp.PolicyBinding
	Name, Kind, Href string
}

func (p *Pages) application(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadApplication(r)
	if err != nil {
		return err
	}
	return p.showApplication(w, r, row, typed{})
}

func (p *Pages) showApplication(w http.ResponseWriter, r *http.Request, row *idp.Application, at typed) error {
	s := &sheet{Row: row, Typed: at}
	var err error
	if row.ProviderID != nil {
		if s.Provider, err = p.d.Store.Repos().OAuthProviders.Get(r.Context(), *row.ProviderID); err != nil {
			return err
		}
		s.Endpoints = application.EndpointsOf(p.origin(r), row, s.Provider.IssuerMode)
	}
	if s.Bound, err = p.bound(r, row); err != nil {
		return err
	}
	if s.Subjects, err = p.subjects(r, s.Bound); err != nil {
		return err
	}
	q := deleteApplicationQuestion(row)
	s.Danger = []ui.DangerRow{{Title: "Delete this application", Text: q.Text, Action: ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
		Button: ui.ButtonProps{Label: "Delete application", Kind: ui.Warning, Icon: ui.IconTrash}})}}
	s.Page = page.Console(r, ui.PageProps{Title: row.Name, Crumbs: page.Crumbs("Applications", applicationsPath, row.Name, "", ""),
		Actions: ui.Button(ui.ButtonProps{Label: "Edit", Icon: ui.IconPencil, Href: applicationPath(row.ID) + "edit/"})})
	return page.RenderStatus(w, r, at.Faults.Status(), applicationPage(s))
}

// facts are the settings of the application.
func (s *sheet) facts() []ui.Item {
	provider := templ.Component(ui.Tag(ui.ToneWarn, "None"))
	if s.Provider != nil {
		provider = ui.Anchor(s.Provider.Name, providerPath(s.Provider.ID))
	}
	launch := application.LaunchURL(s.Row, s.Provider, nil)
	out := []ui.Item{{Label: "Slug", Value: ui.Mono(s.Row.Slug)}, {Label: "Group", Value: ui.Maybe(s.Row.Group)}, {Label: "Provider", Value: provider}}
	switch launch {
	case application.Hidden:
		out = append(out, ui.Item{Label: "Opens", Value: ui.Muted("Hidden from people's pages")})
	case "":
		out = append(out, ui.Item{Label: "Opens", Value: ui.Muted("Nowhere: people's pages do not show it")})
	default:
		out = append(out, ui.Item{Label: "Opens", Value: ui.Mono(launch)})
	}
	if len(s.Row.ForwardHosts) > 0 {
		out = append(out, ui.Item{Label: "Hosts behind a proxy", Value: ui.Tags(s.Row.ForwardHosts)})
	}
	if s.Row.CookieLifetime > 0 {
		out = append(out, ui.Item{Label: "Keeps people signed in", Value: ui.Mono(idp.FormatDuration(s.Row.CookieLifetime))})
	}
	return append(out, ui.Item{Label: "Changed", Value: ui.Time(s.Row.UpdatedAt, now())}, ui.Item{Label: "UUID", Value: ui.CopyID(s.Row.ID.String())})
}

// addresses are what the application's client is told, with what each is called.
func addresses(e application.Endpoints) []ui.Pair {
	return []ui.Pair{{Name: "Issuer", Value: e.Issuer}, {Name: "Discovery document", Value: e.ProviderInfo}, {Name: "Authorization URL", Value: e.Authorize},
		{Name: "Token URL", Value: e.Token}, {Name: "User info URL", Value: e.UserInfo}, {Name: "JWKS URL", Value: e.JWKS}, {Name: "Logout URL", Value: e.Logout},
		{Name: "Device authorization URL", Value: e.Device}}
}

// bound says in words what is bound, in its order.
func (p *Pages) bound(r *http.Request, row *idp.Application) ([]bound, error) {
	ctx, repos := r.Context(), p.d.Store.Repos()
	all, err := every("what is bound to an application", func(at idp.Paging) (idp.Page[idp.PolicyBinding], error) {
		return repos.PolicyBindings.Find(ctx, idp.PolicyBindingFilter{Paging: at, Targets: []idp.UUID{row.ID.UUID()}})
	})
	if err != nil {
		return nil, err
	}
	var out []bound
	for i := range all {
		b := &all[i]
		it := bound{Binding: b}
		switch {
		case b.Policy != nil:
			it.Name, it.Kind, it.Href = b.Policy.Name, "Policy", page.Back(applicationPath(row.ID)).With(policiesPath+b.Policy.ID.String()+"/")
		case b.GroupID != nil:
			g, err := repos.Groups.Get(ctx, *b.GroupID)
			if idp.Is(err, idp.CodeNotFound) {
				continue // deleted while this was read
			}
			if err != nil {
				return nil, err
			}
			it.Name, it.Kind, it.Href = g.Name, "Members of the group", groupsPath+g.ID.String()+"/"
		case b.UserID != nil:
			u, err := repos.Users.Get(ctx, *b.UserID)
			if idp.Is(err, idp.CodeNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			it.Name, it.Kind, it.Href = u.DisplayName(), "This user", usersPath+u.ID.String()+"/"
		}
		out = append(out, it)
	}
	return out, nil
}

// What a value of the form that binds begins with.
const (
	groupMark  = "group:"
	policyMark = "policy:"
)

// subjects are the groups and policies that can be bound beside what is.
func (p *Pages) subjects(r *http.Request, have []bound) ([]ui.Option, error) {
	repos := p.d.Store.Repos()
	groups, err := every("groups", func(at idp.Paging) (idp.Page[idp.Group], error) {
		at.Order = []string{"name"}
		return repos.Groups.Find(r.Context(), idp.GroupFilter{Paging: at})
	})
	if err != nil {
		return nil, err
	}
	policies, err := every("policies", func(at idp.Paging) (idp.Page[idp.Policy], error) {
		return repos.Policies.Find(r.Context(), idp.PolicyFilter{Paging: at})
	})
	if err != nil {
		return nil, err
	}
	out := []ui.Option{{Label: "Choose…"}}
	for i := range groups {
		if !slices.ContainsFunc(have, func(b bound) bool { return b.Binding.GroupID != nil && *b.Binding.GroupID == groups[i].ID }) {
			out = append(out, ui.Option{Value: groupMark + groups[i].ID.String(), Label: "Members of " + groups[i].Name})
		}
	}
	for i := range policies {
		if !slices.ContainsFunc(have, func(b bound) bool { return b.Binding.PolicyID != nil && *b.Binding.PolicyID == policies[i].ID }) {
			out = append(out, ui.Option{Value: policyMark + policies[i].ID.String(), Label: "Policy " + policies[i].Name})
		}
	}
	return out, nil
}

// field completes the props of a field of one of the page's forms.
func (s *sheet) field(at string, f ui.FieldProps) ui.FieldProps {
	f.ID = at + "-" + f.Name
	if s.Typed.At != at || !s.Typed.Faults.Any() {
		return f
	}
	f.Error = s.Typed.Faults.Of(f.Name)
	if f.Type == ui.FieldSwitch {
		f.Checked = s.Typed.Form.Bool(f.Name)
	} else {
		f.Value = s.Typed.Form.Text(f.Name)
	}
	return f
}

func (s *sheet) faults(at string) page.Faults {
	if s.Typed.At == at {
		return s.Typed.Faults
	}
	return page.Faults{}
}

func number(n int) string { return strconv.Itoa(n) }

func truth(b bool) string { return strconv.FormatBool(b) }

func bindPath(id idp.ApplicationID) string { return applicationPath(id) + "policies/" }

func bindingPath(id idp.ApplicationID, b idp.PolicyBindingID) string {
	return bindPath(id) + b.String() + "/"
}

// mode says what it takes to be let in.
func (s *sheet) mode() string {
	switch {
	case len(s.Bound) == 0:
		return "Nothing is bound, so everybody with an account may use it."
	case s.Row.PolicyMode == idp.PolicyAll:
		return "Somebody may use it when all of these pass. Superusers are asked like others."
	}
	return "Somebody may use it when any of these passes. Superusers are asked like others."
}

// bindingFields are the names of the fields of a policy binding, as on the wire.
var bindingFields = []string{"policy", "negate", "enabled", "order", "timeout", "failure_result"}

const (
	usualTimeout = 30 * time.Second // for a policy to answer
	orderStep    = 10               // leaves room between the numbers
)

// bindingState is what a form of a policy binding is filled from.
func bindingState(b *idp.PolicyBinding) any {
	return []any{b.Order, b.Negate, b.Enabled, b.Timeout, b.FailureResult}
}

// bind binds a group or a policy behind those that are.
func (p *Pages) bind(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadApplication(r)
	if err != nil {
		return err
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	have, err := p.bound(r, row)
	if err != nil {
		return err
	}
	b := idp.PolicyBinding{Target: row.ID.UUID(), Timeout: usualTimeout, Enabled: true, Negate: form.Bool("negate")}
	if n := len(have); n > 0 {
		b.Order = have[n-1].Binding.Order + orderStep
	}
	raw := form.Trimmed("policy")
	if key, ok := strings.CutPrefix(raw, groupMark); ok {
		id, fault := idp.ParseID[idp.Group](key)
		b.GroupID, err = &id, fault
	} else {
		id, fault := idp.ParseID[idp.Policy](strings.TrimPrefix(raw, policyMark))
		b.PolicyID, err = &id, fault
	}
	if err != nil {
		err = idp.Invalid("policy", "Choose a group or a policy.")
	} else {
		_, err = p.d.Configure.CreatePolicyBinding(r.Context(), web.Actor(r), b)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.showApplication(w, r, row, typed{formBind, form, faults})
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "It is bound now.")
	return web.Redirect(w, r, applicationPath(row.ID))
}

// loadBinding reads the application and the binding of it that the address names.
func (p *Pages) loadBinding(r *http.Request) (*idp.Application, bound, error) {
	row, err := p.loadApplication(r)
	if err != nil {
		return nil, bound{}, err
	}
	id, err := web.IDParam[idp.PolicyBinding](r, "binding", "policy binding of this application")
	if err != nil {
		return nil, bound{}, err
	}
	all, err := p.bound(r, row)
	if err != nil {
		return nil, bound{}, err
	}
	i := slices.IndexFunc(all, func(b bound) bool { return b.Binding.ID == id })
	if i < 0 {
		return nil, bound{}, idp.NotFound("policy binding of this application")
	}
	return row, all[i], nil
}

func (p *Pages) updateBinding(w http.ResponseWriter, r *http.Request) error {
	row, it, err := p.loadBinding(r)
	if err != nil {
		return err
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	_, err = p.d.Configure.UpdatePolicyBinding(r.Context(), web.Actor(r), it.Binding.ID, func(now *idp.PolicyBinding) error {
		if err := page.Unchanged(form, bindingState(now)); err != nil {
			return err
		}
		return applyBinding(form, now)
	})
	if faults, ok := page.FaultsOf(err); ok {
		return p.showApplication(w, r, row, typed{it.Binding.ID.String(), form, faults})
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The settings of "+it.Name+" were saved.")
	return web.Redirect(w, r, applicationPath(row.ID))
}

// applyBinding puts what was typed into a policy binding.
func applyBinding(form web.Form, b *idp.PolicyBinding) error {
	var faults idp.Faults
	number := func(field string, otherwise int) int {
		n, err := form.Int(field, otherwise)
		if err != nil {
			faults.Add(field, "A valid integer is required.")
		}
		return n
	}
	b.Order = number("order", b.Order)
	b.Timeout = time.Duration(number("timeout", int(b.Timeout/time.Second))) * time.Second
	b.Negate, b.Enabled, b.FailureResult = form.Bool("negate"), form.Bool("enabled"), form.Bool("failure_result")
	return faults.Err()
}

func unbindQuestion(row *idp.Application, it bound, last bool) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "Unbind " + it.Name + "?", Submit: "Unbind", Danger: true, Text: "It no longer has a say in who may use the application.",
		Action: bindingPath(row.ID, it.Binding.ID) + "unbind/", Back: applicationPath(row.ID)}
	if last {
		q.Text = "Nothing else is bound: everybody with an account may use the application then."
	}
	return q
}

func (p *Pages) unbind(w http.ResponseWriter, r *http.Request) error {
	row, it, err := p.loadBinding(r)
	if err != nil {
		return err
	}
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		all, err := p.bound(r, row)
		if err != nil {
			return err
		}
		return page.AskInConsole(w, r, page.Crumbs("Applications", applicationsPath, row.Name, applicationPath(row.ID), "Unbind"), unbindQuestion(row, it, len(all) == 1))
	}
	if err := p.d.Configure.DeletePolicyBinding(r.Context(), web.Actor(r), it.Binding.ID); err != nil {
		return page.Refused(w, r, err, applicationPath(row.ID))
	}
	web.Flash(r.Context(), web.ToneSuccess, it.Name+" is no longer bound.")
	return web.Redirect(w, r, applicationPath(row.ID))
}
