package flowpage

import (
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// fields fills the fields of one form of the page: with what was typed when it
// was refused, else with what is.
type fields struct {
	s  *sheet
	at string
}

func (s *sheet) form(at string) fields { return fields{s, at} }

// open reports whether the form is shown without being asked for.
func (f fields) open() bool { return f.s.Typed.At == f.at }

// refused reports whether the form was sent and refused.
func (f fields) refused() bool { return f.open() && f.s.Typed.Faults.Any() }

func (f fields) faults() page.Faults {
	if f.refused() {
		return f.s.Typed.Faults
	}
	return page.Faults{}
}

// field completes the props of a field of this form.
func (f fields) field(p ui.FieldProps) ui.FieldProps {
	p.ID = f.at + "-" + p.Name
	if !f.refused() {
		return p
	}
	p.Error = f.faults().Of(p.Name)
	if p.Type == ui.FieldSwitch || p.Type == ui.FieldCheckbox {
		p.Checked = f.s.Typed.Form.Bool(p.Name)
	} else {
		p.Value = f.s.Typed.Form.Text(p.Name)
	}
	return p
}

// faultyBeside reports whether something is wrong with another field than
// these.
func (f fields) faultyBeside(names ...string) bool {
	return f.refused() && len(f.faults().Rest(append(names, idp.NonField)...)) > 0
}

// negateField turns the answer of what is bound round.
func negateField(checked bool) ui.FieldProps {
	return ui.FieldProps{Name: "negate", Label: "Turn the answer round", Type: ui.FieldSwitch, Checked: checked,
		Hint: "Negate: passes for whom it would not, and the other way round."}
}

func number(n int) string { return strconv.Itoa(n) }

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

func truth(b bool) string { return strconv.FormatBool(b) }

// headTags are the words beside the name of the flow.
func headTags(s *sheet) templ.Component {
	out := []templ.Component{ui.Tag(ui.ToneNeutral, saying(designations, s.Flow.Designation).Label)}
	for _, u := range s.Use.Brands {
		out = append(out, brandTag(u, true))
	}
	return ui.Join(out...)
}

// brokenBanner warns when the flow cannot be gone through.
func brokenBanner(s *sheet) templ.Component {
	var broken []step
	for _, at := range s.Steps {
		if at.Fault != "" {
			broken = append(broken, at)
		}
	}
	switch len(broken) {
	case 0:
		return nil
	case 1:
		return ui.Alert(ui.AlertProps{Tone: ui.ToneBad, Title: "The stage " + broken[0].Stage.Name + " cannot run",
			Text:   "Whoever reaches it sees an error. " + broken[0].Fault,
			Action: ui.Button(ui.ButtonProps{Label: "Open the stage", Href: changeStagePath(broken[0].Stage.ID, s.Flow.ID), Small: true})})
	}
	return ui.Alert(ui.AlertProps{Tone: ui.ToneBad, Title: ui.Count(len(broken), "stage") + " cannot run",
		Text: "Whoever reaches one of them sees an error. They are marked below."})
}

// asked says when the policies before a stage are asked.
func (s step) asked() string {
	switch b := s.Binding; {
	case b.EvaluateOnPlan && b.ReEvaluatePolicies:
		return "asked when the flow begins and again before the stage"
	case b.EvaluateOnPlan:
		return "asked when the flow begins"
	case b.ReEvaluatePolicies:
		return "asked right before the stage"
	}
	return "never asked"
}

// summary is the line below a stage, in words.
func (s step) summary() string {
	n := len(s.Gate.Rules)
	switch {
	case n == 0:
		return "No policy: everybody meets it"
	case s.Unasked():
		return ui.Count(n, "policy") + ", never asked"
	}
	return ui.Count(n, "policy") + ", " + s.asked()
}

// condition is the head of a gate in the diagram.
func (g gate) condition() string {
	switch n := len(g.Asked()); {
	case n == 0:
		return "All switched off: everybody passes"
	case n == 1:
		return "If this passes"
	case g.Mode == idp.PolicyAll:
		return "If all of these pass"
	}
	return "If any of these passes"
}

// stageOptions are the stages that can be added.
func (s *sheet) stageOptions() []ui.Option {
	out := []ui.Option{{Value: "", Label: "Choose…"}}
	for i := range s.Stages {
		st := &s.Stages[i]
		out = append(out, ui.Option{Value: st.ID.String(), Label: st.Name + " — " + s.names(st.Kind)})
	}
	return out
}

func (s *sheet) policyOptions() []ui.Option {
	out := []ui.Option{{Value: "", Label: "Choose…"}}
	for i := range s.Policies {
		out = append(out, ui.Option{Value: s.Policies[i].ID.String(), Label: s.Policies[i].Name})
	}
	return out
}

func (s *sheet) groupOptions() []ui.Option {
	out := []ui.Option{{Value: "", Label: "Choose…"}}
	for i := range s.Groups {
		out = append(out, ui.Option{Value: s.Groups[i].ID.String(), Label: s.Groups[i].Name})
	}
	return out
}

// lanes reports whether a stage may be left out, so that the drawing needs room
// for the way round it.
func (s *sheet) lanes() bool { return slices.ContainsFunc(s.Steps, step.Gated) }

// bindings are the stages in their order, as the database has them.
func (s *sheet) bindings() []idp.FlowBinding {
	var out []idp.FlowBinding
	for _, at := range s.Steps {
		out = append(out, *at.Binding)
	}
	return out
}

// runHint says what to expect of running the flow as oneself, "" = nothing
// special.
func (s *sheet) runHint() string {
	switch s.Flow.Authentication {
	case idp.AuthenticationUnauthenticated:
		return "This flow is for people who are not signed in: as yourself you are sent on or refused at once."
	case idp.AuthenticationRedirect:
		return "This flow opens only from a redirect stage of another one: by its address it is refused."
	case idp.AuthenticationOutpost:
		return "This flow is for outposts, which this version has none of: everybody is refused."
	}
	switch s.Flow.Designation {
	case idp.DesignationAuthentication:
		return "You are signed in already: the stages may be passed at once."
	case idp.DesignationInvalidation:
		return "This signs you out."
	case idp.DesignationUnenrollment, idp.DesignationStageConfiguration:
		return "As yourself it acts on your own account: what it does, it does to you."
	}
	return ""
}

// facts are the settings of the flow in short.
func (s *sheet) facts() []ui.Item {
	f := s.Flow
	background := templ.Component(ui.Muted("The brand's"))
	if f.Background != "" {
		background = ui.Mono(f.Background)
	}
	title := templ.Component(ui.Muted("None"))
	if f.Title != "" {
		title = ui.Text(f.Title)
	}
	out := []ui.Item{
		{Label: "Title", Value: title},
		{Label: "Slug", Value: ui.CopyID(f.Slug)},
		{Label: "Open to", Value: ui.Text(saying(authentications, f.Authentication).Label)},
		{Label: "When denied", Value: ui.Text(saying(deniedActions, f.DeniedAction).Label)},
		{Label: "Policies", Value: ui.Text(saying(flowModes, f.PolicyMode).Label)},
		{Label: "Background", Value: background},
		{Label: "Layout", Value: ui.Text(saying(layouts, f.Layout).Label)},
		{Label: "Compatibility", Value: ui.YesNo(f.CompatibilityMode)},
		{Label: "UUID", Value: ui.CopyID(f.ID.String())},
	}
	if len(s.Use.Stages) > 0 {
		var links []templ.Component
		for i := range s.Use.Stages {
			links = append(links, ui.Anchor(s.Use.Stages[i].Name, changeStagePath(s.Use.Stages[i].ID, s.Flow.ID)))
		}
		out = append(out, ui.Item{Label: "Named by", Value: ui.Join(links...)})
	}
	return out
}

// focusOn reports whether the button that moves the i-th stage gets the focus:
// the one just used, or its neighbour when that leads nowhere any more.
func (s *sheet) focusOn(i int, up bool) bool {
	if s.Steps[i].Binding.ID.String() != s.Moved {
		return false
	}
	switch {
	case i == 0:
		return !up
	case i == len(s.Steps)-1:
		return up
	}
	return up == s.Up
}

// insideOpen reports whether a stage is shown with its settings and policies.
func (s *sheet) insideOpen(at step) bool {
	open := s.Typed.At
	if open == formStage(at.Binding.ID) || open == formBind(at.Gate.Target) {
		return true
	}
	for _, r := range at.Gate.Rules {
		if open == formRule(r.Binding.ID) {
			return true
		}
	}
	return false
}

// newRule is what the form that binds something begins with.
func newRule(g gate) rule {
	return rule{Binding: &idp.PolicyBinding{Enabled: true, Order: nextRule(g.Rules), Timeout: usualTimeout * time.Second}}
}

// deniedWords say in a few words what becomes of whom the flow is not for.
func deniedWords(a idp.DeniedAction) string {
	switch a {
	case idp.DeniedContinue:
		return "sent on"
	case idp.DeniedMessage:
		return "told why"
	}
	return "sent on, or told why"
}

// restartWords say where a wrong answer leads.
func restartWords(a idp.InvalidAction) string {
	if a == idp.InvalidRestartWithContext {
		return "Wrong answer: back to the start, with what was entered"
	}
	return "Wrong answer: back to the start"
}
