package flowpage_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

// rich is a flow with everything that the drawing can show.
func (s *site) rich() (f *idp.Flow, gated *idp.FlowBinding) {
	s.t.Helper()
	f = s.makeFlow("default-authentication-flow", func(f *idp.Flow) {
		f.Name, f.Title, f.Authentication = "Welcome", "Welcome to %(app)s", idp.AuthenticationUnauthenticated
	})
	s.add(f, s.makeStage("default-authentication-identification", "identification", `{}`), 10)
	pass := s.add(f, s.makeStage("default-authentication-password", "password", `{}`), 20, func(b *idp.FlowBinding) {
		b.EvaluateOnPlan, b.InvalidResponseAction = true, idp.InvalidRestart
	})
	gated = s.add(f, s.makeStage("no-contractors-at-night", "deny", `{"deny_message": "Contractors sign in between 6 and 22 o'clock."}`), 25)
	login := s.add(f, s.makeStage("default-authentication-login", "user_login", `{}`), 100, func(b *idp.FlowBinding) { b.ReEvaluatePolicies = false })
	unless, night, office := s.makePolicy("unless-signed-in-with-a-passkey", "true"), s.makePolicy("outside-working-hours", "true"), s.makePolicy("from-an-office-network", "true")
	g, err := s.Accounts.CreateGroup(s.t.Context(), idp.SystemActor(), account.NewGroup{Name: "Contractors"})
	require.NoError(s.t, err)
	for i, b := range []idp.PolicyBinding{
		{Target: pass.ID.UUID(), PolicyID: &unless.ID, Enabled: true}, {Target: gated.ID.UUID(), PolicyID: &night.ID, Enabled: true},
		{Target: gated.ID.UUID(), PolicyID: &office.ID, Enabled: true, Negate: true}, {Target: gated.ID.UUID(), GroupID: &g.ID, Enabled: true},
		{Target: login.ID.UUID(), PolicyID: &office.ID, Enabled: true}, {Target: f.ID.UUID(), PolicyID: &office.ID, Enabled: true},
		{Target: f.ID.UUID(), UserID: &s.Boss.ID},
	} {
		b.Order = i
		s.bind(b)
	}
	s.SetBrand(func(b *idp.Brand) { b.FlowAuthentication = &f.ID })
	return f, gated
}

func TestInChromium(t *testing.T) {
	t.Parallel()
	s := open(t)
	f, gated := s.rich()
	tab := s.boss.Tab()
	for name, path := range map[string]string{
		"flow": at(f), "flow-open": at(f) + "?open=stage-" + gated.ID.String(), "flow-bind": at(f) + "?open=bind-" + gated.ID.String(),
		"flow-rule": at(f) + "?open=rule-" + s.rules(gated.ID.UUID())[1].ID.String(), "flow-add": at(f) + "?open=add",
		"flow-broken": at(s.flow("lock-account")), "flow-delete": at(f) + "delete/", "flows-none": list + "?search=nothing",
	} {
		tab.Open(path)
		tab.Judge(name)
	}
	t.Run("a fault is shown where it is", func(t *testing.T) {
		tab.Open(at(f) + "?open=bind-" + gated.ID.String())
		base := `#bind-` + gated.ID.String()
		tab.Run(chromedp.Click(`//section[@aria-label="Policies of no-contractors-at-night"]//span[contains(., "Being one user")]`, chromedp.BySearch))
		tab.Until(`!document.querySelector("` + base + `-policy").checkVisibility()`)
		tab.Run(chromedp.SendKeys(base+"-user", "nobody\r", chromedp.ByQuery))
		tab.Until(`document.querySelector("` + base + `-user-error")?.checkVisibility()`)
		require.True(t, tab.Is(`document.querySelector("`+base+`-user").value === "nobody"`))
		tab.Judge("flow-fault")
	})
	t.Run("the slug follows the name until it has its own", func(t *testing.T) {
		tab.Open(create)
		tab.Run(chromedp.SendKeys("#field-name", "Über  uns!", chromedp.ByQuery))
		require.True(t, tab.Is(`document.querySelector("#field-slug").value === "uber-uns"`))
		tab.Run(chromedp.SendKeys("#field-slug", "-2", chromedp.ByQuery), chromedp.SendKeys("#field-name", " more", chromedp.ByQuery))
		require.True(t, tab.Is(`document.querySelector("#field-slug").value === "uber-uns-2"`))
	})
	t.Run("dragging", func(t *testing.T) { dragging(t, s, tab, f) })
}

// dragging moves the first stage to the third place; Escape leaves it where it
// was.
func dragging(t *testing.T, s *site, tab *pagetest.Tab, f *idp.Flow) {
	tab.Open(at(f))
	before := s.bindings(f)
	var grips []struct{ X, Y float64 }
	tab.Eval(`[...document.querySelectorAll("[data-grip]")].map(g => { const r = g.getBoundingClientRect(); return {X: r.x + r.width / 2, Y: r.y + r.height / 2} })`, &grips)
	from, to := grips[0], grips[2]
	hold := []chromedp.Action{input.DispatchMouseEvent(input.MousePressed, from.X, from.Y).WithButton(input.Left).WithClickCount(1),
		input.DispatchMouseEvent(input.MouseMoved, from.X, (from.Y+to.Y)/2).WithButton(input.Left),
		input.DispatchMouseEvent(input.MouseMoved, to.X, to.Y+30).WithButton(input.Left)}
	drop := input.DispatchMouseEvent(input.MouseReleased, to.X, to.Y+30).WithButton(input.Left).WithClickCount(1)
	at := func(i int) string {
		return fmt.Sprintf(`document.querySelectorAll("[data-item] [name=binding]")[%d].value === %q`, i, before[0].ID)
	}
	tab.Run(hold...)
	tab.Until(at(2))
	tab.Run(chromedp.KeyEvent(kb.Escape))
	tab.Until(at(0))
	tab.Run(drop)
	require.Equal(t, before, s.bindings(f), "Escape drops nothing")

	tab.Run(hold...)
	tab.Until(at(2))
	tab.Run(drop)
	tab.Until(`document.body.innerText.includes("The order was saved.")`)
	now := s.bindings(f)
	require.Equal(t, []idp.FlowBindingID{before[1].ID, before[2].ID, before[0].ID, before[3].ID}, []idp.FlowBindingID{now[0].ID, now[1].ID, now[2].ID, now[3].ID})
	require.Empty(t, tab.Complaints())
}
