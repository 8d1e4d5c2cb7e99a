package journey

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// keys types, as on a keyboard.
func (b *browser) keys(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		b.run(chromedp.KeyEvent(k))
	}
}

// focused is what has the focus: its label or its words.
const focused = `(e => e.ariaLabel || (e.labels && e.labels.length ? e.labels[0].innerText : "") || e.innerText || e.name || e.tagName)(document.activeElement).trim().replace(/\s+/g, " ")`

func (b *browser) focus() (name string) {
	b.t.Helper()
	b.eval(focused, &name)
	return name
}

// focuses waits until the control with these words has the focus: browsers give it to what
// a page says when they draw that, which may be after it was loaded.
func (b *browser) focuses(words string) {
	b.t.Helper()
	b.until(focused + " === " + quoted(words))
}

// tabTo presses Tab until the control with these words has the focus, as
// somebody without a mouse does. Every stop on the way must be visible.
func (b *browser) tabTo(words string) {
	b.t.Helper()
	for range 200 {
		if b.focus() == words {
			b.seesFocus()
			return
		}
		b.keys(kb.Tab)
	}
	b.t.Fatalf("Tab never reaches %q; the focus is on %q at %s", words, b.focus(), b.path())
}

// seesFocus makes sure that one sees where the focus is.
func (b *browser) seesFocus() {
	b.t.Helper()
	var look struct {
		Visible bool
		Style   string
		Width   string
	}
	b.eval(`(e => ({visible: e.matches(":focus-visible"), style: getComputedStyle(e).outlineStyle, width: getComputedStyle(e).outlineWidth}))(document.activeElement)`, &look)
	require.True(b.t, look.Visible && look.Style == "solid" && look.Width == "2px", "the focus on %q cannot be seen: %+v", b.focus(), look)
}

// Sign-in, lockdown and the way back out of a dialog, without a mouse.
func byKeyboard(t *testing.T, s *site) {
	ada := s.person(t, "keyboard.ada", "Ada Keyboard")
	b := newBrowser(t, s.URL)
	b.open("/if/admin/users/?search=keyboard.ada")
	b.focuses("Username or email")
	b.keys("admin")
	b.leaving(func() { b.keys(kb.Enter) })
	b.focuses("Password")
	b.keys(adminPassword)
	b.leaving(func() { b.keys(kb.Enter) })
	b.at("/if/admin/users/")

	b.keys(kb.Tab)
	b.focuses("Skip to content") // the first stop
	b.tabTo("Select Ada Keyboard")
	b.keys(" ")
	b.sees("1 user selected")
	b.tabTo("Account Lockdown")
	b.leaving(func() { b.keys(kb.Enter) })
	b.at(lockdownPage)
	b.tabTo("Reason")
	b.keys("No mouse at hand")
	b.tabTo("Continue")
	b.leaving(func() { b.keys(kb.Enter) })
	b.sees("locked down")
	b.tabTo("Continue")
	b.leaving(func() { b.keys(kb.Enter) })
	b.at("/if/admin/users/")
	s.locked(t, ada, "No mouse at hand")

	b.open(ada.page())
	b.tabTo("Activate")
	b.keys(kb.Enter)
	b.until(`document.querySelector("dialog[open]")`)
	b.focuses("Cancel") // the harmless button is the one that has the focus
	b.keys(kb.Escape)
	b.until(`!document.querySelector("dialog[open]")`)
	b.focuses("Activate") // the focus returns to where it was
	require.Equal(t, false, s.user(t, ada)["is_active"], "Escape does nothing")
	b.keys(kb.Enter)
	b.until(`document.querySelector("dialog[open]")`)
	b.tabTo("Activate")
	b.leaving(func() { b.keys(kb.Enter) })
	b.sees("Access was restored")
}
