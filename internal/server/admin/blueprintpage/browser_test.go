package blueprintpage_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// The pages as people see them: narrow and wide, light and dark, and with script.
func TestInTheBrowser(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.ship("default/10-colour.yaml", text("colour", "Colour"))
	w.ship("default/20-wrong.yaml", wrong)
	w.ship("default/30-gone.yaml", text("gone", "Gone"))
	delete(w.files, "default/30-gone.yaml")
	w.keep("Seasonal sign-up", text("season", "Season"))
	off := w.keep("Old portal", text("portal", "Portal"))
	require.Equal(t, 303, w.Post(address(off)+"disable/").Status)
	w.ship("default/40-shape.yaml", text("shape", "Shape"))
	w.files["default/10-colour.yaml"].Data = []byte(strings.Replace(strings.Replace(text("colour", "Favourite colour"), "title: Tell us", "title: Tell us more", 1),
		"order: 10", "order: 20", 1))
	tab := w.Tab()
	colour := address(w.named("colour"))
	for name, path := range map[string]string{"list": at, "detail": colour, "plan": colour + "plan/", "failed": address(w.named("wrong")),
		"gone": address(w.named("gone")), "failed-plan": address(w.named("wrong")) + "plan/", "new": at + "new/", "new-file": at + "new/?source=file",
		"import": at + "import/", "delete": colour + "delete/"} {
		tab.Open(path)
		tab.Judge("blueprint-" + name)
	}

	// A document with faults: the lines are marked, a click leads to the place, and
	// typing keeps the numbers in step.
	tab.Open(at + "import/")
	tab.Run(chromedp.SetValue("#field-content", wrong, chromedp.ByQuery), chromedp.Click(`main form button.primary`, chromedp.ByQuery))
	tab.Until(`document.querySelectorAll(".editor-gutter .bad").length === 2`)
	tab.Judge("blueprint-import-wrong")
	tab.Run(chromedp.Click(`.problem-place`, chromedp.ByQuery))
	tab.Until(`document.activeElement.id === "field-content"`)
	require.True(t, tab.Is(`document.activeElement.value.slice(0, document.activeElement.selectionStart).split("\n").length === 11`))
	tab.Run(chromedp.SetValue("#field-content", text("season", "Time of the year"), chromedp.ByQuery), chromedp.Click(`main form button.primary`, chromedp.ByQuery))
	tab.Until(`document.querySelector(".plan-apply")`)
	tab.Judge("blueprint-import-plan")
	tab.Run(chromedp.Click(`.plan-apply button[value=apply]`, chromedp.ByQuery))
	tab.Until(`document.body.innerText.includes("The document was applied: 1 changed")`)
	require.Equal(t, "Time of the year", w.label("season"))
}
