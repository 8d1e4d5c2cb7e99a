package notifypage

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

var ruleFilters = []string{"enabled", "severity"}

func rulePath(id idp.NotificationRuleID) string { return page.NotificationRulePath(id) }

func (p *Pages) rules(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "name")
	if err != nil {
		return err
	}
	filter, err := ruleFilter(list.Query)
	if err != nil {
		return err
	}
	filter.Paging = list.Paging()
	found, err := p.d.Store.Repos().NotificationRules.Find(r.Context(), filter)
	if err != nil {
		return fmt.Errorf("listing notification rules: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	around, err := p.around(r.Context(), found.Items)
	if err != nil {
		return err
	}
	create := ui.ButtonProps{Label: "New rule", Kind: ui.Primary, Icon: ui.IconPlus, Href: rulesPath + "new/"}
	t := ui.TableProps{ID: "rules", Caption: "Notification rules", Paging: list.Pages(found.Total, "rule"),
		Columns: []ui.Column{list.Column("Name", "name"), list.Column("Severity", "severity"), {Label: "Matches"}, {Label: "Tells"}, {Label: "By"}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconBell, Title: "No notification rules yet", Action: ui.Button(create),
			Text: "A rule tells people of events, such as lockdowns. The policies bound to it choose which."}),
		Filter: ui.FilterBar(ui.FilterProps{Action: rulesPath, Query: list.Search(), Placeholder: "Search rules", Reset: list.Reset(ruleFilters...),
			Hidden: list.Kept(), Swap: "rules", Fields: []ui.FieldProps{
				list.Choice("severity", "Severity", "Any severity", bare(page.Severities())...),
				list.Choice("enabled", "State", "On and off", ui.Option{Value: "true", Label: "Switched on"}, ui.Option{Value: "false", Label: "Switched off"})}})}
	if list.Filtered(ruleFilters...) {
		t.Empty = ui.NothingFound("rule", rulesPath)
	}
	for i := range found.Items {
		it := around.of(&found.Items[i])
		t.Rows = append(t.Rows, ui.Row{ID: it.Rule.ID.String(), Label: it.Rule.Name, Muted: !it.Rule.Enabled, Cells: []templ.Component{
			ruleName(it), page.SeverityTag(it.Rule.Severity), matches(it), tells(it), by(it)},
			Actions: []ui.MenuItem{{Label: "Edit", Icon: ui.IconPencil, Href: rulePath(it.Rule.ID) + "edit/"},
				{Label: "Delete", Icon: ui.IconTrash, Href: rulePath(it.Rule.ID) + "delete/", Danger: true}}})
	}
	return page.Render(w, r, listPage(page.Console(r, ui.PageProps{Title: "Notification rules", Actions: ui.Button(create),
		Subtitle: "Who is told of which events, and how."}), t))
}

// bare are options without hints, for a select.
func bare(all []ui.Option) []ui.Option {
	for i := range all {
		all[i].Hint = ""
	}
	return all
}

func ruleFilter(q web.Form) (f idp.NotificationRuleFilter, err error) {
	if s := idp.Severity(q.Trimmed("severity")); s != "" {
		if !slices.Contains(idp.Severities(), s) {
			return f, idp.Invalid("severity", "“%.40s” is not a severity: expected notice, warning or alert.", string(s))
		}
		f.Severity = &s
	}
	switch on := q.Trimmed("enabled"); on {
	case "":
	case "true", "false":
		yes := on == "true"
		f.Enabled = &yes
	default:
		return f, idp.Invalid("enabled", "“%.40s” is nothing to filter by: expected true or false.", on)
	}
	return f, nil
}

// ruleView is a rule with what belongs to it.
type ruleView struct {
	Rule       *idp.NotificationRule
	Bindings   []idp.PolicyBinding // in their order
	Transports []idp.Transport
	Group      *idp.Group
}

// On are the bindings that are switched on.
func (v ruleView) On() int {
	n := 0
	for i := range v.Bindings {
		if v.Bindings[i].Enabled {
			n++
		}
	}
	return n
}

// Silent says why nobody would be told of what matches, "" = somebody would.
func (v ruleView) Silent() string {
	if len(v.Transports) == 0 {
		return "No transport is chosen, so nothing is sent."
	}
	r := v.Rule
	needs := func(t idp.Transport) bool { return !t.Mode.Hooks() }
	if r.DestinationGroup == nil && !r.DestinationEventUser && !r.DestinationAffectedUser && slices.ContainsFunc(v.Transports, needs) {
		return "Nobody is chosen to be told, so the console and e-mail tell nobody. Webhooks are sent all the same."
	}
	return ""
}

// surroundings are what belongs to several rules.
type surroundings struct {
	bindings   map[idp.UUID][]idp.PolicyBinding
	transports map[idp.TransportID]idp.Transport
	groups     map[idp.GroupID]idp.Group
}

func (s surroundings) of(r *idp.NotificationRule) ruleView {
	v := ruleView{Rule: r, Bindings: s.bindings[r.ID.UUID()]}
	for _, id := range r.Transports {
		if t, ok := s.transports[id]; ok {
			v.Transports = append(v.Transports, t)
		}
	}
	if r.DestinationGroup != nil {
		if g, ok := s.groups[*r.DestinationGroup]; ok {
			v.Group = &g
		}
	}
	return v
}

// around reads what belongs to the rules, in three questions however many they are.
func (p *Pages) around(ctx context.Context, rules []idp.NotificationRule) (surroundings, error) {
	out := surroundings{map[idp.UUID][]idp.PolicyBinding{}, map[idp.TransportID]idp.Transport{}, map[idp.GroupID]idp.Group{}}
	// Empty, not nil: nothing instead of everything.
	targets, transports, groups := []idp.UUID{}, []idp.TransportID{}, []idp.GroupID{}
	for i := range rules {
		targets, transports = append(targets, rules[i].ID.UUID()), append(transports, rules[i].Transports...)
		if g := rules[i].DestinationGroup; g != nil {
			groups = append(groups, *g)
		}
	}
	repos := p.d.Store.Repos()
	bindings, err := every(func(at idp.Paging) (idp.Page[idp.PolicyBinding], error) {
		return repos.PolicyBindings.Find(ctx, idp.PolicyBindingFilter{Paging: at, Targets: targets})
	})
	if err != nil {
		return out, fmt.Errorf("listing what is bound to notification rules: %w", err)
	}
	for _, b := range bindings {
		out.bindings[b.Target] = append(out.bindings[b.Target], b)
	}
	ways, err := every(func(at idp.Paging) (idp.Page[idp.Transport], error) {
		return repos.Transports.Find(ctx, idp.TransportFilter{Paging: at, IDs: transports})
	})
	if err != nil {
		return out, fmt.Errorf("listing the transports of notification rules: %w", err)
	}
	for _, t := range ways {
		out.transports[t.ID] = t
	}
	crews, err := every(func(at idp.Paging) (idp.Page[idp.Group], error) {
		return repos.Groups.Find(ctx, idp.GroupFilter{Paging: at, IDs: groups})
	})
	if err != nil {
		return out, fmt.Errorf("listing whom notification rules tell: %w", err)
	}
	for _, g := range crews {
		out.groups[g.ID] = g
	}
	return out, nil
}
