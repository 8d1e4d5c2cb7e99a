package flowpage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// sheet is everything the page of a flow shows.
type sheet struct {
	Page     ui.PageProps
	Flow     *idp.Flow
	Link     string // whole address of the flow
	Gate     gate   // what the flow itself asks
	Steps    []step
	Use      use
	Stages   []idp.Stage // all there are, by name
	Kinds    []flow.Kind
	Policies []idp.Policy // what can be bound, while a form asks for it
	Groups   []idp.Group
	Typed    typed
	Fresh    fresh
	Moved    string // the binding just moved
	Up       bool   // which way it went
	names    func(kind string) string
}

// fresh is what was made on another page, to be used on this one.
type fresh struct{ Stage, Policy string }

// typed is a form of the page that was refused, or the one to open.
type typed struct {
	At     string // which form, "" = none
	Form   web.Form
	Faults page.Faults
}

// The forms of the page: this one adds a stage, the others are named by what
// they change.
const (
	formAdd        = "add"
	formBindPrefix = "bind-"
)

func formStage(id idp.FlowBindingID) string  { return "stage-" + id.String() }
func formBind(target idp.UUID) string        { return formBindPrefix + target.String() }
func formRule(id idp.PolicyBindingID) string { return "rule-" + id.String() }

// step is a stage of the flow.
type step struct {
	Binding *idp.FlowBinding
	Stage   *idp.Stage
	Kind    string // for people
	Icon    ui.IconName
	Fault   string // why it cannot run
	Gate    gate
}

// gate is what policies stand before something.
type gate struct {
	Target idp.UUID
	Mode   idp.PolicyMode
	Rules  []rule
}

// rule is one policy, group or user of a gate.
type rule struct {
	Binding *idp.PolicyBinding
	Subject string // policy, group, user
	Name    string
	Href    string
	Kind    string // for people: Expression Policy, Group, User
	Fault   string // why it gives no answer
}

// Asked are the rules that are switched on.
func (g gate) Asked() []rule {
	var out []rule
	for _, r := range g.Rules {
		if r.Binding.Enabled {
			out = append(out, r)
		}
	}
	return out
}

// Unasked reports whether policies are bound that nobody ever asks.
func (s step) Unasked() bool {
	return len(s.Gate.Rules) > 0 && !s.Binding.EvaluateOnPlan && !s.Binding.ReEvaluatePolicies
}

// Gated reports whether the stage may be left out.
func (s step) Gated() bool { return len(s.Gate.Asked()) > 0 && !s.Unasked() }

func (p *Pages) show(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	return p.showSheet(w, r, f, typed{At: web.Query(r).Trimmed("open")})
}

// home leads back to the flow's page.
func (p *Pages) home(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	return web.Redirect(w, r, flowPath(f.ID))
}

func (p *Pages) showSheet(w http.ResponseWriter, r *http.Request, f *idp.Flow, at typed) error {
	s, err := p.sheet(r.Context(), f)
	if err != nil {
		return err
	}
	s.Typed, s.Link = at, p.link(r, f)
	if strings.HasPrefix(at.At, formBindPrefix) {
		if err := p.choices(r.Context(), s); err != nil {
			return err
		}
	}
	q := web.Query(r)
	s.Fresh = fresh{q.Trimmed("stage"), q.Trimmed("policy")}
	s.Moved, s.Up = q.Trimmed("moved"), q.Trimmed("way") == "up"
	s.Page = page.Console(r, ui.PageProps{Title: f.Name, Subtitle: saying(designations, f.Designation).Help, Crumbs: crumbs(f, ""),
		Tags: headTags(s), Banner: brokenBanner(s), Actions: ui.Join(
			ui.Button(ui.ButtonProps{Label: "Export", Icon: ui.IconDownload, Href: exportPath(f)}),
			ui.Button(ui.ButtonProps{Label: "Edit", Icon: ui.IconPencil, Href: flowPath(f.ID) + "edit/"}))})
	return page.RenderStatus(w, r, at.Faults.Status(), sheetPage(s))
}

// link is the whole address of the flow, to be opened in another browser.
func (p *Pages) link(r *http.Request, f *idp.Flow) string {
	if p.d.PublicURL != "" {
		return strings.TrimSuffix(p.d.PublicURL, "/") + linkPath(f)
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host + linkPath(f)
}

// sheet reads the flow with everything around it.
func (p *Pages) sheet(ctx context.Context, f *idp.Flow) (*sheet, error) {
	s := &sheet{Flow: f, Kinds: p.d.Stages.Kinds(), names: p.kindName}
	repos := p.d.Store.Repos()
	bindings, err := every(func(at idp.Paging) (idp.Page[idp.FlowBinding], error) {
		at.Order = []string{"order", "pk"}
		return repos.FlowBindings.Find(ctx, idp.FlowBindingFilter{Paging: at, FlowID: &f.ID})
	})
	if err != nil {
		return nil, fmt.Errorf("listing the stages of flow %s: %w", f.Slug, err)
	}
	if s.Stages, err = p.stages(ctx); err != nil {
		return nil, err
	}
	if s.Use, err = p.use(ctx, f.ID, s.Stages); err != nil {
		return nil, err
	}
	rules, err := p.rules(ctx, s, bindings)
	if err != nil {
		return nil, err
	}
	s.Gate = gate{Target: f.ID.UUID(), Mode: f.PolicyMode, Rules: rules[f.ID.UUID()]}
	for i := range bindings {
		b := &bindings[i]
		at := slices.IndexFunc(s.Stages, func(st idp.Stage) bool { return st.ID == b.StageID })
		if at < 0 {
			continue // deleted while this was read
		}
		st := &s.Stages[at]
		s.Steps = append(s.Steps, step{Binding: b, Stage: st, Kind: p.kindName(st.Kind), Icon: stageIcon(st.Kind), Fault: p.stageFault(ctx, st),
			Gate: gate{Target: b.ID.UUID(), Mode: b.PolicyMode, Rules: rules[b.ID.UUID()]}})
	}
	return s, nil
}

// choices reads what can be bound. It is shown in one form at a time: a
// directory may have thousands of groups.
func (p *Pages) choices(ctx context.Context, s *sheet) (err error) {
	repos := p.d.Store.Repos()
	s.Policies, err = every(func(at idp.Paging) (idp.Page[idp.Policy], error) {
		return repos.Policies.Find(ctx, idp.PolicyFilter{Paging: at})
	})
	if err != nil {
		return fmt.Errorf("listing policies: %w", err)
	}
	s.Groups, err = every(func(at idp.Paging) (idp.Page[idp.Group], error) {
		return repos.Groups.Find(ctx, idp.GroupFilter{Paging: at})
	})
	if err != nil {
		return fmt.Errorf("listing groups: %w", err)
	}
	return nil
}

// rules reads what is bound to the flow and to each of its stages, by target.
func (p *Pages) rules(ctx context.Context, s *sheet, bindings []idp.FlowBinding) (map[idp.UUID][]rule, error) {
	targets := []idp.UUID{s.Flow.ID.UUID()}
	for i := range bindings {
		targets = append(targets, bindings[i].ID.UUID())
	}
	repos := p.d.Store.Repos()
	bound, err := every(func(at idp.Paging) (idp.Page[idp.PolicyBinding], error) {
		return repos.PolicyBindings.Find(ctx, idp.PolicyBindingFilter{Paging: at, Targets: targets})
	})
	if err != nil {
		return nil, fmt.Errorf("listing the policies of flow %s: %w", s.Flow.Slug, err)
	}
	named, err := p.subjects(ctx, bound)
	if err != nil {
		return nil, fmt.Errorf("reading who is bound to flow %s: %w", s.Flow.Slug, err)
	}
	out := map[idp.UUID][]rule{}
	for i := range bound {
		out[bound[i].Target] = append(out[bound[i].Target], p.rule(&bound[i], s.Flow, named))
	}
	return out, nil
}

// subjects are the names of the groups and users that are bound.
type subjects struct {
	groups map[idp.GroupID]string
	users  map[idp.UserID]string
}

func (p *Pages) subjects(ctx context.Context, bound []idp.PolicyBinding) (subjects, error) {
	out, repos := subjects{map[idp.GroupID]string{}, map[idp.UserID]string{}}, p.d.Store.Repos()
	groups, people := []idp.GroupID{}, []idp.UserID{} // empty, not nil: nobody instead of everybody
	for i := range bound {
		if id := bound[i].GroupID; id != nil {
			groups = append(groups, *id)
		}
		if id := bound[i].UserID; id != nil {
			people = append(people, *id)
		}
	}
	foundGroups, err := every(func(at idp.Paging) (idp.Page[idp.Group], error) {
		return repos.Groups.Find(ctx, idp.GroupFilter{Paging: at, IDs: groups})
	})
	if err != nil {
		return out, err
	}
	for i := range foundGroups {
		out.groups[foundGroups[i].ID] = foundGroups[i].Name
	}
	foundUsers, err := every(func(at idp.Paging) (idp.Page[idp.User], error) {
		return repos.Users.Find(ctx, idp.UserFilter{Paging: at, IDs: people})
	})
	for i := range foundUsers {
		out.users[foundUsers[i].ID] = foundUsers[i].DisplayName()
	}
	return out, err
}

// rule says in words what a policy binding is about.
func (p *Pages) rule(b *idp.PolicyBinding, f *idp.Flow, named subjects) rule {
	r := rule{Binding: b}
	switch {
	case b.Policy != nil:
		r.Subject, r.Name, r.Href, r.Kind = "policy", b.Policy.Name, page.Back(flowPath(f.ID)).With(policyPath(b.Policy.ID)), b.Policy.Kind
		if kind, ok := p.d.Policies.Get(b.Policy.Kind); ok {
			r.Kind = kind.Verbose
		}
		if err := p.d.Policies.Check(b.Policy.Kind, b.Policy.Settings); err != nil {
			r.Fault = reasons(err)
		}
	case b.GroupID != nil:
		r.Subject, r.Name, r.Href, r.Kind = "group", named.groups[*b.GroupID], groupPath(*b.GroupID), "Group"
	case b.UserID != nil:
		r.Subject, r.Name, r.Href, r.Kind = "user", named.users[*b.UserID], userPath(*b.UserID), "User"
	}
	return r
}

// kindName is how people call a kind of stage.
func (p *Pages) kindName(name string) string {
	if kind, ok := p.d.Stages.Kind(name); ok {
		return kindTitle(kind)
	}
	return name
}

// stageFault says why a stage cannot run, "" when it can.
func (p *Pages) stageFault(ctx context.Context, st *idp.Stage) string {
	kind, ok := p.d.Stages.Kind(st.Kind)
	if !ok {
		return "This version knows no kind of stage “" + st.Kind + "”."
	}
	if _, err := kind.Validate(ctx, nil, st.Settings); err != nil {
		return reasons(err)
	}
	return ""
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
