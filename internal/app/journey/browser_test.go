package journey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// patience is how long one step in the browser may take on a busy machine.
const patience = 40 * time.Second

// chromium starts one browser for all journeys.
var chromium = sync.OnceValues(func() (context.Context, error) {
	profile, err := os.MkdirTemp("", "portcullis-chromium-")
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.UserDataDir(profile), chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("no-first-run", true), chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("hide-scrollbars", true))
	allocator, _ := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator, quiet)
	if err := chromedp.Run(ctx); err != nil {
		cancel()
		return nil, err
	}
	closeBrowser = func() { _ = chromedp.Cancel(ctx); _ = os.RemoveAll(profile) }
	return ctx, nil
})

// quiet drops the library's notes about events that it does not know yet.
var quiet = chromedp.WithErrorf(func(string, ...any) {})

var closeBrowser = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	closeBrowser()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// browser is one person's browser: its own cookies, one tab.
type browser struct {
	t    *testing.T
	ctx  context.Context
	base string
}

func newBrowser(t *testing.T, base string) *browser {
	t.Helper()
	parent, err := chromium()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no Chromium: %v", err)
		}
		t.Skipf("no Chromium (scripts/install-chromium.sh installs it): %v", err)
	}
	// A window of its own: Chromium opens no tab in a profile without window.
	chrome := cdp.WithExecutor(parent, chromedp.FromContext(parent).Browser)
	profile, err := target.CreateBrowserContext().Do(chrome)
	require.NoError(t, err)
	tab, err := target.CreateTarget("about:blank").WithBrowserContextID(profile).WithNewWindow(true).Do(chrome)
	require.NoError(t, err)
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithTargetID(tab))
	t.Cleanup(func() {
		_ = target.DisposeBrowserContext(profile).Do(chrome)
		cancel()
	})
	require.NoError(t, chromedp.Run(ctx)) // without a time limit: it is the tab's, not the first step's
	b := &browser{t: t, ctx: ctx, base: base}
	b.run(chromedp.EmulateViewport(1280, 900), emulation.SetFocusEmulationEnabled(true)) // many windows, one of them in front
	return b
}

func (b *browser) run(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.fail(err)
	}
}

func (b *browser) fail(err error) {
	b.t.Helper()
	var text, url string
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	_ = chromedp.Run(ctx, chromedp.Location(&url), chromedp.Evaluate(`document.body ? document.body.innerText.slice(0, 700) : ""`, &text))
	b.t.Fatalf("%v\nat %s, the page says:\n%s", err, url, text)
}

func (b *browser) open(path string) {
	b.t.Helper()
	b.run(chromedp.Navigate(b.base + path))
}

// eval runs an expression in the page.
func (b *browser) eval(expression string, into any) {
	b.t.Helper()
	b.run(chromedp.Evaluate(expression, into))
}

// text is what the page says.
func (b *browser) text() string {
	b.t.Helper()
	var s string
	b.eval(`document.body.innerText`, &s)
	return s
}

func (b *browser) path() string {
	b.t.Helper()
	var s string
	b.run(chromedp.Location(&s))
	return strings.TrimPrefix(s, b.base)
}

// until waits for a condition in the page, across loads of new pages.
func (b *browser) until(condition string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		var met bool
		err := chromedp.Run(ctx, chromedp.Evaluate("!!("+condition+")", &met)) // fails while a page gives way to the next
		if met && err == nil {
			return
		}
		select {
		case <-ctx.Done():
			b.fail(fmt.Errorf("waiting for %s: %w", condition, errors.Join(ctx.Err(), err)))
		case <-time.After(15 * time.Millisecond): // another program: there is no signal to wait for
		}
	}
}

// sees waits until the page says all of it.
func (b *browser) sees(wants ...string) {
	b.t.Helper()
	for _, want := range wants {
		b.until(fmt.Sprintf(`document.body && document.body.innerText.includes(%s)`, quoted(want)))
	}
}

func quoted(s string) string {
	raw, _ := json.Marshal(s)
	return string(raw)
}

func (b *browser) seesNot(text string) {
	b.t.Helper()
	require.NotContains(b.t, b.text(), text)
}

// at waits until the browser is at a path that starts so.
func (b *browser) at(prefix string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`location.pathname.startsWith(%s) && document.readyState === "complete"`, quoted(prefix)))
}

// control is the XPath of a visible button, link or summary by its words.
func control(words string) string {
	return fmt.Sprintf(`(//*[self::button or self::a or self::summary][normalize-space(.)=%q or @aria-label=%q])`, words, words)
}

// click clicks the first visible button or link with these words. The browser
// itself clicks, so that what covers it or disables it counts.
func (b *browser) click(words string) {
	b.t.Helper()
	b.run(chromedp.WaitVisible(visible(control(words)), chromedp.BySearch), chromedp.Click(visible(control(words)), chromedp.BySearch))
}

// follow clicks and waits for the next page.
func (b *browser) follow(words string) {
	b.t.Helper()
	b.leaving(func() { b.click(words) })
}

// leaving does something that loads another page, and waits for it.
func (b *browser) leaving(act func()) {
	b.t.Helper()
	var born float64
	b.eval(`performance.timeOrigin`, &born)
	act()
	b.until(fmt.Sprintf(`performance.timeOrigin !== %f && document.readyState === "complete"`, born))
}

// press clicks the button of the open dialog and waits for the next page.
func (b *browser) press(words string) {
	b.t.Helper()
	button := fmt.Sprintf(`//dialog[@open]//button[normalize-space(.)=%q]`, words)
	b.leaving(func() {
		b.run(chromedp.WaitVisible(button, chromedp.BySearch), chromedp.Click(button, chromedp.BySearch))
	})
}

// choose picks the option of a list whose words contain these.
func (b *browser) choose(name, words string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`(() => { const list = document.querySelector(%s), option = [...list.options].find(o => o.text.includes(%s));
		if (!option) return false; list.value = option.value; list.dispatchEvent(new Event("input", {bubbles: true}));
		list.dispatchEvent(new Event("change", {bubbles: true})); return true })()`, quoted(field(name)), quoted(words)))
}

// visit opens a whole address, as from a mail.
func (b *browser) visit(link string) {
	b.t.Helper()
	b.run(chromedp.Navigate(link))
}

// goTo leaves for a path whose page may lead on by itself.
func (b *browser) goTo(path string) {
	b.t.Helper()
	b.leaving(func() { b.eval(`location.assign(`+quoted(b.base+path)+`)`, nil) })
}

// back presses the browser's back button.
func (b *browser) back() {
	b.t.Helper()
	b.leaving(func() { b.eval(`history.back()`, nil) }) // NavigateBack waits for a load, which a page kept in memory has not
}

// visible narrows an XPath to the first match that is not inside a closed
// dialog or template.
func visible(xpath string) string {
	return fmt.Sprintf(`(%s[not(ancestor::dialog[not(@open)]) and not(ancestor::template) and not(ancestor::*[@hidden])])[1]`, xpath)
}

// field is the CSS selector of a form field by its name.
func field(name string) string { return fmt.Sprintf(`[name=%q]:not([type=hidden])`, name) }

// has reports whether the page has the field.
func (b *browser) has(name string) (yes bool) {
	b.t.Helper()
	b.eval(fmt.Sprintf(`!!document.querySelector(%s)`, quoted(field(name))), &yes)
	return yes
}

// fill replaces what a field holds.
func (b *browser) fill(name, value string) {
	b.t.Helper()
	b.run(chromedp.WaitVisible(field(name), chromedp.ByQuery),
		chromedp.Evaluate(fmt.Sprintf(`document.querySelector(%s).value = ""`, quoted(field(name))), nil),
		chromedp.SendKeys(field(name), value, chromedp.ByQuery))
}

// signIn takes the default authentication flow.
func (b *browser) signIn(username, password string) {
	b.t.Helper()
	b.fill("uid_field", username)
	b.follow("Continue")
	b.fill("password", password)
	b.follow("Continue")
}

// as signs a person in and opens the page.
func (b *browser) as(username, password, path string) *browser {
	b.t.Helper()
	b.open(path)
	b.signIn(username, password)
	b.at(path)
	return b
}

// asAdmin signs the first administrator in and opens the console.
func (b *browser) asAdmin() *browser {
	b.t.Helper()
	return b.as("admin", adminPassword, "/if/admin/")
}

// checked makes sure that the page has no accessibility faults, and keeps a
// picture of it at desktop and phone width, light and dark, when
// PORTCULLIS_SCREENSHOTS names a directory.
func (b *browser) checked(name string) {
	b.t.Helper()
	for _, width := range []int64{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			b.run(chromedp.EmulateViewport(width, 900), chromedp.ActionFunc(func(ctx context.Context) error {
				return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
					{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}).Do(ctx)
			}))
			b.axe(fmt.Sprintf("%s at %d %s", name, width, scheme))
			b.noSideways(name, width)
			b.picture(fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
		}
	}
	b.run(chromedp.EmulateViewport(1280, 900))
}

// noSideways makes sure that the page itself never scrolls sideways.
func (b *browser) noSideways(name string, width int64) {
	b.t.Helper()
	var over int64
	b.eval(`document.documentElement.scrollWidth`, &over)
	require.LessOrEqual(b.t, over, width, "%s scrolls sideways at %d", name, width)
}

func (b *browser) picture(name string) {
	b.t.Helper()
	if os.Getenv("PORTCULLIS_SCREENSHOTS") == "" {
		return
	}
	var image []byte
	b.run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		image, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).Do(ctx)
		return err
	}))
	b.keep(name, image)
}

// keep writes a picture where PORTCULLIS_SCREENSHOTS says.
func (b *browser) keep(name string, image []byte) {
	b.t.Helper()
	require.NotEmpty(b.t, image)
	if dir := os.Getenv("PORTCULLIS_SCREENSHOTS"); dir != "" {
		require.NoError(b.t, os.MkdirAll(dir, 0o755))
		require.NoError(b.t, os.WriteFile(filepath.Join(dir, name), image, 0o644))
	}
}

var axeSource = sync.OnceValues(func() (string, error) {
	content, err := os.ReadFile(filepath.Join("..", "..", "..", ".portcullis", "axe", "node_modules", "axe-core", "axe.min.js"))
	return string(content), err
})

// axe runs axe-core's WCAG 2.2 AA rules over the page.
func (b *browser) axe(name string) {
	b.t.Helper()
	source, err := axeSource()
	if err != nil {
		if os.Getenv("CI") == "true" {
			b.t.Fatalf("no axe-core (scripts/install-axe.sh installs it): %v", err)
		}
		b.t.Logf("no axe-core (scripts/install-axe.sh installs it): accessibility of %s not checked", name)
		return
	}
	var found []struct {
		ID    string   `json:"id"`
		Help  string   `json:"help"`
		Nodes []string `json:"nodes"`
	}
	var loaded bool
	if b.eval(`!!window.axe`, &loaded); !loaded {
		b.eval(source+`; !!window.axe`, &loaded)
	}
	b.run(chromedp.Evaluate(`axe.run(document, {runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"], resultTypes: ["violations"]})
		.then(r => r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html + " " + n.failureSummary)})))`, &found, awaitPromise))
	for _, v := range found {
		b.t.Errorf("%s: %s: %s\n  %s", name, v.ID, v.Help, strings.Join(v.Nodes, "\n  "))
	}
}

func awaitPromise(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
