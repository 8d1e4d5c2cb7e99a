package rolepage

import (
	"net/http"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// fields are those the form shows beside its messages.
var fields = []string{"name", "description", "lock", "spec.options.lock", "allow", "deny", "limits", "spec.allow.rules", "spec.deny.rules"}

// spare is how many empty rules with a condition the form offers.
const spare = 2

type formView struct {
	Page   ui.PageProps
	Form   sheet
	Faults page.Faults
	Action string
	Submit string
	Seen   string
	New    bool
	Fixed  string // why it cannot be changed; "" = it can
	Danger []ui.DangerRow
}

func lockOptions() []ui.Option {
	return []ui.Option{{Value: "", Label: "As the installation says"}, {Value: string(idp.BestEffort), Label: "Best effort: the last known locks count"},
		{Value: string(idp.Strict), Label: "Strict: refused while locks may be out of date"}}
}

func (v formView) fixed() bool { return v.Fixed != "" }

// limits are the rules with a condition, and room for more.
func (v formView) limits() []limited {
	if v.fixed() {
		return v.Form.Limited
	}
	return append(slices.Clone(v.Form.Limited), make([]limited, spare)...)
}

// limitsFault is what is wrong with rules that have a condition: those of the
// matrix cannot be.
func (v formView) limitsFault() string {
	var out []string
	for _, field := range []string{"limits", "spec.allow.rules", "spec.deny.rules"} {
		if text := v.Faults.Of(field); text != "" {
			out = append(out, text)
		}
	}
	return strings.Join(out, " ")
}

func (p *Pages) newRole(w http.ResponseWriter, r *http.Request) error {
	form := sheet{Allow: cells{}, Deny: cells{}}
	if from := web.Query(r).Trimmed("from"); from != "" {
		id, err := idp.ParseID[idp.Role](from)
		if err != nil {
			return idp.NotFound("role")
		}
		role, err := p.d.Roles.Get(r.Context(), web.Actor(r), id)
		if err != nil {
			return err
		}
		form = sheetOf(role)
		form.Name = ""
	}
	return p.newForm(w, r, form, page.Faults{})
}

func (p *Pages) newForm(w http.ResponseWriter, r *http.Request, form sheet, faults page.Faults) error {
	v := formView{Form: form, Faults: faults, New: true, Action: listPath + "new/", Submit: "Create role"}
	v.Page = page.Console(r, ui.PageProps{Title: "New role", Crumbs: []ui.Crumb{{Label: "Roles", Href: listPath}, {Label: "New role"}}})
	return page.RenderStatus(w, r, faults.Status(), formPage(v))
}

func (p *Pages) create(w http.ResponseWriter, r *http.Request) error {
	raw, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readSheet(raw)
	spec, err := form.spec()
	var made *idp.Role
	if err == nil {
		made, err = p.d.Roles.Create(r.Context(), web.Actor(r), access.Draft{Name: form.Name, Description: form.Description, Spec: spec})
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.newForm(w, r, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The role "+made.Name+" was created. Give it to users or groups below.")
	return web.Redirect(w, r, at(made)+"holders/")
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request) error {
	role, err := p.load(r)
	if err != nil {
		return err
	}
	return p.showForm(w, r, role, sheetOf(role), page.Faults{})
}

// frame is the page around a tab of a role.
func (p *Pages) frame(role *idp.Role, tab string) ui.PageProps {
	props := ui.PageProps{Title: role.Name, Subtitle: role.Description, Crumbs: []ui.Crumb{{Label: "Roles", Href: listPath}, {Label: role.Name}},
		Actions: ui.Join(ui.Button(ui.ButtonProps{Label: "Copy", Icon: ui.IconCopy, Href: listPath + "new/?from=" + role.ID.String()}),
			ui.Button(ui.ButtonProps{Label: "Lock…", Icon: ui.IconLock, Href: page.LockWizard(idp.LockKey{Kind: idp.LockRole, Value: role.Name})})),
		Tabs: []ui.Tab{{Label: "Rules", Href: at(role)}, {Label: "Who has it", Href: at(role) + "holders/"}}}
	for i := range props.Tabs {
		props.Tabs[i].Current = props.Tabs[i].Label == tab
	}
	locked := p.badges().Role(role.Name)
	if role.Managed != "" {
		props.Tags = page.With(ui.Tag(ui.ToneInfo, "Built in"), locked)
	} else if locked != nil {
		props.Tags = page.LockBadge(locked)
	}
	return props
}

func (p *Pages) showForm(w http.ResponseWriter, r *http.Request, role *idp.Role, form sheet, faults page.Faults) error {
	q, err := p.question(r, role)
	if err != nil {
		return err
	}
	v := formView{Form: form, Faults: faults, Action: at(role), Submit: "Save changes", Seen: page.Seen(sheetOf(role)),
		Danger: []ui.DangerRow{{Title: "Delete this role", Text: q.Text, Action: ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
			Button: ui.ButtonProps{Label: "Delete role", Kind: ui.Warning, Icon: ui.IconTrash}})}}}
	switch {
	case !web.May(r, idp.VerbUpdate, idp.ResourceRole):
		v.Fixed = "You may look at this role, and not change it."
	case role.Managed != "":
		v.Fixed = "This role is built in: it cannot be changed or deleted. Copy it to make one of your own."
	case !web.Covers(r, idp.Rights{Roles: []string{role.Name}, Taken: true}):
		v.Fixed = "This role has rights that you do not have, so you cannot change it."
	}
	if v.Fixed != "" {
		web.Withhold(r, at(role)+"delete/")
		v.Action = ""
	}
	v.Page = page.Console(r, p.frame(role, "Rules"))
	return page.RenderStatus(w, r, faults.Status(), formPage(v))
}

func (p *Pages) update(w http.ResponseWriter, r *http.Request) error {
	role, err := p.load(r)
	if err != nil {
		return err
	}
	raw, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readSheet(raw)
	spec, err := form.spec()
	if err == nil {
		_, err = p.d.Roles.Change(r.Context(), web.Actor(r), role.ID, access.Patch{Name: &form.Name, Description: &form.Description, Spec: &spec,
			Unless: func(now *idp.Role) error {
				present := *now
				role = &present // what the form is shown again beside
				return page.Unchanged(raw, sheetOf(now))
			}})
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.showForm(w, r, role, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The role "+form.Name+" was saved. It counts at once for everybody who has it.")
	return web.Redirect(w, r, at(role))
}

func (p *Pages) question(r *http.Request, role *idp.Role) (ui.ConfirmProps, error) {
	users, groups, err := p.count(r, role)
	q := ui.ConfirmProps{Title: "Delete the role " + role.Name + "?", Submit: "Delete role", Danger: true,
		Text: "Whoever has it has it no longer, at once.", Action: at(role) + "delete/", Back: at(role)}
	if users > 0 {
		q.Consequences = append(q.Consequences, ui.Count(users, "user")+" without it")
	}
	if groups > 0 {
		q.Consequences = append(q.Consequences, ui.Count(groups, "group")+" without it")
	}
	return q, err
}

func (p *Pages) delete(w http.ResponseWriter, r *http.Request) error {
	role, err := p.load(r)
	if err != nil {
		return err
	}
	q, err := p.question(r, role)
	if err != nil {
		return err
	}
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Roles", listPath, role.Name, at(role), "Delete"), q)
	}
	if err := p.d.Roles.Delete(r.Context(), web.Actor(r), role.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The role "+role.Name+" was deleted.")
	return web.Redirect(w, r, listPath)
}
