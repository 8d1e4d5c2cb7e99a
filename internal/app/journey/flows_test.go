package journey

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// A flow from nothing, in the console alone: the flow, a prompt and a stage that
// asks it, a stage that says no, a policy that decides for whom, and then the
// flow itself, once as somebody it turns away and once as somebody it lets pass.
func flowFromNothing(t *testing.T, s *site) {
	b := newBrowser(t, s.URL).asAdmin()
	b.follow("Flows")
	b.sees("Recover your account", "default-recovery-flow")
	b.checked("flows")
	b.follow("New flow")
	b.checked("flow-new")
	b.fill("name", "Visitor's book (é)")
	b.until(`document.querySelector("[name=slug]").value === "visitor-s-book-e"`)
	b.fill("slug", "visitor-book")
	b.fill("title", "Visitor book")
	b.choose("designation", "Stage configuration")
	b.follow("Create flow")
	b.sees("No stage yet", "Now add its stages")
	b.checked("flow-empty")
	flow := b.path()

	b.open("/if/admin/prompts/new/")
	b.fill("name", "visitor-reason")
	b.fill("field_key", "reason")
	b.fill("label", "Why are you here?")
	b.follow("Create prompt")

	// Two stages, made on the way; they come back chosen.
	b.open(flow)
	b.follow("Deny Ends the flow with a message; bind policies to it to say for whom.")
	b.fill("name", "visitor-no")
	b.fill("deny_message", "Only guests may pass.")
	b.follow("Create stage")
	b.sees("The stage visitor-no was created")
	b.follow("Add stage")
	b.click("Add a stage")
	b.follow("Prompt Shows texts and fields, and collects the answers.")
	b.fill("name", "visitor-prompt")
	b.run(chromedp.Click(`//label[contains(normalize-space(.), "visitor-reason")]`, chromedp.BySearch))
	b.follow("Create stage")
	b.follow("Add stage")
	require.Equal(t, []string{"visitor-no", "visitor-prompt"}, b.stages())

	// The question comes first: by its button, by dragging, by keyboard.
	b.follow("Move visitor-prompt up")
	require.Equal(t, []string{"visitor-prompt", "visitor-no"}, b.stages())
	b.focuses("Move visitor-prompt down") // the focus stays with the stage that was moved
	b.drag("visitor-no", "visitor-prompt")
	require.Equal(t, []string{"visitor-no", "visitor-prompt"}, b.stages())
	b.tabTo("Move visitor-no down")
	b.leaving(func() { b.keys("\r") })
	require.Equal(t, []string{"visitor-prompt", "visitor-no"}, b.stages())

	// Whom the second one is for.
	b.click("No policy: everybody meets it of visitor-no")
	b.leaving(func() {
		b.run(chromedp.Click(`//section[@aria-label="Policies of visitor-no"]//a[normalize-space(.)="Bind a policy, a group or a user"]`, chromedp.BySearch))
	})
	b.follow("New policy")
	b.run(chromedp.Click(`//h2/a[contains(., "Expression")]`, chromedp.BySearch))
	b.at("/if/admin/policies/new/expression/")
	b.fill("name", "is-a-guest")
	b.fill("expression", `request.context.prompt_data.reason == "guest"`)
	b.follow("Create policy")
	b.sees("The policy is-a-guest was created")
	b.run(chromedp.Click(`//section[@aria-label="Policies of visitor-no"]//span[.="Turn the answer round"]`, chromedp.BySearch))
	b.leaving(func() {
		b.run(chromedp.Click(`//section[@aria-label="Policies of visitor-no"]//button[normalize-space(.)="Bind"]`, chromedp.BySearch))
	})
	b.sees("1 policy, asked right before the stage", "otherwise left out")
	b.open(flow)
	b.checked("flow")
	b.visitFlow("thief")
	b.sees("Only guests may pass.")
	b.open(flow)
	b.visitFlow("guest")
	b.at(strings.TrimSuffix(flow, "/"))
	b.sees("Who may go through it")
	b.follow("Edit")
	b.checked("flow-edit")
	b.click("Delete flow")
	b.sees("2 stages are taken out of it")
	b.press("Delete flow")
	b.sees("was deleted")
}

// The same without script: what is folded away opens, what is asked is a page of
// its own.
func flowWithoutScript(t *testing.T, s *site) {
	b := newBrowser(t, s.URL)
	b.run(emulation.SetScriptExecutionDisabled(true))
	b.asAdmin()
	b.open("/if/admin/flows/new/")
	b.fill("name", "Plain")
	b.fill("slug", "plain-flow")
	b.choose("designation", "Invalidation")
	b.follow("Create flow")
	b.choose("stage", "default-invalidation-logout")
	b.follow("Add stage")
	b.click("Add a stage")
	b.choose("stage", "default-link-login")
	b.follow("Add stage")
	b.follow("Move default-link-login up")
	require.Equal(t, []string{"default-link-login", "default-invalidation-logout"}, b.stages())
	b.picture("noscript-flow.png")
	b.click("No policy: everybody meets it of default-link-login")
	b.follow("Remove from the flow")
	b.sees("Remove default-link-login from the flow?")
	b.follow("Remove stage")
	require.Equal(t, []string{"default-invalidation-logout"}, b.stages())
	b.follow("Edit")
	b.follow("Delete flow")
	b.sees("Delete the flow Plain?", "1 stage is taken out of it")
	b.follow("Delete flow")
	b.sees("The flow Plain was deleted")
}

// visitFlow runs the flow of the page with an answer.
func (b *browser) visitFlow(reason string) {
	b.t.Helper()
	b.follow("Run as yourself")
	b.sees("Visitor book", "Why are you here?")
	b.fill("reason", reason)
	b.follow("Continue")
}

// stages are the stages of the flow's page, in their order.
func (b *browser) stages() (names []string) {
	b.t.Helper()
	b.eval(`[...document.querySelectorAll(".steps .step-name a")].map(a => a.innerText)`, &names)
	return names
}

// drag takes a stage by its grip and drops it on the other one's place.
func (b *browser) drag(stage, onto string) {
	b.t.Helper()
	var at [2]struct{ X, Y float64 }
	b.eval(fmt.Sprintf(`(() => { const items = [%s, %s].map(name => [...document.querySelectorAll("[data-item]")].find(i => i.querySelector(".step-name a").innerText === name));
		items[0].scrollIntoView({block: "center"});
		return items.map(i => { const r = i.querySelector("[data-grip]").getBoundingClientRect(); return {X: r.x + r.width / 2, Y: r.y + r.height / 2} }) })()`,
		quoted(stage), quoted(onto)), &at)
	from, to := at[0], at[1]
	b.leaving(func() {
		b.run(input.DispatchMouseEvent(input.MousePressed, from.X, from.Y).WithButton(input.Left).WithClickCount(1),
			input.DispatchMouseEvent(input.MouseMoved, to.X, (from.Y+to.Y)/2).WithButton(input.Left),
			input.DispatchMouseEvent(input.MouseMoved, to.X, to.Y-6).WithButton(input.Left),
			input.DispatchMouseEvent(input.MouseReleased, to.X, to.Y-6).WithButton(input.Left).WithClickCount(1))
	})
}
