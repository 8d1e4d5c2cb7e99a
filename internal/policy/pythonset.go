package policy

import "github.com/portcullis-idp/portcullis/internal/idp"

// setting writes an assignment to the context of the flow's plan. To others it
// writes none: they change what only the policy itself sees. Who is pending is not
// written either, for here nothing is proven by it.
func setting(into, value node, vars map[string]kindOf) (string, error) {
	name, ok := planEntry(into, vars)
	if !ok || name == "pending_user" || idp.JudgeContext(name, nil) != nil {
		return "", errUncertain
	}
	v, err := value.write(vars)
	if err != nil || v.kind > kindText && v.kind != kindNil && v.kind != kindList {
		return "", errUncertain
	}
	read := idp.JudgeContext(name, struct{}{}) != nil // by stages, which expect something
	if read && v.kind != kindNil && (v.kind != kindText || idp.JudgeContext(name, "a@example.org") != nil) {
		return "", errUncertain
	}
	return "set_context(" + quoted(name) + ", " + v.text + ")", nil
}

// planEntry is the name of an entry of the plan's context, or of an answer in it.
func planEntry(into node, vars map[string]kindOf) (string, bool) {
	entry, ok := into.(subscript)
	if !ok {
		return "", false
	}
	name, ok := literalText(entry.key)
	if !ok {
		return "", false
	}
	if inner, isEntry := entry.of.(subscript); isEntry {
		outer, ok := planEntry(inner, vars)
		return idp.ContextAnswer + name, ok && outer == "prompt_data"
	}
	of, ok := entry.of.(attribute)
	if !ok || of.name != "context" {
		return "", false
	}
	plan, err := of.of.write(vars)
	return name, err == nil && plan.kind == kindPlan
}
