package rolepage

import (
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// The sides of a role, by the names of the form's fields.
const (
	allow = "allow"
	deny  = "deny"
)

// every stands for all resources, or all verbs, in the matrix.
const every = "*"

// rows and columns of the matrix.
func rows() []string { return append([]string{every}, texts(idp.Resources())...) }

func columns() []string { return append([]string{every}, texts(idp.Verbs())...) }

func texts[T ~string](names []T) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = string(n)
	}
	return out
}

// label is how the matrix names a resource or a verb.
func label(name string) string {
	if name == every {
		return "everything"
	}
	return strings.ReplaceAll(name, "_", " ")
}

// heading is label in the narrow head of a column.
func heading(verb string) string {
	if verb == every {
		return "all"
	}
	return verb
}

// cells is what of a matrix is ticked: resource:verb.
type cells map[string]bool

func cell(resource, verb string) string { return resource + ":" + verb }

// limited is a rule with a condition, as the form shows it.
type limited struct{ Side, Resources, Verbs, Where string }

func (l limited) empty() bool { return l.Resources == "" && l.Verbs == "" && l.Where == "" }

// sheet is what the form of a role holds.
type sheet struct {
	Name, Description, Lock string
	Allow, Deny             cells
	Limited                 []limited
}

// sheetOf spreads the rules of a role over the matrix. Rules with a condition
// stand apart.
func sheetOf(r *idp.Role) sheet {
	s := sheet{Name: r.Name, Description: r.Description, Lock: string(r.Spec.Options.Lock), Allow: cells{}, Deny: cells{}}
	spread := func(side string, rules []idp.RoleRule, into cells) {
		for _, rule := range rules {
			if rule.Where != "" {
				s.Limited = append(s.Limited, limited{side, strings.Join(rule.Resources, ", "), strings.Join(rule.Verbs, ", "), rule.Where})
				continue
			}
			for _, on := range rule.Resources {
				for _, verb := range rule.Verbs {
					into[cell(on, verb)] = true
				}
			}
		}
	}
	spread(allow, r.Spec.Allow.Rules, s.Allow)
	spread(deny, r.Spec.Deny.Rules, s.Deny)
	return s
}

// readSheet reads what was typed and ticked.
func readSheet(form web.Form) sheet {
	s := sheet{Name: form.Trimmed("name"), Description: form.Trimmed("description"), Lock: form.Trimmed("lock"), Allow: cells{}, Deny: cells{}}
	for side, into := range map[string]cells{allow: s.Allow, deny: s.Deny} {
		for _, ticked := range form.Texts(side) {
			into[ticked] = true
		}
	}
	sides, resources, verbs, wheres := form.Texts("limit_side"), form.Texts("limit_resources"), form.Texts("limit_verbs"), form.Texts("limit_where")
	for i := range resources {
		l := limited{Side: nth(sides, i), Resources: nth(resources, i), Verbs: nth(verbs, i), Where: nth(wheres, i)}
		if !l.empty() {
			s.Limited = append(s.Limited, l)
		}
	}
	return s
}

func nth(list []string, i int) string {
	if i < len(list) {
		return strings.TrimSpace(list[i])
	}
	return ""
}

// spec gathers the matrix into rules: resources with the same verbs share one.
// Faults are on allow, deny and limits.
func (s sheet) spec() (idp.RoleSpec, error) {
	var faults idp.Faults
	spec := idp.RoleSpec{Options: idp.RoleOptions{Lock: idp.LockingMode(s.Lock)}}
	for i, l := range s.Limited {
		rule := idp.RoleRule{Resources: words(l.Resources), Verbs: words(l.Verbs), Where: l.Where}
		if len(rule.Resources) == 0 || len(rule.Verbs) == 0 || rule.Where == "" {
			faults.Add("limits", "Rule %d needs resources, verbs and a condition.", i+1)
			continue
		}
		switch l.Side {
		case allow:
			spec.Allow.Rules = append(spec.Allow.Rules, rule)
		case deny:
			spec.Deny.Rules = append(spec.Deny.Rules, rule)
		default:
			faults.Add("limits", "Rule %d: choose whether it allows or denies.", i+1)
		}
	}
	// Behind the others, so that faults count those as the form does.
	spec.Allow.Rules = append(spec.Allow.Rules, gather(&faults, allow, s.Allow)...)
	spec.Deny.Rules = append(spec.Deny.Rules, gather(&faults, deny, s.Deny)...)
	return spec, faults.Err()
}

func gather(faults *idp.Faults, field string, ticked cells) []idp.RoleRule {
	known := map[string]bool{}
	rules := []idp.RoleRule{}
	for _, on := range rows() {
		var verbs []string
		for _, verb := range columns() {
			known[cell(on, verb)] = true
			if ticked[cell(on, verb)] {
				verbs = append(verbs, verb)
			}
		}
		if len(verbs) == 0 {
			continue
		}
		if i := slices.IndexFunc(rules, func(r idp.RoleRule) bool { return slices.Equal(r.Verbs, verbs) }); i >= 0 {
			rules[i].Resources = append(rules[i].Resources, on)
			continue
		}
		rules = append(rules, idp.RoleRule{Resources: []string{on}, Verbs: verbs})
	}
	for c := range ticked {
		if !known[c] {
			faults.Add(field, "“%.60s” is no box of the matrix.", c)
		}
	}
	return rules
}

// words splits a list that people type: by commas or spaces.
func words(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' })
}
