package notifypage

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// ruleFields are the names of the fields, as on the wire.
var ruleFields = []string{"name", "enabled", "severity", "destination_group", "destination_event_user", "destination_affected_user", "transports"}

// ruleForm holds what was typed.
type ruleForm struct {
	Name, Severity, Group            string
	Enabled, EventUser, AffectedUser bool
	Transports                       []string
}

func readRuleForm(form web.Form) ruleForm {
	return ruleForm{Name: form.Trimmed("name"), Severity: form.Trimmed("severity"), Group: form.Trimmed("destination_group"),
		Enabled: form.Bool("enabled"), EventUser: form.Bool("destination_event_user"), AffectedUser: form.Bool("destination_affected_user"),
		Transports: form.Texts("transports")}
}

func ruleFormOf(r *idp.NotificationRule) ruleForm {
	f := ruleForm{Name: r.Name, Severity: string(r.Severity), Enabled: r.Enabled, EventUser: r.DestinationEventUser, AffectedUser: r.DestinationAffectedUser}
	if r.DestinationGroup != nil {
		f.Group = r.DestinationGroup.String()
	}
	for _, id := range r.Transports {
		f.Transports = append(f.Transports, id.String())
	}
	return f
}

// apply puts what was typed into the rule.
func (f ruleForm) apply(r *idp.NotificationRule) error {
	var faults idp.Faults
	r.Name, r.Severity, r.Enabled = f.Name, idp.Severity(f.Severity), f.Enabled
	r.DestinationEventUser, r.DestinationAffectedUser = f.EventUser, f.AffectedUser
	r.DestinationGroup = nil
	if f.Group != "" {
		id, err := idp.ParseID[idp.Group](f.Group)
		if err != nil {
			faults.Add("destination_group", "Choose a group of the list.")
		}
		r.DestinationGroup = &id
	}
	r.Transports = nil
	for _, raw := range f.Transports {
		id, err := idp.ParseID[idp.Transport](raw)
		if err != nil {
			faults.Add("transports", "Choose transports of the list.")
			continue
		}
		r.Transports = append(r.Transports, id)
	}
	return faults.Err()
}

type ruleFormView struct {
	Page       ui.PageProps
	Form       ruleForm
	Props      ui.FormProps
	Faults     page.Faults
	New        bool
	Groups     []ui.Option
	Transports ui.PickerProps
}

func (p *Pages) showRuleForm(w http.ResponseWriter, r *http.Request, v ruleFormView) error {
	groups, err := every(func(at idp.Paging) (idp.Page[idp.Group], error) {
		at.Order = []string{"name"}
		return p.d.Store.Repos().Groups.Find(r.Context(), idp.GroupFilter{Paging: at})
	})
	if err != nil {
		return fmt.Errorf("listing groups: %w", err)
	}
	v.Groups = []ui.Option{{Label: "No group", Selected: v.Form.Group == ""}}
	for i := range groups {
		v.Groups = append(v.Groups, ui.Option{Value: groups[i].ID.String(), Label: groups[i].Name})
	}
	if v.Transports, err = p.picker(r.Context(), v.Form.Transports, v.Faults.Of("transports")); err != nil {
		return err
	}
	v.Props.Errors = v.Faults.Rest(ruleFields...)
	v.Page = page.Console(r, v.Page)
	return page.RenderStatus(w, r, v.Faults.Status(), ruleFormPage(v))
}

// picker lists the transports to choose from.
func (p *Pages) picker(ctx context.Context, chosen []string, fault string) (ui.PickerProps, error) {
	out := ui.PickerProps{Name: "transports", Label: "Transports", Unordered: true, Error: fault, Hint: "Each of them tells, independently of the others.",
		Empty: "There are no transports yet.", More: ui.Anchor("New transport", page.Back(rulesPath+"new/").With(transportsPath+"new/"))}
	all, err := p.allTransports(ctx)
	if err != nil {
		return out, err
	}
	for _, t := range all {
		out.Options = append(out.Options, ui.Option{Value: t.ID.String(), Label: t.Name, Hint: modes[t.Mode].label, Selected: slices.Contains(chosen, t.ID.String())})
	}
	return out, nil
}

func (p *Pages) allTransports(ctx context.Context) ([]idp.Transport, error) {
	all, err := every(func(at idp.Paging) (idp.Page[idp.Transport], error) {
		return p.d.Store.Repos().Transports.Find(ctx, idp.TransportFilter{Paging: at})
	})
	if err != nil {
		return nil, fmt.Errorf("listing transports: %w", err)
	}
	return all, nil
}

func (p *Pages) newRule(w http.ResponseWriter, r *http.Request) error {
	all, err := p.allTransports(r.Context())
	if err != nil {
		return err
	}
	f := ruleForm{Enabled: true, Severity: string(idp.SeverityNotice)}
	for _, t := range all {
		if t.Mode == idp.TransportLocal { // what costs nothing and needs nobody else
			f.Transports = append(f.Transports, t.ID.String())
		}
	}
	return p.showNewRule(w, r, f, page.Faults{})
}

func (p *Pages) showNewRule(w http.ResponseWriter, r *http.Request, form ruleForm, faults page.Faults) error {
	return p.showRuleForm(w, r, ruleFormView{Form: form, Faults: faults, New: true,
		Page: ui.PageProps{Title: "New notification rule", Subtitle: "Next you bind the policies that choose the events.", Narrow: true,
			Crumbs: []ui.Crumb{{Label: "Notification rules", Href: rulesPath}, {Label: "New rule"}}},
		Props: ui.FormProps{Action: rulesPath + "new/", Submit: "Create rule", Cancel: rulesPath}})
}

func (p *Pages) createRule(w http.ResponseWriter, r *http.Request) error {
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form, draft := readRuleForm(sent), idp.NotificationRule{}
	var made *idp.NotificationRule
	if err = form.apply(&draft); err == nil {
		made, err = p.d.Configure.CreateNotificationRule(r.Context(), web.Actor(r), draft)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.showNewRule(w, r, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The rule "+made.Name+" was created. Now bind a policy to it.")
	return web.Redirect(w, r, rulePath(made.ID))
}

func (p *Pages) loadRule(r *http.Request) (*idp.NotificationRule, error) {
	id, err := web.IDParam[idp.NotificationRule](r, "rule", "notification rule")
	if err != nil {
		return nil, err
	}
	return p.d.Store.Repos().NotificationRules.Get(r.Context(), id)
}

func (p *Pages) editRule(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadRule(r)
	if err != nil {
		return err
	}
	return p.showEditRule(w, r, row, ruleFormOf(row), page.Faults{})
}

func (p *Pages) showEditRule(w http.ResponseWriter, r *http.Request, row *idp.NotificationRule, form ruleForm, faults page.Faults) error {
	return p.showRuleForm(w, r, ruleFormView{Form: form, Faults: faults,
		Page: ui.PageProps{Title: "Edit " + row.Name, Narrow: true, Crumbs: page.Crumbs("Notification rules", rulesPath, row.Name, rulePath(row.ID), "Edit")},
		Props: ui.FormProps{Action: rulePath(row.ID) + "edit/", Submit: "Save changes", Cancel: rulePath(row.ID),
			Hidden: []ui.Pair{{Name: page.SeenField, Value: page.Seen(ruleFormOf(row))}}}})
}

func (p *Pages) updateRule(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadRule(r)
	if err != nil {
		return err
	}
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readRuleForm(sent)
	changed, err := p.d.Configure.UpdateNotificationRule(r.Context(), web.Actor(r), row.ID, func(now *idp.NotificationRule) error {
		present := *now
		row = &present // what the form is shown again beside
		if err := page.Unchanged(sent, ruleFormOf(now)); err != nil {
			return err
		}
		return form.apply(now)
	})
	if faults, ok := page.FaultsOf(err); ok {
		return p.showEditRule(w, r, row, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The rule "+changed.Name+" was saved.")
	return web.Redirect(w, r, rulePath(row.ID))
}

func deleteRuleQuestion(row *idp.NotificationRule, bound int) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "Delete the rule " + row.Name + "?", Submit: "Delete rule", Danger: true, Action: rulePath(row.ID) + "delete/", Back: rulePath(row.ID),
		Text: "Nobody is told of what it matched any more. What it has queued is still sent. This cannot be undone."}
	if bound > 0 {
		q.Consequences = []string{ui.Count(bound, "policy") + " no longer bound to it; the policies themselves stay"}
	}
	return q
}

func (p *Pages) deleteRule(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadRule(r)
	if err != nil {
		return err
	}
	bound, err := p.bindings(r.Context(), row.ID)
	if err != nil {
		return err
	}
	q := deleteRuleQuestion(row, len(bound))
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Notification rules", rulesPath, row.Name, rulePath(row.ID), "Delete"), q)
	}
	if err := p.d.Configure.DeleteNotificationRule(r.Context(), web.Actor(r), row.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The rule "+row.Name+" was deleted.")
	return web.Redirect(w, r, rulesPath)
}
