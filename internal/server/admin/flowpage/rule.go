package flowpage

import (
	"net/http"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// usualTimeout is how long a policy may take when a form does not say.
const usualTimeout = 30

// ruleFields are the names of the fields of a policy binding, as on the wire;
// subject says which of policy, group and user counts.
var ruleFields = []string{"target", "subject", "policy", "group", "user", "negate", "enabled", "order", "timeout", "failure_result"}

// applyRule puts what was typed into a policy binding.
func applyRule(form web.Form, b *idp.PolicyBinding) error {
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

// ruleState is what a form of a policy binding is filled from.
func ruleState(b *idp.PolicyBinding) any {
	return []any{b.Order, b.Negate, b.Enabled, b.Timeout, b.FailureResult}
}

// nextRule is the number of a policy that is bound last.
func nextRule(rules []rule) int {
	if len(rules) == 0 {
		return 0
	}
	return nextOrder([]step{{Binding: &idp.FlowBinding{Order: rules[len(rules)-1].Binding.Order}}})
}

func (p *Pages) bind(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	s, err := p.sheet(r.Context(), f)
	if err != nil {
		return err
	}
	to, ok := s.gate(form.Trimmed("target"))
	if !ok {
		return page.Already(w, r, "What the policy was to be bound to is no part of the flow any more.", flowPath(f.ID))
	}
	b := idp.PolicyBinding{Target: to.Target, Order: nextRule(to.Rules), Timeout: usualTimeout * time.Second}
	if err = p.subject(r, form, &b); err == nil {
		if err = twice(to, &b); err == nil {
			err = applyRule(form, &b)
		}
	}
	if err == nil {
		_, err = p.d.Configure.CreatePolicyBinding(r.Context(), web.Actor(r), b)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.showSheet(w, r, f, typed{formBind(to.Target), form, faults})
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "It is bound now.")
	return web.Redirect(w, r, s.beside(to.Target))
}

// gate finds what a policy may be bound to: the flow or one of its stages.
func (s *sheet) gate(target string) (gate, bool) {
	if s.Gate.Target.String() == target {
		return s.Gate, true
	}
	for _, at := range s.Steps {
		if at.Gate.Target.String() == target {
			return at.Gate, true
		}
	}
	return gate{}, false
}

// beside is the page with what the target's policies are shown in open.
func (s *sheet) beside(target idp.UUID) string {
	if target == s.Flow.ID.UUID() {
		return flowPath(s.Flow.ID) + "#policies"
	}
	return openPath(s.Flow.ID, formStage(idp.FlowBindingID(target)))
}

// subject reads who or what is bound.
func (p *Pages) subject(r *http.Request, form web.Form, b *idp.PolicyBinding) error {
	switch form.Trimmed("subject") {
	case "group":
		id, err := idp.ParseID[idp.Group](form.Trimmed("group"))
		if err != nil {
			return idp.Invalid("group", "Choose a group.")
		}
		b.GroupID = &id
	case "user":
		name := form.Trimmed("user")
		if name == "" {
			return idp.Invalid("user", "Type a username.")
		}
		u, err := p.d.Store.Repos().Users.FindByLogin(r.Context(), name, []string{"username"})
		if err != nil {
			return err
		}
		if u == nil {
			return idp.Invalid("user", "There is no user “%.150s”.", name)
		}
		b.UserID = &u.ID
	default:
		id, err := idp.ParseID[idp.Policy](form.Trimmed("policy"))
		if err != nil {
			return idp.Invalid("policy", "Choose a policy.")
		}
		b.PolicyID = &id
	}
	return nil
}

// twice refuses to bind again what is bound there: it would change nothing.
func twice(to gate, b *idp.PolicyBinding) error {
	for _, r := range to.Rules {
		o := r.Binding
		if same(o.PolicyID, b.PolicyID) || same(o.GroupID, b.GroupID) || same(o.UserID, b.UserID) {
			return idp.Invalid(r.Subject, "%s is bound here already.", r.Name)
		}
	}
	return nil
}

func same[T comparable](a, b *T) bool { return a != nil && b != nil && *a == *b }

// boundRule reads the policy binding that the address names.
func (p *Pages) boundRule(r *http.Request, s *sheet) (rule, error) {
	id, err := web.IDParam[idp.PolicyBinding](r, "rule", "policy binding of this flow")
	if err != nil {
		return rule{}, err
	}
	is := func(r rule) bool { return r.Binding.ID == id }
	if i := slices.IndexFunc(s.Gate.Rules, is); i >= 0 {
		return s.Gate.Rules[i], nil
	}
	for _, at := range s.Steps {
		if i := slices.IndexFunc(at.Gate.Rules, is); i >= 0 {
			return at.Gate.Rules[i], nil
		}
	}
	return rule{}, idp.NotFound("policy binding of this flow")
}

// sheetAndRule reads what the pages about one policy binding need.
func (p *Pages) sheetAndRule(r *http.Request) (*sheet, rule, error) {
	f, err := p.flow(r)
	if err != nil {
		return nil, rule{}, err
	}
	s, err := p.sheet(r.Context(), f)
	if err != nil {
		return nil, rule{}, err
	}
	it, err := p.boundRule(r, s)
	return s, it, err
}

func (p *Pages) updateRule(w http.ResponseWriter, r *http.Request) error {
	s, it, err := p.sheetAndRule(r)
	if err != nil {
		return err
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	_, err = p.d.Configure.UpdatePolicyBinding(r.Context(), web.Actor(r), it.Binding.ID, func(now *idp.PolicyBinding) error {
		if err := page.Unchanged(form, ruleState(now)); err != nil {
			return err
		}
		return applyRule(form, now)
	})
	if faults, ok := page.FaultsOf(err); ok {
		return p.showSheet(w, r, s.Flow, typed{formRule(it.Binding.ID), form, faults})
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The settings of "+it.Name+" were saved.")
	return web.Redirect(w, r, s.beside(it.Binding.Target))
}

func unbindQuestion(s *sheet, it rule) ui.ConfirmProps {
	where := "the flow " + s.Flow.Name
	for _, at := range s.Steps {
		if at.Gate.Target == it.Binding.Target {
			where = "the stage " + at.Stage.Name + " of this flow"
		}
	}
	return ui.ConfirmProps{Title: "Unbind " + it.Name + "?", Submit: "Unbind", Danger: true,
		Text:   "Nobody asks it any more before " + where + ". The " + it.Subject + " itself stays.",
		Action: rulePath(s.Flow.ID, it.Binding.ID) + "unbind/", Back: flowPath(s.Flow.ID)}
}

func (p *Pages) unbind(w http.ResponseWriter, r *http.Request) error {
	s, it, err := p.sheetAndRule(r)
	if err != nil {
		return err
	}
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, crumbs(s.Flow, "Unbind"), unbindQuestion(s, it))
	}
	if err := p.d.Configure.DeletePolicyBinding(r.Context(), web.Actor(r), it.Binding.ID); err != nil {
		return page.Refused(w, r, err, flowPath(s.Flow.ID))
	}
	web.Flash(r.Context(), web.ToneSuccess, it.Name+" is no longer bound.")
	return web.Redirect(w, r, s.beside(it.Binding.Target))
}
