package policypage_test

import (
	"net/netip"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

func TestInChromium(t *testing.T) {
	t.Parallel()
	w := open(t)
	office := w.policy("from-an-office-network", "expression", `{"expression": "// Nobody from outside.\nlet offices = [\"192.0.2.0/24\", \"198.51.100.0/24\"];\nuser != nil and any(offices, cidr_contains(#, client_ip))"}`)
	w.policy("default-password-policy", "password", `{"length_min": 12}`)
	lockdowns := w.policy("lockdown-events", "event_matcher", `{"action": "account_lockdown_triggered", "query": "context.action_id == \"account_lockdown\""}`)
	w.policy("too-many-attempts", "reputation", `{}`)
	w.bind(office, "default-authentication-flow")
	for i, name := range []string{"ada", "grace", ""} {
		require.NoError(t, w.Store.Repos().Reputations.Adjust(t.Context(), name, netip.MustParseAddr("192.0.2.9"), -1-2*i))
	}
	tab := w.Tab()
	for name, path := range map[string]string{"policies": policiesAt, "choose-policy": policiesAt + "new/", "expression": policiesAt + office.ID.String() + "/",
		"event-matcher": policiesAt + lockdowns.ID.String() + "/", "password-policy": policiesAt + "new/password/", "reputation": policiesAt + "reputation/",
		"delete-policy": policiesAt + office.ID.String() + "/delete/"} {
		tab.Open(path)
		tab.Judge(name)
	}

	t.Run("faults show while somebody types", func(t *testing.T) {
		tab.Open(policiesAt + "new/expression/")
		tab.Run(chromedp.SendKeys(`#field-expression`, "user != nil\nand nobody", chromedp.ByQuery))
		tab.Until(`document.querySelector("#field-expression-status").textContent.includes("Line 2, column 5")`)
		tab.Until(`document.querySelector(".editor-gutter .bad").textContent === "2"`)
		tab.Run(chromedp.Click(`[data-go]`, chromedp.ByQuery))
		require.True(t, tab.Is(`document.activeElement.id === "field-expression" && document.activeElement.selectionStart === 16`), "the cursor goes there")
		tab.Judge("expression-fault")
	})
	t.Run("Python is offered in another form", func(t *testing.T) {
		tab.Open(policiesAt + "new/expression/")
		tab.Run(chromedp.SendKeys(`#field-expression`, "return request.user.is_superuser", chromedp.ByQuery))
		tab.Until(`document.querySelector(".editor-instead button")`)
		tab.Judge("expression-python")
		tab.Run(chromedp.Click(`.editor-instead button`, chromedp.ByQuery))
		tab.Until(`document.querySelector("#field-expression")?.value === "request.user.is_superuser"`)
		tab.Until(`!document.querySelector(".editor-instead")`)
	})
	t.Run("a trial runs in place", func(t *testing.T) {
		tab.Open(policiesAt + office.ID.String() + "/")
		tab.Run(chromedp.Evaluate(`window.stayed = true`, nil), chromedp.Click(`[data-parts]`, chromedp.ByQuery))
		tab.Until(`document.querySelector("#trial").textContent.includes("Does not pass")`)
		require.True(t, tab.Is(`window.stayed`))
		tab.Judge("trial")
		tab.Run(chromedp.Focus(`#field-expression`, chromedp.ByQuery), chromedp.Evaluate(`document.activeElement.select()`, nil),
			chromedp.KeyEvent(`log(client_ip) and ak_message("Hello.") and user.attributes.level > 3`), chromedp.Click(`[data-parts]`, chromedp.ByQuery))
		tab.Until(`document.querySelector("#trial").textContent.includes("No answer")`)
		tab.Judge("trial-fault")
	})
	require.Empty(t, tab.Complaints())
}
