package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Bounds of what an expression sets of a flow's context.
const (
	maxSets    = 20 // names in one evaluation
	maxSetSize = 16 << 10
	maxSetList = 500 // values
)

// setContext puts a value into the flow's context. What is already hidden there
// is not copied: under another name nobody would know it for a secret.
func setContext(m *meter, args []any) (any, error) {
	name, err := textArgument(args, 0)
	if err != nil {
		return nil, err
	}
	a, ok := m.ctx.Value(askingKey{}).(*asking)
	if !ok || m.env == nil {
		return nil, fmt.Errorf("only a policy can do this")
	}
	left, user := maxSetList, name == "pending_user"
	if user {
		left = maxInputs // who it is counts, and is all that is kept
	}
	value, err := plain(args[1], fmt.Sprintf("%q", clip(name)), 0, &left)
	if err != nil {
		return nil, err
	}
	if err := idp.JudgeContext(name, value); err != nil {
		return nil, err
	}
	c := newCleaner(m, maxMessage)
	if !user {
		w := jsonWriter{m: m}
		if err := w.write(value, 0); err != nil {
			return nil, err
		}
		if w.out.Len() > maxSetSize {
			return nil, tooMuch("%q would hold more than %d kB", name, maxSetSize>>10)
		}
		if c.holds(value) {
			return nil, fmt.Errorf("%q would hold a secret, which is not copied", name)
		}
	}
	if _, again := m.set[name]; !again && len(m.set) >= maxSets {
		return nil, tooMuch("an evaluation sets at most %d values", maxSets)
	}
	m.put(name, value)
	a.journal.note(LevelInfo, "The context's “"+name+"” would have been set.", map[string]any{"name": name, "value": c.clean("", value)})
	return true, m.spend(100)
}

// holds reports whether a value has a secret in it, by its name or by its value.
func (c *cleaner) holds(v any) bool {
	switch v := v.(type) {
	case string:
		return slices.ContainsFunc(c.values, func(secret string) bool { return strings.Contains(v, secret) })
	case []any:
		return slices.ContainsFunc(v, c.holds)
	case map[string]any:
		for name, value := range v {
			if c.secret(name) || c.holds(name) || c.holds(value) {
				return true
			}
		}
	}
	return false
}

// put notes what is set, and shows it to the rest of the run.
func (m *meter) put(name string, value any) {
	if m.set == nil {
		m.set = map[string]any{}
	}
	m.set[name] = value
	shown, _ := m.env["context"].(map[string]any)
	plan, _ := shown["flow_plan"].(map[string]any)
	inner, _ := plan["context"].(map[string]any)
	for _, context := range []map[string]any{shown, inner} {
		lay(context, name, value)
	}
}

// lay sets one name of a context.
func lay(context map[string]any, name string, value any) {
	if context == nil {
		return
	}
	if answer, ok := strings.CutPrefix(name, idp.ContextAnswer); ok {
		context, _ = context["prompt_data"].(map[string]any)
		name = answer
	}
	switch {
	case context == nil:
	case value == nil:
		delete(context, name)
	default:
		context[name] = value
	}
}

// seen is a context with what was set, as a copy.
func seen(context, set map[string]any) map[string]any {
	out := joined(context, nil)
	if answers, ok := out["prompt_data"].(map[string]any); ok {
		out["prompt_data"] = maps.Clone(answers)
	} else {
		out["prompt_data"] = map[string]any{}
	}
	for name, value := range set {
		lay(out, name, value)
	}
	return out
}

func joined(a, b map[string]any) map[string]any {
	out := make(map[string]any, len(a)+len(b))
	maps.Copy(out, a)
	maps.Copy(out, b)
	return out
}
