package notifypage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// recent is how many deliveries the page of a rule or of a transport shows.
const recent = 10

// sheet is everything the page of a rule shows.
type sheet struct {
	ruleView
	Page       ui.PageProps
	Bound      []bound
	Policies   []ui.Option // what can be bound
	Typed      typed
	Fresh      string // the policy just made on another page
	Deliveries ui.TableProps
	Danger     []ui.DangerRow
}

// typed is a form of the page that was refused, or the one to open.
type typed struct {
	At     string // formBind, or the key of a binding; "" = none
	Form   web.Form
	Faults page.Faults
}

// formBind names the form that binds a policy.
const formBind = "bind"

// bound is what is bound to the rule, in words.
type bound struct {
	Binding          *idp.PolicyBinding
	Name, Kind, Href string
	Fault            string // why it gives no answer
}

func (p *Pages) rule(w http.ResponseWriter, r *http.Request) error {
	row, err := p.loadRule(r)
	if err != nil {
		return err
	}
	return p.showRule(w, r, row, typed{At: web.Query(r).Trimmed("open")})
}

func (p *Pages) showRule(w http.ResponseWriter, r *http.Request, row *idp.NotificationRule, at typed) error {
	around, err := p.around(r.Context(), []idp.NotificationRule{*row})
	if err != nil {
		return err
	}
	s := &sheet{ruleView: around.of(row), Typed: at, Fresh: web.Query(r).Trimmed("policy")}
	if s.Bound, err = p.bound(r.Context(), s.ruleView); err != nil {
		return err
	}
	if s.Policies, err = p.policies(r.Context(), s.Bindings); err != nil {
		return err
	}
	found, err := p.d.Store.Repos().Deliveries.Find(r.Context(), idp.DeliveryFilter{RuleID: &row.ID, Paging: idp.Paging{Limit: recent}})
	if err != nil {
		return fmt.Errorf("listing the deliveries of rule %s: %w", row.ID, err)
	}
	s.Deliveries = deliveryTable(found.Items, rulePath(row.ID))
	s.Deliveries.Title, s.Deliveries.Actions = "Recent deliveries", more(found.Total, "rule", row.ID.String())
	q := deleteRuleQuestion(row, len(s.Bindings))
	s.Danger = []ui.DangerRow{{Title: "Delete this rule", Text: q.Text, Action: ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
		Button: ui.ButtonProps{Label: "Delete rule", Kind: ui.Warning, Icon: ui.IconTrash}})}}
	tags := []templ.Component{page.SeverityTag(row.Severity)}
	if !row.Enabled {
		tags = append(tags, ui.Tag(ui.ToneNeutral, "Switched off"))
	}
	s.Page = page.Console(r, ui.PageProps{Title: row.Name, Crumbs: page.Crumbs("Notification rules", rulesPath, row.Name, "", ""), Tags: ui.Join(tags...), Banner: s.banner(),
		Actions: ui.Button(ui.ButtonProps{Label: "Edit", Icon: ui.IconPencil, Href: rulePath(row.ID) + "edit/"})})
	return page.RenderStatus(w, r, at.Faults.Status(), rulePage(s))
}

// banner says what keeps the rule from doing its work, the worst first.
func (s *sheet) banner() templ.Component {
	switch {
	case s.Rule.Enabled && s.Rule.Fault != "":
		return ui.Alert(ui.AlertProps{Tone: ui.ToneBad, Title: "A policy gave no answer the last time", Text: s.Rule.Fault})
	case len(s.Bindings) == 0:
		return ui.Alert(ui.AlertProps{Tone: ui.ToneWarn, Title: "This rule matches nothing", Text: "No policy is bound to it. Bind one below that chooses the events to tell of."})
	case s.On() == 0:
		return ui.Alert(ui.AlertProps{Tone: ui.ToneWarn, Title: "This rule matches nothing", Text: "All of its policies are switched off."})
	case s.Silent() != "":
		return ui.Alert(ui.AlertProps{Tone: ui.ToneWarn, Title: "Not everybody is told", Text: s.Silent()})
	}
	return nil
}

// facts are the settings of the rule.
func (s *sheet) facts() []ui.Item {
	return []ui.Item{
		{Label: "Tells", Value: tells(s.ruleView)}, {Label: "By", Value: ways(s.Transports)}, {Label: "Switched on", Value: ui.YesNo(s.Rule.Enabled)},
		{Label: "Changed", Value: ui.Time(s.Rule.UpdatedAt, now())}, {Label: "UUID", Value: ui.CopyID(s.Rule.ID.String())}}
}

// bindings are what is bound to a rule, in their order.
func (p *Pages) bindings(ctx context.Context, id idp.NotificationRuleID) ([]idp.PolicyBinding, error) {
	out, err := every(func(at idp.Paging) (idp.Page[idp.PolicyBinding], error) {
		return p.d.Store.Repos().PolicyBindings.Find(ctx, idp.PolicyBindingFilter{Paging: at, Targets: []idp.UUID{id.UUID()}})
	})
	if err != nil {
		return nil, fmt.Errorf("listing what is bound to rule %s: %w", id, err)
	}
	return out, nil
}

// bound says in words what the bindings are about.
func (p *Pages) bound(ctx context.Context, v ruleView) ([]bound, error) {
	var out []bound
	repos := p.d.Store.Repos()
	for i := range v.Bindings {
		b := &v.Bindings[i]
		it := bound{Binding: b}
		switch {
		case b.Policy != nil:
			it.Name, it.Kind, it.Href = b.Policy.Name, b.Policy.Kind, page.Back(rulePath(v.Rule.ID)).With(policiesPath+b.Policy.ID.String()+"/")
			if kind, ok := p.d.Policies.Get(b.Policy.Kind); ok {
				it.Kind = kind.Verbose
			}
			if err := p.d.Policies.Check(b.Policy.Kind, b.Policy.Settings); err != nil {
				it.Fault = reasons(err)
			}
		case b.GroupID != nil:
			g, err := repos.Groups.Get(ctx, *b.GroupID)
			if idp.Is(err, idp.CodeNotFound) {
				continue // deleted while this was read
			}
			if err != nil {
				return nil, err
			}
			it.Name, it.Kind, it.Href = g.Name, "Whoever acted is a member", groupsPath+g.ID.String()+"/"
		case b.UserID != nil:
			u, err := repos.Users.Get(ctx, *b.UserID)
			if idp.Is(err, idp.CodeNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			it.Name, it.Kind, it.Href = u.DisplayName(), "Whoever acted is this user", usersPath+u.ID.String()+"/"
		}
		out = append(out, it)
	}
	return out, nil
}

// reasons are the messages of an error, with the fields they concern.
func reasons(err error) string {
	var e *idp.Error
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		return err.Error()
	}
	var out []string
	for field, messages := range e.Fields {
		for _, m := range messages {
			if field != idp.NonField {
				m = field + ": " + m
			}
			out = append(out, m)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// policies are what can be bound beside what is: those that look at events first.
func (p *Pages) policies(ctx context.Context, bindings []idp.PolicyBinding) ([]ui.Option, error) {
	all, err := every(func(at idp.Paging) (idp.Page[idp.Policy], error) {
		return p.d.Store.Repos().Policies.Find(ctx, idp.PolicyFilter{Paging: at})
	})
	if err != nil {
		return nil, fmt.Errorf("listing policies: %w", err)
	}
	slices.SortStableFunc(all, func(a, b idp.Policy) int { return rank(a.Kind) - rank(b.Kind) })
	out := []ui.Option{{Label: "Choose…"}}
	for i := range all {
		it := &all[i]
		if slices.ContainsFunc(bindings, func(b idp.PolicyBinding) bool { return b.PolicyID != nil && *b.PolicyID == it.ID }) {
			continue
		}
		kind := it.Kind
		if k, ok := p.d.Policies.Get(it.Kind); ok {
			kind = k.Verbose
		}
		out = append(out, ui.Option{Value: it.ID.String(), Label: it.Name + " — " + kind})
	}
	return out, nil
}

// matcher is the kind of policies that look at events.
const matcher = "event_matcher"

func rank(kind string) int {
	if kind == matcher {
		return 0
	}
	return 1
}

// newPolicyPath is where a policy is made; the browser comes back to bind it.
func (s *sheet) newPolicyPath() string {
	return page.Back(rulePath(s.Rule.ID) + "?open=" + formBind).With(policiesPath + "new/" + matcher + "/")
}

func bindPath(id idp.NotificationRuleID) string { return rulePath(id) + "policies/" }

func bindingPath(id idp.NotificationRuleID, b idp.PolicyBindingID) string {
	return bindPath(id) + b.String() + "/"
}

// field completes the props of a field of one of the page's forms.
func (s *sheet) field(at string, f ui.FieldProps) ui.FieldProps {
	f.ID = at + "-" + f.Name
	if s.Typed.At != at || !s.Typed.Faults.Any() {
		return f
	}
	f.Error = s.Typed.Faults.Of(f.Name)
	if f.Type == ui.FieldSwitch {
		f.Checked = s.Typed.Form.Bool(f.Name)
	} else {
		f.Value = s.Typed.Form.Text(f.Name)
	}
	return f
}

func (s *sheet) faults(at string) page.Faults {
	if s.Typed.At == at {
		return s.Typed.Faults
	}
	return page.Faults{}
}

// bindable reports whether there is a policy that is not bound yet, beside "Choose…".
func (s *sheet) bindable() bool { return len(s.Policies) > 1 }

// bindErrors are what is wrong with what was to be bound, where no field says it.
func (s *sheet) bindErrors() []string {
	if s.bindable() {
		return s.faults(formBind).Rest(bindingFields...)
	}
	return s.faults(formBind).Rest(bindingFields[1:]...)
}

// binds reports whether the form that binds a policy is open.
func (s *sheet) binds() bool { return s.Typed.At == formBind || len(s.Bindings) == 0 }

func number(n int) string { return strconv.Itoa(n) }

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

func truth(b bool) string { return strconv.FormatBool(b) }
