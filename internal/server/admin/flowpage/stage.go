package flowpage

import (
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// gap is left between the numbers of stages, for those that come between.
const gap = 10

// stageFields are the names of the fields of a stage in a flow, as on the wire.
var stageFields = []string{"stage", "order", "evaluate_on_plan", "re_evaluate_policies", "invalid_response_action", "policy_engine_mode"}

// applyStage puts what was typed into a binding.
func applyStage(form web.Form, b *idp.FlowBinding) error {
	n, err := form.Int("order", b.Order)
	if err != nil {
		return err
	}
	b.Order = n
	b.EvaluateOnPlan, b.ReEvaluatePolicies = form.Bool("evaluate_on_plan"), form.Bool("re_evaluate_policies")
	b.InvalidResponseAction = idp.InvalidAction(form.Trimmed("invalid_response_action"))
	b.PolicyMode = idp.PolicyMode(form.Trimmed("policy_engine_mode"))
	return nil
}

// stageState is what a form of a stage in a flow is filled from.
func stageState(b *idp.FlowBinding) any {
	return []any{b.Order, b.EvaluateOnPlan, b.ReEvaluatePolicies, b.InvalidResponseAction, b.PolicyMode}
}

// nextOrder is the number of a stage that is added at the end.
func nextOrder(steps []step) int {
	if len(steps) == 0 {
		return gap
	}
	last := steps[len(steps)-1].Binding.Order
	if last > math.MaxInt32-gap {
		return last
	}
	return last + gap
}

func (p *Pages) addStage(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	b, err := p.addition(r, f, form)
	if err == nil {
		b, err = p.d.Configure.CreateFlowBinding(r.Context(), web.Actor(r), *b)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.showSheet(w, r, f, typed{formAdd, form, faults})
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The stage was added.")
	return web.Redirect(w, r, flowPath(f.ID)+"?moved="+b.ID.String())
}

// addition is the binding that the form asks for.
func (p *Pages) addition(r *http.Request, f *idp.Flow, form web.Form) (*idp.FlowBinding, error) {
	raw := form.Trimmed("stage")
	if raw == "" {
		return nil, idp.Invalid("stage", "Choose a stage.")
	}
	id, err := idp.ParseID[idp.Stage](raw)
	if err != nil {
		return nil, idp.Invalid("stage", "Choose a stage of the list.")
	}
	s, err := p.sheet(r.Context(), f)
	if err != nil {
		return nil, err
	}
	b := &idp.FlowBinding{FlowID: f.ID, StageID: id, Order: nextOrder(s.Steps)}
	if err := applyStage(form, b); err != nil {
		return nil, err
	}
	for _, at := range s.Steps {
		if at.Binding.StageID == id && at.Binding.Order == b.Order {
			return nil, idp.Invalid("order", "The stage %s has the number %d in this flow already. Choose another one to have it twice.", at.Stage.Name, b.Order)
		}
	}
	return b, nil
}

// binding reads the stage of the flow that the address names.
func (p *Pages) binding(r *http.Request, f *idp.Flow) (*idp.FlowBinding, error) {
	id, err := web.IDParam[idp.FlowBinding](r, "binding", "stage of this flow")
	if err != nil {
		return nil, err
	}
	b, err := p.d.Store.Repos().FlowBindings.Get(r.Context(), id)
	if err == nil && b.FlowID != f.ID {
		err = idp.NotFound("stage of this flow")
	}
	return b, err
}

func (p *Pages) updateStage(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	b, err := p.binding(r, f)
	if err != nil {
		return err
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	_, err = p.d.Configure.UpdateFlowBinding(r.Context(), web.Actor(r), b.ID, func(now *idp.FlowBinding) error {
		if err := page.Unchanged(form, stageState(now)); err != nil {
			return err
		}
		return applyStage(form, now)
	})
	if faults, ok := page.FaultsOf(err); ok {
		return p.showSheet(w, r, f, typed{formStage(b.ID), form, faults})
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The settings were saved.")
	return web.Redirect(w, r, openPath(f.ID, formStage(b.ID)))
}

func removeQuestion(s *sheet, at step) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "Remove " + at.Stage.Name + " from the flow?", Submit: "Remove stage", Danger: true,
		Text:   "Whoever goes through " + s.Flow.Name + " no longer meets it. The stage itself stays.",
		Action: bindingPath(at.Binding) + "remove/", Back: flowPath(s.Flow.ID)}
	switch n := len(at.Gate.Rules); n {
	case 0:
	case 1:
		q.Consequences = []string{"1 policy that is bound to it here is unbound"}
	default:
		q.Consequences = []string{ui.Count(n, "policy") + " that are bound to it here are unbound"}
	}
	return q
}

func (p *Pages) removeStage(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	b, err := p.binding(r, f)
	if err != nil {
		return err
	}
	yes, err := page.Confirmed(r)
	if err != nil {
		return err
	}
	if !yes {
		s, err := p.sheet(r.Context(), f)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(s.Steps, func(at step) bool { return at.Binding.ID == b.ID })
		if i < 0 {
			return idp.NotFound("stage of this flow")
		}
		return page.AskInConsole(w, r, crumbs(f, "Remove stage"), removeQuestion(s, s.Steps[i]))
	}
	if err := p.d.Configure.DeleteFlowBinding(r.Context(), web.Actor(r), b.ID); err != nil {
		return page.Refused(w, r, err, flowPath(f.ID))
	}
	web.Flash(r.Context(), web.ToneSuccess, "The stage was removed from the flow.")
	return web.Redirect(w, r, flowPath(f.ID))
}

// orderState is what the order of a flow's stages is changed from.
func orderState(bindings []idp.FlowBinding) any {
	out := make([]string, len(bindings))
	for i := range bindings {
		out[i] = bindings[i].ID.String()
	}
	return out
}

// reorder takes the bindings in the order that the page has them by now; move
// is "<binding>:up" or "<binding>:down" when a button asked for it.
func (p *Pages) reorder(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	order, err := orderOf(form)
	if err != nil {
		return page.Refused(w, r, err, flowPath(f.ID))
	}
	moved, way, _ := strings.Cut(form.Trimmed("move"), ":")
	order = shifted(order, moved, way)
	stale := false
	out, err := p.d.Configure.ReorderFlow(r.Context(), web.Actor(r), f.ID, func(now []idp.FlowBinding) ([]idp.FlowBindingID, error) {
		stale = page.Unchanged(form, orderState(now)) != nil
		if stale {
			return nil, idp.Conflict("Somebody changed the order meanwhile. This is how it is now; nothing was moved.")
		}
		return order, nil
	})
	if err != nil {
		return page.Refused(w, r, err, flowPath(f.ID))
	}
	at := slices.IndexFunc(out, func(b idp.FlowBinding) bool { return b.ID.String() == moved })
	if at < 0 {
		web.Flash(r.Context(), web.ToneSuccess, "The order was saved.")
		return web.Redirect(w, r, flowPath(f.ID))
	}
	web.Flash(r.Context(), web.ToneSuccess, "The stage is number "+strconv.Itoa(at+1)+" of "+strconv.Itoa(len(out))+" now.")
	return web.Redirect(w, r, flowPath(f.ID)+"?"+url.Values{"moved": {moved}, "way": {way}}.Encode())
}

func orderOf(form web.Form) ([]idp.FlowBindingID, error) {
	var out []idp.FlowBindingID
	for _, raw := range form.Texts("binding") {
		id, err := idp.ParseID[idp.FlowBinding](raw)
		if err != nil {
			return nil, idp.Invalid("", "The order names a stage that there is none of. Load the page again.")
		}
		out = append(out, id)
	}
	return out, nil
}

// shifted moves one of the bindings by one place; at the end there is none.
func shifted(order []idp.FlowBindingID, moved, way string) []idp.FlowBindingID {
	at := slices.IndexFunc(order, func(id idp.FlowBindingID) bool { return id.String() == moved })
	to := at + 1
	if way == "up" {
		to = at - 1
	}
	if at < 0 || to < 0 || to >= len(order) {
		return order
	}
	order[at], order[to] = order[to], order[at]
	return order
}
