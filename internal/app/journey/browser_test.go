package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// patience is how long one step in the browser may take on a busy machine.
const patience = 60 * time.Second

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
	ctx, cancel := chromedp.NewContext(allocator)
	if err := chromedp.Run(ctx); err != nil {
		cancel()
		return nil, err
	}
	closeBrowser = func() { _ = chromedp.Cancel(ctx); _ = os.RemoveAll(profile) }
	return ctx, nil
})

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
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, base: base}
	b.run(chromedp.EmulateViewport(1280, 900))
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
	_ = chromedp.Run(ctx, chromedp.Location(&url), chromedp.Evaluate(`document.body ? document.body.innerText.slice(0, 1500) : ""`, &text))
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

// sees waits until the page says all of it.
func (b *browser) sees(wants ...string) {
	b.t.Helper()
	for _, want := range wants {
		quoted, _ := json.Marshal(want)
		b.run(chromedp.Poll(fmt.Sprintf(`document.body && document.body.innerText.includes(%s)`, quoted), nil, chromedp.WithPollingTimeout(patience)))
	}
}

func (b *browser) seesNot(text string) {
	b.t.Helper()
	require.NotContains(b.t, b.text(), text)
}

// at waits until the browser is at a path that starts so.
func (b *browser) at(prefix string) {
	b.t.Helper()
	quoted, _ := json.Marshal(prefix)
	b.run(chromedp.Poll(fmt.Sprintf(`location.pathname.startsWith(%s) && document.readyState === "complete"`, quoted), nil, chromedp.WithPollingTimeout(patience)))
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

// visible narrows an XPath to the first match that is not inside a closed
// dialog or template.
func visible(xpath string) string {
	return fmt.Sprintf(`(%s[not(ancestor::dialog[not(@open)]) and not(ancestor::template) and not(ancestor::*[@hidden])])[1]`, xpath)
}

// field is the CSS selector of a form field by its name.
func field(name string) string { return fmt.Sprintf(`[name=%q]:not([type=hidden])`, name) }

// fill replaces what a field holds.
func (b *browser) fill(name, value string) {
	b.t.Helper()
	b.run(chromedp.WaitVisible(field(name), chromedp.ByQuery), chromedp.SetValue(field(name), "", chromedp.ByQuery),
		chromedp.SendKeys(field(name), value, chromedp.ByQuery))
}

// signIn takes the default authentication flow.
func (b *browser) signIn(username, password string) {
	b.t.Helper()
	b.fill("uid_field", username)
	b.run(chromedp.Submit(field("uid_field"), chromedp.ByQuery))
	b.fill("password", password)
	b.run(chromedp.Submit(field("password"), chromedp.ByQuery))
}

// asAdmin signs the first administrator in and opens the console.
func (b *browser) asAdmin() {
	b.t.Helper()
	b.open("/if/admin/")
	b.signIn("admin", adminPassword)
	b.at("/if/admin/")
}

// checked makes sure that the page has no accessibility faults, and keeps a
// picture of it at desktop and phone width, light and dark, when
// PORTCULLIS_SCREENSHOTS names a directory.
func (b *browser) checked(name string) {
	b.t.Helper()
	for _, width := range []int64{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			b.run(chromedp.EmulateViewport(width, 900), chromedp.ActionFunc(func(ctx context.Context) error {
				return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}).Do(ctx)
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
	dir := os.Getenv("PORTCULLIS_SCREENSHOTS")
	if dir == "" {
		return
	}
	b.t.Helper()
	require.NoError(b.t, os.MkdirAll(dir, 0o755))
	var image []byte
	b.run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		image, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).Do(ctx)
		return err
	}))
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name), image, 0o644))
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
	b.eval(source+`; !!window.axe`, &loaded)
	b.run(chromedp.Evaluate(`axe.run(document, {runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"], resultTypes: ["violations"]})
		.then(r => r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html)})))`, &found, awaitPromise))
	for _, v := range found {
		b.t.Errorf("%s: %s: %s\n  %s", name, v.ID, v.Help, strings.Join(v.Nodes, "\n  "))
	}
}

func awaitPromise(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
