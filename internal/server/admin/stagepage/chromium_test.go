package stagepage_test

import (
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestInChromium(t *testing.T) {
	t.Parallel()
	w := open(t)
	password := w.stage("default-authentication-password", "password", `{}`)
	who := w.stage("default-authentication-identification", "identification", `{"password_stage": "`+password.ID.String()+`"}`)
	login := w.stage("default-authentication-login", "user_login", `{"session_duration": "hours=12"}`)
	reason := w.prompt("lockdown-reason", func(p *idp.Prompt) {
		p.Label, p.FieldKey, p.Type, p.Placeholder, p.SubText, p.Order = "Reason", "lockdown_reason", "text_area", "What happened?", "Recorded in the audit log.", 20
	})
	warning := w.prompt("lockdown-warning", func(p *idp.Prompt) {
		p.Label, p.FieldKey, p.Type, p.Order, p.InitialValueExpression = "Warning", "lockdown_warning", "alert_danger", 10, true
		p.InitialValue = "let name = escape(user.name);\n\"<p>Locking down <strong>\" + name + \"</strong>.</p>\"\n  + \"<p>Sessions and tokens end.</p>\""
	})
	for _, name := range []string{"username", "email", "full-name", "locale", "password", "password-repeat", "phone", "team"} {
		w.prompt(name)
	}
	sheet := w.stage("lockdown-prompt", "prompt", `{"fields": ["`+reason.ID.String()+`", "`+warning.ID.String()+`"]}`)
	w.flow("default-authentication-flow", who, login)
	w.flow("default-account-lockdown", sheet)
	old := &idp.Stage{Name: "of-a-later-version", Kind: "palm_reader", Settings: []byte("{}")}
	require.NoError(t, w.Store.Repos().Stages.Create(t.Context(), old))
	tab := w.Tab()
	for name, path := range map[string]string{
		"stages": stagesAt, "choose": stagesAt + "new/", "identification": stagesAt + who.ID.String() + "/", "login": stagesAt + login.ID.String() + "/",
		"prompt-stage": stagesAt + sheet.ID.String() + "/", "prompts": promptsAt, "prompt": promptsAt + reason.ID.String() + "/",
		"prompt-expression": promptsAt + warning.ID.String() + "/", "new-prompt": promptsAt + "new/", "nothing": stagesAt + "?kind=deny",
		"delete-stage": stagesAt + password.ID.String() + "/delete/", "unknown": stagesAt + old.ID.String() + "/",
	} {
		tab.Open(path)
		tab.Judge(name)
	}

	t.Run("preview follows the typing", func(t *testing.T) {
		tab.Open(promptsAt + "new/")
		tab.Run(chromedp.SendKeys(`#field-label`, "Favourite colour", chromedp.ByQuery))
		tab.Until(`document.querySelector("#preview").textContent.includes("Favourite colour")`)
		require.True(t, tab.Is(`document.activeElement.id === "field-label"`), "typing goes on")
		require.False(t, tab.Is(`document.querySelector(".unscripted").checkVisibility()`))
		tab.Run(chromedp.Click(`[name=initial_value_expression]`, chromedp.ByQuery), chromedp.SendKeys(`#field-initial_value`, "user.nme", chromedp.ByQuery))
		tab.Until(`document.querySelector("#field-initial_value-status").textContent.includes("Line 1, column 6")`)
		tab.Until(`document.querySelector("#field-initial_value").getAttribute("aria-invalid") === "true"`)
		tab.Judge("prompt-fault")
		tab.Run(chromedp.Focus(`#field-initial_value`, chromedp.ByQuery), chromedp.Evaluate(`document.activeElement.select()`, nil), chromedp.KeyEvent("user.username"))
		tab.Until(`document.querySelector("#preview input").value === "boss"`)
		tab.Until(`!document.querySelector("#field-initial_value").hasAttribute("aria-invalid")`)
	})
	t.Run("the editor does not trap the keyboard", func(t *testing.T) {
		tab.Open(promptsAt + warning.ID.String() + "/")
		tab.Run(chromedp.Focus(`#field-initial_value`, chromedp.ByQuery), chromedp.KeyEvent(kb.Tab))
		require.True(t, tab.Is(`document.activeElement.id === "field-initial_value"`), "Tab indents")
		require.True(t, tab.Is(`document.activeElement.value.includes("  ")`))
		enter := input.DispatchKeyEvent(input.KeyDown).WithKey("Enter").WithCode("Enter").WithWindowsVirtualKeyCode(13).WithText("\r")
		tab.Run(enter, chromedp.KeyEvent("x"))
		var lines []int
		tab.Eval(`[document.activeElement.value.split("\n").length, document.querySelectorAll(".editor-gutter")[0].children.length]`, &lines)
		require.Equal(t, []int{4, 4}, lines, "line numbers follow")
		tab.Run(chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent(kb.Tab))
		require.False(t, tab.Is(`document.activeElement.id === "field-initial_value"`), "Escape, then Tab leaves")
		tab.Run(chromedp.Focus(`#field-initial_value`, chromedp.ByQuery), chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(8)))
		require.False(t, tab.Is(`document.activeElement.id === "field-initial_value"`), "so does Shift and Tab")
	})
	t.Run("rows move", func(t *testing.T) {
		tab.Open(stagesAt + who.ID.String() + "/")
		tab.Run(chromedp.Click(`[data-move=down]`, chromedp.ByQuery))
		require.True(t, tab.Is(`document.querySelector("#say").textContent === "Position 2 of 3"`))
		require.True(t, tab.Is(`document.activeElement.dataset.move === "down"`), "it can be pressed again")
		tab.Run(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(8)), chromedp.KeyEvent(kb.Enter))
		require.True(t, tab.Is(`document.querySelector("#say").textContent === "Position 1 of 3"`), "by keyboard too")
		require.True(t, tab.Is(`document.activeElement.dataset.move === "down"`), "what is gone does not keep the focus")
		tab.Run(chromedp.KeyEvent(kb.Enter), chromedp.Click(`.form-foot button`, chromedp.ByQuery))
		tab.Until(`document.querySelector(".flash")`)
		require.Equal(t, []any{"email", "username"}, settings(t, w.find(who.Name))["user_fields"])
	})
	require.Empty(t, tab.Complaints())
}
