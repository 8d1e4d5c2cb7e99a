package flowpage_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

const (
	list   = "/if/admin/flows/"
	create = "/if/admin/flows/new/"
)

// A flow from nothing: made, filled with stages, put in order, kept for some by
// policies, and deleted again.
func TestFlowFromNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	ask := s.makeStage("ask", "prompt", `{}`)
	no := s.makeStage("no entry", "deny", `{}`)
	night := s.makePolicy("at night", "true")

	p := s.done(s.page(create), create, "name", "Visitors", "slug", "visitors", "title", "Welcome", "designation", "enrollment", "background", "/a.png")
	f := s.flow("visitors")
	require.Equal(t, idp.Flow{ID: f.ID, Name: "Visitors", Slug: "visitors", Title: "Welcome", Designation: idp.DesignationEnrollment, Background: "/a.png",
		Authentication: idp.AuthenticationNone, DeniedAction: idp.DeniedMessageContinue, Layout: "stacked", PolicyMode: idp.PolicyAny, UpdatedAt: f.UpdatedAt}, *f)
	require.Contains(t, p.Main(), "The flow Visitors was created. Now add its stages.")
	require.Contains(t, p.Main(), "No stage yet")
	require.Contains(t, p.Main(), "Run as yourself")

	add := at(f) + "stages/"
	p = s.done(p, add, "stage", ask.ID.String())
	p = s.done(p, add, "stage", no.ID.String(), "invalid_response_action", "restart", "re_evaluate_policies", "-", "evaluate_on_plan", "true", "policy_engine_mode", "all")
	got := s.bindings(f)
	require.Len(t, got, 2)
	require.Equal(t, idp.FlowBinding{ID: got[0].ID, FlowID: f.ID, StageID: ask.ID, Order: 10, ReEvaluatePolicies: true, InvalidResponseAction: idp.InvalidRetry,
		PolicyMode: idp.PolicyAny}, got[0])
	require.Equal(t, idp.FlowBinding{ID: got[1].ID, FlowID: f.ID, StageID: no.ID, Order: 20, EvaluateOnPlan: true, InvalidResponseAction: idp.InvalidRestart,
		PolicyMode: idp.PolicyAll}, got[1])

	p = s.done(p, at(f)+"order/", "move", got[1].ID.String()+":up")
	require.Contains(t, p.Main(), "The stage is number 1 of 2 now.")
	require.Equal(t, got[1].ID, s.bindings(f)[0].ID)

	one := at(f) + "stages/" + got[0].ID.String() + "/"
	s.done(p, one, "order", "50", "re_evaluate_policies", "-")
	require.Equal(t, []any{50, false}, []any{s.bindings(f)[1].Order, s.bindings(f)[1].ReEvaluatePolicies})

	target := got[1].ID.UUID()
	p = s.boss.Post(at(f)+"policies/", "target", target.String(), "subject", "policy", "policy", night.ID.String(), "enabled", "true", "negate", "true", "timeout", "5")
	require.Equal(t, http.StatusSeeOther, p.Status, p.Main())
	rule := s.rules(target)[0]
	require.Equal(t, idp.PolicyBinding{ID: rule.ID, Target: target, PolicyID: &night.ID, Policy: rule.Policy, Negate: true, Enabled: true, Timeout: 5 * time.Second}, rule)
	p = s.page(at(f))
	edit := at(f) + "policies/" + rule.ID.String() + "/"
	p = s.done(p, edit, "negate", "-", "enabled", "-", "order", "3", "timeout", "7", "failure_result", "true")
	rule = s.rules(target)[0]
	require.Equal(t, []any{false, false, 3, 7 * time.Second, true}, []any{rule.Negate, rule.Enabled, rule.Order, rule.Timeout, rule.FailureResult})

	p = s.done(p, edit+"unbind/", "confirmed", "1")
	require.Contains(t, p.Main(), "at night is no longer bound.")
	require.Empty(t, s.rules(target))
	s.done(p, one+"remove/", "confirmed", "1")
	require.Len(t, s.bindings(f), 1)

	p = s.done(s.page(at(f)+"edit/"), at(f)+"edit/", "name", "Guests", "slug", "guests", "compatibility_mode", "true", "denied_action", "continue",
		"authentication", "require_superuser", "layout", "sidebar_left", "policy_engine_mode", "all")
	require.Contains(t, p.Main(), "The flow Guests was saved.")
	f = s.flow("guests")
	require.Equal(t, []any{true, idp.DeniedContinue, idp.AuthenticationSuperuser, idp.Layout("sidebar_left"), idp.PolicyAll, "Welcome"},
		[]any{f.CompatibilityMode, f.DeniedAction, f.Authentication, f.Layout, f.PolicyMode, f.Title})
	p = s.done(s.page(at(f)+"edit/"), at(f)+"delete/", "confirmed", "1")
	require.Contains(t, p.Main(), "The flow Guests was deleted.")
	require.Equal(t, http.StatusNotFound, s.boss.Get(at(f)).Status)
}

func TestBindGroupsAndPeople(t *testing.T) {
	t.Parallel()
	s := open(t)
	f := s.makeFlow("some")
	g, err := s.Accounts.CreateGroup(t.Context(), idp.SystemActor(), account.NewGroup{Name: "Research"})
	require.NoError(t, err)
	ada := s.User("ada", func(n *account.NewUser) { n.Name = "Ada Lovelace" })
	bind := at(f) + "policies/"
	form := at(f) + "?open=bind-" + f.ID.String()
	require.Contains(t, s.page(at(f)).Body, `href="`+form+`#at-bind-`+f.ID.String()+`"`)
	s.done(s.page(form), bind, "subject", "group", "group", g.ID.String())
	p := s.done(s.page(form), bind, "subject", "user", "user", "ADA", "negate", "true")
	rules := s.rules(f.ID.UUID())
	require.Len(t, rules, 2)
	require.Equal(t, []any{g.ID, ada.ID, true, true, 10}, []any{*rules[0].GroupID, *rules[1].UserID, rules[0].Enabled, rules[1].Negate, rules[1].Order})
	require.Contains(t, p.Main(), "Research Group")
	require.Contains(t, p.Main(), "Not Ada Lovelace User")
	for _, c := range []struct {
		field, says string
		form        []string
	}{
		{"group", "Choose a group.", []string{"subject", "group"}},
		{"user", "There is no user “eve”.", []string{"subject", "user", "user", "eve"}},
		{"user", "Type a username.", []string{"subject", "user", "user", " "}},
		{"policy", "Choose a policy.", []string{"subject", "policy"}},
		{"user", "Ada Lovelace is bound here already.", []string{"subject", "user", "user", "ada"}},
		{"group", "Research is bound here already.", []string{"subject", "group", "group", g.ID.String()}},
		{"timeout", "Ensure this value is greater than or equal to 0.", []string{"subject", "user", "user", "boss", "timeout", "-1"}},
		{"order", "A valid integer is required.", []string{"subject", "user", "user", "boss", "order", "many"}},
	} {
		p := s.submit(s.page(form), bind, c.form...)
		require.Equal(t, http.StatusBadRequest, p.Status, c.says)
		require.Empty(t, p.Faults())
		require.Contains(t, fault(p, "bind-"+f.ID.String()+"-"+c.field), c.says)
		require.Len(t, s.rules(f.ID.UUID()), 2)
	}
}

// fault is what stands beside the field with this id.
func fault(p *pagetest.Page, id string) string {
	n := find(p.Doc, func(n *html.Node) bool { return value(n, "id") == id+"-error" })
	if n == nil {
		return ""
	}
	return words(n)
}

func TestFaultsStandBesideTheirFields(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.makeFlow("taken")
	p := s.submit(s.page(create), create, "name", " ", "slug", "a b", "designation", "", "background", "javascript:alert(1)", "title", "Kept")
	require.Equal(t, http.StatusBadRequest, p.Status)
	require.Empty(t, p.Faults())
	for field, says := range map[string]string{"name": "This field may not be blank.", "slug": "Enter a valid “slug”", "designation": "is not a valid choice",
		"background": "Expected an address"} {
		require.Contains(t, fault(p, "field-"+field), says)
	}
	require.Contains(t, p.Body, `value="Kept"`)
	p = s.submit(s.page(create), create, "name", "Twice", "slug", "taken", "designation", "recovery")
	require.Equal(t, http.StatusBadRequest, p.Status)
	require.Contains(t, fault(p, "field-slug"), "This field must be unique.")

	f := s.flow("taken")
	st := s.makeStage("no", "deny", `{}`)
	b := s.add(f, st, 10)
	p = s.submit(s.page(at(f)), at(f)+"stages/"+b.ID.String()+"/", "order", "99999999999", "invalid_response_action", "dance")
	require.Equal(t, http.StatusBadRequest, p.Status)
	require.Contains(t, fault(p, "stage-"+b.ID.String()+"-order"), "A valid integer is required.")
	p = s.submit(s.page(at(f)), at(f)+"stages/"+b.ID.String()+"/", "invalid_response_action", "dance")
	require.Contains(t, fault(p, "stage-"+b.ID.String()+"-invalid_response_action"), "is not a valid choice")
	for raw, says := range map[string]string{"": "Choose a stage.", "x": "Choose a stage of the list.", idp.NewID[idp.Stage]().String(): "object does not exist"} {
		p = s.submit(s.page(at(f)), at(f)+"stages/", "stage", raw)
		require.Equal(t, http.StatusBadRequest, p.Status)
		require.Contains(t, fault(p, "add-stage"), says)
	}
	require.Equal(t, []idp.FlowBinding{*b}, s.bindings(f))
}

// Whoever fills in a form while somebody else changes the same is told, keeps
// what they typed, and may then insist.
func TestStaleForms(t *testing.T) {
	t.Parallel()
	s := open(t)
	f := s.makeFlow("busy")
	st := s.makeStage("no", "deny", `{}`)
	b := s.add(f, st, 10)
	rule := s.bind(idp.PolicyBinding{Target: b.ID.UUID(), UserID: &s.Boss.ID, Enabled: true})
	for name, c := range map[string]struct {
		page, action  string
		first, second []string
		typed         string
	}{
		"flow":   {at(f) + "edit/", at(f) + "edit/", []string{"title", "First"}, []string{"title", "Second typed"}, `value="Second typed"`},
		"stage":  {at(f), at(f) + "stages/" + b.ID.String() + "/", []string{"order", "11"}, []string{"order", "4711"}, `value="4711"`},
		"policy": {at(f), at(f) + "policies/" + rule.ID.String() + "/", []string{"order", "1"}, []string{"order", "4712"}, `value="4712"`},
	} {
		old := s.page(c.page)
		s.done(old, c.action, c.first...)
		p := s.submit(old, c.action, c.second...)
		require.Equal(t, http.StatusConflict, p.Status, name)
		require.Contains(t, p.Main(), "Somebody changed this meanwhile.", name)
		require.Contains(t, p.Body, c.typed, name)
		require.Empty(t, p.Faults(), name)
		s.done(p, c.action)
	}
	require.Equal(t, []any{"Second typed", 4711, 4712}, []any{s.flow("busy").Title, s.bindings(f)[0].Order, s.rules(b.ID.UUID())[0].Order})
}

func TestSentTwice(t *testing.T) {
	t.Parallel()
	s := open(t)
	st := s.makeStage("no", "deny", `{}`)
	form := s.sent(s.page(create), create, "name", "Once", "slug", "once", "designation", "recovery")
	require.Equal(t, http.StatusSeeOther, s.boss.Post(create, form...).Status)
	require.Equal(t, http.StatusBadRequest, s.boss.Post(create, form...).Status)
	f := s.flow("once")

	add := at(f) + "stages/"
	form = s.sent(s.page(at(f)), add, "stage", st.ID.String())
	require.Equal(t, http.StatusSeeOther, s.boss.Post(add, form...).Status)
	p := s.boss.Post(add, form...)
	require.Equal(t, http.StatusBadRequest, p.Status)
	require.Contains(t, fault(p, "add-order"), "has the number 10 in this flow already")
	require.Len(t, s.bindings(f), 1)

	b := s.bindings(f)[0]
	remove := add + b.ID.String() + "/remove/"
	require.Equal(t, http.StatusSeeOther, s.boss.Post(remove, "confirmed", "1").Status)
	require.Equal(t, http.StatusNotFound, s.boss.Post(remove, "confirmed", "1").Status)
	require.Equal(t, http.StatusSeeOther, s.boss.Post(at(f)+"delete/", "confirmed", "1").Status)
	require.Equal(t, http.StatusNotFound, s.boss.Post(at(f)+"delete/", "confirmed", "1").Status)
}

func TestOrder(t *testing.T) {
	t.Parallel()
	s := open(t)
	f := s.makeFlow("many")
	var ids []string
	for i, name := range []string{"a", "b", "c"} {
		ids = append(ids, s.add(f, s.makeStage(name, "deny", `{}`), 10*(i+1)).ID.String())
	}
	now := func() (out []string) {
		for _, b := range s.bindings(f) {
			out = append(out, b.ID.String())
		}
		return out
	}
	order := at(f) + "order/"
	old := s.page(at(f))
	seen := s.sent(old, order)[1]
	p := s.done(old, order, "move", ids[0]+":down")
	require.Equal(t, []string{ids[1], ids[0], ids[2]}, now())
	focused := find(p.Doc, func(n *html.Node) bool { return holds(n, "autofocus") })
	require.Equal(t, "down-"+ids[0], value(focused, "id"), "the button just used keeps the focus")
	p = s.done(p, order, "move", ids[0]+":down")
	focused = find(p.Doc, func(n *html.Node) bool { return holds(n, "autofocus") })
	require.Equal(t, "up-"+ids[0], value(focused, "id"), "the last stage moves up only")

	p = s.submit(old, order, "move", ids[2]+":up")
	require.Equal(t, http.StatusSeeOther, p.Status)
	require.Contains(t, s.page(at(f)).Main(), "Somebody changed the order meanwhile.")
	require.Equal(t, []string{ids[1], ids[2], ids[0]}, now())

	// Dragged: the browser sends the bindings in their new order.
	p = s.boss.Post(order, append([]string{"binding", ids[0], "binding", ids[1], "binding", ids[2]}, "seen", s.sent(s.page(at(f)), order)[1])...)
	require.Equal(t, http.StatusSeeOther, p.Status)
	require.Equal(t, ids, now())
	require.Equal(t, seen, s.sent(s.page(at(f)), order)[1])
	for name, form := range map[string][]string{
		"nothing":     {},
		"one missing": {"binding", ids[0], "binding", ids[1]},
		"one twice":   {"binding", ids[0], "binding", ids[1], "binding", ids[1]},
		"a stranger":  {"binding", ids[0], "binding", ids[1], "binding", idp.NewID[idp.FlowBinding]().String()},
		"no id":       {"binding", "x"},
	} {
		require.Equal(t, http.StatusSeeOther, s.boss.Post(order, form...).Status, name)
		require.Regexp(t, "other stages by now|names a stage that there is none of", s.page(at(f)).Main(), name)
		require.Equal(t, ids, now(), name)
	}
	require.Equal(t, http.StatusSeeOther, s.boss.Post(order, "binding", ids[0], "binding", ids[1], "binding", ids[2], "move", ids[0]+":up").Status)
	require.Equal(t, ids, now(), "the first stage cannot move up")
}

func TestDrawing(t *testing.T) {
	t.Parallel()
	s := open(t)
	f := s.makeFlow("drawn", func(f *idp.Flow) {
		f.DeniedAction, f.Authentication = idp.DeniedMessage, idp.AuthenticationAuthenticated
	})
	a, b, c := s.makeStage("first stage", "deny", `{}`), s.makeStage("second stage", "redirect", `{"mode": "static", "target_static": "/"}`), s.makeStage("third stage", "deny", `{}`)
	s.add(f, a, 5, func(b *idp.FlowBinding) { b.InvalidResponseAction = idp.InvalidRestart })
	second := s.add(f, b, 7, func(b *idp.FlowBinding) { b.EvaluateOnPlan = true })
	third := s.add(f, c, 9, func(b *idp.FlowBinding) { b.ReEvaluatePolicies = false })
	night, office := s.makePolicy("at night", "true"), s.makePolicy("in the office", "true")
	s.bind(idp.PolicyBinding{Target: f.ID.UUID(), PolicyID: &night.ID, Enabled: true})
	s.bind(idp.PolicyBinding{Target: second.ID.UUID(), PolicyID: &night.ID, Enabled: true, Negate: true})
	s.bind(idp.PolicyBinding{Target: second.ID.UUID(), PolicyID: &office.ID, Order: 1})
	s.bind(idp.PolicyBinding{Target: third.ID.UUID(), PolicyID: &office.ID, Enabled: true})
	p := s.page(at(f))
	drawing := find(p.Doc, func(n *html.Node) bool { return value(n, "aria-label") == "Diagram of Flow drawn" })
	var parts []string
	for n := drawing.FirstChild; n != nil; n = n.NextSibling {
		if n.Type == html.ElementNode {
			parts = append(parts, words(n))
		}
	}
	require.Equal(t, []string{
		"Start Only people who are signed in Strangers are asked to sign in first.",
		"If this passes at night Otherwise denied: told why",
		"first stage Deny Order 5 Wrong answer: back to the start",
		"If this passes not at night in the office off asked when the flow begins and again before the stage second stage Redirect Order 7 otherwise left out",
		"If this passes in the office never asked third stage Deny Order 9",
		"Done On to where they were going",
	}, parts)
	back := "?back=" + url.QueryEscape(at(f))
	for _, href := range []string{"/if/admin/stages/" + a.ID.String() + "/" + back, "/if/admin/policies/" + night.ID.String() + "/" + back} {
		require.NotNil(t, find(drawing, func(n *html.Node) bool { return value(n, "href") == href }), href)
	}
	require.Contains(t, p.Main(), "These policies are never asked")
}

func TestBrokenParts(t *testing.T) {
	t.Parallel()
	s := open(t)
	f := s.flow("lock-account") // its stage is of a kind that there is not
	p := s.page(at(f))
	require.Contains(t, p.Main(), "The stage note of lock-account cannot run")
	require.Contains(t, p.Main(), "This version knows no kind of stage “note”.")
	st := &idp.Stage{Name: "of old", Kind: "deny", Settings: []byte(`{"gone": true}`)}
	require.NoError(t, s.Store.Repos().Stages.Create(t.Context(), st))
	b := s.add(f, s.makeStage("fine", "deny", `{}`), 20)
	require.NoError(t, s.Store.Repos().FlowBindings.Create(t.Context(), &idp.FlowBinding{FlowID: f.ID, StageID: st.ID, Order: 30}))
	pol := &idp.Policy{Name: "of old", Kind: "expression", Settings: []byte(`{"expression": "1 +"}`)}
	require.NoError(t, s.Store.Repos().Policies.Create(t.Context(), pol))
	s.bind(idp.PolicyBinding{Target: b.ID.UUID(), PolicyID: &pol.ID, Enabled: true})
	p = s.page(at(f))
	require.Contains(t, p.Main(), "2 stages cannot run")
	require.Contains(t, p.Main(), "Unknown setting.")
	require.Contains(t, p.Main(), "This policy gives no answer")
}

func TestWhatUsesAFlowIsNamed(t *testing.T) {
	t.Parallel()
	s := open(t)
	f := s.flow("lock-account")
	lead := s.makeStage("lead there", "redirect", fmt.Sprintf(`{"mode": "flow", "target_flow": %q}`, f.ID))
	p := s.page(list)
	require.Contains(t, p.Rows(), "lock-account lock-account Stage configuration 1 example.com : lockdown flow")
	p = s.page(at(f))
	require.Contains(t, p.Main(), "example.com")
	require.Contains(t, p.Main(), "Named by lead there")
	p = s.page(at(f) + "delete/")
	for _, says := range []string{"Delete the flow lock-account?", "1 stage is taken out of it", "The brand example.com is left without its lockdown flow",
		"The stage “lead there” names it"} {
		require.Contains(t, p.Main(), says)
	}
	p = s.boss.Post(at(f)+"delete/", "confirmed", "1")
	require.Equal(t, http.StatusSeeOther, p.Status)
	require.Contains(t, s.page(p.Location).Main(), "The stage \"lead there\" cannot do without it")
	require.NoError(t, s.Configure.DeleteStage(t.Context(), idp.SystemActor(), lead.ID))
	require.Equal(t, list, s.boss.Post(at(f)+"delete/", "confirmed", "1").Location)
	require.Nil(t, s.reloadBrand().FlowLockdown)
}

func (s *site) reloadBrand() *idp.Brand {
	s.t.Helper()
	b, err := s.Store.Repos().Brands.Get(s.t.Context(), s.Brand.ID)
	require.NoError(s.t, err)
	return b
}

func TestList(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i := range 25 {
		s.makeFlow(fmt.Sprintf("flow-%02d", i), func(f *idp.Flow) { f.Designation = idp.DesignationEnrollment })
	}
	p := s.page(list)
	require.Contains(t, p.Rows(), "1–20 of 28 flows")
	require.Contains(t, p.Rows(), "Flow flow-00 flow-00 Enrollment None")
	require.NotContains(t, p.Rows(), "flow-24")
	require.Contains(t, s.page(list+"?page=2").Rows(), "flow-24")
	require.Equal(t, list+"?page=2", s.boss.Get(list+"?page=9").Location)
	require.Contains(t, s.page(list+"?ordering=-slug").Rows(), "sign-in")
	require.Contains(t, s.page(list+"?ordering=-designation").Rows(), "lock-account")
	require.Contains(t, s.page(list+"?designation=recovery").Rows(), "recovery recovery Recovery 1 example.com : recovery flow 1 flow")
	require.Contains(t, s.page(list+"?search=FLOW-07").Rows(), "flow-07")
	require.Contains(t, s.page(list+"?search=nothing").Rows(), "No flows match")
	require.Equal(t, http.StatusBadRequest, s.boss.Get(list+"?ordering=secret").Status)
	require.Equal(t, http.StatusBadRequest, s.boss.Get(list+"?page=x").Status)
	found, err := s.Store.Repos().Flows.Find(t.Context(), idp.FlowFilter{Paging: idp.Paging{Limit: 1000}})
	require.NoError(t, err)
	for _, f := range found.Items {
		require.NoError(t, s.Configure.DeleteFlow(t.Context(), idp.SystemActor(), f.ID))
	}
	require.Contains(t, s.page(list).Rows(), "No flow yet")
}

func TestRun(t *testing.T) {
	t.Parallel()
	s := open(t)
	f := s.makeFlow("go there", func(f *idp.Flow) { f.Slug = "go_there" })
	p := s.page(at(f))
	next := strings.ReplaceAll(at(f), "/", "%2F")
	for _, href := range []string{"/if/flow/go_there/?next=" + next, "/if/flow/go_there/?inspector=&next=" + next, "/api/v3/flows/instances/go_there/export/"} {
		require.NotNil(t, find(p.Doc, func(n *html.Node) bool { return value(n, "href") == href }), href)
	}
	require.Contains(t, p.Main(), "http://example.com/if/flow/go_there/")
}

// What was made on the pages of stages and policies is chosen already when the
// browser comes back.
func TestWhatWasJustMadeIsChosen(t *testing.T) {
	t.Parallel()
	s := open(t)
	f := s.makeFlow("fresh")
	st, pol := s.makeStage("just made", "deny", `{}`), s.makePolicy("just made", "true")
	p := s.page(at(f) + "?open=bind-" + f.ID.String())
	back := func(form string) string { return "?back=" + url.QueryEscape(at(f)+"?open="+form+"#at-"+form) }
	for _, href := range []string{"/if/admin/stages/new/deny/" + back("add"), "/if/admin/policies/new/" + back("bind-"+f.ID.String())} {
		require.NotNil(t, find(p.Doc, func(n *html.Node) bool { return value(n, "href") == href }), href)
	}
	p = s.page(at(f) + "?open=add&stage=" + st.ID.String())
	require.Contains(t, s.sent(p, at(f)+"stages/"), st.ID.String())
	p = s.page(at(f) + "?open=bind-" + f.ID.String() + "&policy=" + pol.ID.String())
	require.Contains(t, s.sent(p, at(f)+"policies/"), pol.ID.String())
}

// A browser without script is asked before anything goes; a question changes
// nothing.
func TestNothingGoesUnasked(t *testing.T) {
	t.Parallel()
	s := open(t)
	f := s.makeFlow("kept")
	b := s.add(f, s.makeStage("kept stage", "deny", `{}`), 10)
	rule := s.bind(idp.PolicyBinding{Target: b.ID.UUID(), UserID: &s.Boss.ID, Enabled: true})
	before := s.events()
	for path, says := range map[string][]string{
		"delete/":                                   {"Delete the flow Flow kept?", "1 stage is taken out of it"},
		"stages/" + b.ID.String() + "/remove/":      {"Remove kept stage from the flow?", "1 policy that is bound to it here is unbound"},
		"policies/" + rule.ID.String() + "/unbind/": {"Unbind Bo Ss?", "before the stage kept stage of this flow"},
	} {
		for _, p := range []*pagetest.Page{s.page(at(f) + path), s.boss.Post(at(f)+path, "confirmed", "0")} {
			require.Equal(t, http.StatusOK, p.Status, path)
			for _, want := range says {
				require.Contains(t, p.Main(), want)
			}
			require.True(t, p.Has(at(f)+path), "the question can be answered")
		}
	}
	require.Equal(t, before, s.events())
}
