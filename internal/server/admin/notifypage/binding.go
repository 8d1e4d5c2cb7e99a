package notifypage

import (
	"net/http"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// bindingFields are the names of the fields of a policy binding, as on the wire.
var bindingFields = []string{"policy", "negate", "enabled", "order", "timeout", "failure_result"}

const (
	// usualTimeout is how long a policy may take.
	usualTimeout = 30 * time.Second
	// orderStep leaves room between the numbers of policies.
	orderStep = 10
)

// bindingState is what a form of a policy binding is filled from.
func bindingState(b *idp.PolicyBinding) any {
	return []any{b.Order, b.Negate, b.Enabled, b.Timeout, b.FailureResult}
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

// bind binds a policy behind those that are.
func (p *Pages) bind(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadRule(r)
	if err != nil {
		return err
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	have, err := p.bindings(r.Context(), row.ID)
	if err != nil {
		return err
	}
	b := idp.PolicyBinding{Target: row.ID.UUID(), Timeout: usualTimeout, Enabled: true, Negate: form.Bool("negate")}
	if n := len(have); n > 0 {
		b.Order = have[n-1].Order + orderStep
	}
	id, err := idp.ParseID[idp.Policy](form.Trimmed("policy"))
	switch {
	case err != nil:
		err = idp.Invalid("policy", "Choose a policy.")
	case slices.ContainsFunc(have, func(h idp.PolicyBinding) bool { return h.PolicyID != nil && *h.PolicyID == id }):
		err = idp.Invalid("policy", "It is bound here already.")
	default:
		b.PolicyID = &id
		_, err = p.d.Configure.CreatePolicyBinding(r.Context(), web.Actor(r), b)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.showRule(w, r, row, typed{formBind, form, faults})
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "It is bound now.")
	return web.Redirect(w, r, rulePath(row.ID))
}

// loadBinding reads the rule and the binding of it that the address names.
func (p *Pages) loadBinding(r *http.Request) (*idp.NotificationRule, bound, error) {
	row, err := p.loadRule(r)
	if err != nil {
		return nil, bound{}, err
	}
	id, err := web.IDParam[idp.PolicyBinding](r, "binding", "policy binding of this rule")
	if err != nil {
		return nil, bound{}, err
	}
	have, err := p.bindings(r.Context(), row.ID)
	if err != nil {
		return nil, bound{}, err
	}
	all, err := p.bound(r.Context(), ruleView{Rule: row, Bindings: have})
	if err != nil {
		return nil, bound{}, err
	}
	i := slices.IndexFunc(all, func(b bound) bool { return b.Binding.ID == id })
	if i < 0 {
		return nil, bound{}, idp.NotFound("policy binding of this rule")
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
		return p.showRule(w, r, row, typed{it.Binding.ID.String(), form, faults})
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The settings of "+it.Name+" were saved.")
	return web.Redirect(w, r, rulePath(row.ID))
}

func unbindQuestion(row *idp.NotificationRule, it bound) ui.ConfirmProps {
	return ui.ConfirmProps{Title: "Unbind " + it.Name + "?", Submit: "Unbind", Danger: true, Text: "What it alone matched, nobody is told of any more. The policy itself stays.",
		Action: bindingPath(row.ID, it.Binding.ID) + "unbind/", Back: rulePath(row.ID)}
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
		return page.AskInConsole(w, r, page.Crumbs("Notification rules", rulesPath, row.Name, rulePath(row.ID), "Unbind"), unbindQuestion(row, it))
	}
	if err := p.d.Configure.DeletePolicyBinding(r.Context(), web.Actor(r), it.Binding.ID); err != nil {
		return page.Refused(w, r, err, rulePath(row.ID))
	}
	web.Flash(r.Context(), web.ToneSuccess, it.Name+" is no longer bound.")
	return web.Redirect(w, r, rulePath(row.ID))
}
