package api

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// FlowDiagram is a flow drawn in the language of Mermaid.
type FlowDiagram struct {
	Diagram string `json:"diagram"`
}

// drawFlow draws what decides and what follows, from the top down.
func (a *API) drawFlow(c *call) (any, error) {
	f, err := a.flowBySlug(c, idp.VerbRead)
	if err != nil {
		return nil, err
	}
	bindings, err := every(func(p idp.Paging) (idp.Page[idp.FlowBinding], error) {
		return a.Store.Repos().FlowBindings.Find(c, idp.FlowBindingFilter{FlowID: &f.ID, Paging: p})
	})
	if err != nil {
		return nil, err
	}
	targets, wanted := []idp.UUID{f.ID.UUID()}, []idp.StageID{}
	for _, b := range bindings {
		targets, wanted = append(targets, b.ID.UUID()), append(wanted, b.StageID)
	}
	stages, err := a.stagesByID(c, wanted)
	if err != nil {
		return nil, err
	}
	bound, err := a.policiesOf(c, targets)
	if err != nil {
		return nil, err
	}
	d := diagram{rules: map[idp.UUID][]string{}}
	for i := range bound {
		if bound[i].Enabled {
			d.rules[bound[i].Target] = append(d.rules[bound[i].Target], bindingSubject(&bound[i]))
		}
	}
	d.node("flow", `[["%s"]]`, "Flow\n"+f.Name)
	last := d.gate("flow", f.ID.UUID(), f.PolicyMode, "denied")
	for i, b := range bindings {
		d.line(`%s --> %s`, last, d.entry(bindings, i))
		passed := d.gate("stage_"+strconv.Itoa(i), b.ID.UUID(), b.PolicyMode, d.entry(bindings, i+1))
		last = "stage_" + strconv.Itoa(i)
		if passed != last {
			d.line(`%s -- passed --> %s`, passed, last)
		}
		d.node(last, `(["%s"])`, a.stageLabel(stages[b.StageID]))
	}
	d.line(`%s --> done`, last)
	d.node("done", `[["%s"]]`, "End of the flow")
	if len(d.rules[f.ID.UUID()]) > 0 {
		d.node("denied", `[["%s"]]`, "The flow does not apply")
	}
	return FlowDiagram{Diagram: "graph TD\n" + strings.Join(d.lines, "\n")}, nil
}

func (a *API) stageLabel(st *idp.Stage) string {
	if st == nil {
		return "A stage that was just deleted"
	}
	if kind, ok := a.Flows.Kind(st.Kind); ok {
		return kind.Verbose + "\n" + st.Name
	}
	return st.Name
}

// diagram collects the lines of a drawing. rules are the policies by what they
// are bound to.
type diagram struct {
	lines []string
	rules map[idp.UUID][]string
}

func (d *diagram) line(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// node draws a box; its text cannot end the box.
func (d *diagram) node(name, form, text string) {
	text = strings.NewReplacer("&", "#amp;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "\r", "", "\n", "<br>").Replace(text)
	d.line("%s"+form, name, text)
}

// entry is where a binding of the flow begins; behind the last one, the end.
func (d *diagram) entry(bindings []idp.FlowBinding, i int) string {
	switch {
	case i == len(bindings):
		return "done"
	case len(d.rules[bindings[i].ID.UUID()]) > 0:
		return "stage_" + strconv.Itoa(i) + "_policies"
	}
	return "stage_" + strconv.Itoa(i)
}

// gate draws the policies of something, and returns the node from which to go on
// when they pass; without policies that is the thing itself.
func (d *diagram) gate(name string, target idp.UUID, mode idp.PolicyMode, otherwise string) string {
	rules := d.rules[target]
	if len(rules) == 0 {
		return name
	}
	gate := name + "_policies"
	d.node(gate, `{{"%s"}}`, "Policies, "+string(mode)+" of\n"+strings.Join(rules, "\n"))
	if name == "flow" {
		d.line(`%s --> %s`, name, gate)
	}
	d.line(`%s -- denied --> %s`, gate, otherwise)
	return gate
}

// bindingSubject says whom or what a policy binding asks.
func bindingSubject(b *idp.PolicyBinding) string {
	said := ""
	switch {
	case b.Policy != nil:
		said = b.Policy.Name
	case b.GroupID != nil:
		said = "Group " + b.GroupID.String()
	case b.UserID != nil:
		said = "User " + b.UserID.String()
	}
	if b.Negate {
		return "not " + said
	}
	return said
}
